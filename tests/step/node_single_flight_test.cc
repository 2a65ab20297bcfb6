// One route asks where a user is, the others wait for what it learns. What was begun earlier for a
// route that now waits (a timer, a look-up) must not end it behind the back of the one it waits
// for.
#include "tests/step/node_bench.h"

namespace imroute {
namespace {

const UserId kAnn{1}, kBob{2};
const LinkId kAnnLink{10};
const ConversationId kAnnBob = ConversationId::direct(kAnn, kBob);

class NodeSingleFlight : public ::testing::Test {
 protected:
  static NodeConfig config() {
    NodeConfig c = NodeBench::config();
    c.strategy.kind = StrategyKind::mesh_directory;
    return c;
  }
  std::optional<OpId> asked() {
    const auto op = bench_.take_op<DirectoryOp>(DirectoryOpKind::lookup);
    if (!op.has_value()) return std::nullopt;
    return op->id;
  }
  void answer(OpId lookup, std::optional<uint32_t> node) {
    DirectoryReply r;
    r.kind = DirectoryOpKind::lookup;
    r.record.user = kBob;
    r.record.version = ++version_;
    if (node.has_value()) {
      DeviceRow row;
      row.device = 0;
      row.node = NodeId{*node};
      row.incarnation = 101 + *node;
      row.generation = version_;
      row.state = ConnectState::online;
      r.record.rows.push_back(row);
    }
    bench_.answer(lookup, r);
  }
  RouteId pushed() {
    const auto pushes = bench_.to_peers(FrameType::push);
    EXPECT_EQ(pushes.size(), 1u);
    return pushes.empty() ? RouteId{0} : pushes[0].frame.route;
  }
  void nack(RouteId route, uint32_t from) {
    Frame f;
    f.type = FrameType::nack;
    f.route = route;
    f.user = kBob;
    f.reason = Reason::no_session;
    bench_.peer(NodeId{from}, f);
  }
  RouteId send(uint64_t seq) {
    bench_.client(kAnnLink, bench_.send_frame(kAnnBob, seq));
    bench_.answer_append(seq);
    if (const auto lookup = asked()) answer(*lookup, 1);
    return pushed();
  }
  NodeBench bench_{config()};
  uint64_t version_ = 0;
};

TEST_F(NodeSingleFlight, TheTimerOfAnEarlierPushAsksNothingWhileALookupIsUnderWay) {
  bench_.bind(kAnnLink, kAnn);
  for (uint32_t n = 1; n < 3; ++n) bench_.peer_up(n);
  const RouteId route = send(1);
  nack(route, 1);
  const auto lookup = asked();
  ASSERT_TRUE(lookup.has_value());
  bench_.live_for(config().delivery.route_deadline_ns + 100 * kMillisecond);
  EXPECT_FALSE(asked().has_value());
  answer(*lookup, 2);
  EXPECT_EQ(pushed(), route);
}

TEST_F(NodeSingleFlight, ALookupOfAnEarlierAttemptDoesNotEndARouteThatFollows) {
  bench_.bind(kAnnLink, kAnn);
  for (uint32_t n = 1; n < 3; ++n) bench_.peer_up(n);
  const RouteId first = send(1);
  const RouteId second = send(2);
  nack(first, 1);
  const auto lookup = asked();
  ASSERT_TRUE(lookup.has_value());
  bench_.live_for(config().delivery.route_deadline_ns + 100 * kMillisecond);
  const auto repeated = asked();  // by nobody, if all is well
  answer(*lookup, 2);
  bench_.to_peers(FrameType::push);
  nack(second, 2);
  const auto leads = asked();
  nack(first, 2);  // it follows the second
  if (repeated.has_value()) answer(*repeated, std::nullopt);
  if (leads.has_value())
    answer(*leads, std::nullopt);  // the second gives up, and all that follow it
  bench_.live_for(2 * kSecond);
  EXPECT_EQ(bench_.node().counters().routes_given_up, 2u);
}

}  // namespace
}  // namespace imroute
