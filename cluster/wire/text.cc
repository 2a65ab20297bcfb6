#include "cluster/wire/text.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace imroute::cluster {

namespace {

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::array<int8_t, 256> base64_values() {
  std::array<int8_t, 256> out{};
  for (auto& value : out) value = -1;
  for (size_t i = 0; i < kBase64.size(); ++i) {
    out[static_cast<uint8_t>(kBase64[i])] = static_cast<int8_t>(i);
  }
  return out;
}
constexpr auto kBase64Values = base64_values();

// The bytes of the first character; 0 when it is none. REQUIRES: not empty.
size_t first_character(std::string_view bytes, uint32_t& code) {
  const auto lead = static_cast<uint8_t>(bytes[0]);
  const size_t more = lead < 0x80 ? 0 : lead < 0xc2 ? 4 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
  if (more == 4 || lead > 0xf4 || bytes.size() <= more) return 0;
  code = more == 0 ? lead : lead & (0x3fu >> more);
  for (size_t j = 1; j <= more; ++j) {
    const auto next = static_cast<uint8_t>(bytes[j]);
    if ((next & 0xc0) != 0x80) return 0;
    code = code << 6 | (next & 0x3f);
  }
  const bool overlong = (more == 2 && code < 0x800) || (more == 3 && code < 0x10000);
  if (overlong || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff) return 0;
  return more + 1;
}

// Control characters of both sets, line and paragraph separators, and what turns the direction of
// the text that follows.
bool steers_a_terminal(uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069);
}

}  // namespace

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  size_t padding = 0;
  while (padding < 2 && text.size() > padding && text[text.size() - 1 - padding] == '=') ++padding;
  std::string out;
  uint32_t bits = 0;
  uint32_t count = 0;
  for (const char c : text.substr(0, text.size() - padding)) {
    const int8_t value = kBase64Values[static_cast<uint8_t>(c)];
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xff);
  }
  if ((bits & ((1u << count) - 1)) != 0) return std::nullopt;  // one text for the same bytes
  return out;
}

std::string to_base64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t j = 0; j < 3; ++j) {
      bits = bits << 8 | (i + j < bytes.size() ? static_cast<uint8_t>(bytes[i + j]) : 0u);
    }
    for (size_t j = 0; j < 4; ++j) {
      out += i + j > bytes.size() ? '=' : kBase64[bits >> (18 - 6 * j) & 63];
    }
  }
  return out;
}

bool is_utf8(std::string_view bytes) {
  uint32_t code = 0;
  for (size_t size = 0; !bytes.empty(); bytes.remove_prefix(size)) {
    size = first_character(bytes, code);
    if (size == 0) return false;
  }
  return true;
}

std::string printable(std::string_view bytes) {
  std::string out;
  uint32_t code = 0;
  while (!bytes.empty()) {
    const size_t size = first_character(bytes, code);
    const bool plain = size != 0 && !steers_a_terminal(code);
    out += plain ? bytes.substr(0, size) : std::string_view("?");
    bytes.remove_prefix(size == 0 ? 1 : size);
  }
  return out;
}

}  // namespace imroute::cluster
