// A node that is left: drained on purpose, or found at the wrong place by a changed view.
#include <algorithm>
#include <map>
#include <set>

#include "tests/step/node_bench.h"

namespace imroute {
namespace {

const LinkId kBobLink{20};
const UserId kBob{2};

TEST(NodeLeave, ADrainingNodeSaysSoAndClosesOnlyWhenItsClientsHaveGone) {
  NodeBench bench(NodeBench::config());
  bench.bind(kBobLink, kBob);
  Command drain;
  drain.kind = CommandKind::drain;
  bench.step(drain);
  const auto announced = bench.take_op<RegistryOp>(RegistryOpKind::announce);
  ASSERT_TRUE(announced.has_value()) << "or routers go on sending logins here";
  EXPECT_TRUE(announced->draining);
  bench.live_for(2 * kSecond);
  EXPECT_FALSE(bench.node().status().drained);
  EXPECT_FALSE(bench.take_op<RegistryOp>(RegistryOpKind::close).has_value());
}

// Routers place nobody on a node that says so: one that drains, and one that has no lease.
TEST(NodeLeave, WhoServesNoNewClientsSaysSoInItsBeacons) {
  for (const bool drains : {true, false}) {
    NodeBench bench(NodeBench::config());
    const auto flags = [&] {
      const auto beacons = bench.to_mesh(FrameType::beacon);
      return beacons.empty() ? 0 : int{beacons.back().flags};
    };
    bench.live_for(2 * kSecond);
    EXPECT_EQ(flags() & kFlagDraining, 0);
    Command drain;
    drain.kind = CommandKind::drain;
    if (drains) {
      bench.step(drain);
      bench.live_for(2 * kSecond);
    } else {
      bench.advance(8 * kSecond);
    }
    EXPECT_EQ(flags() & kFlagDraining, kFlagDraining);
  }
}

// With the row that was bound, whole: the directory erases no other.
TEST(NodeLeave, WhoFallsSilentIsUnbound) {
  NodeBench bench(NodeBench::config());
  bench.bind(kBobLink, kBob, 5);
  bench.live_for(8 * kSecond);
  const auto op = bench.take_op<DirectoryOp>(DirectoryOpKind::unbind);
  ASSERT_TRUE(op.has_value());
  EXPECT_EQ(op->user, kBob);
  EXPECT_EQ(op->row.node, NodeId{0});
  EXPECT_EQ(op->row.incarnation, 101u);
  EXPECT_EQ(op->row.link, kBobLink);
  EXPECT_EQ(op->row.generation, 5u);
}

TEST(NodeLeave, WhatWasOnItsWayToWhoLeftTakesNoRoom) {
  NodeConfig config = NodeBench::config();
  config.capacity.sessions = 1;  // room for one window, the longest
  NodeBench bench(config);
  for (uint64_t life = 1; life <= 4; ++life) {
    const LinkId link{100 + life};
    bench.bind(link, kBob, life);
    for (uint64_t sender = 1; sender <= 40; ++sender) {
      const UserId from{1000 * life + sender};
      bench.peer(NodeId{1}, bench.push_frame(kBob, ConversationId::direct(from, kBob), from, 1));
    }
    EXPECT_EQ(bench.to_client(link, FrameType::deliver).size(), 40u) << life;
    bench.live_for(3 * kSecond);
    EXPECT_FALSE(bench.to_client(link, FrameType::deliver).empty()) << "unacked: sent again";
    bench.step(ClientDown{link, Reason::reset});
    bench.live_for(10 * kSecond);
  }
}

void expect_pointers(const std::vector<SendPeer>& frames, uint64_t users_here, bool together) {
  std::map<uint32_t, std::vector<Pointer>> told;
  for (const SendPeer& sent : frames) {
    EXPECT_FALSE(together && told.contains(sent.peer.index)) << "one frame is enough for an owner";
    EXPECT_EQ(sent.frame.node, NodeId{0});
    for (const Pointer& p : sent.frame.list.as<Pointer>()) told[sent.peer.index].push_back(p);
  }
  ASSERT_EQ(told.size(), 2u);
  std::set<uint64_t> users;
  for (const auto& [node, pointers] : told) {
    for (const Pointer& p : pointers) {
      EXPECT_TRUE(users.insert(p.user.value).second) << "told to two owners";
      EXPECT_EQ(p.node, NodeId{0});
      EXPECT_EQ(p.generation, 5u);
    }
  }
  EXPECT_GT(users.size(), 4u);
  EXPECT_LT(users.size(), users_here) << "the others belong here";
}

NodeConfig placed_by_hash() {
  NodeConfig config = NodeBench::config();
  config.strategy.kind = StrategyKind::central;
  config.strategy.mode = CentralMode::resolve;
  config.strategy.placement.kind = PlacementKind::hash;
  return config;
}

// Users whose place by the view is elsewhere: each owner is told of its own, and of all of them.
TEST(NodeLeave, OwnersByPlacementAreToldWhoIsHere) {
  const NodeConfig config = placed_by_hash();
  NodeBench bench(config);
  for (uint32_t n = 1; n < 3; ++n) bench.peer_up(n);
  constexpr uint64_t kUsers = 12;
  for (uint64_t u = 1; u <= kUsers; ++u) bench.bind(LinkId{100 + u}, UserId{u}, 5);
  expect_pointers(bench.to_peers(FrameType::pointers), kUsers, false);  // as they came
  for (const bool at_a_check : {false, true}) {  // what was lost in a partition is told again
    bench.to_peers(FrameType::pointers);
    if (at_a_check) {
      bench.live_for(config.sessions.session_check());
    } else {
      bench.step(ViewChanged{});
      bench.run_until(bench.now());
      bench.answer_list();
    }
    expect_pointers(bench.to_peers(FrameType::pointers), kUsers, true);
  }
}

// The owner's side: who looks for the user here is sent on to where it is.
TEST(NodeLeave, AnOwnerSendsOnToWhereAUserIs) {
  NodeBench bench(placed_by_hash());
  const auto point = [&](UserId user, size_t bytes) {
    const Pointer pointer{user, NodeId{2}, 0, 5};
    Frame frame;
    frame.type = FrameType::pointers;
    frame.node = NodeId{2};
    frame.list = bench.pool().copy(std::as_bytes(std::span(&pointer, 1)).first(bytes));
    bench.peer(NodeId{2}, frame);
  };
  const UserId cut{3}, stranger{4};
  point(kBob, sizeof(Pointer));
  EXPECT_EQ(bench.node().counters().protocol_errors, 0u);
  point(cut, sizeof(Pointer) - 1);
  EXPECT_EQ(bench.node().counters().protocol_errors, 1u);
  for (const UserId user : {kBob, cut, stranger}) {
    bench.peer(NodeId{1},
               bench.push_frame(user, ConversationId::direct(UserId{1}, user), UserId{1}, 1));
    const auto nack = bench.to_peers(FrameType::nack);
    ASSERT_EQ(nack.size(), 1u);
    EXPECT_EQ(nack[0].frame.node, user == kBob ? NodeId{2} : kNoNode);
  }
}

TEST(NodeLeave, WhatAnOwnerIsToldGoesInFramesOfABoundedSize) {
  const NodeConfig config = placed_by_hash();
  NodeBench bench(config);
  for (uint32_t n = 1; n < 3; ++n) bench.peer_up(n);
  for (uint64_t u = 1; u <= 1800; ++u) bench.bind(LinkId{100 + u}, UserId{u}, 5);
  bench.to_peers(FrameType::pointers);
  bench.live_for(config.sessions.session_check());
  std::map<uint32_t, std::set<uint64_t>> told;
  size_t frames = 0, largest = 0;
  for (const SendPeer& sent : bench.to_peers(FrameType::pointers)) {
    ++frames;
    const auto pointers = sent.frame.list.as<Pointer>();
    largest = std::max(largest, pointers.size());
    for (const Pointer& p : pointers)
      EXPECT_TRUE(told[sent.peer.index].insert(p.user.value).second);
  }
  EXPECT_EQ(largest, 512u);
  EXPECT_EQ(frames, 4u);
  ASSERT_EQ(told.size(), 2u);
  for (const auto& [node, users] : told) EXPECT_GT(users.size(), 512u) << node;
}

}  // namespace
}  // namespace imroute
