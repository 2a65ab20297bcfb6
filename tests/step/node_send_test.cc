// From a SEND to its pushes, where something is not there yet: the store's identity, the members of
// a group, another node of the recipient.
#include "tests/step/node_bench.h"

namespace imroute {
namespace {

const UserId kAnn{1}, kBob{2}, kCy{3};
const LinkId kAnnLink{10}, kBobLink{20};
const ConversationId kAnnBob = ConversationId::direct(kAnn, kBob);

// The same two users the other way round would be a second conversation of theirs.
TEST(NodeSend, ADirectConversationHasOneName) {
  NodeBench bench(NodeBench::config());
  bench.bind(kAnnLink, kAnn);
  bench.client(kAnnLink, bench.send_frame(ConversationId{kBob.value, kAnn.value}, 1));
  const auto refused = bench.to_client(kAnnLink, FrameType::refused);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].reason, Reason::not_member);
}

TEST(NodeSend, WhatCameBeforeTheStoreWasKnownIsAppendedThen) {
  NodeBench bench(NodeBench::config());
  bench.bind(kAnnLink, kAnn);
  // Superseded: the store has to be asked who it is.
  bench.client(kAnnLink, bench.send_frame(kAnnBob, 1));
  const auto first = bench.take_op<MailboxOp>(MailboxOpKind::append);
  ASSERT_TRUE(first.has_value());
  MailboxReply other = bench.from_store();
  other.identity = 600;
  other.result = MailboxResult::wrong_identity;
  bench.answer(first->id, other);
  bench.client(kAnnLink, bench.send_frame(kAnnBob, 2));
  EXPECT_FALSE(bench.take_op<MailboxOp>(MailboxOpKind::append).has_value());
  bench.learn_epoch();
  std::vector<uint64_t> appended;
  while (const auto op = bench.take_op<MailboxOp>(MailboxOpKind::append)) {
    appended.push_back(op->entry.client_seq);
  }
  EXPECT_EQ(appended, (std::vector<uint64_t>{1, 2}));
}

TEST(NodeSend, AnAcknowledgementThatNamesAnotherNodeOfTheRecipientIsFollowed) {
  NodeConfig config = NodeBench::config();
  config.strategy.kind = StrategyKind::central;
  config.strategy.mode = CentralMode::resolve;
  config.routers = 1;
  NodeBench bench(config);
  bench.router_up(0);
  bench.bind(kAnnLink, kAnn);
  bench.client(kAnnLink, bench.send_frame(kAnnBob, 1));
  bench.answer_append(1);
  const auto calls = bench.to_peers(FrameType::resolve);
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0].frame.flags & kFlagAuthoritative, 0) << "what the router remembers will do";
  Frame resolved;
  resolved.type = FrameType::resolved;
  resolved.number = calls[0].frame.number;
  resolved.route = calls[0].frame.route;
  resolved.user = kBob;
  resolved.nodes.push_back(NodeId{1});
  bench.step(PeerFrame{calls[0].peer, resolved});
  const auto pushes = bench.to_peers(FrameType::push);
  ASSERT_EQ(pushes.size(), 1u);
  Frame ack;
  ack.type = FrameType::route_ack;
  ack.route = pushes[0].frame.route;
  ack.user = kBob;
  ack.version = 3;
  for (const uint32_t n : {0, 1, 2}) ack.nodes.push_back(NodeId{n});
  bench.peer(NodeId{1}, ack);
  const auto more = bench.to_peers(FrameType::push);
  ASSERT_EQ(more.size(), 1u) << "not this node, nor the one that answered";
  EXPECT_EQ(more[0].peer.index, 2u);
}

// The directory names this node, which the user has left: where he went is followed, not asked for.
TEST(NodeSend, WhoHasLeftThisNodeIsFollowed) {
  NodeConfig config = NodeBench::config();
  config.strategy.kind = StrategyKind::mesh_directory;
  NodeBench bench(config);
  bench.bind(kAnnLink, kAnn);
  bench.bind(kBobLink, kBob);
  bench.superseded(kBob, 2, NodeId{2});
  bench.client(kAnnLink, bench.send_frame(kAnnBob, 1));
  bench.answer_append(1);
  const auto lookup = bench.take_op<DirectoryOp>(DirectoryOpKind::lookup);
  ASSERT_TRUE(lookup.has_value());
  DirectoryReply stale;
  stale.kind = DirectoryOpKind::lookup;
  stale.record.user = kBob;
  stale.record.version = 1;
  DeviceRow row;
  row.state = ConnectState::online;
  row.node = NodeId{0};
  row.incarnation = 101;
  stale.record.rows.push_back(row);
  bench.answer(lookup->id, stale);
  const auto pushes = bench.to_peers(FrameType::push);
  ASSERT_EQ(pushes.size(), 1u);
  EXPECT_EQ(pushes[0].peer, address_of(NodeId{2}));
  EXPECT_FALSE(bench.take_op<DirectoryOp>(DirectoryOpKind::lookup).has_value());
  EXPECT_EQ(bench.node().status().cache_entries, 0u) << "what the directory said is forgotten";
  Frame ack;
  ack.type = FrameType::route_ack;
  ack.route = pushes[0].frame.route;
  ack.user = kBob;
  ack.version = 2;
  ack.nodes.push_back(NodeId{2});
  bench.peer(NodeId{2}, ack);
  EXPECT_EQ(bench.node().status().cache_entries, 1u);
}

// Strategy broadcast knows of no other device of who is here: all nodes are told, nobody is
// awaited. The others know where else he is, here nowhere.
TEST(NodeSend, WhoIsHereIsServedHereAndOnlyABroadcastTellsTheRest) {
  for (const StrategyKind kind : {StrategyKind::broadcast, StrategyKind::cached_broadcast}) {
    NodeConfig config = NodeBench::config();
    config.strategy.kind = kind;
    NodeBench bench(config);
    bench.bind(kAnnLink, kAnn);
    bench.bind(kBobLink, kBob);
    bench.client(kAnnLink, bench.send_frame(kAnnBob, 1));
    bench.answer_append(1);
    EXPECT_EQ(bench.to_client(kBobLink, FrameType::deliver).size(), 1u);
    const auto told = bench.to_mesh(FrameType::push);
    ASSERT_EQ(told.size(), kind == StrategyKind::broadcast ? 1u : 0u);
    for (const Frame& frame : told) {
      EXPECT_EQ(frame.user, kBob);
      EXPECT_EQ(frame.route, RouteId{0}) << "no answer is asked for";
    }
    EXPECT_TRUE(bench.to_peers(FrameType::push).empty());
    EXPECT_EQ(bench.node().status().routes_in_flight, 0u);
  }
}

// A group message by broadcast is one frame for all: it names no member and asks for no answer.
TEST(NodeSend, AGroupIsToldByOneBroadcast) {
  NodeConfig config = NodeBench::config();
  config.strategy.kind = StrategyKind::broadcast;
  NodeBench bench(config);
  bench.bind(kAnnLink, kAnn);
  bench.client(kAnnLink, bench.send_frame(ConversationId::group(4), 1));
  const auto op = bench.take_op<MailboxOp>(MailboxOpKind::append);
  ASSERT_TRUE(op.has_value());
  MailboxReply r = bench.from_store();
  r.position = {1, 2};
  r.members = std::make_shared<const std::vector<UserId>>(std::vector<UserId>{kAnn, kBob, kCy});
  bench.answer(op->id, r);
  const auto told = bench.to_mesh(FrameType::push);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].user, kNoUser);
  EXPECT_EQ(told[0].route, RouteId{0});
  EXPECT_EQ(bench.node().status().routes_in_flight, 0u);
}

// Who sent it and where it stands is for the node and the store to say.
TEST(NodeSend, AClientNamesNeitherSenderNorPosition) {
  for (const Guarantee guarantee : {Guarantee::at_most_once, Guarantee::at_least_once}) {
    NodeConfig config = NodeBench::config();
    config.delivery.guarantee = guarantee;
    NodeBench bench(config);
    bench.bind(kAnnLink, kAnn);
    bench.bind(kBobLink, kBob);
    Frame send = bench.send_frame(kAnnBob, 1);
    send.entry.sender = kCy;
    send.entry.sender_device = 5;
    send.entry.position = {9, 9};
    bench.client(kAnnLink, send);
    const bool stored = guarantee == Guarantee::at_least_once;
    if (stored) bench.answer_append(1);
    const auto delivered = bench.to_client(kBobLink, FrameType::deliver);
    ASSERT_EQ(delivered.size(), 1u);
    EXPECT_EQ(delivered[0].entry.sender, kAnn);
    EXPECT_EQ(delivered[0].entry.sender_device, 0u);
    EXPECT_EQ(delivered[0].entry.position, (stored ? Position{1, 1} : Position{}));
  }
}

TEST(NodeSend, AtMostOnceToAGroupIsForItsMembers) {
  for (const bool member : {true, false}) {
    NodeConfig config = NodeBench::config();
    config.delivery.guarantee = Guarantee::at_most_once;
    NodeBench bench(config);
    bench.bind(kAnnLink, kAnn);
    bench.client(kAnnLink, bench.send_frame(ConversationId::group(4), 1));
    const auto op = bench.take_op<MailboxOp>(MailboxOpKind::members);
    ASSERT_TRUE(op.has_value());
    MailboxReply r = bench.from_store();
    r.kind = MailboxOpKind::members;
    r.members = std::make_shared<const std::vector<UserId>>(
        member ? std::vector<UserId>{kAnn, kBob} : std::vector<UserId>{kBob, kCy});
    bench.answer(op->id, r);
    EXPECT_EQ(bench.to_client(kAnnLink, FrameType::accepted).size(), member ? 1u : 0u);
    const auto refused = bench.to_client(kAnnLink, FrameType::refused);
    ASSERT_EQ(refused.size(), member ? 0u : 1u);
    for (const Frame& f : refused) EXPECT_EQ(f.reason, Reason::not_member);
  }
}

}  // namespace
}  // namespace imroute
