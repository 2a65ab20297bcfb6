// A router places logins: reserve, choose, answer; and follows the registry and the beacons.
#include <gmock/gmock.h>

#include <map>

#include "tests/step/router_bench.h"

namespace imroute {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

TEST(RouterLogin, ReservesAGenerationAndNamesANode) {
  RouterBench b(RouterBench::config());
  b.cluster(3);
  b.login(42, kNoNode, 5, 8);
  EXPECT_THAT(b.take<SendClient>(), IsEmpty());  // not before the directory answered
  const auto op = b.take_op<DirectoryOp>();
  ASSERT_TRUE(op.has_value());
  EXPECT_EQ(op->kind, DirectoryOpKind::reserve);
  EXPECT_EQ(op->user, UserId{42});
  EXPECT_EQ(op->row.device, 1u);
  EXPECT_EQ(op->seen_generation, 8u);
  EXPECT_EQ(op->deadline, b.now_ + b.config_.delivery.store_deadline_ns);
  DirectoryReply reply;
  reply.generation = 9;
  b.step(Reply{op->id, ReplyStatus::ok, &reply, nullptr, nullptr});
  const auto sent = b.take<SendClient>();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].link, LinkId{5});
  const Frame& frame = sent[0].frame;
  EXPECT_EQ(frame.type, FrameType::login_ok);
  EXPECT_EQ(frame.number, 77u);
  EXPECT_EQ(frame.user, UserId{42});
  EXPECT_EQ(frame.device, 1u);
  EXPECT_EQ(frame.generation, 9u);
  EXPECT_EQ(frame.incarnation, 10 + frame.node.value);
  EXPECT_EQ(b.router_.counters().logins, 1u);
}

// What a client claims to have seen is bounded, or nothing could be numbered from what follows it.
TEST(RouterLogin, AGenerationBeyondAllIsNoLogin) {
  RouterBench b(RouterBench::config());
  b.cluster(1);
  b.login(42, kNoNode, 5, kMaxGeneration + 1);
  EXPECT_FALSE(b.take_op<DirectoryOp>().has_value());
  EXPECT_EQ(b.router_.counters().protocol_errors, 1u);
}

TEST(RouterLogin, RefusesWhenTheDirectoryDoesNotAnswer) {
  for (const ReplyStatus status : {ReplyStatus::error, ReplyStatus::unknown}) {
    RouterBench b(RouterBench::config());
    b.cluster(1);
    b.login(42);
    b.fail(status);
    const auto sent = b.take<SendClient>();
    ASSERT_THAT(sent, SizeIs(1));
    EXPECT_EQ(sent[0].frame.type, FrameType::login_refused);
    EXPECT_EQ(sent[0].frame.reason, Reason::store_unavailable);
    EXPECT_EQ(sent[0].frame.number, 77u);
    EXPECT_EQ(sent[0].frame.user, UserId{42});
    EXPECT_EQ(b.router_.counters().logins_refused, 1u);
  }
}

TEST(RouterLogin, RefusesWithoutAHealthyNode) {
  RouterBench b(RouterBench::config());
  EXPECT_EQ(b.place(1), kNoNode);  // no view yet
  b.see(1, {{NodeId{0}, 1, 10, false}});
  EXPECT_EQ(b.place(1), kNoNode);  // not connected
  b.step(PeerUp{address_of(NodeId{0})});
  EXPECT_EQ(b.place(1), NodeId{0});
  b.advance(b.config_.sessions.heartbeat_timeout() + 1);
  EXPECT_EQ(b.place(1), kNoNode);  // never a beacon
  b.beacon(0);
  EXPECT_EQ(b.place(1), NodeId{0});
  b.login(2);
  b.step(PeerDown{address_of(NodeId{0}), Reason::reset});
  DirectoryReply reply;
  b.answer(reply);
  EXPECT_EQ(b.take<SendClient>().at(0).frame.reason, Reason::no_node);
}

TEST(RouterLogin, ExcludesSilentDegradedAndDrainingNodes) {
  RouterBench b(RouterBench::config());
  b.cluster(4);
  b.beacon(1, 0, kFlagDegraded);
  b.beacon(2, 0, kFlagDraining);
  b.advance(b.config_.sessions.heartbeat_timeout());
  b.beacon(0);
  b.beacon(1, 0, kFlagDegraded);
  b.beacon(2, 0, kFlagDraining);
  b.advance(kMillisecond);  // node 3 is now silent for longer than the timeout
  for (uint64_t user = 0; user < 50; ++user) EXPECT_EQ(b.place(user), NodeId{0});
}

// A degraded node takes clients unless another serves better: where nobody reaches the stores, to
// refuse would be worse than what any node does. One that drains takes nobody.
TEST(RouterLogin, PlacesOnDegradedNodesWhenThereAreNoOthers) {
  for (const bool placed : {false, true}) {
    RouterConfig config = RouterBench::config();
    config.strategy.kind = StrategyKind::central;
    if (placed) config.strategy.placement.kind = PlacementKind::hash;
    RouterBench b(config);
    b.cluster(3);
    b.beacon(0, 0, kFlagDegraded | kFlagDraining);
    b.beacon(1, 0, kFlagDegraded);
    b.beacon(2, 0, kFlagDegraded);
    std::map<uint32_t, int> nodes;
    for (uint64_t user = 0; user < 50; ++user) ++nodes[b.place(user).value];
    EXPECT_EQ(nodes.size(), 2u);
    EXPECT_EQ(nodes.count(0), 0u);
    b.beacon(2);
    for (uint64_t user = 0; user < 50; ++user) EXPECT_EQ(b.place(user), NodeId{2});
    b.beacon(1, 0, kFlagDraining);
    b.beacon(2, 0, kFlagDraining);
    EXPECT_EQ(b.place(1), kNoNode);
  }
}

TEST(RouterLogin, ExcludesMembersThatAnnouncedDraining) {
  RouterBench b(RouterBench::config());
  b.cluster(2);
  b.step(ViewChanged{});
  b.see(2, {{NodeId{0}, 1, 10, true}, {NodeId{1}, 1, 11, false}});
  for (uint64_t user = 0; user < 50; ++user) EXPECT_EQ(b.place(user), NodeId{1});
}

TEST(RouterLogin, AvoidsTheNamedNodeUnlessItIsTheOnlyOne) {
  RouterBench b(RouterBench::config());
  b.cluster(2);
  for (uint64_t user = 0; user < 50; ++user) {
    EXPECT_EQ(b.place(user, NodeId{0}), NodeId{1});
    EXPECT_EQ(b.place(user, NodeId{1}), NodeId{0});
  }
  b.beacon(1, 0, kFlagDegraded);
  EXPECT_EQ(b.place(1, NodeId{0}), NodeId{0});
}

// The router may reach nodes that the client cannot: a ring or a placement must not send it there
// for ever. (Found by the healed core, scenarios/unreachable-nodes.json.)
TEST(RouterLogin, NeverNamesWhatTheClientCouldNotReachWhileThereIsAnother) {
  for (const bool placed : {false, true}) {
    RouterConfig config = RouterBench::config();
    config.strategy.kind = StrategyKind::central;
    if (placed) config.strategy.placement.kind = PlacementKind::hash;
    RouterBench b(config);
    b.cluster(4);
    NodeSet unreachable;
    unreachable.push_back(NodeId{1});
    unreachable.push_back(NodeId{2});
    for (uint64_t user = 0; user < 50; ++user) {
      const NodeId node = b.place(user, NodeId{2}, unreachable);
      EXPECT_TRUE(node == NodeId{0} || node == NodeId{3});
    }
    unreachable.push_back(NodeId{0});
    unreachable.push_back(NodeId{3});
    EXPECT_NE(b.place(7, kNoNode, unreachable), kNoNode) << "all of them: tried again";
  }
}

TEST(RouterLogin, MoreUnreachableNodesThanFitDoNotMakeACycle) {
  RouterBench b(RouterBench::config());
  b.cluster(12);
  NodeSet unreachable;
  for (uint32_t n = 0; n < kMaxNodesPerUser; ++n) unreachable.push_back(NodeId{n});
  std::map<uint32_t, int> placed;
  for (int i = 0; i < 100; ++i) ++placed[b.place(7, kNoNode, unreachable).value];
  EXPECT_EQ(placed.size(), 4u) << "one user, yet each of the others has its turn";
  EXPECT_EQ(placed.begin()->first, kMaxNodesPerUser);
}

TEST(RouterLogin, SpreadsByReportedLoadAndWhatItPlacedSince) {
  RouterConfig config = RouterBench::config();
  config.balancer.kind = BalancerKind::least_active;
  RouterBench b(config);
  b.cluster(3);
  b.beacon(0, 100);
  b.beacon(1, 90);
  b.beacon(2, 100);
  std::map<uint32_t, int> placed;
  for (uint64_t user = 0; user < 40; ++user) ++placed[b.place(user).value];
  EXPECT_EQ(placed[0], 10);
  EXPECT_EQ(placed[1], 20);
  EXPECT_EQ(placed[2], 10);
  // A beacon tells it all: what was placed before is in its load, or never arrived.
  b.beacon(0, 0);
  for (uint64_t user = 0; user < 105; ++user) EXPECT_EQ(b.place(user), NodeId{0});
}

// Found by scaling out under a reconnect storm: reports are old, and the new node looks idle.
TEST(RouterLogin, ANodeThatJoinsStartsSlowly) {
  for (const uint32_t joins : {0u, 1u, 2u}) {
    RouterConfig config = RouterBench::config();
    config.balancer.kind = BalancerKind::least_active;
    RouterBench b(config);
    std::vector<Member> all, before;
    for (uint32_t n = 0; n < 3; ++n) all.push_back({NodeId{n}, 1, 10 + n, false});
    for (const Member& m : all) {
      if (m.node.value != joins) before.push_back(m);
    }
    const auto report = [&] {
      for (uint32_t n = 0; n < 3; ++n) b.beacon(n, n == joins ? 0 : 100);
    };
    const auto placed_on_new = [&] {
      int n = 0;
      for (uint64_t user = 0; user < 30; ++user) n += b.place(user) == NodeId{joins} ? 1 : 0;
      return n;
    };
    b.see(1, before);
    for (const Member& m : before) b.step(PeerUp{address_of(m.node)});
    b.advance(7 * kSecond);  // the cluster stands, and lists once a lease
    b.see(2, all);
    b.step(PeerUp{address_of(NodeId{joins})});
    report();
    EXPECT_EQ(placed_on_new(), 10) << "as busy as the others: its share and no more";
    b.advance(15 * kSecond);
    report();
    EXPECT_EQ(placed_on_new(), 30) << "half as busy: it catches up";
    b.advance(16 * kSecond);
    report();
    EXPECT_EQ(placed_on_new(), 30);
  }
}

TEST(RouterLogin, HonoursWeights) {
  RouterConfig config = RouterBench::config();
  config.balancer.kind = BalancerKind::round_robin;
  RouterBench b(config);
  b.cluster(2);
  b.step(ViewChanged{});
  b.see(2, {{NodeId{0}, 1, 10, false}, {NodeId{1}, 3, 11, false}});
  int heavy = 0;
  for (uint64_t user = 0; user < 40; ++user) heavy += b.place(user) == NodeId{1};
  EXPECT_EQ(heavy, 30);
}

TEST(RouterLogin, APlacementDecidesBeforeTheBalancer) {
  for (const PlacementKind kind :
       {PlacementKind::hash, PlacementKind::consistent_hash, PlacementKind::range}) {
    RouterConfig config = RouterBench::config();
    config.strategy.kind = StrategyKind::central;
    config.strategy.placement.kind = kind;
    config.strategy.placement.key_space = 1000;
    RouterBench b(config);
    b.cluster(4);
    ClusterView view{1, {}};
    for (uint32_t n = 0; n < 4; ++n) view.members.push_back({NodeId{n}, 1, 10 + n, false});
    const auto placement = make_placement(config.strategy.placement);
    placement->update(view);
    for (uint64_t user = 0; user < 1000; user += 50) {
      EXPECT_EQ(b.place(user), placement->owner(UserId{user}));
    }
    // Its owner is out of reach: anywhere is better than nowhere.
    const NodeId owner = placement->owner(UserId{7});
    b.step(PeerDown{address_of(owner), Reason::reset});
    const NodeId other = b.place(7);
    EXPECT_NE(other, owner);
    EXPECT_NE(other, kNoNode);
  }
}

TEST(RouterLogin, PendingLoginsAreBoundedAndLeaveRoomForCalls) {
  RouterConfig config = RouterBench::config();
  config.calls = 8;
  RouterBench b(config);
  b.cluster(1);
  for (uint64_t user = 0; user < 6; ++user) b.login(user, kNoNode, 100 + user);
  EXPECT_THAT(b.take<SendClient>(), IsEmpty());
  b.login(6, kNoNode, 200);
  const auto refused = b.take<SendClient>();
  ASSERT_THAT(refused, SizeIs(1));
  EXPECT_EQ(refused[0].link, LinkId{200});
  EXPECT_EQ(refused[0].frame.reason, Reason::overloaded);
  b.peer(0, b.call(FrameType::resolve, 1));
  b.peer(0, b.call(FrameType::resolve, 2));
  EXPECT_THAT(b.take<SendPeer>(), IsEmpty());  // both wait for the directory
  b.peer(0, b.call(FrameType::resolve, 3));
  EXPECT_EQ(b.take<SendPeer>().at(0).frame.reason, Reason::overloaded);
  b.fail(ReplyStatus::unknown);  // the first login is over: a place is free
  b.take<SendClient>();
  b.login(9, kNoNode, 300);
  EXPECT_EQ(b.take<SendClient>().at(0).frame.reason, Reason::overloaded);  // still above 3/4
}

TEST(RouterLogin, APlaceIsFreeAgainWhenItsLoginIsOver) {
  RouterConfig config = RouterBench::config();
  config.calls = 4;
  RouterBench b(config);
  b.cluster(1);
  for (uint64_t user = 0; user < 20; ++user) EXPECT_EQ(b.place(user), NodeId{0});
}

TEST(RouterLogin, ALateReplyIsCountedAndDropped) {
  RouterBench b(RouterBench::config());
  b.cluster(1);
  b.login(1);
  const auto op = b.take_op<DirectoryOp>();
  DirectoryReply reply;
  b.step(Reply{op->id, ReplyStatus::unknown, nullptr, nullptr, nullptr});
  b.take<SendClient>();
  b.step(Reply{op->id, ReplyStatus::ok, &reply, nullptr, nullptr});
  EXPECT_THAT(b.take<SendClient>(), IsEmpty());
  EXPECT_EQ(b.router_.counters().replies_late, 1u);
  EXPECT_EQ(b.router_.counters().ops_unknown, 1u);
}

TEST(RouterLogin, OtherFramesOfClientsAreProtocolErrors) {
  RouterBench b(RouterBench::config());
  Frame frame;
  frame.type = FrameType::send;
  b.step(ClientFrame{LinkId{5}, frame});
  EXPECT_EQ(b.router_.counters().protocol_errors, 1u);
  EXPECT_FALSE(b.take_op<DirectoryOp>().has_value());
}

TEST(RouterView, ListsAtStartOnEachChangeAndOnceALease) {
  RouterBench b(RouterBench::config());
  b.cluster(1);
  EXPECT_FALSE(b.take_op<RegistryOp>().has_value());
  b.step(ViewChanged{});
  b.see(2, {{NodeId{0}, 1, 10, false}});
  b.advance(b.config_.sessions.lease_ns);  // the watch was lost
  EXPECT_TRUE(b.take_op<RegistryOp>().has_value());
}

TEST(RouterView, AChangeDuringAListIsNotMissed) {
  RouterBench b(RouterBench::config());
  b.step(ViewChanged{});
  b.see(1, {{NodeId{0}, 1, 10, false}});
  const auto again = b.take_op<RegistryOp>();
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->kind, RegistryOpKind::list);
}

TEST(RouterView, AFailedListIsRepeated) {
  RouterBench b(RouterBench::config());
  const auto op = b.take_op<RegistryOp>();
  ASSERT_TRUE(op.has_value());
  b.step(Reply{op->id, ReplyStatus::unknown, nullptr, nullptr, nullptr});
  EXPECT_FALSE(b.take_op<RegistryOp>().has_value());
  b.advance(b.config_.sessions.heartbeat_ns);
  const auto again = b.take_op<RegistryOp>();
  ASSERT_TRUE(again.has_value());
  EXPECT_NE(again->id, op->id) << "a late answer to the first is none to this one";
}

TEST(RouterView, AnOlderViewIsIgnored) {
  RouterBench b(RouterBench::config());
  b.cluster(2);
  b.step(ViewChanged{});
  b.see(3, {{NodeId{1}, 1, 11, false}});
  b.step(ViewChanged{});
  b.see(2, {{NodeId{0}, 1, 10, false}, {NodeId{1}, 1, 11, false}});  // a lagging read
  for (uint64_t user = 0; user < 20; ++user) EXPECT_EQ(b.place(user), NodeId{1});
}

TEST(RouterView, SendsBeaconsWithItsLoad) {
  RouterBench b(RouterBench::config());
  b.cluster(1);
  b.take<SendMesh>();
  b.login(1);
  b.login(2);
  b.advance(b.config_.sessions.heartbeat_ns);
  const auto beacons = b.take<SendMesh>();
  ASSERT_THAT(beacons, SizeIs(1));
  EXPECT_EQ(beacons[0].frame.type, FrameType::beacon);
  EXPECT_EQ(beacons[0].frame.load, 2u);
}

TEST(RouterView, TheSameEventsGiveTheSameDigest) {
  const auto run = [](uint64_t users) {
    RouterBench b(RouterBench::config());
    b.cluster(3);
    for (uint64_t user = 0; user < users; ++user) b.place(user);
    return b.router_.digest();
  };
  EXPECT_EQ(run(20), run(20));
  EXPECT_NE(run(20), run(21));
}

}  // namespace
}  // namespace imroute
