#include "core/wire/crc32c.h"

#include <array>

namespace imroute {
namespace {

constexpr uint32_t kPolynomial = 0x82f63b78u;  // 0x1EDC6F41, bits reversed

// kTables[k][b]: the effect of byte b followed by k zero bytes (slicing-by-8, Kounavis and Berry).
using Tables = std::array<std::array<uint32_t, 256>, 8>;

constexpr Tables make_tables() {
  Tables t{};
  for (uint32_t b = 0; b < 256; ++b) {
    uint32_t crc = b;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    t[0][b] = crc;
  }
  for (size_t k = 1; k < t.size(); ++k) {
    for (size_t b = 0; b < 256; ++b) t[k][b] = (t[k - 1][b] >> 8) ^ t[0][t[k - 1][b] & 0xff];
  }
  return t;
}

constexpr Tables kTables = make_tables();

uint32_t little32(const std::byte* p) {
  return static_cast<uint32_t>(p[0]) | static_cast<uint32_t>(p[1]) << 8 |
         static_cast<uint32_t>(p[2]) << 16 | static_cast<uint32_t>(p[3]) << 24;
}

}  // namespace

uint32_t crc32c(std::span<const std::byte> bytes) {
  const std::byte* p = bytes.data();
  size_t left = bytes.size();
  uint32_t crc = ~uint32_t{0};
  for (; left >= 8; left -= 8, p += 8) {
    const uint32_t a = crc ^ little32(p);
    const uint32_t b = little32(p + 4);
    crc = kTables[7][a & 0xff] ^ kTables[6][(a >> 8) & 0xff] ^ kTables[5][(a >> 16) & 0xff] ^
          kTables[4][a >> 24] ^ kTables[3][b & 0xff] ^ kTables[2][(b >> 8) & 0xff] ^
          kTables[1][(b >> 16) & 0xff] ^ kTables[0][b >> 24];
  }
  if (left >= 4) {
    const uint32_t a = crc ^ little32(p);
    crc = kTables[3][a & 0xff] ^ kTables[2][(a >> 8) & 0xff] ^ kTables[1][(a >> 16) & 0xff] ^
          kTables[0][a >> 24];
    left -= 4;
    p += 4;
  }
  for (; left > 0; --left, ++p) {
    crc = (crc >> 8) ^ kTables[0][(crc ^ static_cast<uint32_t>(*p)) & 0xff];
  }
  return ~crc;
}

}  // namespace imroute
