// A consistent-hash ring of 64-bit points, for the balancer and the placement alike.
//
// A member's points depend on nothing but (id, weight, points per unit of weight): point i of
// member m sits at XXH64("<m>#<i>"). So no change of the others can move a key between two
// survivors, and the ring is the same everywhere. The separator keeps member 1's point 11 apart
// from member 11's point 1.
//
// A sorted array with a direct index on the high bits: a lookup reads one index cell and, on
// average, one or two points, whatever the size. An update keeps the points of members that stay
// and merges the new ones in, so a view change costs one pass and no full sort.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/hash.h"

namespace imroute {

// A member's points stop growing with its weight here: 4 MiB of ring for one member is a mistake.
inline constexpr uint32_t kMaxRingPointsPerMember = 1u << 17;

class HashRing {
 public:
  struct Member {
    uint64_t id = 0;
    uint32_t weight = 1;  // 0: no points
    friend constexpr auto operator<=>(const Member&, const Member&) = default;
  };

  // REQUIRES: points_per_weight > 0.
  explicit HashRing(uint32_t points_per_weight);

  // REQUIRES: sorted by (id, weight), no equal ones.
  void update(std::span<const Member> members);

  std::span<const Member> members() const { return members_; }
  size_t points() const { return size_; }

  // Index into members() of the first point at or after `hash`, wrapping, whose member passes
  // `accept`; members().size() when none does.
  template <class Accept>
  uint32_t find(uint64_t hash, Accept&& accept) const {
    const auto none = static_cast<uint32_t>(members_.size());
    if (size_ == 0) return none;
    uint32_t at = index_[hash >> shift_];
    while (hash_[at] < hash) ++at;  // ends at the sentinel at the latest
    uint32_t member = owner_[at];   // the sentinel's owner is that of point 0
    if (accept(member)) [[likely]]
      return member;
    return walk(at, accept);
  }

  static uint64_t key_hash(uint64_t key) { return mix64(key); }
  static uint64_t point_hash(uint64_t id, uint32_t point);

 private:
  template <class Accept>
  uint32_t walk(uint32_t at, Accept&& accept) const {
    for (uint32_t step = 0; step < size_; ++step) {
      at = at + 1 >= size_ ? 0 : at + 1;
      if (accept(owner_[at])) return owner_[at];
      // A long walk may mean that nobody passes: then do not go all the way round.
      if (step == kPatience && !any(accept)) break;
    }
    return static_cast<uint32_t>(members_.size());
  }
  template <class Accept>
  bool any(Accept&& accept) const {
    for (uint32_t m = 0; m < members_.size(); ++m) {
      if (members_[m].weight > 0 && accept(m)) return true;
    }
    return false;
  }
  uint32_t points_of(const Member& member) const;
  void keep(std::span<const Member> members);
  void merge_new(std::span<const Member> members, std::span<const Member> before);
  void build_index();

  static constexpr uint32_t kPatience = 64;

  const uint32_t points_per_weight_;
  std::vector<Member> members_;
  // Parallel arrays of size_ points and one sentinel, sorted by (hash, member).
  std::vector<uint64_t> hash_;
  std::vector<uint32_t> owner_;
  uint32_t size_ = 0;
  std::vector<uint32_t> index_;  // first point of each equal slice of the hash space
  uint32_t shift_ = 63;
};

}  // namespace imroute
