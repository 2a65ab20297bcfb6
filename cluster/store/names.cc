#include "cluster/store/names.h"

#include <charconv>

namespace imroute::cluster {

namespace {

constexpr std::string_view kGroup = "group:";
constexpr std::string_view kDirect = "direct:";

std::optional<uint64_t> number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string name_of(ConversationId id) {
  if (id.is_group()) return std::string(kGroup) + std::to_string(id.lo);
  return std::string(kDirect) + std::to_string(id.hi) + ":" + std::to_string(id.lo);
}

std::optional<ConversationId> conversation_named(std::string_view name) {
  if (name.starts_with(kGroup)) {
    const auto group = number(name.substr(kGroup.size()));
    if (!group) return std::nullopt;
    return ConversationId::group(*group);
  }
  if (!name.starts_with(kDirect)) return std::nullopt;
  name.remove_prefix(kDirect.size());
  const size_t colon = name.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto low = number(name.substr(0, colon));
  const auto high = number(name.substr(colon + 1));
  if (!low || !high || *low >= ConversationId::kGroupMark) return std::nullopt;
  return ConversationId{*low, *high};
}

}  // namespace imroute::cluster
