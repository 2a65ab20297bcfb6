#include "core/wire/crc32c.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

namespace imroute {
namespace {

uint32_t crc_of(const std::vector<uint8_t>& bytes) {
  return crc32c(std::as_bytes(std::span(bytes)));
}

TEST(Crc32c, Rfc3720Vectors) {  // appendix B.4
  EXPECT_EQ(crc_of(std::vector<uint8_t>(32, 0x00)), 0x8a9136aau);
  EXPECT_EQ(crc_of(std::vector<uint8_t>(32, 0xff)), 0x62a8ab43u);
  std::vector<uint8_t> up, down;
  for (uint8_t i = 0; i < 32; ++i) {
    up.push_back(i);
    down.push_back(static_cast<uint8_t>(31 - i));
  }
  EXPECT_EQ(crc_of(up), 0x46dd794eu);
  EXPECT_EQ(crc_of(down), 0x113fdb5cu);
  std::vector<uint8_t> read_command(48, 0);  // an iSCSI SCSI Read (10) command PDU
  read_command[0] = 0x01;
  read_command[1] = 0xc0;
  read_command[16] = 0x14;
  read_command[22] = 0x04;
  read_command[27] = 0x14;
  read_command[31] = 0x18;
  read_command[32] = 0x28;
  read_command[40] = 0x02;
  EXPECT_EQ(crc_of(read_command), 0xd9963a56u);
}

TEST(Crc32c, CheckValueAndEveryLength) {
  constexpr std::string_view kCheck = "123456789";
  EXPECT_EQ(crc32c(std::as_bytes(std::span(kCheck))), 0xe3069283u);
  EXPECT_EQ(crc32c({}), 0u);
  // Against the definition, bit by bit: the table rounds and the tail agree at every length.
  std::vector<uint8_t> bytes;
  for (uint8_t n = 0; n < 40; ++n) {
    uint32_t crc = 0xffffffffu;
    for (const uint8_t b : bytes) {
      crc ^= b;
      for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82f63b78u : crc >> 1;
    }
    EXPECT_EQ(crc_of(bytes), ~crc) << int{n};
    bytes.push_back(static_cast<uint8_t>(n * 37 + 11));
  }
}

}  // namespace
}  // namespace imroute
