#include "harness/history/books.h"

#include <algorithm>
#include <bit>

namespace imroute {
namespace {
constexpr uint32_t kSides = 2 * kMaxDevicesPerUser;  // places of a direct message
}  // namespace

Books::Books(const Scenario& scenario)
    : users_(scenario.topology.users),
      devices_per_user_(std::max(scenario.topology.devices_per_user, 1u)),
      devices_(users_ * devices_per_user_),
      conversation_slots_(16) {
  static_assert(kSides <= 16, "readers of a direct message fit 16 bits");
}

uint32_t Books::device_index(DeviceKey key) const {
  if (key.user.value >= users_ || key.device >= devices_per_user_) return kNothing;
  return static_cast<uint32_t>(key.user.value * devices_per_user_ + key.device);
}

DeviceKey Books::key_of(uint32_t device) const {
  return {UserId{device / devices_per_user_}, device % devices_per_user_};
}

uint32_t Books::find(ConversationId id, uint32_t likely) const {
  if (likely != kNothing && conversations_[likely].id == id) return likely;
  const size_t mask = conversation_slots_.size() - 1;
  const uint64_t hash = IdHash{}(id);
  for (size_t i = hash & mask;; i = (i + 1) & mask) {
    const Slot slot = conversation_slots_[i];
    if (slot.index == kNothing) return kNothing;
    if (slot.hash == hash >> 32 && conversations_[slot.index].id == id) return slot.index;
  }
}

uint32_t Books::intern(ConversationId id, uint32_t likely) {
  const uint32_t have = find(id, likely);
  if (have != kNothing) return have;
  const auto index = static_cast<uint32_t>(conversations_.size());
  ConversationBook& c = conversations_.emplace_back();
  c.id = id;
  if (id.is_group()) {
    c.group = static_cast<uint32_t>(groups_.size());
    groups_.emplace_back();
  }
  const auto place = [this](uint32_t i) {
    const size_t mask = conversation_slots_.size() - 1;
    const uint64_t hash = IdHash{}(conversations_[i].id);
    size_t at = hash & mask;
    while (conversation_slots_[at].index != kNothing) at = (at + 1) & mask;
    conversation_slots_[at] = {i, static_cast<uint32_t>(hash >> 32)};
  };
  if (conversations_.size() * 4 > conversation_slots_.size() * 3) {
    const size_t twice = conversation_slots_.size() * 2;
    conversation_slots_.assign(twice, Slot{});
    for (uint32_t i = 0; i < index; ++i) place(i);
  }
  place(index);
  return index;
}

Membership& Books::group(uint32_t conversation) {
  return groups_[conversations_[conversation].group];
}

uint32_t Books::make(uint64_t tag) {
  uint32_t index = free_message_;
  if (index != kNothing) {
    free_message_ = messages_[index].next;
    messages_[index] = MessageBook{};
  } else {
    index = static_cast<uint32_t>(messages_.size());
    messages_.emplace_back();
    alive_.push_back(false);
  }
  alive_[index] = true;
  ++open_;
  messages_[index].tag = tag;
  if (tag != 0) *by_tag_.insert(tag) = index;
  return index;
}

uint32_t Books::find_tag(uint64_t tag) const {
  const uint32_t* index = by_tag_.find(tag);
  return index == nullptr ? kNothing : *index;
}

void Books::release(uint32_t index) {
  MessageBook& m = messages_[index];
  if (m.is(kLinked)) unlink(index);
  if (m.tag != 0 && find_tag(m.tag) == index) by_tag_.erase(m.tag);
  if (m.bits != kNothing) free_bits_.push_back(m.bits);
  m = MessageBook{};
  m.next = free_message_;
  free_message_ = index;
  alive_[index] = false;
  --open_;
}

void Books::link(uint32_t index) {
  MessageBook& m = messages_[index];
  ConversationBook& c = conversations_[m.conversation];
  m.previous = c.last;
  m.next = kNothing;
  (c.last == kNothing ? c.first : messages_[c.last].next) = index;
  c.last = index;
  m.flags |= kLinked;
}

void Books::unlink(uint32_t index) {
  MessageBook& m = messages_[index];
  ConversationBook& c = conversations_[m.conversation];
  (m.previous == kNothing ? c.first : messages_[m.previous].next) = m.next;
  (m.next == kNothing ? c.last : messages_[m.next].previous) = m.previous;
  m.previous = m.next = kNothing;
  m.flags = static_cast<uint8_t>(m.flags & ~kLinked);
}

uint32_t Books::at_position(uint32_t conversation, Position position) const {
  for (uint32_t i = conversations_[conversation].last; i != kNothing; i = messages_[i].previous) {
    if (messages_[i].seq < position.seq) break;
    if (messages_[i].position() == position) return i;
  }
  return kNothing;
}

uint32_t Books::place(const MessageBook& m, uint32_t device) const {
  const ConversationBook& c = conversations_[m.conversation];
  const DeviceKey key = key_of(device);
  if (!c.id.is_group()) {
    if (!c.id.has_party(key.user)) return kNothing;
    return (c.id.hi == key.user.value ? 0 : kMaxDevicesPerUser) + key.device;
  }
  const uint32_t slot = groups_[c.group].slot_of(key.user);
  if (slot == Membership::kNone || m.bits == kNothing) return kNothing;
  const uint32_t p = slot * devices_per_user_ + key.device;
  return p < bits_[m.bits].waiting.size() * 64 ? p : kNothing;
}

uint32_t Books::places(const MessageBook& m) const {
  if (!conversations_[m.conversation].id.is_group()) return kSides;
  if (m.bits == kNothing) return 0;
  const uint32_t slots = groups_[conversations_[m.conversation].group].slots();
  return std::min(slots * devices_per_user_,
                  static_cast<uint32_t>(bits_[m.bits].waiting.size() * 64));
}

uint32_t Books::device_at(const MessageBook& m, uint32_t place) const {
  const ConversationBook& c = conversations_[m.conversation];
  if (c.id.is_group()) {
    const UserId user = groups_[c.group].user_at(place / devices_per_user_);
    return device_index({user, place % devices_per_user_});
  }
  const uint64_t user = place < kMaxDevicesPerUser ? c.id.hi : c.id.lo;
  return device_index({UserId{user}, place % kMaxDevicesPerUser});
}

bool Books::waiting(const MessageBook& m, uint32_t place) const {
  if (m.bits == kNothing) return (m.waiting >> place & 1) != 0;
  return (bits_[m.bits].waiting[place / 64] >> (place % 64) & 1) != 0;
}

bool Books::shown(const MessageBook& m, uint32_t place) const {
  if (m.bits == kNothing) return (m.shown >> place & 1) != 0;
  return (bits_[m.bits].shown[place / 64] >> (place % 64) & 1) != 0;
}

void Books::set_waiting(MessageBook& m, uint32_t place, bool value) {
  if (waiting(m, place) == value) return;
  if (m.bits == kNothing) {
    m.waiting = static_cast<uint16_t>(m.waiting ^ (1u << place));
  } else {
    bits_[m.bits].waiting[place / 64] ^= uint64_t{1} << (place % 64);
  }
  m.waiting_count += value ? 1u : ~0u;
}

void Books::set_shown(MessageBook& m, uint32_t place) {
  if (m.bits == kNothing) {
    m.shown = static_cast<uint16_t>(m.shown | (1u << place));
  } else {
    bits_[m.bits].shown[place / 64] |= uint64_t{1} << (place % 64);
  }
}

void Books::make_bits(MessageBook& m) {
  if (m.bits == kNothing) {
    if (free_bits_.empty()) {
      free_bits_.push_back(static_cast<uint32_t>(bits_.size()));
      bits_.emplace_back();
    }
    m.bits = free_bits_.back();
    free_bits_.pop_back();
    bits_[m.bits].waiting.clear();
    bits_[m.bits].shown.clear();
  }
  const uint32_t slots = groups_[conversations_[m.conversation].group].slots();
  const size_t words = (slots * devices_per_user_ + 63) / 64;
  bits_[m.bits].waiting.resize(words);
  bits_[m.bits].shown.resize(words);
}

uint32_t Books::shown_count(const MessageBook& m) const {
  if (m.bits == kNothing) return static_cast<uint32_t>(std::popcount(m.shown));
  uint32_t n = 0;
  for (const uint64_t word : bits_[m.bits].shown) n += static_cast<uint32_t>(std::popcount(word));
  return n;
}

uint32_t& Books::sender_seq(uint32_t conversation, uint32_t device) {
  ConversationBook& c = conversations_[conversation];
  for (int i = 0; i < 2; ++i) {
    if (c.sender_key[i] == kNothing) c.sender_key[i] = device;
    if (c.sender_key[i] == device) return c.sender_seq[i];
  }
  return *more_senders_.insert(uint64_t{conversation} << 32 | device);
}

}  // namespace imroute
