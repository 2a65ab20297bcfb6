// Strong identifiers: a node number cannot be passed where a link number is meant. Each is one
// integer, compares, and hashes through `mix64` (core/base/hash.h).
#pragma once

#include <compare>
#include <cstdint>

namespace imroute {

template <class Tag, class Rep>
struct Id {
  Rep value{};
  constexpr Id() = default;
  constexpr explicit Id(Rep v) : value(v) {}
  friend constexpr auto operator<=>(Id, Id) = default;
};

using UserId = Id<struct UserTag, uint64_t>;      // account, unique in an application
using NodeId = Id<struct NodeTag, uint32_t>;      // IM server; counts from 0
using RouterId = Id<struct RouterTag, uint32_t>;  // central router; counts from 0
using LinkId = Id<struct LinkTag, uint64_t>;      // one client connection, named by the driver
using OpId = Id<struct OpTag, uint64_t>;          // one store operation, named by the machine
using RouteId = Id<struct RouteTag, uint64_t>;    // one routing attempt chain, named by its origin

inline constexpr NodeId kNoNode{~uint32_t{0}};
inline constexpr LinkId kNoLink{0};
inline constexpr UserId kNoUser{~uint64_t{0}};  // a push to a group is for nobody in particular

// A user's terminal. `device` is small and dense per user (0, 1, ...), given by the application.
struct DeviceKey {
  UserId user;
  uint32_t device = 0;
  friend constexpr auto operator<=>(const DeviceKey&, const DeviceKey&) = default;
};

// Two users, or a group. Direct: hi = smaller user id, lo = larger. Group: hi = kGroupMark,
// lo = group number. User ids therefore stay below kGroupMark.
struct ConversationId {
  uint64_t hi = 0;
  uint64_t lo = 0;
  friend constexpr auto operator<=>(const ConversationId&, const ConversationId&) = default;

  static constexpr uint64_t kGroupMark = uint64_t{1} << 63;
  static constexpr ConversationId direct(UserId a, UserId b) {
    return a < b ? ConversationId{a.value, b.value} : ConversationId{b.value, a.value};
  }
  static constexpr ConversationId group(uint64_t number) { return {kGroupMark, number}; }
  constexpr bool is_group() const { return hi == kGroupMark; }
  constexpr bool has_party(UserId u) const {
    return hi <= lo && !is_group() && (hi == u.value || lo == u.value);
  }
  // The other user of a direct conversation. REQUIRES: has_party(u).
  constexpr UserId other(UserId u) const { return UserId{hi == u.value ? lo : hi}; }
};

}  // namespace imroute
