#include "cluster/security/token.h"

#include <array>
#include <charconv>
#include <optional>

namespace imroute::cluster {

namespace {

constexpr std::string_view kTokenPrefix = "imroute-token.";
constexpr std::string_view kPassPrefix = "imroute-pass.";

// Exactly N parts with dots between them.
template <size_t N>
std::optional<std::array<std::string_view, N>> parts_of(std::string_view text) {
  std::array<std::string_view, N> parts;
  if (text.size() > kMostTokenBytes) return std::nullopt;
  for (size_t i = 0; i < N; ++i) {
    const size_t dot = text.find('.');
    if ((dot == std::string_view::npos) != (i + 1 == N)) return std::nullopt;
    parts[i] = text.substr(0, dot);
    if (dot != std::string_view::npos) text.remove_prefix(dot + 1);
  }
  return parts;
}

template <class Number>
bool read_number(std::string_view text, Number& out) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), out);
  return problem == std::errc{} && end == text.data() + text.size();
}

std::string_view before_signature(std::string_view text) { return text.substr(0, text.rfind('.')); }

TokenFault signature_fault(KeyRing& keys, std::string_view id, const std::string& text,
                           std::string_view signature) {
  if (!keys.knows(id)) return TokenFault::unknown_key;
  return keys.is_signature(id, text, signature) ? TokenFault::none : TokenFault::wrong_signature;
}

std::string pass_text(std::string_view front, std::string_view name) {
  return std::string(kPassPrefix) + std::string(front) + "." + std::string(name);
}

}  // namespace

std::string_view to_string(TokenFault fault) {
  constexpr std::string_view kNames[kTokenFaults] = {
      "none", "missing", "malformed", "unknown_key", "wrong_signature", "expired", "wrong_node"};
  return kNames[static_cast<size_t>(fault)];
}

std::string make_token(KeyRing& keys, const Token& token) {
  const std::string& id = keys.signing_id();
  const std::string front = id + "." + std::to_string(token.user.value) + "." +
                            std::to_string(token.device) + "." + std::to_string(token.node.value) +
                            "." + std::to_string(token.generation) + "." +
                            std::to_string(token.expires);
  return front + "." + keys.signature(id, std::string(kTokenPrefix) + front);
}

TokenFault read_token(KeyRing& keys, std::string_view text, NodeId here, int64_t now,
                      Token& token) {
  if (text.empty()) return TokenFault::missing;
  const auto parts = parts_of<7>(text);
  if (!parts) return TokenFault::malformed;
  const TokenFault fault =
      signature_fault(keys, (*parts)[0],
                      std::string(kTokenPrefix) + std::string(before_signature(text)), (*parts)[6]);
  if (fault != TokenFault::none) return fault;
  Token got;
  if (!read_number((*parts)[1], got.user.value) || !read_number((*parts)[2], got.device) ||
      !read_number((*parts)[3], got.node.value) || !read_number((*parts)[4], got.generation) ||
      !read_number((*parts)[5], got.expires)) {
    return TokenFault::malformed;
  }
  if (got.expires <= now) return TokenFault::expired;
  if (got.node != here) return TokenFault::wrong_node;
  token = got;
  return TokenFault::none;
}

std::string make_pass(KeyRing& keys, std::string_view name, int64_t expires) {
  const std::string& id = keys.signing_id();
  const std::string front = id + "." + std::to_string(expires);
  return front + "." + keys.signature(id, pass_text(front, name));
}

TokenFault check_pass(KeyRing& keys, std::string_view name, std::string_view pass, int64_t now) {
  if (pass.empty()) return TokenFault::missing;
  const auto parts = parts_of<3>(pass);
  if (!parts) return TokenFault::malformed;
  const TokenFault fault =
      signature_fault(keys, (*parts)[0], pass_text(before_signature(pass), name), (*parts)[2]);
  if (fault != TokenFault::none) return fault;
  int64_t expires = 0;
  if (!read_number((*parts)[1], expires)) return TokenFault::malformed;
  return expires <= now ? TokenFault::expired : TokenFault::none;
}

}  // namespace imroute::cluster
