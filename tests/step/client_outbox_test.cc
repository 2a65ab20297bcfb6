#include <gtest/gtest.h>

#include <numeric>

#include "core/model/limits.h"
#include "tests/step/client_bench.h"

namespace imroute {
namespace {

using testing::ClientBench;
using testing::kAlice;
using testing::kChat;
using testing::kGroup;

using Seqs = std::vector<uint64_t>;

Seqs range(uint64_t first, uint64_t last) {
  Seqs seqs(last - first + 1);
  std::iota(seqs.begin(), seqs.end(), first);
  return seqs;
}

TEST(ClientOutbox, DenseSeqPerConversationFromOne) {
  ClientBench b;
  b.go_online();
  b.send(100);
  const Frame first = b.frames(FrameType::send).at(0);
  EXPECT_EQ(first.entry.conversation, kChat);
  EXPECT_EQ(first.entry.client_seq, 1u);
  EXPECT_EQ(first.base, 1u);
  EXPECT_EQ(first.entry.kind, EntryKind::message);
  EXPECT_EQ(first.entry.payload.size(), 4u);
  EXPECT_EQ(first.flags, 0);
  b.send(101);
  EXPECT_EQ(b.sent(), Seqs{2});
  EXPECT_EQ(b.frames(FrameType::send).at(0).base, 1u);  // 1 is still open
  b.send(102, kGroup);
  EXPECT_EQ(b.sent(), Seqs{1});
  EXPECT_EQ(b.client->open_sends(), 3u);
}

TEST(ClientOutbox, AcceptedTellsTagAndPosition) {
  ClientBench b;
  b.go_online();
  b.send(100);
  b.send(101);
  b.accepted(2, {1, 6});
  const Notify notice = b.only<Notify>();
  EXPECT_EQ(notice.kind, NoticeKind::accepted);
  EXPECT_EQ(notice.tag, 101u);
  EXPECT_EQ(notice.entry.position, (Position{1, 6}));
  EXPECT_EQ(notice.entry.client_seq, 2u);
  EXPECT_EQ(notice.entry.sender, kAlice.user);
  b.send(102);
  EXPECT_EQ(b.frames(FrameType::send).at(0).base, 1u);  // the lowest open one
  b.accepted(1, {1, 5});
  b.send(103);
  EXPECT_EQ(b.frames(FrameType::send).at(0).base, 3u);
  b.accepted(1, {1, 5});  // the answer to a repetition
  EXPECT_TRUE(b.effects.empty());
}

TEST(ClientOutbox, JoinAndLeaveAreSends) {
  ClientBench b;
  b.go_online();
  Command join;
  join.kind = CommandKind::join;
  join.conversation = kGroup;
  join.tag = 9;
  b.step(join);
  const Frame sent = b.frames(FrameType::send).at(0);
  EXPECT_EQ(sent.entry.kind, EntryKind::join);
  EXPECT_EQ(sent.entry.subject, kAlice.user);
  b.accepted(1, {1, 3}, kGroup);
  EXPECT_EQ(b.only<Notify>().entry.kind, EntryKind::join);
  join.kind = CommandKind::leave;
  b.step(join);
  EXPECT_EQ(b.frames(FrameType::send).at(0).entry.kind, EntryKind::leave);
}

TEST(ClientOutbox, AtMost64AreOpen) {
  ClientBench b;
  b.go_online();
  for (uint64_t i = 1; i <= 64; ++i) {
    b.send(i);
    ASSERT_EQ(b.sent(), Seqs{i});
  }
  b.send(65);
  b.send(66);
  EXPECT_EQ(b.network_effects(), 0u);
  b.send(1, kGroup);  // another conversation has its own 64
  EXPECT_EQ(b.sent(), Seqs{1});
  b.accepted(2, {1, 2});  // not the lowest: the window does not move
  EXPECT_TRUE(b.sent().empty());
  b.accepted(1, {1, 1});
  EXPECT_EQ(b.sent(), (Seqs{65, 66}));
  EXPECT_EQ(b.frames(FrameType::send).at(0).base, 3u);
}

TEST(ClientOutbox, FullRefusesAtOnceAndConsumesNothing) {
  ClientConfig config = ClientBench::config();
  config.outbox = 2;
  ClientBench b(config);
  b.go_online();
  b.send(1);
  b.send(2);
  b.send(3);
  EXPECT_EQ(b.network_effects(), 0u);
  EXPECT_EQ(b.only<Notify>().kind, NoticeKind::refused);
  EXPECT_EQ(b.only<Notify>().reason, Reason::outbox_full);
  EXPECT_EQ(b.only<Notify>().tag, 3u);
  EXPECT_EQ(b.client->open_sends(), 2u);
  b.accepted(1, {1, 1});
  b.send(4);
  EXPECT_EQ(b.sent(), Seqs{3});  // dense
}

// What ends is handed back as it was sent, whichever way it ends.
TEST(ClientOutbox, WhatEndsNamesItsSenderAndWhatItWas) {
  ClientConfig config = ClientBench::config();
  config.key.device = 3;
  config.outbox = 1;
  ClientBench b(config);
  const auto expect_mine = [&](const Notify& notice, uint64_t tag) {
    EXPECT_EQ(notice.tag, tag);
    EXPECT_EQ(notice.entry.conversation, kChat);
    EXPECT_EQ(notice.entry.kind, EntryKind::message);
    EXPECT_EQ(notice.entry.sender, kAlice.user);
    EXPECT_EQ(notice.entry.sender_device, 3u);
    ASSERT_EQ(notice.entry.payload.size(), 4u);
    EXPECT_EQ(notice.entry.payload.bytes()[0], static_cast<std::byte>(tag));
  };
  b.send(7);
  b.send(8);
  expect_mine(b.only<Notify>(), 8);  // refused: there is no room
  b.go_online();
  b.accepted(1, {1, 1});
  expect_mine(b.only<Notify>(), 7);
}

TEST(ClientOutbox, TooLargeRefusesAtOnceAndConsumesNothing) {
  ClientBench b;
  b.go_online();
  b.send(1, kChat, kMaxPayloadBytes + 1);
  EXPECT_EQ(b.only<Notify>().reason, Reason::too_large);
  EXPECT_EQ(b.network_effects(), 0u);
  b.send(2, kChat, kMaxPayloadBytes);
  EXPECT_EQ(b.sent(), Seqs{1});
}

TEST(ClientOutbox, OfflineSendsWaitForTheBind) {
  ClientBench b;
  for (uint64_t i = 1; i <= 70; ++i) b.send(i);
  EXPECT_TRUE(b.effects.empty());
  b.go_online();
  EXPECT_EQ(b.sent(), range(1, 64));
  EXPECT_EQ(b.client->counters().sends_repeated, 0u);
}

// The store takes a client_seq that is not higher for a repetition; a device that forgot its own
// must not fall under it.
TEST(ClientOutbox, ReinstalledDeviceNumbersAboveItsFormerLife) {
  ClientBench first;
  first.go_online(NodeId{4}, 1);
  first.send(1);
  EXPECT_EQ(first.sent(), range(1, 1));
  ClientBench again;
  again.send(2);  // waits for the bind that tells the generation
  again.go_online(NodeId{4}, 3);
  again.send(3);
  ASSERT_EQ(again.sent().size(), 1u);
  EXPECT_GT(again.sent()[0], uint64_t{1} << 20);
  EXPECT_EQ(again.frames(FrameType::send)[0].base, again.sent()[0] - 1) << "dense from its base";
  again.send(4, kGroup);  // one that is new since
  ASSERT_EQ(again.sent().size(), 1u);
  EXPECT_GT(again.sent()[0], uint64_t{1} << 20);
}

TEST(ClientOutbox, RepeatsOnTimeoutDoublingToEightTimes) {
  ClientConfig config = ClientBench::config();
  config.sessions.lease_ns = 3600 * kSecond;  // no heartbeat in the way
  ClientBench b(config);
  b.go_online();
  b.send(1);
  MonoTime last = b.now;
  for (const int64_t factor : {1, 2, 4, 8, 8, 8}) {
    EXPECT_EQ(b.client->next_deadline() - last, factor * config.delivery.send_timeout_ns);
    b.now = b.client->next_deadline();
    b.step(Wake{});
    EXPECT_EQ(b.sent(), Seqs{1});
    EXPECT_EQ(b.frames(FrameType::send).at(0).flags, kFlagRepeat);
    last = b.now;
  }
  EXPECT_EQ(b.client->counters().sends_repeated, 6u);
  b.accepted(1, {1, 1});
  EXPECT_TRUE(b.sleep(600 * kSecond).empty());
}

TEST(ClientOutbox, AllOpenAreResentInOrderAfterBound) {
  ClientBench b;
  b.go_online(NodeId{4}, 1);
  for (uint64_t i = 1; i <= 5; ++i) b.send(i);
  b.accepted(2, {1, 2});
  b.step(PeerDown{address_of(NodeId{4}), Reason::reset});
  b.send(6);  // offline
  EXPECT_TRUE(b.sent().empty());
  b.wait_for_dial();
  b.connect(NodeId{5}, 2);
  EXPECT_EQ(b.sent(), (Seqs{1, 3, 4, 5, 6}));
  for (const Frame& f : b.frames(FrameType::send)) {
    EXPECT_EQ(f.base, 1u);
    EXPECT_EQ(f.flags, f.entry.client_seq == 6 ? 0 : kFlagRepeat);
  }
  EXPECT_EQ(b.client->counters().sends_repeated, 4u);
}

TEST(ClientOutbox, NotMemberIsFinalAndConsumesTheSeq) {
  ClientBench b;
  b.go_online();
  b.send(1, kGroup);
  b.send(2, kGroup);
  b.refused(1, Reason::not_member, 0, kGroup);
  EXPECT_EQ(b.only<Notify>().kind, NoticeKind::refused);
  EXPECT_EQ(b.only<Notify>().reason, Reason::not_member);
  EXPECT_EQ(b.only<Notify>().tag, 1u);
  b.send(3, kGroup);
  EXPECT_EQ(b.sent(), Seqs{3});
  EXPECT_EQ(b.frames(FrameType::send).at(0).base, 2u);
}

TEST(ClientOutbox, RefusedForNowIsKeptAndTriedAgain) {
  for (const Reason reason :
       {Reason::store_unavailable, Reason::overloaded, Reason::fenced, Reason::draining}) {
    ClientBench b;
    b.go_online();
    b.send(1);
    b.refused(1, reason);
    EXPECT_TRUE(b.all<Notify>().empty());
    EXPECT_EQ(b.client->open_sends(), 1u);
    b.send(2);
    EXPECT_TRUE(b.sent().empty());  // nothing is sent behind an entry that waits
    b.now = b.client->next_deadline();
    b.step(Wake{});
    EXPECT_EQ(b.sent(), (Seqs{1, 2}));  // and its deadline brings the others along
  }
}

// A window of refusals is answered by one round of repetitions, in order.
TEST(ClientOutbox, OutOfOrderResendsFromTheExpectedOne) {
  ClientBench b;
  b.go_online();
  for (uint64_t i = 1; i <= 5; ++i) b.send(i);
  b.refused(1, Reason::store_unavailable);
  for (uint64_t i = 2; i <= 5; ++i) {
    b.refused(i, Reason::out_of_order, 1);
    EXPECT_TRUE(b.sent().empty());
  }
  b.now = b.client->next_deadline();
  b.step(Wake{});
  EXPECT_EQ(b.sent(), range(1, 5));
  for (uint64_t i = 1; i <= 5; ++i) b.accepted(i, {1, i});
  EXPECT_EQ(b.client->open_sends(), 0u);
}

// The store lost what it had accepted: what it expects is no longer here. `base` tells it.
TEST(ClientOutbox, OutOfOrderBelowTheBaseResendsAtOnce) {
  ClientBench b;
  b.go_online();
  b.send(1);
  b.accepted(1, {1, 1});
  b.send(2);
  b.send(3);
  b.refused(2, Reason::out_of_order, 1);
  EXPECT_EQ(b.sent(), Seqs{2});
  EXPECT_EQ(b.frames(FrameType::send).at(0).base, 2u);
  b.refused(3, Reason::out_of_order, 2);
  EXPECT_TRUE(b.sent().empty());  // 2 is on its way; its answer releases 3
  b.accepted(2, {2, 1});
  EXPECT_EQ(b.sent(), Seqs{3});
}

TEST(ClientOutbox, OutOfOrderWhereTheExpectedOneWasRefusedToo) {
  ClientBench b;
  b.go_online();
  for (uint64_t i = 1; i <= 3; ++i) b.send(i);
  b.refused(2, Reason::out_of_order, 1);
  b.accepted(1, {1, 1});
  EXPECT_EQ(b.sent(), Seqs{2});
  b.refused(3, Reason::out_of_order, 2);
  b.refused(2, Reason::out_of_order, 2);  // makes no sense, and is survived
  EXPECT_EQ(b.sent(), (Seqs{2, 3}));
}

// The store was away for long, and its answers come back in no order: whatever was sent in vain
// often enough to wait for its own timer follows at once when it has become the first.
TEST(ClientOutbox, AfterManyVainTriesEachAcceptedOneBringsTheNextAlong) {
  ClientBench b;
  b.go_online();
  for (uint64_t i = 1; i <= 5; ++i) b.send(i);
  for (int vain = 0; vain < 40; ++vain) {
    for (uint64_t i = 5; i >= 2; --i) b.refused(i, Reason::out_of_order, i - 1);
  }
  b.sent();
  for (uint64_t i = 1; i <= 4; ++i) {
    b.accepted(i, {1, i});
    EXPECT_EQ(b.sent(), Seqs{i + 1});
  }
}

// A store that never agrees must not make a client spin.
TEST(ClientOutbox, QuarrelFallsBackToTheTimer) {
  ClientBench b;
  b.go_online();
  b.send(1);
  int resent = 0;
  for (int i = 0; i < 100; ++i) {
    b.refused(1, Reason::out_of_order, 99);
    resent += static_cast<int>(b.sent().size());
  }
  EXPECT_LT(resent, 10);
  EXPECT_NE(b.client->next_deadline(), kNever);
  b.live(60 * kSecond);
  EXPECT_GT(b.client->counters().sends_repeated, static_cast<uint64_t>(resent));
}

// ---- at most once

ClientConfig at_most_once() {
  ClientConfig config = ClientBench::config();
  config.delivery.guarantee = Guarantee::at_most_once;
  return config;
}

TEST(ClientOutbox, AtMostOnceDropsOnTimeout) {
  ClientBench b(at_most_once());
  b.go_online();
  b.send(1);
  b.sleep(2 * kSecond);
  EXPECT_TRUE(b.sent().empty());
  ASSERT_EQ(b.noticed(NoticeKind::refused).size(), 1u);
  EXPECT_EQ(b.noticed(NoticeKind::refused)[0].reason, Reason::timeout);
  EXPECT_EQ(b.noticed(NoticeKind::refused)[0].tag, 1u);
  EXPECT_EQ(b.client->open_sends(), 0u);
  b.accepted(1, {});  // too late
  EXPECT_TRUE(b.effects.empty());
}

TEST(ClientOutbox, AtMostOnceDropsWithTheConnectionAndKeepsWhatWasNotSent) {
  ClientBench b(at_most_once());
  b.go_online(NodeId{4}, 1);
  for (uint64_t i = 1; i <= 66; ++i) b.send(i);
  b.step(PeerDown{address_of(NodeId{4}), Reason::reset});
  EXPECT_EQ(b.noticed(NoticeKind::refused).size(), 64u);
  EXPECT_EQ(b.client->open_sends(), 2u);
  b.wait_for_dial();
  b.connect(NodeId{4}, 2);
  EXPECT_EQ(b.sent(), (Seqs{65, 66}));
  EXPECT_EQ(b.client->counters().sends_repeated, 0u);
}

TEST(ClientOutbox, AtMostOnceTimeoutMovesTheWindow) {
  ClientBench b(at_most_once());
  b.go_online();
  for (uint64_t i = 1; i <= 66; ++i) b.send(i);
  b.sleep(2 * kSecond);
  EXPECT_EQ(b.noticed(NoticeKind::refused).size(), 64u);
  EXPECT_EQ(b.sent(), (Seqs{65, 66}));
}

TEST(ClientOutbox, AtMostOnceRefusalIsFinal) {
  ClientBench b(at_most_once());
  b.go_online();
  b.send(1);
  b.refused(1, Reason::overloaded);
  EXPECT_EQ(b.only<Notify>().reason, Reason::overloaded);
  EXPECT_EQ(b.client->open_sends(), 0u);
}

}  // namespace
}  // namespace imroute
