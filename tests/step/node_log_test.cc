// The Node and a log that is cut: store epochs, rewinds, resets; and order none, which must know
// where it is in the log although it delivers ahead of it.
#include "tests/step/node_bench.h"

namespace imroute {
namespace {

const UserId kAnn{1}, kBob{2};
const LinkId kBobLink{20};
const ConversationId kAnnBob = ConversationId::direct(kAnn, kBob);
const ConversationId kGroup = ConversationId::group(5);

class NodeLogTest : public ::testing::Test {
 protected:
  explicit NodeLogTest(Order order = Order::windowed) : bench_(with(order)) {
    bench_.bind(kBobLink, kBob);
  }
  static NodeConfig with(Order order) {
    NodeConfig c = NodeBench::config();
    c.delivery.order = order;
    return c;
  }
  static Entry entry(Position position, ConversationId id = kAnnBob) {
    Entry e;
    e.conversation = id;
    e.position = position;
    e.sender = kAnn;
    e.client_seq = position.seq;
    return e;
  }
  void push(Position position, ConversationId id = kAnnBob) {
    Frame f;
    f.type = FrameType::push;
    f.route = RouteId{77};
    f.node = NodeId{1};
    f.user = kBob;
    f.entry = entry(position, id);
    bench_.peer(NodeId{1}, f);
  }
  // What was delivered since the last look.
  std::vector<Position> delivered() {
    std::vector<Position> found;
    for (const Frame& f : bench_.to_client(kBobLink, FrameType::deliver)) {
      found.push_back(f.entry.position);
    }
    return found;
  }
  void ack(uint64_t number) {
    Frame f;
    f.type = FrameType::ack;
    f.number = number;
    bench_.client(kBobLink, f);
  }
  std::optional<MailboxOp> next_read() { return bench_.take_op<MailboxOp>(MailboxOpKind::read); }
  // The read after a gap was waited for.
  MailboxOp read_after_gap() {
    bench_.live_for(400 * kMillisecond);
    const auto op = next_read();
    EXPECT_TRUE(op.has_value());
    return op.value_or(MailboxOp{});
  }
  MailboxReply log(std::vector<Entry> entries, Position head, uint64_t identity = 500) {
    MailboxReply r;
    r.kind = MailboxOpKind::read;
    r.identity = identity;
    r.entries = std::make_shared<const std::vector<Entry>>(std::move(entries));
    r.next = r.head = head;
    return r;
  }
  void learn_epoch(uint32_t epoch) {
    const auto op = bench_.take_op<RegistryOp>(RegistryOpKind::raise_epoch);
    ASSERT_TRUE(op.has_value());
    RegistryReply r;
    r.kind = RegistryOpKind::raise_epoch;
    r.epoch = epoch;
    bench_.answer(op->id, r);
  }
  // Bob's next session; the store that answers is the one of `identity`.
  void bind_again(uint64_t identity) {
    bench_.step(ClientUp{kBobLink});
    Frame f;
    f.type = FrameType::bind;
    f.user = kBob;
    f.generation = 2;
    bench_.client(kBobLink, f);
    const auto op = bench_.take_op<DirectoryOp>(DirectoryOpKind::bind);
    ASSERT_TRUE(op.has_value());
    DirectoryReply bound;
    bound.kind = DirectoryOpKind::bind;
    bound.record.user = kBob;
    bound.record.version = 2;
    bound.record.rows.push_back(op->row);
    bench_.answer(op->id, bound);
    const auto index = bench_.take_op<MailboxOp>(MailboxOpKind::open_device);
    ASSERT_TRUE(index.has_value());
    MailboxReply opened;
    opened.kind = MailboxOpKind::open_device;
    opened.identity = identity;
    bench_.answer(index->id, opened);
  }
  // The last position stored as Bob's cursor, {0, 0} when none was.
  Position stored_cursor() {
    bench_.live_for(2 * kSecond);
    Position last{};
    while (const auto op = bench_.take_op<MailboxOp>(MailboxOpKind::cursors)) {
      for (const CursorUpdate& u : *op->updates) last = u.cursor.position;
    }
    return last;
  }
  NodeBench bench_;
};

class NodeUnorderedTest : public NodeLogTest {
 protected:
  NodeUnorderedTest() : NodeLogTest(Order::none) {}
};

// A push of the lost tail arrives after the node has compared with the new store: to go on from it
// would take the next entry of the new log for its successor.
TEST_F(NodeLogTest, EntryOfAnOlderEpochIsNotBelievedOnceTheNewLogWasRead) {
  push({1, 1});
  push({2, 3});  // unheard of: the log is read
  MailboxOp read = read_after_gap();
  bench_.answer(read.id, log({}, {1, 1}, 501));
  learn_epoch(2);
  push({2, 3});
  read = read_after_gap();
  bench_.answer(read.id, log({}, {1, 1}, 501));
  EXPECT_EQ(delivered(), (std::vector<Position>{{1, 1}}));
  push({1, 2});
  EXPECT_TRUE(delivered().empty());
  read = read_after_gap();
  EXPECT_EQ(read.from, (Position{1, 1}));
  bench_.answer(read.id, log({entry({2, 2}), entry({2, 3})}, {2, 3}, 501));
  EXPECT_EQ(delivered(), (std::vector<Position>{{2, 2}, {2, 3}}));
}

TEST_F(NodeLogTest, WhatWaitedForAReadIsNotBelievedEither) {
  push({1, 1});
  push({2, 3});
  MailboxOp read = read_after_gap();
  bench_.answer(read.id, log({}, {1, 1}, 501));
  learn_epoch(2);
  push({2, 3});
  read = read_after_gap();
  push({1, 2});
  bench_.answer(read.id, log({}, {1, 1}, 501));
  EXPECT_EQ(delivered(), (std::vector<Position>{{1, 1}}));
}

// The client may never have heard of the RESET: with a cursor past it nobody would tell it again.
// (swarm 401)
TEST_F(NodeLogTest, CursorPassesAResetOnlyWithAnAckOfWhatCameAfterIt) {
  push({1, 9});
  MailboxOp read = read_after_gap();
  MailboxReply reset = bench_.from_store();
  reset.kind = MailboxOpKind::read;
  reset.result = MailboxResult::reset;
  reset.position = {1, 5};
  reset.skipped = 5;
  bench_.answer(read.id, reset);
  ASSERT_EQ(bench_.to_client(kBobLink, FrameType::reset_cursor).size(), 1u);
  const auto again = next_read();
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->from, (Position{1, 5}));
  bench_.answer(again->id, log({}, {1, 7}));  // 6 and 7 are not for Bob
  EXPECT_EQ(stored_cursor(), (Position{}));
  push({1, 8});
  EXPECT_EQ(delivered(), (std::vector<Position>{{1, 8}}));
  ack(1);
  EXPECT_EQ(stored_cursor(), (Position{1, 8}));
}

// Nor by a session that began since: what was on the way to the one before, and is handed over,
// may be what the store lost, and the new log has it at other places.
TEST_F(NodeLogTest, EntryOfAnOlderEpochIsNotBelievedByANewSessionEither) {
  push({1, 1});
  push({2, 3});
  MailboxOp read = read_after_gap();
  bench_.answer(read.id, log({}, {1, 1}, 501));
  learn_epoch(2);
  bench_.step(ClientDown{kBobLink, Reason::closed_by_peer});
  delivered();
  while (next_read().has_value()) {}
  bind_again(501);
  push({1, 1});
  EXPECT_TRUE(delivered().empty());
  read = read_after_gap();
  bench_.answer(read.id, log({entry({1, 1})}, {1, 1}, 501));
  EXPECT_EQ(delivered(), (std::vector<Position>{{1, 1}})) << "the store has it: it is no less true";
}

// Nor is it handed over to a node that may not have heard of the loss: if the store has it, it is
// read there.
TEST_F(NodeLogTest, EntriesOfAnOlderEpochAreNotHandedOver) {
  push({1, 1});
  push({2, 3});
  const MailboxOp read = read_after_gap();
  bench_.answer(read.id, log({}, {1, 1}, 501));
  learn_epoch(2);
  Frame displace;
  displace.type = FrameType::displace;
  displace.user = kBob;
  displace.generation = 2;
  displace.node = NodeId{1};
  displace.reason = Reason::superseded;
  bench_.peer(NodeId{1}, displace);
  EXPECT_TRUE(bench_.to_peers(FrameType::handover).empty());
  EXPECT_EQ(bench_.to_peers(FrameType::displaced).size(), 1u);
}

// The timer of a gap that was filled meanwhile says nothing of the next one. (swarm 20159)
TEST_F(NodeLogTest, EveryGapIsWaitedForAnew) {
  const DurationNs wait = NodeBench::config().delivery.gap_wait_ns;
  push({1, 1});
  push({1, 3});
  bench_.advance(wait / 2);
  push({1, 2});
  bench_.advance(wait / 4);
  push({1, 5});
  bench_.advance(wait / 2);  // since 3 came: longer than a gap is waited for
  EXPECT_FALSE(next_read().has_value());
  push({1, 4});
  EXPECT_EQ(delivered().size(), 5u);
  push({1, 7});
  bench_.advance(wait * 3 / 4);
  EXPECT_FALSE(next_read().has_value());
  bench_.advance(wait / 4);
  const auto read = next_read();
  ASSERT_TRUE(read.has_value()) << "and no longer";
  EXPECT_EQ(read->from, (Position{1, 5}));
}

// A new epoch is known, and whether what was delivered is in it was asked without an answer: it is
// asked again, though nothing seems to be missing. Else the next push is not believed, and waits.
// (swarm 36991)
TEST_F(NodeLogTest, ReadsUntilTheStoreHasSaidWhereTheNewEpochBegins) {
  push({1, 1});
  push({1, 3});
  const MailboxOp read = read_after_gap();
  bench_.answer(read.id, log({entry({1, 2}), entry({1, 3})}, {1, 3}, 501));
  learn_epoch(2);
  auto check = next_read();
  ASSERT_TRUE(check.has_value());
  bench_.answer_unknown(check->id);
  check = read_after_gap();
  EXPECT_EQ(check->from, (Position{1, 3}));
  bench_.answer(check->id, log({}, {1, 3}, 501));
  push({2, 4});
  EXPECT_EQ(delivered().back(), (Position{2, 4}));
  bench_.live_for(kSecond);
  EXPECT_FALSE(next_read().has_value());
}

// A REWIND says what the log still has, not what the device has shown: with a cursor past what is
// on its way the store would trim it, and after a reconnect nobody could give it again.
// (FaultPlans.BreakNoPromise, seed 9084208812004422375)
TEST_F(NodeLogTest, ARewindMovesNoCursorPastWhatTheDeviceHasNotAcknowledged) {
  for (uint64_t seq = 1; seq <= 4; ++seq) push({1, seq});
  ack(1);
  push({2, 5});  // unheard of: the log is read
  const MailboxOp read = read_after_gap();
  MailboxReply cut = log({}, {1, 3}, 501);
  cut.result = MailboxResult::rewind;
  cut.position = {1, 3};
  bench_.answer(read.id, cut);
  ack(2);
  EXPECT_EQ(stored_cursor(), (Position{1, 2}));
  bench_.step(ClientDown{kBobLink, Reason::closed_by_peer});
  EXPECT_EQ(stored_cursor(), (Position{})) << "nothing new to store";
}

// But back to it: what the device acknowledged behind it has no place in the log any more, and the
// store would believe nothing of it.
TEST_F(NodeLogTest, ARewindTakesACursorBackToWhatTheLogHas) {
  for (uint64_t seq = 1; seq <= 4; ++seq) push({1, seq});
  push({2, 5});
  const MailboxOp read = read_after_gap();
  ack(4);  // not stored yet
  MailboxReply cut = log({}, {1, 3}, 501);
  cut.result = MailboxResult::rewind;
  cut.position = {1, 3};
  bench_.answer(read.id, cut);
  EXPECT_EQ(stored_cursor(), (Position{1, 3}));
}

TEST_F(NodeUnorderedTest, DeliversAheadAndReadsOnlyWhatIsMissing) {
  push({1, 1});
  push({1, 3});
  push({1, 3});
  EXPECT_EQ(delivered(), (std::vector<Position>{{1, 1}, {1, 3}}));
  const MailboxOp read = read_after_gap();
  EXPECT_EQ(read.from, (Position{1, 1}));
  push({1, 4});  // meanwhile: waits for the answer
  bench_.answer(read.id, log({entry({1, 2}), entry({1, 3})}, {1, 3}));
  EXPECT_EQ(delivered(), (std::vector<Position>{{1, 2}, {1, 4}}));
  ack(4);
  EXPECT_EQ(stored_cursor(), (Position{1, 4}));
}

TEST_F(NodeUnorderedTest, GoesOnBehindWhatWasDeliveredAhead) {
  push({1, 1});
  push({1, 3});
  const MailboxOp read = read_after_gap();
  bench_.answer(read.id, log({entry({1, 2})}, {1, 2}));  // read before 3 was stored
  push({1, 4});                                          // the next one
  EXPECT_EQ(delivered(), (std::vector<Position>{{1, 1}, {1, 3}, {1, 2}, {1, 4}}));
  bench_.live_for(400 * kMillisecond);
  EXPECT_FALSE(next_read().has_value());
}

// As above, but the log was cut meanwhile: 3 is gone, and what takes its place comes.
TEST_F(NodeUnorderedTest, GoesOnBehindNothingThatWasLost) {
  push({1, 1});
  push({1, 4});
  MailboxOp read = read_after_gap();
  bench_.answer(read.id, log({entry({1, 2}), entry({2, 3})}, {2, 3}, 501));
  learn_epoch(2);
  push({2, 4});
  EXPECT_EQ(delivered(), (std::vector<Position>{{1, 1}, {1, 4}, {1, 2}, {2, 3}, {2, 4}}));
}

// What was delivered ahead is told by its distance from the place that a RESET leaves.
TEST_F(NodeUnorderedTest, NothingIsAheadOfAReset) {
  push({1, 1});
  push({1, 3});
  const MailboxOp read = read_after_gap();
  MailboxReply reset = log({}, {1, 4});
  reset.result = MailboxResult::reset;
  reset.position = {1, 4};
  bench_.answer(read.id, reset);
  bench_.answer(next_read().value().id, log({}, {1, 4}));
  push({1, 5});
  push({1, 6});
  EXPECT_EQ(delivered(), (std::vector<Position>{{1, 1}, {1, 3}, {1, 5}, {1, 6}}));
}

TEST_F(NodeUnorderedTest, NoFurtherThanAWindow) {
  push({1, 64});
  push({1, 65});
  EXPECT_EQ(delivered(), (std::vector<Position>{{1, 64}}));
}

// What stands in the new log at a place that was delivered in the old one is another entry.
TEST_F(NodeUnorderedTest, WhatWasDeliveredAheadCountsInItsOwnEpochOnly) {
  push({1, 1});
  push({1, 3});
  MailboxOp read = read_after_gap();
  bench_.answer(read.id, log({entry({1, 2}), entry({2, 3})}, {2, 3}, 501));
  EXPECT_EQ(delivered(), (std::vector<Position>{{1, 1}, {1, 3}, {1, 2}, {2, 3}}));
}

// The cursor of what was delivered ahead of a gap is the place before the gap, with its own epoch.
TEST_F(NodeUnorderedTest, CursorStaysBeforeTheGap) {
  push({1, 1});
  push({1, 3});
  ack(2);
  EXPECT_EQ(stored_cursor(), (Position{1, 1}));
}

// Whether Bob is a member there depends on entries that are missing. (swarm 682, 680)
TEST_F(NodeUnorderedTest, GroupsAreTakenInOrderForTheSakeOfMembership) {
  push({1, 3}, kGroup);
  const auto index = bench_.take_op<MailboxOp>(MailboxOpKind::open_device);
  ASSERT_TRUE(index.has_value());
  MailboxReply r = bench_.from_store();
  r.kind = MailboxOpKind::open_device;
  r.conversations = std::make_shared<const std::vector<ConversationState>>(
      std::vector<ConversationState>{{kGroup, {1, 1}, {1, 1}, true}});
  bench_.answer(index->id, r);
  push({1, 5}, kGroup);
  EXPECT_TRUE(delivered().empty());
  const MailboxOp read = read_after_gap();
  EXPECT_EQ(read.from, (Position{1, 1}));
  MailboxReply left = log({}, {1, 5});
  left.member = false;
  bench_.answer(read.id, left);
  EXPECT_TRUE(delivered().empty());
}

// His client is alive too.
void live_with_bob(NodeBench& bench, DurationNs by) {
  Frame alive;
  alive.type = FrameType::ping;
  bench.client(kBobLink, alive);
  bench.live_for(by);
}

size_t count_compares(NodeBench& bench) {
  size_t n = 0;
  while (bench.take_op<MailboxOp>(MailboxOpKind::compare)) ++n;
  return n;
}

// Pushes may have been lost with the connection, to a node as on the bus.
TEST(NodeLog, ConnectionsThatComeAndGoAreReasonToCompare) {
  NodeConfig config = NodeBench::config();
  config.delivery.sync_interval_ns = 60 * kSecond;
  NodeBench bench(config);
  bench.bind(kBobLink, kBob);
  live_with_bob(bench, 3 * kSecond);
  count_compares(bench);
  const Address bus{PeerKind::bus, 0};
  for (const Event& event :
       {Event{PeerUp{address_of(NodeId{1})}}, Event{PeerDown{address_of(NodeId{1})}},
        Event{PeerUp{bus}}, Event{PeerDown{bus}}}) {
    live_with_bob(bench, 1500 * kMillisecond);
    EXPECT_EQ(count_compares(bench), 0u);
    bench.step(event);
    live_with_bob(bench, 1500 * kMillisecond);
    EXPECT_EQ(count_compares(bench), 1u);
  }
}

// What became of a push while it bound is not known: how far the session is, is compared once.
TEST(NodeLog, ANewSessionIsComparedConversationByConversation) {
  NodeConfig config = NodeBench::config();
  config.delivery.sync_interval_ns = 60 * kSecond;
  NodeBench bench(config);
  bench.live_for(3 * kSecond);  // what a view causes
  bench.bind(kBobLink, kBob);
  bench.peer(NodeId{1}, bench.push_frame(kBob, kAnnBob, kAnn, 1));
  std::vector<CompareItem> compared;
  for (int i = 0; i < 10; ++i) {
    live_with_bob(bench, 500 * kMillisecond);
    while (const auto op = bench.take_op<MailboxOp>(MailboxOpKind::compare)) {
      compared.insert(compared.end(), op->known->begin(), op->known->end());
    }
  }
  size_t indices = 0, logs = 0;
  for (const CompareItem& item : compared) {
    EXPECT_EQ(item.user, kBob);
    indices += item.conversation == ConversationId{} && item.index_version == 1 ? 1 : 0;
    logs += item.conversation == kAnnBob && item.known == Position{1, 1} ? 1 : 0;
  }
  EXPECT_EQ(indices, 1u);
  EXPECT_EQ(logs, 1u);
}

// How far a session is, is not known before its index is.
TEST(NodeLog, ASessionWithoutItsIndexIsNotCompared) {
  NodeBench bench(NodeBench::config());
  const auto op = bench.begin_bind(kBobLink, kBob);
  ASSERT_TRUE(op.has_value());
  DirectoryReply r;
  r.record.user = kBob;
  r.record.version = 1;
  r.record.rows.push_back(op->row);
  bench.answer(op->id, r);
  ASSERT_TRUE(bench.take_op<MailboxOp>(MailboxOpKind::open_device).has_value());
  for (int i = 0; i < 3; ++i) {
    live_with_bob(bench, kSecond);
    while (const auto compare = bench.take_op<MailboxOp>(MailboxOpKind::compare)) {
      EXPECT_TRUE(compare->known->empty());
    }
  }
}

// A beacon says how much was published. What has not come one beacon later is lost, so the mailbox
// is asked at once instead of at the next interval; and again the next time.
TEST(NodeLog, WhatABeaconCountedAndDidNotComeIsLookedFor) {
  NodeConfig config = NodeBench::config();
  config.delivery.sync_interval_ns = 60 * kSecond;
  NodeBench bench(config);
  bench.bind(kBobLink, kBob);
  bench.peer_up(1);
  bench.live_for(3 * kSecond);  // what a new peer and a login cause
  const auto beacon = [&](uint64_t published) {
    Frame f;
    f.type = FrameType::beacon;
    f.node = NodeId{1};
    f.number = published;
    bench.peer(NodeId{1}, f);
    live_with_bob(bench, 1500 * kMillisecond);
  };
  count_compares(bench);
  for (const uint64_t published : {5, 9}) {
    beacon(published);
    EXPECT_EQ(count_compares(bench), 0u) << "it may be on its way";
    beacon(published);
    EXPECT_GT(count_compares(bench), 0u);
    beacon(published);
    EXPECT_EQ(count_compares(bench), 0u);
  }
}

}  // namespace
}  // namespace imroute
