// Ceilings of the core. Everything that arrives from outside is bounded by one of these before
// memory is spent on it; a driver may configure less, never more.
#pragma once

#include <cstddef>
#include <cstdint>

namespace imroute {

inline constexpr uint32_t kMaxDevicesPerUser = 8;  // rows of one directory record
inline constexpr uint32_t kMaxNodesPerUser = 8;    // = kMaxDevicesPerUser: each device one node
inline constexpr uint32_t kMaxOpenSends = 64;  // sends of a device not yet accepted, a conversation
// Appends under way that one session may have: all that a client keeps, and its repetitions.
inline constexpr uint32_t kMaxSessionAppends = 512;
inline constexpr uint32_t kMaxWindow =
    64;  // unacked deliveries of a session = bits of the ack mask
inline constexpr uint32_t kMaxWindowBytes = 256 * 1024;
// Entries of a session's conversation that wait for their predecessor, and those of all together.
inline constexpr uint32_t kMaxEarlyOfConversation = 16, kMaxEarly = 65'536;
inline constexpr uint32_t kMaxPayloadBytes = 64 * 1024;
inline constexpr uint32_t kMaxListBytes = 512 * 1024;  // 16,384 cursors of 32 bytes at bind
inline constexpr uint32_t kMaxFrameBytes =
    1024 * 1024;  // payload + list + under 512 bytes of fields, rounded up
inline constexpr uint32_t kMaxGroupSize = 4096;
// Client_seqs of a device that was reinstalled begin at its generation times 2^20 and stay below
// 2^52. Directories count from a clock in seconds at most.
inline constexpr uint64_t kMaxGeneration = 0xffffffff;
inline constexpr uint32_t kMaxHops = 2;  // a stale hit is passed on at most twice
inline constexpr uint32_t kMaxRouteAttempts =
    6;  // first try, two hints, one lookup, one re-broadcast, one retry

}  // namespace imroute
