#include "core/balance/hash_ring.h"

#include <algorithm>
#include <bit>
#include <string_view>

#include "core/base/assert.h"
#include "core/base/planted.h"

namespace imroute {
namespace {

constexpr uint32_t kGone = ~uint32_t{0};

struct Point {
  uint64_t hash;
  uint32_t owner;
  friend constexpr auto operator<=>(const Point&, const Point&) = default;
};

// Writes `value` before `end`; the first digit's place.
char* write_decimal(char* end, uint64_t value) {
  do {
    *--end = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value > 0);
  return end;
}

}  // namespace

HashRing::HashRing(uint32_t points_per_weight) : points_per_weight_(points_per_weight) {
  IM_ASSERT(points_per_weight > 0);
}

uint64_t HashRing::point_hash(uint64_t id, uint32_t point) {
  char text[32];  // 20 digits, separator, 10 digits; written from the end
  char* const end = text + sizeof text;
  char* begin = write_decimal(end, point);
  *--begin = '#';
  begin = write_decimal(begin, id);
  return hash_text(std::string_view(begin, static_cast<size_t>(end - begin)));
}

uint32_t HashRing::points_of(const Member& member) const {
  const uint64_t points = uint64_t{member.weight} * points_per_weight_;
  return static_cast<uint32_t>(std::min<uint64_t>(points, kMaxRingPointsPerMember));
}

void HashRing::update(std::span<const Member> members) {
  IM_ASSERT(std::adjacent_find(members.begin(), members.end(),
                               [](const Member& a, const Member& b) { return !(a < b); }) ==
            members.end());
  hash_.resize(size_);  // without the one behind the last
  keep(members);
  const std::vector<Member> before = std::move(members_);
  members_.assign(members.begin(), members.end());
  merge_new(members, before);
  size_ = static_cast<uint32_t>(hash_.size());
  if (size_ == 0) return;
  hash_.push_back(~uint64_t{0});
  owner_.push_back(owner_.front());
  build_index();
}

// Drops the points of members that are gone and renumbers the others. Both lists are sorted, so
// the order of points at equal hashes stays right.
void HashRing::keep(std::span<const Member> members) {
  std::vector<uint32_t> renumber(members_.size(), kGone);
  for (size_t i = 0; i < members_.size(); ++i) {
    const auto at = std::lower_bound(members.begin(), members.end(), members_[i]);
    if (at != members.end() && *at == members_[i]) {
      renumber[i] = static_cast<uint32_t>(at - members.begin());
    }
  }
  size_t kept = 0;
  for (size_t i = 0; i < hash_.size(); ++i) {
    const uint32_t owner = renumber[owner_[i]];
    if (owner == kGone) continue;
    hash_[kept] = hash_[i];
    owner_[kept++] = owner;
  }
  hash_.resize(kept);
  owner_.resize(kept);
}

void HashRing::merge_new(std::span<const Member> members, std::span<const Member> before) {
  std::vector<Point> fresh;
  for (uint32_t m = 0; m < members.size(); ++m) {
    if (std::binary_search(before.begin(), before.end(), members[m])) continue;
    const uint32_t points = points_of(members[m]);
    const uint64_t id = IM_PLANTED(ring_moves_survivors) ? m : members[m].id;
    for (uint32_t p = 0; p < points; ++p) fresh.push_back({point_hash(id, p), m});
  }
  if (fresh.empty()) return;
  std::sort(fresh.begin(), fresh.end());
  // From the back, in place.
  size_t from = hash_.size();
  size_t left = fresh.size();
  hash_.resize(from + left);
  owner_.resize(from + left);
  for (size_t to = hash_.size(); left > 0;) {
    --to;
    if (from > 0 && Point{hash_[from - 1], owner_[from - 1]} > fresh[left - 1]) {
      --from;
      hash_[to] = hash_[from];
      owner_[to] = owner_[from];
    } else {
      --left;
      hash_[to] = fresh[left].hash;
      owner_[to] = fresh[left].owner;
    }
  }
}

void HashRing::build_index() {
  const uint32_t slices = std::bit_ceil(std::max<uint32_t>(size_, 2));
  shift_ = 64u - static_cast<uint32_t>(std::countr_zero(slices));
  index_.resize(slices);
  uint32_t point = 0;
  for (uint32_t slice = 0; slice < slices; ++slice) {
    const uint64_t start = uint64_t{slice} << shift_;
    while (point < size_ && hash_[point] < start) ++point;
    index_[slice] = point;
  }
}

}  // namespace imroute
