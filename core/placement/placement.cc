#include "core/placement/placement.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>
#include <vector>

#include "core/balance/hash_ring.h"
#include "core/base/assert.h"
#include "core/base/hash.h"

namespace imroute {
namespace {

// Members that own users, by node id, with the weights that count.
std::vector<HashRing::Member> owning(const ClusterView& view) {
  std::vector<HashRing::Member> out;
  const auto collect = [&](auto&& takes) {
    for (const Member& m : view.members) {
      if (takes(m)) out.push_back({m.node.value, m.weight});
    }
  };
  collect([](const Member& m) { return !m.draining && m.weight > 0; });
  if (out.empty()) collect([](const Member& m) { return m.weight > 0; });
  if (out.empty()) {
    collect([](const Member&) { return true; });
    for (HashRing::Member& m : out) m.weight = 1;
  }
  return out;
}

NodeId node_of(const HashRing::Member& member) { return NodeId{static_cast<uint32_t>(member.id)}; }

// Slots 0 .. total-1, a member's share as many as its weight (weights reduced, so that equal ones
// are one slot each).
class Shares {
 public:
  Shares() = default;
  explicit Shares(std::vector<HashRing::Member> members) : members_(std::move(members)) {
    uint32_t divisor = 0;
    for (const HashRing::Member& m : members_) divisor = std::gcd(divisor, m.weight);
    uint64_t sum = 0;
    for (const HashRing::Member& m : members_) ends_.push_back(sum += m.weight / divisor);
  }
  bool empty() const { return members_.empty(); }
  uint64_t total() const { return ends_.empty() ? 0 : ends_.back(); }
  const std::vector<HashRing::Member>& members() const { return members_; }
  NodeId holder(uint64_t slot) const {
    if (total() == members_.size()) return node_of(members_[slot]);
    const auto at = std::upper_bound(ends_.begin(), ends_.end(), slot);
    return node_of(members_[static_cast<size_t>(at - ends_.begin())]);
  }

 private:
  std::vector<HashRing::Member> members_;
  std::vector<uint64_t> ends_;
};

// Two generations of shares. The one before is kept through changes that move no ownership.
class SharesPlacement : public Placement {
 public:
  void update(const ClusterView& view) final {
    std::vector<HashRing::Member> members = owning(view);
    if (members == current_.members()) return;
    before_ = std::exchange(current_, Shares(std::move(members)));
  }
  NodeId owner(UserId user) const final { return owner_in(current_, user); }
  NodeId previous_owner(UserId user) const final {
    return owner_in(before_.empty() ? current_ : before_, user);
  }

 private:
  NodeId owner_in(const Shares& shares, UserId user) const {
    return shares.empty() ? kNoNode : shares.holder(slot(user, shares.total()));
  }
  virtual uint64_t slot(UserId user, uint64_t total) const = 0;

  Shares current_;
  Shares before_;
};

// hash mod N: the classic, and the classic mistake: one node more moves nearly everybody.
class HashPlacement : public SharesPlacement {
  uint64_t slot(UserId user, uint64_t total) const override { return mix64(user.value) % total; }
};

// Contiguous ranges of user ids. Ids at or above the key space belong to the last range.
class RangePlacement : public SharesPlacement {
 public:
  explicit RangePlacement(uint64_t key_space) : key_space_(key_space) {}

 private:
  uint64_t slot(UserId user, uint64_t total) const override {
    const auto wide = static_cast<unsigned __int128>(user.value) * total;
    if (key_space_ == 0) return static_cast<uint64_t>(wide >> 64);
    if (user.value >= key_space_) return total - 1;
    return static_cast<uint64_t>(wide / key_space_);
  }
  const uint64_t key_space_;
};

// One ring holds the members of both generations; who is in which is asked while walking. A member
// whose weight changed is there twice: the two sets of points coincide as far as both go.
class RingPlacement : public Placement {
 public:
  explicit RingPlacement(uint32_t points) : ring_(points) {}

  void update(const ClusterView& view) override {
    std::vector<HashRing::Member> members = owning(view);
    if (members == current_) return;
    before_ = std::exchange(current_, std::move(members));
    std::vector<HashRing::Member> both;
    std::set_union(current_.begin(), current_.end(), before_.begin(), before_.end(),
                   std::back_inserter(both));
    ring_.update(both);
    in_current_ = flags(current_);
    in_before_ = flags(before_.empty() ? current_ : before_);
  }
  NodeId owner(UserId user) const override { return find(user, in_current_); }
  NodeId previous_owner(UserId user) const override { return find(user, in_before_); }

 private:
  std::vector<uint8_t> flags(const std::vector<HashRing::Member>& generation) const {
    std::vector<uint8_t> out;
    for (const HashRing::Member& m : ring_.members()) {
      out.push_back(std::binary_search(generation.begin(), generation.end(), m) ? 1 : 0);
    }
    return out;
  }
  NodeId find(UserId user, const std::vector<uint8_t>& generation) const {
    const uint32_t at = ring_.find(HashRing::key_hash(user.value),
                                   [&](uint32_t member) { return generation[member] != 0; });
    return at < ring_.members().size() ? node_of(ring_.members()[at]) : kNoNode;
  }

  HashRing ring_;
  std::vector<HashRing::Member> current_;
  std::vector<HashRing::Member> before_;
  std::vector<uint8_t> in_current_;
  std::vector<uint8_t> in_before_;
};

}  // namespace

std::unique_ptr<Placement> make_placement(const PlacementConfig& config) {
  switch (config.kind) {
    case PlacementKind::table:
      return nullptr;
    case PlacementKind::hash:
      return std::make_unique<HashPlacement>();
    case PlacementKind::consistent_hash:
      return std::make_unique<RingPlacement>(std::max(config.points_per_node, 1u));
    case PlacementKind::range:
      return std::make_unique<RangePlacement>(config.key_space);
  }
  assert_failed("unknown placement kind", __FILE__, __LINE__);
}

}  // namespace imroute
