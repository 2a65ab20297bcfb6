// A node that lost its stores while others still reach theirs sends its clients there (protocol.md
// 5); one that shares the loss with everybody keeps them, since nobody could serve them better.
#include "tests/step/node_bench.h"

namespace imroute {
namespace {

const UserId kAnn{1}, kBob{2};
const LinkId kAnnLink{10}, kBobLink{20};

class NodeDegradedTest : public ::testing::Test {
 protected:
  NodeDegradedTest() {
    bench_.peer_up(1);
    bench_.peer_up(2);
    bench_.bind(kBobLink, kBob);
  }

  // Time passes; clients ping, leases are renewed, both peers say `flags`, no store answers.
  void without_stores(DurationNs by, uint8_t flags) {
    for (DurationNs t = 0; t < by; t += 100 * kMillisecond) {
      bench_.live_for(100 * kMillisecond);
      while (auto op = bench_.take_op<MailboxOp>(MailboxOpKind::compare)) {
        bench_.answer_unknown(op->id);
      }
      while (auto op = bench_.take_op<DirectoryOp>(DirectoryOpKind::check)) {
        bench_.answer_unknown(op->id);
      }
      Frame ping;
      ping.type = FrameType::ping;
      bench_.client(kBobLink, ping);
      for (uint32_t n = 1; n <= 2; ++n) {
        Frame beacon;
        beacon.type = FrameType::beacon;
        beacon.node = NodeId{n};
        beacon.flags = flags;
        bench_.peer(NodeId{n}, beacon);
      }
    }
  }

  NodeBench bench_{NodeBench::config()};
  const DurationNs lease_ = NodeBench::config().sessions.lease_ns;
};

TEST_F(NodeDegradedTest, ClientsAreSentAwayAfterALeaseWhenAnotherNodeReachesTheStores) {
  without_stores(lease_, 0);
  EXPECT_TRUE(bench_.to_client(kBobLink, FrameType::go_away).empty()) << "a lease has not passed";
  without_stores(3 * lease_, 0);
  EXPECT_FALSE(bench_.to_client(kBobLink, FrameType::go_away).empty());
  EXPECT_FALSE(bench_.node().status().draining) << "it comes back by itself";

  bench_.bind(kAnnLink, kAnn);
  const std::vector<Frame> refused = bench_.to_client(kAnnLink, FrameType::bind_refused);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].reason, Reason::draining);
}

TEST_F(NodeDegradedTest, ClientsStayWhenNobodyReachesTheStores) {
  without_stores(4 * lease_, kFlagDegraded);
  EXPECT_TRUE(bench_.to_client(kBobLink, FrameType::go_away).empty());
  bench_.bind(kAnnLink, kAnn);
  EXPECT_EQ(bench_.to_client(kAnnLink, FrameType::bound).size(), 1u) << "and may come";
  EXPECT_EQ(bench_.node().status().sessions, 2u);
}

TEST_F(NodeDegradedTest, BeaconsSayItAndTakeItBack) {
  without_stores(lease_, 0);
  std::vector<Frame> beacons = bench_.to_mesh(FrameType::beacon);
  ASSERT_FALSE(beacons.empty());
  EXPECT_NE(beacons.back().flags & kFlagDegraded, 0);

  // Both stores answer again.
  for (DurationNs t = 0; t < 2 * lease_; t += 100 * kMillisecond) {
    bench_.live_for(100 * kMillisecond);
    bench_.learn_epoch();
    while (auto op = bench_.take_op<DirectoryOp>(DirectoryOpKind::check)) {
      DirectoryReply reply;
      reply.kind = DirectoryOpKind::check;
      bench_.answer(op->id, reply);
    }
  }
  beacons = bench_.to_mesh(FrameType::beacon);
  ASSERT_FALSE(beacons.empty());
  EXPECT_EQ(beacons.back().flags & kFlagDegraded, 0);
}

bool says_degraded(NodeBench& bench) {
  bench.to_mesh(FrameType::beacon);
  bench.live_for(kSecond);
  const std::vector<Frame> beacons = bench.to_mesh(FrameType::beacon);
  EXPECT_FALSE(beacons.empty());
  return !beacons.empty() && (beacons.back().flags & kFlagDegraded) != 0;
}

// Degraded it gets no clients, and without clients nothing else would ask: routers turned everybody
// away for ever. Found by scenarios/swarm.json, seed 60.
TEST(NodeDegraded, WithoutClientsItFindsThatItsStoresAreBack) {
  NodeBench bench(NodeBench::config());
  bench.bind(kAnnLink, kAnn);
  bench.client(kAnnLink, bench.send_frame(ConversationId::direct(kAnn, kBob), 1));
  bench.answer_unknown(bench.take_op<MailboxOp>(MailboxOpKind::append)->id);
  bench.step(ClientDown{kAnnLink, Reason::reset});
  bench.answer_unknown(bench.take_op<DirectoryOp>(DirectoryOpKind::unbind)->id);
  bench.live_for(10 * kSecond);
  bench.take<StoreOp>();  // whatever was asked for Ann, unanswered
  ASSERT_TRUE(says_degraded(bench));

  bench.live_for(2 * kSecond);
  const auto mailbox = bench.take_op<MailboxOp>(MailboxOpKind::compare);
  ASSERT_TRUE(mailbox.has_value()) << "it does not ask the mailbox";
  MailboxReply answer = bench.from_store();
  answer.kind = MailboxOpKind::compare;
  bench.answer(mailbox->id, answer);
  EXPECT_TRUE(says_degraded(bench));  // one of the two is still out of reach

  const auto directory = bench.take_op<DirectoryOp>(DirectoryOpKind::check);
  ASSERT_TRUE(directory.has_value()) << "it does not ask the directory";
  DirectoryReply verdicts;
  verdicts.kind = DirectoryOpKind::check;
  bench.answer(directory->id, verdicts);
  EXPECT_FALSE(says_degraded(bench));
  bench.take<StoreOp>();
  bench.live_for(2 * kSecond);
  EXPECT_FALSE(bench.take_op<MailboxOp>(MailboxOpKind::compare)) << "they answer: no more probes";
  EXPECT_FALSE(bench.take_op<DirectoryOp>(DirectoryOpKind::check));
}

}  // namespace
}  // namespace imroute
