#include "cluster/process/receipts.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace imroute::cluster {

namespace {

constexpr char kMark = '\x06';
constexpr size_t kMostAwaited = 10'000;  // of a conversation; the oldest is no longer waited for

template <class Number>
bool read_number(const char*& at, const char* end, Number& into) {
  const auto [after, problem] = std::from_chars(at, end, into);
  return problem == std::errc{} && std::exchange(at, after) != after;
}

}  // namespace

std::string receipt_text(Position upto) {
  return kMark + std::to_string(upto.epoch) + "/" + std::to_string(upto.seq);
}

std::optional<Position> read_receipt(const Entry& entry) {
  if (entry.kind != EntryKind::message || entry.conversation.is_group()) return std::nullopt;
  const auto bytes = entry.payload.bytes();
  const char* at = reinterpret_cast<const char*>(bytes.data());
  const char* const end = at + bytes.size();
  if (at == end || *at++ != kMark) return std::nullopt;
  Position upto;
  if (!read_number(at, end, upto.epoch) || at == end || *at++ != '/') return std::nullopt;
  if (!read_number(at, end, upto.seq) || at != end) return std::nullopt;
  return upto;
}

void Receipts::owe(const Entry& entry) {
  const bool of_other = entry.sender != self_ && entry.kind == EntryKind::message;
  if (!of_other || entry.conversation.is_group() || entry.position.seq == 0) return;
  Conversation& conversation = conversations_[entry.conversation];
  conversation.shown = std::max(conversation.shown, entry.position);
  tell(entry.conversation, conversation);
}

void Receipts::tell(ConversationId id, Conversation& conversation) {
  const auto of_it = [id](const auto& item) { return item.second == id; };
  if (conversation.shown <= conversation.told) return;
  if (std::any_of(under_way_.begin(), under_way_.end(), of_it)) return;
  conversation.told = conversation.shown;
  const uint64_t tag = next_tag_++;
  under_way_.emplace(tag, id);
  send_(id, receipt_text(conversation.told), tag);
}

bool Receipts::on_settled(uint64_t tag) {
  if (tag < kFirstTag) return false;
  const auto at = under_way_.find(tag);
  if (at == under_way_.end()) return true;
  const ConversationId id = at->second;
  under_way_.erase(at);
  tell(id, conversations_[id]);
  return true;
}

bool Receipts::on_accepted(uint64_t tag, const Entry& entry) {
  if (entry.conversation.is_group() || entry.position.seq == 0) return false;
  Conversation& conversation = conversations_[entry.conversation];
  if (entry.position <= conversation.receipt) return true;
  conversation.awaited.emplace(entry.position, tag);
  if (conversation.awaited.size() > kMostAwaited) {
    conversation.awaited.erase(conversation.awaited.begin());
  }
  return false;
}

std::vector<uint64_t> Receipts::on_receipt(const Entry& entry) {
  std::vector<uint64_t> delivered;
  const Position upto = read_receipt(entry).value_or(Position{});
  Conversation& conversation = conversations_[entry.conversation];
  if (entry.sender == self_) {  // by another device of this user
    conversation.told = std::max(conversation.told, upto);
    return delivered;
  }
  conversation.receipt = std::max(conversation.receipt, upto);
  auto& awaited = conversation.awaited;
  while (!awaited.empty() && awaited.begin()->first <= upto) {
    delivered.push_back(awaited.begin()->second);
    awaited.erase(awaited.begin());
  }
  return delivered;
}

}  // namespace imroute::cluster
