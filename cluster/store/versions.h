// Versions that a store hands out (of a list of members, of a user's index) count changes, and a
// store that lost its tail counts some numbers twice. So the life of the store stands in front: its
// identity, which rises with each life. Zero stays "nothing there".
#pragma once

#include <cstdint>

namespace imroute::cluster {

inline constexpr int kVersionBits = 20;  // more changes run on into what the next lives would have

inline uint64_t version_in_life(uint64_t identity, uint64_t count) {
  return count == 0 ? 0 : (identity << kVersionBits) + count;
}

// A new life of a store: milliseconds since 1970, or more than the one before if that clock went
// back. No number of an earlier life that a backup or a replica does not know of comes again.
inline uint64_t next_identity(uint64_t before, int64_t wall_ns) {
  const uint64_t now = wall_ns > 0 ? static_cast<uint64_t>(wall_ns) / 1'000'000 : 0;
  return now > before ? now : before + 1;
}

}  // namespace imroute::cluster
