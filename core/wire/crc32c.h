// CRC-32C (Castagnoli), the checksum of frame headers: RFC 3720 appendix B.4 gives its vectors.
// Software tables, eight bytes a round, so that every compiler and machine gives the same answer
// without asking the processor what it can do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace imroute {

uint32_t crc32c(std::span<const std::byte> bytes);

}  // namespace imroute
