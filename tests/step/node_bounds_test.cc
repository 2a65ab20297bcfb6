// What others can fill up: at each ceiling the node refuses or waits, and goes on when it has room.
#include <algorithm>

#include "tests/step/node_bench.h"

namespace imroute {
namespace {

const UserId kAnn{1}, kBob{2};
const LinkId kAnnLink{10}, kBobLink{20};
const ConversationId kAnnBob = ConversationId::direct(kAnn, kBob);
const ConversationId kClub = ConversationId::group(5), kTeam = ConversationId::group(6);

size_t count_reads(NodeBench& bench) {
  size_t reads = 0;
  while (bench.take_op<MailboxOp>(MailboxOpKind::read)) ++reads;
  return reads;
}

void bind_without_index(NodeBench& bench, LinkId link, UserId user, std::vector<Cursor> cursors) {
  bench.step(ClientUp{link});
  Frame bind;
  bind.type = FrameType::bind;
  bind.user = user;
  bind.generation = 1;
  bind.list = bench.pool().copy_list(std::span<const Cursor>(cursors));
  bench.client(link, bind);
  const auto op = bench.take_op<DirectoryOp>(DirectoryOpKind::bind);
  ASSERT_TRUE(op.has_value());
  DirectoryReply r;
  r.record.user = user;
  r.record.version = 1;
  r.record.rows.push_back(op->row);
  bench.answer(op->id, r);
}

void answer_index(NodeBench& bench, std::vector<ConversationState> index, uint64_t version = 1) {
  const auto asked = bench.take_op<MailboxOp>(MailboxOpKind::open_device);
  ASSERT_TRUE(asked.has_value());
  MailboxReply m = bench.from_store();
  m.kind = MailboxOpKind::open_device;
  m.index_version = version;
  m.conversations = std::make_shared<const std::vector<ConversationState>>(std::move(index));
  bench.answer(asked->id, m);
}

void bind_with_cursors(NodeBench& bench, LinkId link, UserId user, std::vector<Cursor> cursors,
                       std::vector<ConversationState> index = {}, uint64_t index_version = 1) {
  bind_without_index(bench, link, user, std::move(cursors));
  answer_index(bench, std::move(index), index_version);
}

TEST(NodeBounds, AConnectionForWhichThereIsNoSessionIsClosed) {
  NodeConfig config = NodeBench::config();
  config.capacity.sessions = 1;
  NodeBench bench(config);
  bench.bind(kAnnLink, kAnn);
  EXPECT_TRUE(bench.take<CloseClient>().empty());
  bench.step(ClientUp{kBobLink});
  const auto closed = bench.take<CloseClient>();
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(closed[0].link, kBobLink);
  EXPECT_EQ(closed[0].reason, Reason::overloaded);
}

// A new epoch asks about every conversation at once.
TEST(NodeBounds, WhatFindsNoRoomAmongTheOperationsIsAskedLater) {
  NodeConfig config = NodeBench::config();
  config.capacity.operations = 8;
  NodeBench bench(config);
  std::vector<Cursor> cursors;
  for (uint64_t u = 100; u < 120; ++u) {
    cursors.push_back({ConversationId::direct(kBob, UserId{u}), {1, 3}});
  }
  bind_with_cursors(bench, kBobLink, kBob, cursors);
  bench.learn_epoch();
  // Full of reads: what nobody repeats still finds room.
  bench.step(ViewChanged{});
  bench.run_until(bench.now());
  EXPECT_TRUE(bench.take_op<RegistryOp>(RegistryOpKind::list).has_value());
  size_t asked = 0;
  for (int round = 0; round < 40 && asked < cursors.size(); ++round) {
    size_t reads = 0;
    while (const auto read = bench.take_op<MailboxOp>(MailboxOpKind::read)) {
      ++reads;
      MailboxReply r = bench.from_store();
      r.kind = MailboxOpKind::read;
      r.next = r.head = {1, 3};
      bench.answer(read->id, r);
    }
    EXPECT_LE(reads, 8u);
    asked += reads;
    bench.live_for(200 * kMillisecond);
    Frame ping;
    ping.type = FrameType::ping;
    bench.client(kBobLink, ping);
  }
  EXPECT_EQ(asked, cursors.size());
}

TEST(NodeBounds, ASessionHasSoManyAppendsUnderWay) {
  NodeBench bench(NodeBench::config());
  bench.bind(kAnnLink, kAnn);
  for (uint64_t seq = 1; seq <= kMaxSessionAppends; ++seq) {
    bench.client(kAnnLink, bench.send_frame(kAnnBob, seq));
  }
  EXPECT_TRUE(bench.to_client(kAnnLink, FrameType::refused).empty());
  bench.client(kAnnLink, bench.send_frame(kAnnBob, kMaxSessionAppends + 1));
  const auto refused = bench.to_client(kAnnLink, FrameType::refused);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].reason, Reason::overloaded);
  bench.answer_append(1);
  bench.client(kAnnLink, bench.send_frame(kAnnBob, kMaxSessionAppends + 1));
  EXPECT_TRUE(bench.to_client(kAnnLink, FrameType::refused).empty());
}

TEST(NodeBounds, AppendsThatWaitForTheEpochCountAsWell) {
  NodeBench bench(NodeBench::config());
  bind_with_cursors(bench, kAnnLink, kAnn, {});
  bench.effects().clear();  // the epoch is never told
  for (uint64_t seq = 1; seq <= kMaxSessionAppends + 1; ++seq) {
    bench.client(kAnnLink, bench.send_frame(kAnnBob, seq));
  }
  EXPECT_EQ(bench.to_client(kAnnLink, FrameType::refused).size(), 1u);
}

TEST(NodeBounds, AConversationWithoutRoomIsFoundByTheNextCompare) {
  NodeConfig config = NodeBench::config();
  config.capacity.conversations = 1;
  NodeBench bench(config);
  bind_with_cursors(bench, kBobLink, kBob, {},
                    {{kAnnBob, {1, 1}, {1, 1}, true}, {kClub, {1, 4}, {1, 1}, true}}, 9);
  bench.learn_epoch();
  bool ahead = false;
  for (int i = 0; i < 20 && !ahead; ++i) {
    bench.live_for(500 * kMillisecond);
    Frame ping;
    ping.type = FrameType::ping;
    bench.client(kBobLink, ping);
    while (const auto compare = bench.take_op<MailboxOp>(MailboxOpKind::compare)) {
      for (const CompareItem& known : *compare->known) {
        ahead |= known.conversation == ConversationId{} && known.index_version == 0;
      }
    }
  }
  EXPECT_TRUE(ahead);
}

TEST(NodeBounds, AWindowIsFullByItsBytesToo) {
  for (const uint32_t bytes : {4, 1}) {  // of two payloads, and less than one
    NodeConfig config = NodeBench::config();
    config.delivery.window_bytes = bytes;
    NodeBench bench(config);
    bench.bind(kBobLink, kBob);
    for (uint64_t seq = 1; seq <= 3; ++seq) {
      bench.peer(NodeId{1}, bench.push_frame(kBob, kAnnBob, kAnn, seq));
    }
    EXPECT_EQ(bench.to_client(kBobLink, FrameType::deliver).size(), bytes == 4 ? 2u : 1u)
        << "one always fits";
  }
}

// 4,096 sessions had full windows; those of the others were no windows.
TEST(NodeBounds, EverySessionHasItsWindow) {
  NodeConfig config = NodeBench::config();
  config.capacity.sessions = 5000;
  NodeBench bench(config);
  constexpr uint64_t kUsers = 4200;
  for (uint64_t u = 0; u < kUsers; ++u) {
    bench.bind(LinkId{100 + u}, UserId{100 + u});
    for (uint64_t seq = 1; seq <= kMaxWindow; ++seq) {
      bench.peer(NodeId{1},
                 bench.push_frame(UserId{100 + u}, ConversationId::direct(kAnn, UserId{100 + u}),
                                  kAnn, seq));
    }
    bench.effects().clear();
  }
  const UserId last{100 + kUsers - 1};
  bench.peer(NodeId{1}, bench.push_frame(last, ConversationId::direct(kAnn, last), kAnn, 65));
  EXPECT_TRUE(bench.to_client(LinkId{last.value}, FrameType::deliver).empty()) << "it is full";
}

// What one look finds changed may be more than one operation takes.
TEST(NodeBounds, CursorsAreStoredInBatchesOfABoundedSize) {
  NodeBench bench(NodeBench::config());
  constexpr uint64_t kUsers = 600;
  for (uint64_t u = 0; u < kUsers; ++u) {
    const UserId user{100 + u};
    bench.bind(LinkId{100 + u}, user);
    bench.peer(NodeId{1}, bench.push_frame(user, ConversationId::direct(kAnn, user), kAnn, 1));
    Frame ack;
    ack.type = FrameType::ack;
    ack.number = 1;
    bench.client(LinkId{100 + u}, ack);
  }
  bench.effects().clear();
  bench.live_for(2 * kSecond);
  std::vector<size_t> sizes;
  while (const auto op = bench.take_op<MailboxOp>(MailboxOpKind::cursors)) {
    sizes.push_back(op->updates->size());
    for (const CursorUpdate& u : *op->updates) EXPECT_EQ(u.cursor.position, (Position{1, 1}));
  }
  EXPECT_EQ(sizes, (std::vector<size_t>{512, 88}));
}

// Who leaves gives back the room of what waited for its predecessor.
TEST(NodeBounds, WhatCameEarlyTakesNoRoomOfLaterSessions) {
  NodeBench bench(NodeBench::config());
  for (uint64_t u = 0; u < kMaxEarly / kMaxEarlyOfConversation; ++u) {
    bench.bind(LinkId{100 + u}, UserId{100 + u});
    for (uint64_t seq = 2; seq < 2 + kMaxEarlyOfConversation; ++seq) {
      bench.peer(NodeId{1},
                 bench.push_frame(UserId{100 + u}, ConversationId::direct(kAnn, UserId{100 + u}),
                                  kAnn, seq));
    }
    bench.step(ClientDown{LinkId{100 + u}, Reason::closed_by_peer});
    bench.effects().clear();
  }
  bench.bind(kBobLink, kBob);
  for (const uint64_t seq : {2, 1}) {
    bench.peer(NodeId{1}, bench.push_frame(kBob, kAnnBob, kAnn, seq));
  }
  EXPECT_EQ(bench.to_client(kBobLink, FrameType::deliver).size(), 2u);
}

TEST(NodeBounds, AGroupThatNobodyFollowsTakesNoRoom) {
  NodeConfig config = NodeBench::config();
  config.capacity.groups = 1;
  NodeBench bench(config);
  bind_with_cursors(bench, kAnnLink, kAnn, {}, {{kClub, {1, 3}, {1, 3}, true}});
  bench.step(ClientDown{kAnnLink, Reason::reset});
  bind_with_cursors(bench, kBobLink, kBob, {}, {{kTeam, {1, 3}, {1, 3}, true}});
  Frame push = bench.push_frame(kNoUser, kTeam, kAnn, 4);
  bench.peer(NodeId{1}, push);
  EXPECT_EQ(bench.to_client(kBobLink, FrameType::deliver).size(), 1u);
}

// Its session ends while the append is under way, and the store names no members to who has them.
// (swarm 542759)
TEST(NodeBounds, AGroupWhoseMembersAreKnownIsKept) {
  NodeBench bench(NodeBench::config());
  bind_with_cursors(bench, kAnnLink, kAnn, {}, {{kClub, {1, 3}, {1, 3}, true}});
  bench.learn_epoch();
  for (uint64_t seq = 1; seq <= 2; ++seq) {
    bench.client(kAnnLink, bench.send_frame(kClub, seq));
    const auto op = bench.take_op<MailboxOp>(MailboxOpKind::append);
    ASSERT_TRUE(op.has_value());
    MailboxReply r = bench.from_store();
    r.position = {1, 3 + seq};
    r.members_version = 7;
    if (op->members_version != 7) {
      r.members = std::make_shared<const std::vector<UserId>>(std::vector<UserId>{kAnn, kBob});
    }
    if (seq == 2) bench.step(ClientDown{kAnnLink, Reason::reset});
    bench.to_mesh(FrameType::push);
    bench.answer(op->id, r);
    EXPECT_EQ(bench.to_mesh(FrameType::push).size(), 1u) << seq;
  }
}

// The position that a client names proves nothing: it need not belong to the group.
TEST(NodeBounds, AGroupIsServedOnlyToWhomTheStoreListsForIt) {
  for (const bool member : {false, true}) {
    NodeBench bench(NodeBench::config());
    std::vector<ConversationState> index;
    if (member) index.push_back({kClub, {1, 3}, {1, 3}, true});
    bind_with_cursors(bench, kBobLink, kBob, {{kClub, {1, 3}}}, index);
    Frame push = bench.push_frame(kNoUser, kClub, kAnn, 4);
    bench.peer(NodeId{1}, push);
    EXPECT_EQ(bench.to_client(kBobLink, FrameType::deliver).size(), member ? 1u : 0u);
  }
}

// Between the bind and the index: kept, and delivered once the index says so, though it was read
// before the push.
TEST(NodeBounds, APushBeforeTheIndexIsDeliveredAfterIt) {
  NodeBench bench(NodeBench::config());
  bind_without_index(bench, kBobLink, kBob, {{kClub, {1, 3}}});
  bench.peer(NodeId{1}, bench.push_frame(kNoUser, kClub, kAnn, 4));
  EXPECT_TRUE(bench.to_client(kBobLink, FrameType::deliver).empty());
  answer_index(bench, {{kClub, {1, 3}, {1, 3}, true}});
  const auto delivered = bench.to_client(kBobLink, FrameType::deliver);
  ASSERT_EQ(delivered.size(), 1u);
  EXPECT_EQ(delivered[0].via, Via::push);
  EXPECT_EQ(count_reads(bench), 0u);
}

// One that is still missing then is read, though the index did not have it.
TEST(NodeBounds, AGapBeforeTheIndexIsReadAfterIt) {
  NodeBench bench(NodeBench::config());
  bench.bind(kAnnLink, kAnn);  // the epoch is known
  bind_without_index(bench, kBobLink, kBob, {{kClub, {1, 3}}});
  bench.peer(NodeId{1}, bench.push_frame(kNoUser, kClub, kAnn, 5));
  answer_index(bench, {{kClub, {1, 3}, {1, 3}, true}});
  bench.live_for(400 * kMillisecond);
  const auto read = bench.take_op<MailboxOp>(MailboxOpKind::read);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->from, (Position{1, 3}));
}

TEST(NodeBounds, AGenerationThatNothingCanBeNumberedFromIsRefused) {
  NodeBench bench(NodeBench::config());
  bench.step(ClientUp{kBobLink});
  Frame bind;
  bind.type = FrameType::bind;
  bind.user = kBob;
  bind.generation = kMaxGeneration + 1;
  bench.client(kBobLink, bind);
  EXPECT_EQ(bench.to_client(kBobLink, FrameType::bind_refused).size(), 1u);
  EXPECT_EQ(bench.take<CloseClient>().size(), 1u);
}

// At most once: the members are asked for at most once a second, but who sends is looked at always.
TEST(NodeBounds, AStrangerDoesNotSendOnSomebodyElsesList) {
  NodeConfig config = NodeBench::config();
  config.delivery.guarantee = Guarantee::at_most_once;
  NodeBench bench(config);
  bench.bind(kAnnLink, kAnn);
  bench.bind(kBobLink, kBob);
  bench.client(kAnnLink, bench.send_frame(kClub, 1));
  const auto asked = bench.take_op<MailboxOp>(MailboxOpKind::members);
  ASSERT_TRUE(asked.has_value());
  MailboxReply r = bench.from_store();
  r.kind = MailboxOpKind::members;
  r.members = std::make_shared<const std::vector<UserId>>(std::vector<UserId>{kAnn});
  bench.answer(asked->id, r);
  EXPECT_EQ(bench.to_client(kAnnLink, FrameType::accepted).size(), 1u);
  bench.client(kBobLink, bench.send_frame(kClub, 1));
  const auto refused = bench.to_client(kBobLink, FrameType::refused);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].reason, Reason::not_member);
}

// ---- stores that are away

TEST(NodeBounds, AMailboxThatIsAwayIsNotAskedInALoop) {
  NodeBench bench(NodeBench::config());
  bench.bind(kBobLink, kBob);
  bench.bind(kAnnLink, kAnn);
  MailboxReply changed = bench.from_store();
  changed.kind = MailboxOpKind::compare;
  changed.ahead = std::make_shared<const std::vector<CompareItem>>(
      std::vector<CompareItem>{{{}, kBob, {}, 99}});
  std::optional<MailboxOp> compare;
  for (int i = 0; i < 30 && !compare; ++i) {
    bench.live_for(500 * kMillisecond);
    Frame ping;
    ping.type = FrameType::ping;
    bench.client(kBobLink, ping);
    bench.client(kAnnLink, ping);
    compare = bench.take_op<MailboxOp>(MailboxOpKind::compare);
  }
  ASSERT_TRUE(compare.has_value());
  bench.answer(compare->id, changed);
  const auto first = bench.take_op<MailboxOp>(MailboxOpKind::open_device);
  ASSERT_TRUE(first.has_value());
  bench.answer_unknown(first->id);
  EXPECT_FALSE(bench.take_op<MailboxOp>(MailboxOpKind::open_device).has_value());
  bench.live_for(300 * kMillisecond);
  EXPECT_TRUE(bench.take_op<MailboxOp>(MailboxOpKind::open_device).has_value());
}

TEST(NodeBounds, ItsIdentityIsAskedForByOneProbeAtATime) {
  NodeBench bench(NodeBench::config());
  bind_without_index(bench, kAnnLink, kAnn, {});
  bench.client(kAnnLink, bench.send_frame(kAnnBob, 1));
  size_t asked = 0;
  for (int i = 0; i < 60; ++i) {
    std::vector<MailboxOp> probes;
    while (const auto op = bench.take_op<MailboxOp>(MailboxOpKind::compare)) probes.push_back(*op);
    for (const MailboxOp& probe : probes) bench.answer_unknown(probe.id);
    asked = probes.size();
    bench.live_for(200 * kMillisecond);
    Frame ping;
    ping.type = FrameType::ping;
    bench.client(kAnnLink, ping);
  }
  EXPECT_LE(asked, 2u);
}

TEST(NodeBounds, AnUnbindThatWasNotAnsweredIsRepeated) {
  const NodeConfig config = NodeBench::config();
  NodeBench bench(config);
  bench.bind(kBobLink, kBob, 5);
  bench.step(ClientDown{kBobLink, Reason::reset});
  const auto op = bench.take_op<DirectoryOp>(DirectoryOpKind::unbind);
  ASSERT_TRUE(op.has_value());
  bench.answer_unknown(op->id);
  EXPECT_FALSE(bench.take_op<DirectoryOp>(DirectoryOpKind::unbind).has_value());
  bench.live_for(config.sessions.session_check());
  const auto again = bench.take_op<DirectoryOp>(DirectoryOpKind::unbind);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->user, kBob);
  EXPECT_EQ(again->row.generation, 5u);
  EXPECT_EQ(again->row.link, kBobLink);
  DirectoryReply r;
  bench.answer(again->id, r);
  bench.live_for(config.sessions.session_check());
  EXPECT_FALSE(bench.take_op<DirectoryOp>(DirectoryOpKind::unbind).has_value());
}

TEST(NodeBounds, EveryClientOfADrainingNodeIsTold) {
  NodeBench bench(NodeBench::config());
  constexpr uint64_t kUsers = 450;
  for (uint64_t u = 0; u < kUsers; ++u) bench.bind(LinkId{100 + u}, UserId{100 + u});
  Command drain;
  drain.kind = CommandKind::drain;
  bench.step(drain);
  bench.live_for(3 * kSecond);
  size_t told = 0;
  for (uint64_t u = 0; u < kUsers; ++u) {
    const auto go_away = bench.to_client(LinkId{100 + u}, FrameType::go_away);
    told += go_away.empty() ? 0 : 1;
    for (const Frame& f : go_away) EXPECT_EQ(f.reason, Reason::draining);
  }
  EXPECT_EQ(told, kUsers);
}

}  // namespace
}  // namespace imroute
