// Calls of a Node to routers under the invocation policies: who is asked, how often, and when a
// call is over.
#include "tests/step/node_bench.h"

namespace imroute {
namespace {

const UserId kAnn{1}, kBob{2};
const LinkId kAnnLink{10};
const ConversationId kAnnBob = ConversationId::direct(kAnn, kBob);

NodeConfig central(CentralMode mode) {
  NodeConfig c = NodeBench::config();
  c.strategy.kind = StrategyKind::central;
  c.strategy.mode = mode;
  c.routers = 3;
  return c;
}

class NodeRouterCalls {
 public:
  explicit NodeRouterCalls(const NodeConfig& config) : bench(config) {
    for (uint32_t r = 0; r < config.routers; ++r) bench.router_up(r);
    bench.bind(kAnnLink, kAnn);
    send(1);
  }
  void send(uint64_t seq) {
    bench.client(kAnnLink, bench.send_frame(kAnnBob, seq));
    bench.answer_append(seq);
  }
  Frame resolved(const Frame& call, std::vector<NodeId> nodes) {
    Frame f;
    f.type = FrameType::resolved;
    f.number = call.number;
    f.route = call.route;
    f.user = call.user;
    f.reason = nodes.empty() ? Reason::offline : Reason::none;
    for (NodeId node : nodes) f.nodes.push_back(node);
    return f;
  }
  void acknowledge(const Frame& call, NodeId holder) {
    Frame f;
    f.type = FrameType::route_ack;
    f.route = call.route;
    f.user = kBob;
    f.version = 1;
    f.nodes.push_back(holder);
    bench.peer(holder, f);
  }
  void answer(const SendPeer& call, const Frame& frame) { bench.step(PeerFrame{call.peer, frame}); }
  NodeBench bench;
};

TEST(NodeRouterCalls, ResolvedUserIsPushedTo) {
  NodeRouterCalls t(central(CentralMode::resolve));
  const auto calls = t.bench.to_peers(FrameType::resolve);
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0].peer.kind, PeerKind::router);
  t.answer(calls[0], t.resolved(calls[0].frame, {NodeId{2}}));
  const auto pushes = t.bench.to_peers(FrameType::push);
  ASSERT_EQ(pushes.size(), 1u);
  EXPECT_EQ(pushes[0].peer.index, 2u);
}

TEST(NodeRouterCalls, FailoverAsksAnotherRouterWhenOneIsSilent) {
  NodeRouterCalls t(central(CentralMode::resolve));
  const auto first = t.bench.to_peers(FrameType::resolve);
  ASSERT_EQ(first.size(), 1u);
  std::vector<SendPeer> second;
  for (int i = 0; i < 30 && second.empty(); ++i) {
    t.bench.live_for(100 * kMillisecond);
    second = t.bench.to_peers(FrameType::resolve);
  }
  ASSERT_EQ(second.size(), 1u);
  EXPECT_NE(second[0].peer.index, first[0].peer.index);
  t.answer(second[0], t.resolved(second[0].frame, {NodeId{1}}));
  EXPECT_EQ(t.bench.to_peers(FrameType::push).size(), 1u);
}

// The policy's attempts, one retry of the strategy, then the mailbox path: never a storm, never
// silence. A router that says no at once must not be worn out either. (nemesis 160,
// central:resolve:range: attempts nested in each other left a call with a waiting route)
TEST(NodeRouterCalls, WhenEveryRouterRefusesTheChainEndsSoon) {
  NodeRouterCalls t(central(CentralMode::resolve));
  t.send(2);  // waits for what the first learns
  int asked = 0;
  for (int i = 0; i < 300; ++i) {
    for (const SendPeer& call : t.bench.to_peers(FrameType::resolve)) {
      ++asked;
      Frame refusal = t.resolved(call.frame, {});
      refusal.reason = Reason::overloaded;
      t.answer(call, refusal);
    }
    t.bench.live_for(100 * kMillisecond);
  }
  EXPECT_GE(asked, 2);
  EXPECT_LE(asked, 2 * 3 * 2) << "two messages, three attempts a call, one retry";
  EXPECT_EQ(t.bench.node().counters().routes_given_up, 2u);
  EXPECT_EQ(t.bench.node().status().routes_in_flight, 0u);
}

TEST(NodeRouterCalls, ARouterThatIsNotConnectedIsNotAsked) {
  NodeBench bench(central(CentralMode::resolve));
  bench.bind(kAnnLink, kAnn);
  const auto asked = [&](uint64_t seq) {
    bench.client(kAnnLink, bench.send_frame(kAnnBob, seq));
    bench.answer_append(seq);
    return bench.to_peers(FrameType::resolve);
  };
  EXPECT_TRUE(asked(1).empty());
  bench.live_for(2 * kSecond);
  EXPECT_TRUE(bench.to_peers(FrameType::resolve).empty());
  bench.router_up(2);
  const auto calls = asked(2);
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0].peer, address_of(RouterId{2}));
}

// The question about all members together failed: each is asked for by itself.
TEST(NodeRouterCalls, AfterARefusalForAGroupEachMemberIsAskedFor) {
  NodeConfig config = central(CentralMode::resolve);
  NodeBench bench(config);
  for (uint32_t r = 0; r < config.routers; ++r) bench.router_up(r);
  bench.bind(kAnnLink, kAnn);
  bench.client(kAnnLink, bench.send_frame(ConversationId::group(5), 1));
  const auto op = bench.take_op<MailboxOp>(MailboxOpKind::append);
  ASSERT_TRUE(op.has_value());
  MailboxReply stored = bench.from_store();
  stored.position = {1, 2};
  stored.members_version = 1;
  stored.members =
      std::make_shared<const std::vector<UserId>>(std::vector<UserId>{kAnn, kBob, UserId{3}});
  bench.answer(op->id, stored);
  std::vector<UserId> asked_for;
  for (int i = 0; i < 100; ++i) {
    for (const SendPeer& call : bench.to_peers(FrameType::resolve)) {
      if (call.frame.user != kNoUser) {
        asked_for.push_back(call.frame.user);
        continue;
      }
      EXPECT_EQ(call.frame.list.as<UserId>().size(), 2u);
      Frame refusal;
      refusal.type = FrameType::resolved;
      refusal.number = call.frame.number;
      refusal.route = call.frame.route;
      refusal.reason = Reason::overloaded;
      bench.step(PeerFrame{call.peer, refusal});
    }
    if (asked_for.size() >= 2) break;
    bench.live_for(100 * kMillisecond);
  }
  EXPECT_EQ(asked_for, (std::vector<UserId>{kBob, UserId{3}}));
}

// The router that reads the directory has pushed it to every node of the user.
TEST(NodeRouterCalls, WhatARouterForwardedIsNotPushedAgainToASecondDevice) {
  NodeRouterCalls t(central(CentralMode::forward));
  const auto calls = t.bench.to_peers(FrameType::forward);
  ASSERT_EQ(calls.size(), 1u);
  Frame ack;
  ack.type = FrameType::route_ack;
  ack.route = calls[0].frame.route;
  ack.user = kBob;
  ack.version = 1;
  ack.nodes.push_back(NodeId{1});
  ack.nodes.push_back(NodeId{2});
  t.bench.peer(NodeId{1}, ack);
  EXPECT_TRUE(t.bench.to_peers(FrameType::push).empty());
  EXPECT_EQ(t.bench.node().status().routes_in_flight, 0u);
}

TEST(NodeRouterCalls, ForwardIsAnsweredByTheHolderAndNotRepeated) {
  NodeRouterCalls t(central(CentralMode::forward));
  const auto calls = t.bench.to_peers(FrameType::forward);
  ASSERT_EQ(calls.size(), 1u);
  t.acknowledge(calls[0].frame, NodeId{2});
  t.bench.live_for(5 * kSecond);
  EXPECT_TRUE(t.bench.to_peers(FrameType::forward).empty());
  EXPECT_EQ(t.bench.node().status().routes_in_flight, 0u);
}

// All routers are given the message, and one of them is enough: whose answer is not awaited any
// more is not to blame for its silence, else the circuits of healthy routers open. (swarm 9045)
TEST(NodeRouterCalls, TheRestOfABroadcastThatIsDoneIsBlamedOnNobody) {
  for (const uint32_t percent : {33u, 100u}) {
    NodeConfig config = central(CentralMode::forward);
    config.invocation.policy = PolicyKind::broadcast;
    config.invocation.required_percent = percent;
    config.invocation.breaker = true;
    config.invocation.breaker_failures = 1;
    NodeRouterCalls t(config);
    const auto calls = t.bench.to_peers(FrameType::forward);
    ASSERT_EQ(calls.size(), 3u);
    t.acknowledge(calls[0].frame, NodeId{2});
    t.bench.live_for(2 * kSecond);
    EXPECT_EQ(t.bench.node().counters().circuits_opened, 0u) << percent;
  }
}

// Asking all of them, the node goes by the answer that completes the share it needs, not by the
// first.
TEST(NodeRouterCalls, ABroadcastQuestionIsAnsweredByAsManyAsMustAnswer) {
  for (const uint32_t percent : {33u, 100u}) {
    NodeConfig config = central(CentralMode::resolve);
    config.invocation.policy = PolicyKind::broadcast;
    config.invocation.required_percent = percent;
    NodeRouterCalls t(config);
    const auto calls = t.bench.to_peers(FrameType::resolve);
    ASSERT_EQ(calls.size(), 3u);
    std::vector<uint32_t> pushed;
    for (const uint32_t holder : {1u, 2u, 2u}) {
      const SendPeer& call = calls[pushed.size()];
      t.answer(call, t.resolved(call.frame, {NodeId{holder}}));
      const auto pushes = t.bench.to_peers(FrameType::push);
      pushed.push_back(pushes.empty() ? 0 : pushes[0].peer.index);
    }
    const std::vector<uint32_t> first{1, 0, 0}, last{0, 0, 2};
    EXPECT_EQ(pushed, percent == 33 ? first : last);
  }
}

// One circuit is open, so the call of all is lost from the start: what was sent to the others all
// the same is not counted against them when the answer finds nobody waiting. (swarm 9045)
TEST(NodeRouterCalls, AnOpenCircuitDoesNotOpenTheOthers) {
  NodeConfig config = central(CentralMode::forward);
  config.invocation.policy = PolicyKind::broadcast;
  config.invocation.breaker = true;
  config.invocation.breaker_failures = 1;
  config.invocation.breaker_open_ns = 3600 * kSecond;
  NodeRouterCalls t(config);
  const auto first = t.bench.to_peers(FrameType::forward);
  ASSERT_EQ(first.size(), 3u);
  t.bench.live_for(3 * kSecond);  // nobody answers: all open
  const uint64_t opened = t.bench.node().counters().circuits_opened;
  ASSERT_GE(opened, 1u);
  t.bench.step(PeerDown{first[1].peer, Reason::closed_by_peer});
  t.bench.step(PeerUp{first[1].peer});  // a new connection is a new start
  for (uint64_t seq = 2; seq <= 4; ++seq) {
    t.send(seq);
    t.bench.live_for(2 * kSecond);
  }
  EXPECT_EQ(t.bench.node().counters().circuits_opened, opened);
}

}  // namespace
}  // namespace imroute
