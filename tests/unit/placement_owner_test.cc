// Computed placements: shares, what moves on a resize, and the owner before.
#include <gtest/gtest.h>

#include <map>

#include "core/placement/placement.h"

namespace imroute {
namespace {

constexpr uint64_t kUsers = 100'000;

ClusterView view_of(std::initializer_list<uint32_t> nodes) {
  ClusterView view;
  for (const uint32_t n : nodes) view.members.push_back({NodeId{n}, 1, 1, false});
  return view;
}

ClusterView first_nodes(uint32_t count) {
  ClusterView view;
  for (uint32_t n = 0; n < count; ++n) view.members.push_back({NodeId{n}, 1, 1, false});
  return view;
}

std::unique_ptr<Placement> placement(PlacementKind kind, uint64_t key_space = 0) {
  return make_placement({kind, 160, key_space});
}

double moved_share(Placement& placement, const ClusterView& from, const ClusterView& to) {
  placement.update(from);
  placement.update(to);
  uint64_t moved = 0;
  for (uint64_t u = 0; u < kUsers; ++u) {
    if (placement.owner(UserId{u}) != placement.previous_owner(UserId{u})) ++moved;
  }
  return static_cast<double>(moved) / static_cast<double>(kUsers);
}

class ComputedPlacement : public testing::TestWithParam<PlacementKind> {
 protected:
  std::unique_ptr<Placement> make() { return placement(GetParam(), kUsers); }
};

INSTANTIATE_TEST_SUITE_P(Kinds, ComputedPlacement,
                         testing::Values(PlacementKind::hash, PlacementKind::consistent_hash,
                                         PlacementKind::range));

TEST_P(ComputedPlacement, EmptyViewHasNoOwner) {
  auto p = make();
  EXPECT_EQ(p->owner(UserId{1}), kNoNode);
  p->update(ClusterView{});
  EXPECT_EQ(p->owner(UserId{1}), kNoNode);
  EXPECT_EQ(p->previous_owner(UserId{1}), kNoNode);
}

TEST_P(ComputedPlacement, FirstViewIsItsOwnPast) {
  auto p = make();
  p->update(first_nodes(5));
  for (uint64_t u = 0; u < 1000; ++u) {
    EXPECT_EQ(p->owner(UserId{u}), p->previous_owner(UserId{u}));
    EXPECT_LT(p->owner(UserId{u}).value, 5u);
  }
}

TEST_P(ComputedPlacement, IsAFunctionOfTheViewAlone) {
  auto once = make();
  auto wandering = make();
  once->update(first_nodes(7));
  for (const uint32_t n : {3u, 9u, 1u, 12u, 8u, 7u}) wandering->update(first_nodes(n));
  auto before = make();
  before->update(first_nodes(8));
  for (uint64_t u = 0; u < 5000; ++u) {
    ASSERT_EQ(once->owner(UserId{u}), wandering->owner(UserId{u}));
    ASSERT_EQ(before->owner(UserId{u}), wandering->previous_owner(UserId{u}));
  }
}

TEST_P(ComputedPlacement, WeightIsShare) {
  auto p = make();
  ClusterView view = first_nodes(4);
  view.members[2].weight = 5;  // 5 of 8
  p->update(view);
  uint64_t mine = 0;
  for (uint64_t u = 0; u < kUsers; ++u) mine += p->owner(UserId{u}) == NodeId{2} ? 1 : 0;
  EXPECT_NEAR(static_cast<double>(mine) / kUsers, 0.625, 0.06);
}

TEST_P(ComputedPlacement, DrainingMembersOwnNothingUnlessAllDrain) {
  auto p = make();
  ClusterView view = first_nodes(4);
  view.members[1].draining = true;
  p->update(view);
  for (uint64_t u = 0; u < 2000; ++u) ASSERT_NE(p->owner(UserId{u}), NodeId{1});
  for (Member& m : view.members) m.draining = true;
  p->update(view);
  for (uint64_t u = 0; u < 2000; ++u) ASSERT_NE(p->owner(UserId{u}), kNoNode);
}

TEST_P(ComputedPlacement, AChangeThatMovesNothingKeepsTheOwnerBefore) {
  auto p = make();
  p->update(first_nodes(4));
  p->update(first_nodes(5));
  uint64_t differ = 0;
  ClusterView again = first_nodes(5);
  again.version = 99;
  for (Member& m : again.members) m.incarnation = 9;  // a restart is no resize
  p->update(again);
  for (uint64_t u = 0; u < kUsers; ++u) {
    differ += p->owner(UserId{u}) != p->previous_owner(UserId{u}) ? 1 : 0;
  }
  EXPECT_GT(differ, 0u);
}

TEST(PlacementHash, TenToElevenMovesNearlyAll) {
  auto p = placement(PlacementKind::hash);
  EXPECT_NEAR(moved_share(*p, first_nodes(10), first_nodes(11)), 0.909, 0.004);
}

TEST(PlacementConsistentHash, MovesOnlyWhatMust) {
  auto p = placement(PlacementKind::consistent_hash);
  p->update(view_of({0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  p->update(view_of({0, 1, 2, 3, 5, 6, 7, 8, 9}));
  uint64_t orphans = 0;
  for (uint64_t u = 0; u < kUsers; ++u) {
    const NodeId before = p->previous_owner(UserId{u});
    if (before == NodeId{4}) {
      ++orphans;
      ASSERT_NE(p->owner(UserId{u}), NodeId{4});
    } else {
      ASSERT_EQ(p->owner(UserId{u}), before) << "a survivor's key moved";
    }
  }
  EXPECT_NEAR(static_cast<double>(orphans) / kUsers, 0.1, 0.03);
}

TEST(PlacementConsistentHash, AWeightChangeMovesOnlyToOrFromThatNode) {
  auto p = placement(PlacementKind::consistent_hash);
  ClusterView view = first_nodes(8);
  p->update(view);
  view.members[3].weight = 3;
  p->update(view);
  for (uint64_t u = 0; u < kUsers; ++u) {
    if (p->owner(UserId{u}) == p->previous_owner(UserId{u})) continue;
    ASSERT_EQ(p->owner(UserId{u}), NodeId{3});
  }
}

TEST(PlacementRange, RangesAreContiguousInNodeOrder) {
  auto p = placement(PlacementKind::range, 1000);
  ClusterView view = view_of({2, 5, 9});
  view.members[1].weight = 2;
  p->update(view);
  EXPECT_EQ(p->owner(UserId{0}), NodeId{2});
  EXPECT_EQ(p->owner(UserId{249}), NodeId{2});
  EXPECT_EQ(p->owner(UserId{250}), NodeId{5});
  EXPECT_EQ(p->owner(UserId{749}), NodeId{5});
  EXPECT_EQ(p->owner(UserId{750}), NodeId{9});
  EXPECT_EQ(p->owner(UserId{999}), NodeId{9});
  EXPECT_EQ(p->owner(UserId{123'456}), NodeId{9}) << "above the key space: the last range";
}

TEST(PlacementRange, FullKeySpace) {
  auto p = placement(PlacementKind::range);
  p->update(first_nodes(2));
  EXPECT_EQ(p->owner(UserId{(uint64_t{1} << 63) - 1}), NodeId{0});
  EXPECT_EQ(p->owner(UserId{uint64_t{1} << 63}), NodeId{1});
  EXPECT_EQ(p->owner(UserId{~uint64_t{0}}), NodeId{1});
}

TEST(PlacementTable, IsNotComputed) { EXPECT_EQ(placement(PlacementKind::table), nullptr); }

}  // namespace
}  // namespace imroute
