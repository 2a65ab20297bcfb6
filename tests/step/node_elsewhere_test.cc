// Where the other devices of a user are: what a node believes, and that it finds out when it was
// wrong. Otherwise they live on the mailbox path for ever.
#include "tests/step/node_bench.h"

namespace imroute {
namespace {

const UserId kAnn{1}, kBob{2};
const LinkId kAnnLink{10}, kSecondLink{11};
const ConversationId kAnnBob = ConversationId::direct(kAnn, kBob);

DeviceRow row_at(NodeId node, uint64_t incarnation, uint32_t device = 1) {
  DeviceRow row;
  row.device = device;
  row.state = ConnectState::online;
  row.node = node;
  row.incarnation = incarnation;
  row.generation = 1;
  return row;
}

class NodeElsewhere : public ::testing::Test {
 protected:
  // A device of Ann's, the first one if nothing is said, binds here; the record names `other` too.
  void bind_beside(const DeviceRow& other, uint64_t version = 2, LinkId link = kAnnLink,
                   uint32_t device = 0) {
    bench_.step(ClientUp{link});
    Frame f;
    f.type = FrameType::bind;
    f.user = kAnn;
    f.device = device;
    f.generation = 1;
    bench_.client(link, f);
    answer_bind(other, version);
  }
  void answer_bind(const DeviceRow& other, uint64_t version) {
    const auto op = bench_.take_op<DirectoryOp>(DirectoryOpKind::bind);
    ASSERT_TRUE(op.has_value());
    DirectoryReply r;
    r.kind = DirectoryOpKind::bind;
    r.record.user = kAnn;
    r.record.version = version;
    r.record.rows.push_back(op->row);
    r.record.rows.push_back(other);
    bench_.answer(op->id, r);
  }
  void from(NodeId node, FrameType type, uint64_t version) {
    Frame f;
    f.type = type;
    f.user = kAnn;
    f.version = version;
    bench_.peer(node, f);
  }
  // What the next session check asks about users whose other nodes are in doubt.
  std::optional<DirectoryOp> asked_at_the_session_check() {
    Frame alive;
    alive.type = FrameType::ping;
    for (const LinkId link : {kAnnLink, kSecondLink}) bench_.client(link, alive);
    bench_.live_for(NodeBench::config().sessions.session_check());
    EXPECT_TRUE(bench_.take_op<DirectoryOp>(DirectoryOpKind::check)) << "no check took place";
    return bench_.take_op<DirectoryOp>(DirectoryOpKind::lookup_many);
  }
  void answer_asked(const DirectoryOp& op, const DeviceRow& other, uint64_t version) {
    UserRecord record;
    record.user = kAnn;
    record.version = version;
    record.rows.push_back(row_at(NodeId{0}, 101, 0));
    record.rows.push_back(other);
    DirectoryReply r;
    r.kind = DirectoryOpKind::lookup_many;
    r.records = std::make_shared<const std::vector<UserRecord>>(std::vector{record});
    bench_.answer(op.id, r);
  }
  // The nodes that a push for Ann is acknowledged with.
  NodeSet acknowledged() {
    bench_.to_peers(FrameType::route_ack);
    bench_.peer(NodeId{1}, bench_.push_frame(kAnn, kAnnBob, kBob, ++seq_));
    const auto acks = bench_.to_peers(FrameType::route_ack);
    EXPECT_EQ(acks.size(), 1u);
    return acks.empty() ? NodeSet{} : acks[0].frame.nodes;
  }

  NodeBench bench_{NodeBench::config()};
  uint64_t seq_ = 0;
};

// Found by scenarios/swarm.json, seeds 3650 and 4106: node 2 came back, and the registry, read with
// delay, still told of its life before (incarnation 103).
// Also those of the newest node that there was.
TEST(NodeElsewhereLearns, RowsOfTheNodeThatJoinedLastAndDiedAreVoid) {
  NodeConfig config = NodeBench::config();
  config.strategy.kind = StrategyKind::mesh_directory;
  NodeBench bench(config);
  const UserId ann{1}, bob{2};
  bench.bind(LinkId{10}, ann);
  bench.nodes_in_view_ = 2;  // of the three, whose incarnations were 101 to 103
  bench.step(ViewChanged{});
  bench.run_until(bench.now());
  bench.answer_list();
  bench.client(LinkId{10}, bench.send_frame(ConversationId::direct(ann, bob), 1));
  bench.answer_append(1);
  const auto lookup = bench.take_op<DirectoryOp>(DirectoryOpKind::lookup);
  ASSERT_TRUE(lookup.has_value());
  DirectoryReply r;
  r.record.user = bob;
  r.record.version = 1;
  DeviceRow row;
  row.state = ConnectState::online;
  row.node = NodeId{2};
  row.incarnation = 103;
  r.record.rows.push_back(row);
  bench.answer(lookup->id, r);
  EXPECT_EQ(bench.node().status().routes_in_flight, 0u) << "nobody is online";
}

// A node that joined a moment ago may acknowledge before it is in the view here.
TEST(NodeElsewhereLearns, AnAcknowledgementNeverTeachesThatNobodyIsThere) {
  NodeBench bench(NodeBench::config());
  const UserId ann{1}, bob{2};
  const ConversationId id = ConversationId::direct(ann, bob);
  bench.bind(LinkId{10}, ann);
  for (uint64_t seq = 1; seq <= 2; ++seq) {
    bench.client(LinkId{10}, bench.send_frame(id, seq));
    bench.answer_append(seq);
    const auto told = bench.to_mesh(FrameType::push);
    ASSERT_EQ(told.size(), 1u) << seq;
    Frame ack;
    ack.type = FrameType::route_ack;
    ack.route = told[0].route;
    ack.user = bob;
    ack.version = seq;
    ack.nodes.push_back(NodeId{9});
    bench.peer(NodeId{9}, ack);
  }
}

TEST_F(NodeElsewhere, ARowNewerThanTheViewIsNotVoid) {
  bind_beside(row_at(NodeId{2}, 104));
  EXPECT_TRUE(acknowledged().contains(NodeId{2}));
  const auto told = bench_.to_peers(FrameType::owners);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].peer, address_of(NodeId{2}));
}

TEST_F(NodeElsewhere, ARowOfAnEarlierLifeIsVoid) {
  bind_beside(row_at(NodeId{2}, 102));
  EXPECT_FALSE(acknowledged().contains(NodeId{2}));
  EXPECT_TRUE(bench_.to_peers(FrameType::owners).empty());
}

// Pushed to while it still binds the session, node 2 says that Ann is not there. It is told who
// else holds her until she is, and what it says before that is old by then.
TEST_F(NodeElsewhere, ANackOfANodeThatIsStillToldIsNotBelieved) {
  bind_beside(row_at(NodeId{2}, 103));
  from(NodeId{2}, FrameType::nack, 0);
  EXPECT_TRUE(acknowledged().contains(NodeId{2}));
  from(NodeId{2}, FrameType::owners_ack, 2);
  EXPECT_TRUE(acknowledged().contains(NodeId{2}));
  from(NodeId{2}, FrameType::nack, 0);
  EXPECT_FALSE(acknowledged().contains(NodeId{2}));
}

// OWNERS did not come: node 2 took this one for dead when Ann's second device came there. (swarm
// 5362; nemesis 1000219, 1000411: a partition)
TEST_F(NodeElsewhere, WhoWasNotToldHearsOfItAtTheSessionCheck) {
  bind_beside(row_at(NodeId{1}, 102));
  bind_beside(row_at(NodeId{1}, 102), 2, kSecondLink, 1);
  Frame alive;
  alive.type = FrameType::ping;
  for (const LinkId link : {kAnnLink, kSecondLink}) bench_.client(link, alive);
  bench_.live_for(NodeBench::config().sessions.session_check());
  const auto check = bench_.take_op<DirectoryOp>(DirectoryOpKind::check);
  ASSERT_TRUE(check);
  EXPECT_EQ(check->claims->at(0).version, 2u);
  DirectoryReply r;
  r.kind = DirectoryOpKind::check;
  r.verdicts = std::make_shared<const std::vector<SessionVerdict>>(std::vector{
      SessionVerdict{{kAnn, 0}, 1, false, 0, true}, SessionVerdict{{kAnn, 1}, 1, false, 0, true}});
  bench_.answer(check->id, r);
  const auto asked = bench_.take_op<DirectoryOp>(DirectoryOpKind::lookup_many);
  ASSERT_TRUE(asked) << "at once";
  EXPECT_EQ(*asked->users, std::vector<UserId>{kAnn}) << "once for both of her sessions here";
  answer_asked(*asked, row_at(NodeId{2}, 103), 3);
  EXPECT_TRUE(acknowledged().contains(NodeId{2}));
}

// Found by scenarios/swarm.json, seed 5362: a NACK that was long on its way was older than the
// session there, and the devices on both nodes got by sync what should have been pushed.
TEST_F(NodeElsewhere, WhatANackContradictedIsAskedForAtTheSessionCheck) {
  bind_beside(row_at(NodeId{2}, 103));
  from(NodeId{2}, FrameType::owners_ack, 2);
  EXPECT_FALSE(asked_at_the_session_check()) << "nothing is in doubt";
  from(NodeId{2}, FrameType::nack, 0);
  EXPECT_FALSE(acknowledged().contains(NodeId{2}));
  auto asked = asked_at_the_session_check();
  ASSERT_TRUE(asked);
  EXPECT_EQ(*asked->users, std::vector<UserId>{kAnn});
  bench_.answer_unknown(asked->id);
  asked = asked_at_the_session_check();
  ASSERT_TRUE(asked) << "it was not answered";
  answer_asked(*asked, row_at(NodeId{2}, 103), 1);
  EXPECT_FALSE(acknowledged().contains(NodeId{2})) << "older than what the bind said";
  asked = asked_at_the_session_check();
  ASSERT_TRUE(asked);
  answer_asked(*asked, row_at(NodeId{2}, 103), 2);
  EXPECT_TRUE(acknowledged().contains(NodeId{2}));
  EXPECT_FALSE(asked_at_the_session_check()) << "it was answered";
}

TEST_F(NodeElsewhere, ANackThatContradictsNothingAsksForNothing) {
  bind_beside(row_at(NodeId{2}, 103));
  bind_beside(row_at(NodeId{2}, 103), 3, kSecondLink, 2);
  from(NodeId{2}, FrameType::owners_ack, 3);
  from(NodeId{1}, FrameType::nack, 0);
  EXPECT_FALSE(asked_at_the_session_check());
  from(NodeId{2}, FrameType::nack, 0);
  from(NodeId{2}, FrameType::nack, 0);
  const auto asked = asked_at_the_session_check();
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->users->size(), 1u) << "once, though two devices of hers are here";
  answer_asked(*asked, row_at(NodeId{2}, 102), 4);  // it was right: that life has ended
  EXPECT_FALSE(acknowledged().contains(NodeId{2}));
  EXPECT_FALSE(asked_at_the_session_check());
}

// Found by scenarios/swarm.json, seed 1278: Ann moved while her entry was appended, and with her
// the knowledge of her other device.
TEST_F(NodeElsewhere, TheOtherDevicesOfASenderThatLeftAreLookedFor) {
  for (const bool leaves : {false, true}) {
    NodeBench bench(NodeBench::config());
    bench.bind(kAnnLink, kAnn);
    bench.client(kAnnLink, bench.send_frame(kAnnBob, 1));
    if (leaves) bench.step(ClientDown{kAnnLink, Reason::closed_by_peer});
    bench.to_mesh(FrameType::push);
    bench.answer_append(1);
    std::vector<UserId> sought;
    for (const Frame& f : bench.to_mesh(FrameType::push)) sought.push_back(f.user);
    EXPECT_EQ(sought, leaves ? (std::vector<UserId>{kBob, kAnn}) : std::vector<UserId>{kBob});
  }
}

}  // namespace
}  // namespace imroute
