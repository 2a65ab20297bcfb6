// MD5 (RFC 1321), for one reason: CIM places users on its ring with it, and a cluster that serves
// CIM's clients must place them alike. Nothing here is about security.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace imroute {

using Md5Digest = std::array<uint8_t, 16>;

Md5Digest md5(std::span<const std::byte> bytes);

}  // namespace imroute
