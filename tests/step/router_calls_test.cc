// A router answers nodes: RESOLVE and FORWARD, for one user and for a group's, over the directory
// and over computed placements.
#include <gmock/gmock.h>

#include "tests/step/router_bench.h"

namespace imroute {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<NodeId> nodes_of(const Frame& frame) {
  return {frame.nodes.begin(), frame.nodes.end()};
}
std::vector<UserId> users_of(const Frame& frame) {
  const auto list = frame.list.as<UserId>();
  return {list.begin(), list.end()};
}
DirectoryReply found(const UserRecord& record) {
  DirectoryReply reply;
  reply.record = record;
  return reply;
}
DirectoryReply found_many(std::vector<UserRecord> records) {
  DirectoryReply reply;
  reply.kind = DirectoryOpKind::lookup_many;
  reply.records = std::make_shared<const std::vector<UserRecord>>(std::move(records));
  return reply;
}
RouterConfig placed(PlacementKind kind) {
  RouterConfig config = RouterBench::config();
  config.strategy.mode = CentralMode::forward;
  config.strategy.placement.kind = kind;
  return config;
}
// A user that `node` owns under four equal nodes.
uint64_t user_of(const RouterConfig& config, uint32_t node, uint64_t from = 0) {
  ClusterView view{1, {}};
  for (uint32_t n = 0; n < 4; ++n) view.members.push_back({NodeId{n}, 1, 10 + n, false});
  const auto placement = make_placement(config.strategy.placement);
  placement->update(view);
  while (placement->owner(UserId{from}) != NodeId{node}) ++from;
  return from;
}

TEST(RouterResolve, NamesAllNodesOfTheUser) {
  RouterBench b(RouterBench::config());
  b.cluster(4);
  b.peer(0, b.call(FrameType::resolve, 42));
  b.answer(found(RouterBench::record(
      42, 6,
      {RouterBench::row(0, 1, 11), RouterBench::row(1, 2, 12), RouterBench::row(2, 1, 11),
       RouterBench::row(3, 3, 13, ConnectState::offline)})));
  const auto sent = b.take<SendPeer>();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].peer, address_of(NodeId{0}));
  EXPECT_EQ(sent[0].frame.type, FrameType::resolved);
  EXPECT_EQ(sent[0].frame.number, 31u);
  EXPECT_EQ(sent[0].frame.route, RouteId{31});
  EXPECT_EQ(sent[0].frame.user, UserId{42});
  EXPECT_EQ(sent[0].frame.version, 6u);
  EXPECT_EQ(sent[0].frame.reason, Reason::none);
  EXPECT_THAT(nodes_of(sent[0].frame), ElementsAre(NodeId{1}, NodeId{2}));
}

// The node that had joined last among them.
TEST(RouterResolve, RowsOfANodeThatIsGoneAreVoid) {
  RouterBench b(RouterBench::config());
  b.cluster(4);
  b.step(ViewChanged{});
  b.see(2, {{NodeId{0}, 1, 10, false}, {NodeId{1}, 1, 11, false}, {NodeId{2}, 1, 12, false}});
  b.peer(0, b.call(FrameType::resolve, 42));
  b.answer(found(RouterBench::record(42, 6, {RouterBench::row(0, 3, 13)})));
  const auto sent = b.take<SendPeer>();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].frame.reason, Reason::offline);
  EXPECT_FALSE(b.take_op<RegistryOp>().has_value()) << "the view is not what is old";
}

TEST(RouterResolve, MoreUsersThanAGroupHasAreNotAnswered) {
  RouterBench b(RouterBench::config());
  b.cluster(1);
  for (const FrameType type : {FrameType::resolve, FrameType::forward}) {
    Frame call = b.call(type, 42);
    const std::vector<UserId> users(kMaxGroupSize + 1, UserId{42});
    call.list = b.pool_.copy_list(std::span<const UserId>(users));
    b.peer(0, call);
    EXPECT_FALSE(b.take_op<DirectoryOp>().has_value());
  }
  EXPECT_EQ(b.router_.counters().protocol_errors, 2u);
}

TEST(RouterResolve, RowsOfAnEndedIncarnationAreVoid) {
  RouterBench b(RouterBench::config());
  b.cluster(2);
  b.peer(0, b.call(FrameType::resolve, 42));
  b.answer(found(RouterBench::record(
      42, 6, {RouterBench::row(0, 1, 4), RouterBench::row(1, 7, 9)})));  // restarted; not a member
  const auto sent = b.take<SendPeer>();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].frame.reason, Reason::offline);
  EXPECT_THAT(nodes_of(sent[0].frame), IsEmpty());
}

TEST(RouterResolve, ARowNewerThanTheViewIsBelievedAndTheViewRenewed) {
  RouterBench b(RouterBench::config());
  b.cluster(2);
  b.peer(0, b.call(FrameType::resolve, 42));
  b.answer(found(RouterBench::record(42, 6, {RouterBench::row(0, 2, 12)})));  // joined just now
  EXPECT_THAT(nodes_of(b.take<SendPeer>().at(0).frame), ElementsAre(NodeId{2}));
  EXPECT_TRUE(b.take_op<RegistryOp>().has_value());
}

TEST(RouterResolve, WithoutAViewNobodyIsOffline) {
  RouterBench b(RouterBench::config());
  b.peer(0, b.call(FrameType::resolve, 42));
  b.answer(found(RouterBench::record(42, 6, {RouterBench::row(0, 1, 11)})));
  EXPECT_EQ(b.take<SendPeer>().at(0).frame.reason, Reason::store_unavailable);
}

TEST(RouterResolve, AnUnansweredDirectoryIsNotOffline) {
  for (const ReplyStatus status : {ReplyStatus::error, ReplyStatus::unknown}) {
    RouterBench b(RouterBench::config());
    b.cluster(2);
    b.peer(0, b.call(FrameType::resolve, 42));
    b.fail(status);
    EXPECT_EQ(b.take<SendPeer>().at(0).frame.reason, Reason::store_unavailable);
    b.peer(0, b.call(FrameType::forward, 42));
    b.fail(status);
    EXPECT_EQ(b.take<SendPeer>().at(0).frame.reason, Reason::store_unavailable);
  }
}

TEST(RouterResolve, ABatchIsOneLookupAndOneAnswer) {
  RouterBench b(RouterBench::config());
  b.cluster(3);
  b.peer(0, b.call(FrameType::resolve, 0, {UserId{5}, UserId{6}}));
  const auto op = b.take_op<DirectoryOp>();
  ASSERT_TRUE(op.has_value());
  EXPECT_EQ(op->kind, DirectoryOpKind::lookup_many);
  EXPECT_THAT(*op->users, ElementsAre(UserId{5}, UserId{6}));
  const DirectoryReply reply = found_many(
      {RouterBench::record(5, 2, {RouterBench::row(0, 2, 12)}), RouterBench::record(6, 3, {})});
  b.step(Reply{op->id, ReplyStatus::ok, &reply, nullptr, nullptr});
  const auto sent = b.take<SendPeer>();
  ASSERT_THAT(sent, SizeIs(1));
  const auto locations = sent[0].frame.list.as<UserLocation>();
  ASSERT_EQ(locations.size(), 2u);
  EXPECT_EQ(locations[0].user, UserId{5});
  EXPECT_EQ(locations[0].version, 2u);
  ASSERT_EQ(locations[0].count, 1u);
  EXPECT_EQ(locations[0].nodes[0], NodeId{2});
  EXPECT_EQ(locations[1].count, 0u);
}

TEST(RouterResolve, APlacementAnswersAtOnceUnlessAskedToLook) {
  const RouterConfig config = placed(PlacementKind::consistent_hash);
  RouterBench b(config);
  b.cluster(4);
  const uint64_t user = user_of(config, 2);
  b.peer(0, b.call(FrameType::resolve, user));
  EXPECT_FALSE(b.take_op<DirectoryOp>().has_value());
  EXPECT_THAT(nodes_of(b.take<SendPeer>().at(0).frame), ElementsAre(NodeId{2}));
  Frame look = b.call(FrameType::resolve, user);
  look.flags = kFlagAuthoritative;
  b.peer(0, look);
  EXPECT_THAT(b.take<SendPeer>(), IsEmpty());
  b.answer(found(RouterBench::record(user, 1, {RouterBench::row(0, 3, 13)})));
  EXPECT_THAT(nodes_of(b.take<SendPeer>().at(0).frame), ElementsAre(NodeId{3}));
}

TEST(RouterForward, PushesToEveryHolderWithTheOriginInIt) {
  RouterBench b(RouterBench::config());
  b.cluster(4);
  b.peer(0, b.call(FrameType::forward, 42));
  b.answer(
      found(RouterBench::record(42, 6, {RouterBench::row(0, 1, 11), RouterBench::row(1, 3, 13)})));
  const auto sent = b.take<SendPeer>();
  ASSERT_THAT(sent, SizeIs(2));  // and no RESOLVED: the holders answer the origin
  EXPECT_EQ(sent[0].peer, address_of(NodeId{1}));
  EXPECT_EQ(sent[1].peer, address_of(NodeId{3}));
  const Frame& push = sent[0].frame;
  EXPECT_EQ(push.type, FrameType::push);
  EXPECT_EQ(push.node, NodeId{0});
  EXPECT_EQ(push.route, RouteId{31});
  EXPECT_EQ(push.user, UserId{42});
  EXPECT_EQ(push.hops, 1u);
  EXPECT_EQ(push.entry.position, (Position{1, 4}));
  EXPECT_EQ(push.entry.client_seq, 2u);
}

TEST(RouterForward, SaysOfflineWhenNobodyElseHoldsTheUser) {
  RouterBench b(RouterBench::config());
  b.cluster(2);
  b.peer(0, b.call(FrameType::forward, 42));
  b.answer(found(RouterBench::record(42, 6, {RouterBench::row(0, 0, 10)})));  // the origin itself
  const auto sent = b.take<SendPeer>();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].frame.type, FrameType::resolved);
  EXPECT_EQ(sent[0].frame.reason, Reason::offline);
  EXPECT_EQ(sent[0].frame.number, 31u);
}

TEST(RouterForward, AGroupGoesOncePerNode) {
  RouterBench b(RouterBench::config());
  b.cluster(3);
  b.peer(0, b.call(FrameType::forward, 0, {UserId{5}, UserId{6}, UserId{7}, UserId{8}}));
  b.answer(found_many({RouterBench::record(5, 1, {RouterBench::row(0, 2, 12)}),
                       RouterBench::record(6, 1, {RouterBench::row(0, 1, 11)}),
                       RouterBench::record(7, 1, {RouterBench::row(0, 2, 12)}),
                       RouterBench::record(8, 1, {})}));
  const auto sent = b.take<SendPeer>();
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_EQ(sent[0].peer, address_of(NodeId{1}));
  EXPECT_THAT(users_of(sent[0].frame), ElementsAre(UserId{6}));
  EXPECT_EQ(sent[1].peer, address_of(NodeId{2}));
  EXPECT_THAT(users_of(sent[1].frame), ElementsAre(UserId{5}, UserId{7}));
}

TEST(RouterForward, AHopTooManyIsAnError) {
  RouterBench b(RouterBench::config());
  b.cluster(2);
  Frame frame = b.call(FrameType::forward, 42);
  frame.hops = kMaxHops;
  b.peer(0, frame);
  EXPECT_FALSE(b.take_op<DirectoryOp>().has_value());
  EXPECT_EQ(b.router_.counters().protocol_errors, 1u);
}

TEST(RouterForward, APlacementPushesWithoutTheDirectory) {
  for (const PlacementKind kind :
       {PlacementKind::hash, PlacementKind::consistent_hash, PlacementKind::range}) {
    const RouterConfig config = placed(kind);
    RouterBench b(config);
    b.cluster(4);
    const uint64_t step = kind == PlacementKind::range ? ~uint64_t{0} / 4 * 3 : 0;
    const uint64_t user = user_of(config, 3, step);
    b.peer(0, b.call(FrameType::forward, user));
    EXPECT_FALSE(b.take_op<DirectoryOp>().has_value());
    const auto sent = b.take<SendPeer>();
    ASSERT_THAT(sent, SizeIs(1));
    EXPECT_EQ(sent[0].peer, address_of(NodeId{3}));
    EXPECT_EQ(sent[0].frame.type, FrameType::push);
  }
}

TEST(RouterForward, WhereTheOriginIsTheOwnerTheDirectoryIsAsked) {
  const RouterConfig config = placed(PlacementKind::hash);
  RouterBench b(config);
  b.cluster(4);
  const uint64_t own = user_of(config, 0);
  b.peer(0, b.call(FrameType::forward, own));
  b.answer(found(RouterBench::record(own, 1, {RouterBench::row(0, 2, 12)})));
  auto sent = b.take<SendPeer>();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].peer, address_of(NodeId{2}));
  // In a group only for those, and nothing is said of them when they are offline.
  const uint64_t other = user_of(config, 1);
  b.peer(0, b.call(FrameType::forward, 0, {UserId{own}, UserId{other}}));
  sent = b.take<SendPeer>();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].peer, address_of(NodeId{1}));
  const auto op = b.take_op<DirectoryOp>();
  ASSERT_TRUE(op.has_value());
  EXPECT_THAT(*op->users, ElementsAre(UserId{own}));
  const DirectoryReply reply = found_many({RouterBench::record(own, 1, {})});
  b.step(Reply{op->id, ReplyStatus::ok, &reply, nullptr, nullptr});
  EXPECT_THAT(b.take<SendPeer>(), IsEmpty());
}

TEST(RouterForward, APlacementWithoutNodesIsNotOffline) {
  RouterBench b(placed(PlacementKind::hash));
  b.peer(0, b.call(FrameType::forward, 42));
  EXPECT_EQ(b.take<SendPeer>().at(0).frame.reason, Reason::no_node);
  b.peer(0, b.call(FrameType::forward, 0, {UserId{1}, UserId{2}}));
  EXPECT_EQ(b.take<SendPeer>().at(0).frame.reason, Reason::no_node);
}

TEST(RouterForward, WhatMakesNoSenseIsCounted) {
  RouterBench b(RouterBench::config());
  b.cluster(1);
  Frame broken = b.call(FrameType::resolve, 1);
  broken.list = b.pool_.make(7);  // not whole ids
  b.peer(0, broken);
  Frame wrong;
  wrong.type = FrameType::push;
  b.peer(0, wrong);
  EXPECT_EQ(b.router_.counters().protocol_errors, 2u);
  EXPECT_THAT(b.take<SendPeer>(), IsEmpty());
  EXPECT_FALSE(b.take_op<DirectoryOp>().has_value());
}

}  // namespace
}  // namespace imroute
