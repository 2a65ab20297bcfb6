#include "cluster/process/user_book.h"

#include <openssl/sha.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <iterator>
#include <utility>

#include "cluster/net/loop.h"
#include "cluster/process/log.h"
#include "cluster/wire/text.h"

namespace imroute::cluster {

namespace {
constexpr size_t kMostSeen = 20'000;            // names, for one page
constexpr uint64_t kNamed = uint64_t{1} << 62;  // of the ids of names

std::optional<uint64_t> canonical_number(std::string_view text) {
  uint64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool canonical = !text.starts_with('0') || text == "0";
  if (problem != std::errc{} || end != text.data() + text.size() || !canonical) return std::nullopt;
  return number;
}
}  // namespace

UserId user_id_of(std::string_view name) {
  const std::optional<uint64_t> number = canonical_number(name);
  if (number && *number < kNamed) return UserId{*number};
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(name.data()), name.size(), digest);
  uint64_t hash = 0;
  std::memcpy(&hash, digest, sizeof hash);
  return UserId{(hash & (kNamed - 1)) | kNamed};
}

std::optional<UserId> user_addressed(std::string_view text) {
  const std::optional<uint64_t> number = canonical_number(text);
  if (number && *number < ConversationId::kGroupMark) return UserId{*number};
  return is_user_name(text) ? std::optional(user_id_of(text)) : std::nullopt;
}

ConversationId group_named(std::string_view name) {
  return ConversationId::group(user_id_of(name).value);
}

bool is_user_name(std::string_view name) {
  if (name.empty() || name.size() > kMostNameBytes || printable(name) != name) return false;
  if (canonical_number(name).value_or(0) >= kNamed) return false;  // what others have as their id
  return std::all_of(name.begin(), name.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-' || c == '@';
  });
}

UserBook::UserBook(const std::filesystem::path& file) : file_(file) {
  std::ifstream in(file);
  for (std::string name; std::getline(in, name);) {
    if (is_user_name(name)) remember(name);
  }
  out_.open(file, std::ios::app);
  if (!out_) throw SystemRefusal("cannot write " + file.string());
}

UserBook::Learnt UserBook::learn(const std::string& name) {
  if (by_name_.contains(name)) return Learnt::known;
  if (!is_user_name(name) || by_name_.size() >= kMostNames) return Learnt::not_kept;
  if (!append(name)) return Learnt::not_kept;
  remember(name);
  return Learnt::new_name;
}

// What could be written of a line only is taken back: the next name would stand behind it.
bool UserBook::append(const std::string& name) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file_, error);
  out_ << name << '\n' << std::flush;
  if (out_) {
    failing_ = false;
    return true;
  }
  if (!std::exchange(failing_, true)) {
    log_event(LogLevel::warning, "names_trouble", {{"why", "cannot write " + file_.string()}});
  }
  out_.close();
  out_.clear();
  if (!error) std::filesystem::resize_file(file_, size, error);
  out_.open(file_, std::ios::app);
  return false;
}

void UserBook::remember(const std::string& name) {
  const UserId id = user_id_of(name);
  by_name_[name] = id;
  by_id_.emplace(id.value, name);
}

std::string UserBook::name_of(UserId id) const {
  const auto at = by_id_.find(id.value);
  return at == by_id_.end() ? std::string() : at->second;
}

UserBook::Page UserBook::list(const Filter& filter) const {
  Page page;
  if (filter.most == 0) return page;
  auto at = filter.after < filter.prefix ? by_name_.lower_bound(filter.prefix)
                                         : by_name_.upper_bound(filter.after);
  for (size_t seen = 0; at != by_name_.end() && at->first.starts_with(filter.prefix); ++at) {
    if (page.names.size() == filter.most || seen++ == kMostSeen) {
      page.next = std::prev(at)->first;
      break;
    }
    if (at->first.find(filter.contains) != std::string::npos) page.names.push_back(at->first);
  }
  return page;
}

}  // namespace imroute::cluster
