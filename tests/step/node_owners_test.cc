// Who else holds a user: a node that binds a session tells the user's other holders, and repeats it
// for a while. Whom it does not reach, the session check tells (protocol.md 1: an answer names all
// nodes).
#include "tests/step/node_bench.h"

namespace imroute {
namespace {

const UserId kBob{2};
const LinkId kBobLink{20};

class NodeOwnersTest : public ::testing::Test {
 protected:
  // Bob's first device binds here; his second one is at node 1.
  void bind_with_another_at_node_1() {
    bench_.step(ClientUp{kBobLink});
    Frame bind;
    bind.type = FrameType::bind;
    bind.user = kBob;
    bind.generation = 1;
    bench_.client(kBobLink, bind);
    const auto op = bench_.take_op<DirectoryOp>(DirectoryOpKind::bind);
    ASSERT_TRUE(op.has_value());
    DirectoryReply r;
    r.record.user = kBob;
    r.record.version = 7;
    DeviceRow other = op->row;
    other.device = 1;
    other.node = NodeId{1};
    other.incarnation = 102;
    r.record.rows.push_back(op->row);
    r.record.rows.push_back(other);
    bench_.answer(op->id, r);
  }
  void live_with_pings(DurationNs by) {
    for (DurationNs t = 0; t < by; t += kSecond) {
      bench_.live_for(kSecond);
      Frame ping;
      ping.type = FrameType::ping;
      bench_.client(kBobLink, ping);
    }
  }
  Frame owners(uint64_t version) {
    Frame f;
    f.type = FrameType::owners;
    f.user = kBob;
    f.version = version;
    f.nodes.push_back(NodeId{0});
    f.nodes.push_back(NodeId{2});
    return f;
  }
  NodeBench bench_{NodeBench::config()};
};

TEST_F(NodeOwnersTest, ToldAgainUntilItIsAcknowledged) {
  bind_with_another_at_node_1();
  EXPECT_EQ(bench_.to_peers(FrameType::owners).size(), 1u);
  live_with_pings(5 * kSecond);
  const auto told = bench_.to_peers(FrameType::owners);
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.back().peer, address_of(NodeId{1}));
  EXPECT_EQ(told.back().frame.version, 7u);
  EXPECT_EQ(told.back().frame.nodes.size(), 2u);
  Frame ack;
  ack.type = FrameType::owners_ack;
  ack.user = kBob;
  ack.version = 7;
  bench_.peer(NodeId{1}, ack);
  live_with_pings(5 * kSecond);
  EXPECT_TRUE(bench_.to_peers(FrameType::owners).empty());
}

// A bind that is on its way keeps its node from answering; it is over within a moment, and pushes
// have to reach the session from D_bind on. (swarm seed 726279)
TEST_F(NodeOwnersTest, TheFirstRepetitionsComeSoon) {
  bind_with_another_at_node_1();
  const auto told = [&] { return bench_.to_peers(FrameType::owners).size(); };  // since last asked
  EXPECT_EQ(told(), 1u);
  bench_.live_for(100 * kMillisecond);
  EXPECT_EQ(told(), 1u);
  bench_.live_for(200 * kMillisecond);
  EXPECT_EQ(told(), 1u);
}

// Two nodes that cannot reach each other for long, while both reach everything else: the session
// check tells the other one.
TEST_F(NodeOwnersTest, WhoCannotBeReachedIsLeftToTheSessionCheck) {
  bind_with_another_at_node_1();
  live_with_pings(11 * kSecond);
  EXPECT_EQ(bench_.to_peers(FrameType::owners).size(), 1u + 20u)
      << "soon at first, then twice a second";
  live_with_pings(5 * kSecond);
  EXPECT_TRUE(bench_.to_peers(FrameType::owners).empty());
}

TEST_F(NodeOwnersTest, NotToldWhatIsNoLongerTrue) {
  bind_with_another_at_node_1();
  bench_.peer(NodeId{2}, owners(8));  // Bob's other device has moved from node 1 to node 2
  bench_.to_peers(FrameType::owners);
  live_with_pings(5 * kSecond);
  EXPECT_TRUE(bench_.to_peers(FrameType::owners).empty());
}

// Else it would be repeated to a node that Bob left without a trace.
TEST_F(NodeOwnersTest, AcknowledgedWhereNobodyIsConcerned) {
  bench_.peer(NodeId{2}, owners(3));
  EXPECT_EQ(bench_.to_peers(FrameType::owners_ack).size(), 1u);
}

}  // namespace
}  // namespace imroute
