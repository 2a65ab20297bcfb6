// Rare branches taken on request: what the node then does is what it may always do, and without a
// request nothing of it is there.
#include "core/model/perturb.h"
#include "tests/step/node_bench.h"

namespace imroute {
namespace {

const UserId kAnn{1}, kBob{2};
const LinkId kAnnLink{10}, kBobLink{20};
const ConversationId kAnnBob = ConversationId::direct(kAnn, kBob);

NodeConfig always(PerturbSite site) {
  NodeConfig config = NodeBench::config();
  config.perturb[static_cast<size_t>(site)] = 1'000'000;
  return config;
}

void ask(NodeBench& bench, PerturbSite site, uint32_t ppm) {
  Command command;
  command.kind = CommandKind::perturb;
  command.site = site;
  command.ppm = ppm;
  bench.step(command);
}

Frame nack_of(const Frame& push) {
  Frame nack;
  nack.type = FrameType::nack;
  nack.route = push.route;
  nack.user = kBob;
  nack.reason = Reason::no_session;
  return nack;
}

// Bob was here, and a newer login of his device is at node 2.
void move_bob_away(NodeBench& bench) {
  bench.bind(kBobLink, kBob);
  Frame displace;
  displace.type = FrameType::displace;
  displace.user = kBob;
  displace.generation = 5;
  displace.node = NodeId{2};
  displace.reason = Reason::superseded;
  bench.peer(NodeId{2}, displace);
}

NodeId hint_given(NodeBench& bench) {
  bench.peer(NodeId{1}, bench.push_frame(kBob, kAnnBob, kAnn, 1));
  const auto nacks = bench.to_peers(FrameType::nack);
  EXPECT_EQ(nacks.size(), 1u);
  return nacks.empty() ? kNoNode : nacks[0].frame.node;
}

TEST(Perturb, AHintIsWithheldOnlyWhenAsked) {
  NodeBench bench(NodeBench::config());
  move_bob_away(bench);
  EXPECT_EQ(hint_given(bench), NodeId{2});
  ask(bench, PerturbSite::hint_withheld, 1'000'000);
  EXPECT_EQ(hint_given(bench), kNoNode);
  EXPECT_EQ(bench.node().branches_taken(PerturbSite::hint_withheld), 1u);
  EXPECT_EQ(bench.node().counters().perturbed, 1u);
  ask(bench, PerturbSite::hint_withheld, 0);
  EXPECT_EQ(hint_given(bench), NodeId{2});
  EXPECT_EQ(bench.node().branches_taken(PerturbSite::hint_withheld), 1u);
}

TEST(Perturb, AnUnknownSiteIsNoSite) {
  NodeBench bench(NodeBench::config());
  ask(bench, PerturbSite::count_, 1'000'000);
  bench.bind(kAnnLink, kAnn);
  EXPECT_EQ(bench.node().counters().perturbed, 0u);
}

// What is not asked for draws nothing: the same node, the same randomness, the same run.
TEST(Perturb, OthersDoNotChangeWhatIsNotTheirs) {
  const auto run = [](NodeConfig config) {
    NodeBench bench(std::move(config));
    bench.bind(kAnnLink, kAnn);
    for (uint32_t n = 1; n < 3; ++n) bench.peer_up(n);
    bench.step(PeerDown{address_of(NodeId{1}), Reason::reset});  // draws a backoff
    bench.live_for(3 * kSecond);
    return bench.node().digest();
  };
  EXPECT_EQ(run(NodeBench::config()), run(always(PerturbSite::hint_withheld)))
      << "a site that is not reached";
  EXPECT_NE(run(NodeBench::config()), run(always(PerturbSite::compare_early)));
}

TEST(Perturb, ARefusedLoginIsToldWhy) {
  NodeBench bench(always(PerturbSite::admission_refused));
  bench.bind(kAnnLink, kAnn);
  const auto refused = bench.to_client(kAnnLink, FrameType::bind_refused);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].reason, Reason::overloaded);
}

TEST(Perturb, AnAppendWhoseAnswerIsLostIsMadeAgainAndEnds) {
  NodeBench bench(always(PerturbSite::append_answer_lost));
  bench.bind(kAnnLink, kAnn);
  bench.client(kAnnLink, bench.send_frame(kAnnBob, 1));
  for (uint32_t i = 0; i < 3; ++i) bench.answer_append(1);
  EXPECT_FALSE(bench.take_op<MailboxOp>(MailboxOpKind::append).has_value());
  const auto refused = bench.to_client(kAnnLink, FrameType::refused);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].reason, Reason::store_unavailable);
  EXPECT_TRUE(bench.to_client(kAnnLink, FrameType::accepted).empty());
}

// A full window with nothing on its way would wait for an ack that nobody owes.
TEST(Perturb, ADeviceIsFullOnlyWhileSomethingIsOnItsWay) {
  NodeBench bench(always(PerturbSite::window_full));
  bench.bind(kBobLink, kBob);
  bench.peer(NodeId{1}, bench.push_frame(kBob, kAnnBob, kAnn, 1));
  EXPECT_EQ(bench.to_client(kBobLink, FrameType::deliver).size(), 1u);
  bench.peer(NodeId{1}, bench.push_frame(kBob, kAnnBob, kAnn, 2));
  EXPECT_TRUE(bench.to_client(kBobLink, FrameType::deliver).empty());
  EXPECT_EQ(bench.node().counters().demotions, 1u);
  Frame ack;
  ack.type = FrameType::ack;
  ack.number = 1;
  bench.client(kBobLink, ack);
  EXPECT_TRUE(bench.take_op<MailboxOp>(MailboxOpKind::read).has_value()) << "back from pull";
}

TEST(Perturb, AReadOfOneEntryGoesOnToTheEnd) {
  NodeBench bench(always(PerturbSite::pull_limit_one));
  bench.bind(kBobLink, kBob);
  bench.peer(NodeId{1}, bench.push_frame(kBob, kAnnBob, kAnn, 3));
  bench.advance(kSecond);
  for (uint64_t seq = 1; seq <= 2; ++seq) {  // the third is here already
    const auto op = bench.take_op<MailboxOp>(MailboxOpKind::read);
    ASSERT_TRUE(op.has_value()) << seq;
    EXPECT_EQ(op->limit, 1u);
    MailboxReply r = bench.from_store();
    r.kind = MailboxOpKind::read;
    r.entries = std::make_shared<const std::vector<Entry>>(
        1, bench.push_frame(kBob, kAnnBob, kAnn, seq).entry);
    r.next = {1, seq};
    r.head = {1, 3};
    bench.answer(op->id, r);
  }
  EXPECT_EQ(bench.to_client(kBobLink, FrameType::deliver).size(), 3u);
}

TEST(Perturb, AHintThatIsNotFollowedLeadsToABroadcast) {
  NodeBench bench(always(PerturbSite::hint_ignored));
  bench.bind(kAnnLink, kAnn);
  bench.client(kAnnLink, bench.send_frame(kAnnBob, 1));
  bench.answer_append(1);
  Frame ack;
  ack.type = FrameType::route_ack;
  ack.route = bench.to_mesh(FrameType::push).at(0).route;
  ack.user = kBob;
  ack.nodes.push_back(NodeId{1});
  bench.peer(NodeId{1}, ack);
  bench.client(kAnnLink, bench.send_frame(kAnnBob, 2));
  bench.answer_append(2);
  Frame nack = nack_of(bench.to_peers(FrameType::push).at(0).frame);
  nack.node = NodeId{2};
  bench.peer(NodeId{1}, nack);
  EXPECT_TRUE(bench.to_peers(FrameType::push).empty());
  EXPECT_EQ(bench.to_mesh(FrameType::push).size(), 1u);
}

TEST(Perturb, ALeaseThatIsNeverRenewedEndsInAFence) {
  NodeBench bench(always(PerturbSite::renewal_skipped));
  bench.bind(kAnnLink, kAnn);
  bench.live_for(7 * kSecond);
  EXPECT_EQ(bench.node().counters().fences, 1u);
}

}  // namespace
}  // namespace imroute
