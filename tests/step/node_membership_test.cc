// The Node as a member: its lease, the view it serves under, the peers it dials, and leaving.
#include "tests/step/node_bench.h"

namespace imroute {
namespace {

const UserId kAnn{1}, kBob{2};
const LinkId kBobLink{20};
const ConversationId kAnnBob = ConversationId::direct(kAnn, kBob);

class NodeMembershipTest : public ::testing::Test {
 protected:
  // Time passes; Bob pings, nodes 1 and 2 say `flags`, no renewal is answered.
  void unrenewed_for(DurationNs by, uint8_t flags) {
    for (DurationNs t = 0; t < by; t += 100 * kMillisecond) {
      for (uint32_t n = 1; n <= 2; ++n) {
        Frame beacon;
        beacon.type = FrameType::beacon;
        beacon.node = NodeId{n};
        beacon.flags = flags;
        bench_.peer(NodeId{n}, beacon);
      }
      Frame ping;
      ping.type = FrameType::ping;
      bench_.client(kBobLink, ping);
      bench_.advance(100 * kMillisecond);
    }
  }

  NodeBench bench_{NodeBench::config()};
};

TEST_F(NodeMembershipTest, FencesItselfBeforeTheLeaseEndsAndServesNobody) {
  bench_.bind(kBobLink, kBob);
  const MonoTime end = bench_.now() + 6 * kSecond;
  while (!bench_.node().status().fenced && bench_.now() < end) {
    Frame ping;
    ping.type = FrameType::ping;
    bench_.client(kBobLink, ping);
    bench_.advance(50 * kMillisecond);  // no renewal is answered
  }
  EXPECT_LT(bench_.now(), end);
  EXPECT_TRUE(bench_.node().status().fenced);
  EXPECT_FALSE(bench_.node().status().serving);
  EXPECT_EQ(bench_.node().status().fence_cause, FenceCause::ran_out);
  EXPECT_EQ(bench_.node().status().sessions, 0u);
  bench_.effects().clear();
  bench_.peer(NodeId{1}, bench_.push_frame(kBob, kAnnBob, kAnn, 1));
  EXPECT_TRUE(bench_.to_client(kBobLink, FrameType::deliver).empty());
}

// A new session is asked for once at a time, and again when that failed.
TEST_F(NodeMembershipTest, AFencedNodeOpensOneSessionAtATime) {
  const auto opens = [&] {
    bench_.advance(3 * kSecond);
    std::vector<OpId> asked;
    while (const auto op = bench_.take_op<RegistryOp>(RegistryOpKind::open)) {
      asked.push_back(op->id);
    }
    return asked;
  };
  unrenewed_for(7 * kSecond, 0);
  const auto first = opens();
  ASSERT_EQ(first.size(), 1u);
  EXPECT_TRUE(opens().empty());
  bench_.answer_unknown(first[0]);
  EXPECT_EQ(opens().size(), 1u);
}

TEST_F(NodeMembershipTest, AfterAPauseNothingIsShownOrAccepted) {
  bench_.bind(kBobLink, kBob);
  bench_.effects().clear();
  // The machine slept through its lease; the first thing it handles is a push, not a timer.
  NodeBench& bench = bench_;
  bench.sleep(20 * kSecond);
  bench.peer(NodeId{1}, bench.push_frame(kBob, kAnnBob, kAnn, 1));
  EXPECT_TRUE(bench.to_client(kBobLink, FrameType::deliver).empty());
  bench.client(kBobLink, bench.send_frame(kAnnBob, 1));
  EXPECT_FALSE(bench.take_op<MailboxOp>(MailboxOpKind::append).has_value());
  EXPECT_TRUE(bench.to_client(kBobLink, FrameType::accepted).empty());
}

TEST_F(NodeMembershipTest, SuspendedNotFencedWhenMostOthersCannotRenewEither) {
  bench_.peer_up(1);
  bench_.peer_up(2);
  bench_.bind(kBobLink, kBob);
  unrenewed_for(10 * kSecond, kFlagCannotRenew);
  EXPECT_FALSE(bench_.node().status().fenced);
  EXPECT_TRUE(bench_.node().status().suspended);
  EXPECT_EQ(bench_.node().status().sessions, 1u);
}

// Alone in the cluster there is nobody who could serve its users instead.
TEST(NodeMembership, ANodeAloneSuspendsItself) {
  NodeBench bench(NodeBench::config(), 1);
  bench.advance(10 * kSecond);
  EXPECT_TRUE(bench.node().status().suspended);
  EXPECT_FALSE(bench.node().status().fenced);
}

TEST_F(NodeMembershipTest, SuspendedAloneItFencesItselfAfterAll) {
  bench_.peer_up(1);
  bench_.peer_up(2);
  bench_.bind(kBobLink, kBob);
  unrenewed_for(10 * kSecond, kFlagCannotRenew);
  EXPECT_TRUE(bench_.node().status().suspended);
  unrenewed_for(10 * kSecond, 0);  // the others renew again
  EXPECT_TRUE(bench_.node().status().fenced);
  EXPECT_EQ(bench_.node().status().fence_cause, FenceCause::cut_off);
}

TEST_F(NodeMembershipTest, ALeaseThatTheRegistryForgotFencesAtOnce) {
  bench_.bind(kBobLink, kBob);
  std::optional<RegistryOp> renew;
  while (!(renew = bench_.take_op<RegistryOp>(RegistryOpKind::renew))) {
    bench_.advance(50 * kMillisecond);
  }
  bench_.step(Reply{renew->id, ReplyStatus::error, nullptr, nullptr, nullptr});
  EXPECT_TRUE(bench_.node().status().fenced);
  EXPECT_EQ(bench_.node().status().fence_cause, FenceCause::forgotten);
}

TEST_F(NodeMembershipTest, TellsTheViewItServesUnder) {
  EXPECT_EQ(bench_.node().status().view_version, 1u);
  EXPECT_TRUE(bench_.node().status().serving);
}

TEST_F(NodeMembershipTest, WatchThatFiresDuringAListIsNotLost) {
  bench_.step(ViewChanged{});
  bench_.run_until(bench_.now());
  const auto list = bench_.take_op<RegistryOp>(RegistryOpKind::list);
  ASSERT_TRUE(list.has_value());
  bench_.step(ViewChanged{});
  bench_.run_until(bench_.now());
  EXPECT_FALSE(bench_.take_op<RegistryOp>(RegistryOpKind::list).has_value());
  RegistryReply r;
  r.kind = RegistryOpKind::list;
  r.view = std::make_shared<const ClusterView>();
  bench_.answer(list->id, r);
  bench_.run_until(bench_.now());
  EXPECT_TRUE(bench_.take_op<RegistryOp>(RegistryOpKind::list).has_value());
}

// Answers of two registry servers may come in the wrong order.
TEST_F(NodeMembershipTest, AnOlderViewIsIgnored) {
  const auto see = [&](uint64_t version) {
    bench_.step(ViewChanged{});
    bench_.run_until(bench_.now());
    RegistryReply r;
    r.kind = RegistryOpKind::list;
    r.view = std::make_shared<const ClusterView>(
        ClusterView{version, {{NodeId{0}, 1, 101, false}, {NodeId{1}, 1, 102, false}}});
    bench_.answer(bench_.take_op<RegistryOp>(RegistryOpKind::list).value().id, r);
    return bench_.node().status().view_version;
  };
  EXPECT_EQ(see(7), 7u);
  EXPECT_EQ(see(6), 7u);
  EXPECT_EQ(see(8), 8u);
}

// Waits a random time of the second half of a range that doubles with each failure.
TEST_F(NodeMembershipTest, APeerThatIsAwayIsDialledAgainLessAndLessOften) {
  const auto dials = [&] {
    size_t n = 0;
    for (const Connect& c : bench_.take<Connect>()) n += c.peer == address_of(NodeId{1}) ? 1 : 0;
    return n;
  };
  EXPECT_EQ(dials(), 1u);
  const SessionConfig& config = NodeBench::config().sessions;
  DurationNs backoff = config.backoff_min_ns;
  for (int failures = 1; failures <= 12; ++failures) {
    bench_.step(PeerDown{address_of(NodeId{1}), Reason::closed_by_peer});
    bench_.advance(backoff / 2 - 1);
    EXPECT_EQ(dials(), 0u) << failures;
    bench_.advance(backoff / 2 + 1);
    EXPECT_EQ(dials(), 1u) << failures;
    backoff = std::min(2 * backoff, config.backoff_max_ns);
  }
  bench_.peer_up(1);  // there: it begins anew
  bench_.step(PeerDown{address_of(NodeId{1}), Reason::closed_by_peer});
  bench_.advance(config.backoff_min_ns);
  EXPECT_EQ(dials(), 1u);
}

TEST_F(NodeMembershipTest, DrainMovesClientsAndLeaves) {
  bench_.bind(kBobLink, kBob);
  Command drain;
  drain.kind = CommandKind::drain;
  bench_.step(drain);
  EXPECT_EQ(bench_.to_client(kBobLink, FrameType::go_away).size(), 1u);
  bench_.step(ClientDown{kBobLink, Reason::closed_by_peer});
  bench_.live_for(8 * kSecond);
  EXPECT_TRUE(bench_.node().status().drained);
  EXPECT_TRUE(bench_.take_op<RegistryOp>(RegistryOpKind::close).has_value());
}

}  // namespace
}  // namespace imroute
