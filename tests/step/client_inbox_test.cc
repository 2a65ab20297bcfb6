#include <gtest/gtest.h>

#include "core/model/limits.h"
#include "tests/step/client_bench.h"

namespace imroute {
namespace {

using testing::ClientBench;
using testing::kAlice;
using testing::kBob;
using testing::kChat;
using testing::kGroup;

constexpr NodeId kHome{4};

ClientConfig with(Order order, Guarantee guarantee = Guarantee::at_least_once, bool dedup = true) {
  ClientConfig config = ClientBench::config();
  config.delivery.order = order;
  config.delivery.guarantee = guarantee;
  config.delivery.dedup = dedup;
  return config;
}

struct Ack {
  uint64_t number;
  uint64_t mask;
  friend bool operator==(const Ack&, const Ack&) = default;
};
std::ostream& operator<<(std::ostream& out, const Ack& a) {
  return out << a.number << "/" << std::hex << a.mask;
}

Ack ack_of(const ClientBench& b) {
  const auto acks = b.frames(FrameType::ack);
  EXPECT_EQ(acks.size(), 1u);
  return acks.empty() ? Ack{0, 0} : Ack{acks[0].number, acks[0].mask};
}

void reconnect(ClientBench& b, uint64_t generation) {
  b.step(PeerDown{address_of(kHome), Reason::reset});
  b.wait_for_dial();
  b.connect(kHome, generation);
}

void rewind(ClientBench& b, Position to) {
  Frame f;
  f.type = FrameType::rewind;
  f.entry.conversation = kChat;
  f.entry.position = to;
  b.from(f);
}

TEST(ClientInbox, ShowsThenAcknowledges) {
  ClientBench b;
  b.go_online();
  Frame f;
  f.type = FrameType::deliver;
  f.number = 1;
  f.via = Via::handover;
  f.entry.conversation = kChat;
  f.entry.position = {1, 5};
  f.entry.sender = kBob;
  f.entry.client_seq = 3;
  f.entry.payload = b.pool.make(8);
  b.from(f);
  size_t shown_at = 99, ack_at = 99;
  for (size_t i = 0; i < b.effects.size(); ++i) {
    if (std::holds_alternative<Notify>(b.effects[i])) shown_at = i;
    if (std::holds_alternative<SendPeer>(b.effects[i])) ack_at = i;
  }
  EXPECT_LT(shown_at, ack_at);
  EXPECT_EQ(b.only<Notify>().kind, NoticeKind::shown);
  EXPECT_EQ(b.only<Notify>().via, Via::handover);
  EXPECT_EQ(b.only<Notify>().entry.client_seq, 3u);
  EXPECT_EQ(b.only<Notify>().entry.payload.size(), 8u);
  EXPECT_EQ(ack_of(b), (Ack{1, 0}));
  EXPECT_TRUE(b.traced(TraceKind::shown));
  EXPECT_EQ(b.client->counters().shown, 1u);
}

TEST(ClientInbox, HiddenDuplicatesAreAcknowledged) {
  ClientBench b;
  b.go_online();
  EXPECT_TRUE(b.deliver(1, {1, 5}, 1));
  EXPECT_FALSE(b.deliver(1, {1, 5}, 1));
  EXPECT_EQ(ack_of(b), (Ack{1, 0}));
  EXPECT_FALSE(b.deliver(2, {1, 4}, 2));  // not after the cursor
  EXPECT_EQ(ack_of(b), (Ack{2, 0}));
  EXPECT_TRUE(b.traced(TraceKind::dropped_duplicate));
  EXPECT_EQ(b.client->counters().duplicates_hidden, 2u);
}

// The store lost an entry and got it again from its sender, at a new position.
TEST(ClientInbox, SameClientSeqAtALaterPositionIsHidden) {
  ClientBench b;
  b.go_online();
  EXPECT_TRUE(b.deliver(1, {1, 5}, 7));
  rewind(b, {1, 4});
  EXPECT_FALSE(b.deliver(2, {2, 5}, 7));
  EXPECT_TRUE(b.deliver(3, {2, 6}, 8));
  // The cursor passed the hidden one: it is not asked for again.
  reconnect(b, 2);
  EXPECT_FALSE(b.deliver(1, {2, 5}, 9));
}

TEST(ClientInbox, DedupIsPerSenderDeviceAndConversation) {
  ClientBench b;
  b.go_online();
  EXPECT_TRUE(b.deliver(1, {1, 1}, 1, kBob, 0));
  EXPECT_TRUE(b.deliver(2, {1, 2}, 1, kBob, 1));
  EXPECT_TRUE(b.deliver(3, {1, 3}, 1, kAlice.user, 1));  // one's own other device
  EXPECT_TRUE(b.deliver(4, {1, 1}, 1, kBob, 0, kGroup));
  EXPECT_TRUE(b.deliver(5, {1, 2}, 1, UserId{21}, 0, kGroup));
  EXPECT_TRUE(b.deliver(6, {1, 3}, 1, UserId{22}, 0, kGroup));
  EXPECT_FALSE(b.deliver(7, {1, 4}, 1, kBob, 0));
  EXPECT_FALSE(b.deliver(8, {1, 5}, 1, kBob, 1));
  EXPECT_FALSE(b.deliver(9, {1, 6}, 1, kAlice.user, 1));
  EXPECT_FALSE(b.deliver(10, {1, 4}, 1, UserId{21}, 0, kGroup));
  EXPECT_TRUE(b.deliver(11, {1, 5}, 2, UserId{21}, 0, kGroup));
  EXPECT_EQ(ack_of(b), (Ack{11, 0}));
}

TEST(ClientInbox, EntriesOfNoDeviceGoByPosition) {  // the create entry of a seeded group
  ClientBench b;
  b.go_online();
  EXPECT_TRUE(b.deliver(1, {1, 1}, 0, kBob, 0, kGroup));
  EXPECT_FALSE(b.deliver(2, {1, 1}, 0, kBob, 0, kGroup));
  EXPECT_TRUE(b.deliver(3, {1, 2}, 1, kBob, 0, kGroup));
}

TEST(ClientInbox, CursorsSurviveTheConnection) {
  ClientBench b;
  b.go_online(kHome, 1);
  b.deliver(1, {1, 5}, 1);
  b.deliver(2, {3, 9}, 1, kBob, 0, kGroup);
  b.send(1, ConversationId::direct(kAlice.user, UserId{99}));  // nothing shown there: no cursor
  b.step(PeerDown{address_of(kHome), Reason::reset});
  b.wait_for_dial();
  b.reach_router();
  b.login_ok(kHome, 2);
  const Frame bind = b.reach_node(kHome);
  EXPECT_EQ(bind.flags, 0);
  const auto cursors = bind.list.as<Cursor>();
  ASSERT_EQ(cursors.size(), 2u);
  EXPECT_EQ(cursors[0].conversation, kChat);
  EXPECT_EQ(cursors[0].position, (Position{1, 5}));
  EXPECT_EQ(cursors[1].conversation, kGroup);
  EXPECT_EQ(cursors[1].position, (Position{3, 9}));
  // The gaps of the structure are zero: they are bytes on the wire.
  const auto bytes = bind.list.bytes();
  for (size_t at : {size_t{20}, size_t{52}}) {
    for (size_t i = 0; i < 4; ++i) EXPECT_EQ(bytes[at + i], std::byte{0});
  }
  b.bound(kHome, 2);
  EXPECT_FALSE(b.deliver(1, {1, 5}, 1));  // numbers start again, memory stays
  EXPECT_EQ(ack_of(b), (Ack{1, 0}));
}

TEST(ClientInbox, AcksAreCumulativeWithAMask) {
  ClientBench b;
  b.go_online();
  b.deliver(1, {1, 1}, 1);
  EXPECT_EQ(ack_of(b), (Ack{1, 0}));
  b.deliver(3, {1, 2}, 2);
  EXPECT_EQ(ack_of(b), (Ack{1, 0b10}));  // bit i: number + 1 + i
  b.deliver(5, {1, 3}, 3);
  EXPECT_EQ(ack_of(b), (Ack{1, 0b1010}));
  b.deliver(2, {1, 4}, 4);
  EXPECT_EQ(ack_of(b), (Ack{3, 0b10}));
  b.deliver(4, {1, 5}, 5);
  EXPECT_EQ(ack_of(b), (Ack{5, 0}));
  b.deliver(69, {1, 6}, 6);  // the last of a window of 64
  EXPECT_EQ(ack_of(b), (Ack{5, uint64_t{1} << 63}));
  EXPECT_FALSE(b.deliver(70, {1, 7}, 7));  // a window overrun
  EXPECT_TRUE(b.frames(FrameType::ack).empty());
  EXPECT_FALSE(b.deliver(0, {1, 8}, 8));
  EXPECT_EQ(b.client->counters().protocol_errors, 2u);
}

TEST(ClientInbox, RewindTakesBackTheCursor) {
  ClientBench b;
  b.go_online();
  b.deliver(1, {1, 5}, 5);
  rewind(b, {1, 3});
  EXPECT_EQ(b.only<Notify>().kind, NoticeKind::rewound);
  EXPECT_EQ(b.only<Notify>().entry.conversation, kChat);
  EXPECT_EQ(b.only<Notify>().entry.position, (Position{1, 3}));
  EXPECT_TRUE(b.deliver(2, {2, 4}, 6));
  rewind(b, {2, 4});
  EXPECT_TRUE(b.all<Notify>().empty());  // nothing to take back
  rewind(b, {2, 9});
  EXPECT_TRUE(b.all<Notify>().empty());  // the cursor is before it
}

// Frames that came while its last answered ping was too old were dropped, and are sent again; the
// REWIND after them was heard. It must not hide them.
TEST(ClientInbox, RewindTakesNoCursorForward) {
  for (const Order order : {Order::windowed, Order::none}) {
    ClientBench b(with(order));
    b.go_online();
    EXPECT_TRUE(b.deliver(1, {1, 4}, 4));
    rewind(b, {2, 6});
    EXPECT_TRUE(b.all<Notify>().empty());
    EXPECT_TRUE(b.deliver(2, {2, 5}, 5));
    EXPECT_TRUE(b.deliver(3, {2, 6}, 6));
    rewind(b, {3, 6});
    EXPECT_TRUE(b.all<Notify>().empty());
    reconnect(b, 2);
    EXPECT_TRUE(b.deliver(1, {3, 7}, 7));
  }
}

TEST(ClientInbox, AfterARewindAheadTheStoreIsAskedForWhatWasNotShown) {
  ClientBench b;
  b.go_online();
  EXPECT_TRUE(b.deliver(1, {1, 4}, 4));
  rewind(b, {2, 6});
  b.step(PeerDown{address_of(kHome), Reason::reset});
  b.wait_for_dial();
  b.reach_router();
  b.login_ok(kHome, 2);
  const Frame bind = b.reach_node(kHome);
  const auto cursors = bind.list.as<Cursor>();
  ASSERT_EQ(cursors.size(), 1u);
  EXPECT_EQ(cursors[0].position, (Position{1, 4}));
}

TEST(ClientInbox, ResetSaysHowManyWereSkipped) {
  ClientBench b;
  b.go_online();
  Frame f;
  f.type = FrameType::reset_cursor;
  f.entry.conversation = kChat;
  f.entry.position = {1, 50};
  f.number = 45;
  b.from(f);
  EXPECT_EQ(b.only<Notify>().kind, NoticeKind::reset);
  EXPECT_EQ(b.only<Notify>().count, 45u);
  EXPECT_EQ(b.only<Notify>().entry.position, (Position{1, 50}));
  EXPECT_FALSE(b.deliver(1, {1, 50}, 1));
  EXPECT_TRUE(b.deliver(2, {1, 51}, 2));
}

TEST(ClientInbox, NothingIsShownBeforeBound) {
  ClientBench b;
  b.start();
  b.reach_router();
  b.login_ok(kHome, 1);
  b.reach_node(kHome);
  Frame f;
  f.type = FrameType::deliver;
  f.number = 1;
  f.entry.conversation = kChat;
  f.entry.position = {1, 1};
  f.entry.client_seq = 1;
  b.from(kHome, f);
  EXPECT_TRUE(b.effects.empty());
  EXPECT_EQ(b.client->counters().protocol_errors, 1u);
}

TEST(ClientInbox, WithoutDedupEverythingIsShown) {
  for (const Order order : {Order::windowed, Order::none}) {
    ClientBench b(with(order, Guarantee::at_least_once, false));
    b.go_online();
    EXPECT_TRUE(b.deliver(1, {1, 5}, 1));
    EXPECT_TRUE(b.deliver(1, {1, 5}, 1));
    EXPECT_TRUE(b.deliver(2, {1, 4}, 1));
    EXPECT_EQ(b.client->counters().shown, 3u);
  }
}

// ---- at most once

TEST(ClientInboxAtMostOnce, OnlyNewerOfEachSenderAndNoAcks) {
  ClientBench b(with(Order::windowed, Guarantee::at_most_once));
  b.go_online(kHome, 1);
  EXPECT_TRUE(b.deliver(1, {}, 1));
  EXPECT_TRUE(b.frames(FrameType::ack).empty());
  EXPECT_TRUE(b.deliver(2, {}, 3));
  EXPECT_FALSE(b.deliver(3, {}, 2));
  EXPECT_TRUE(b.traced(TraceKind::dropped_stale));
  EXPECT_FALSE(b.deliver(4, {}, 3));
  EXPECT_TRUE(b.deliver(5, {}, 1, kBob, 1));
  EXPECT_TRUE(b.deliver(500, {}, 2, kBob, 1));  // no window
  EXPECT_EQ(b.client->counters().drops_stale, 2u);
  EXPECT_EQ(b.client->counters().duplicates_hidden, 0u);
  reconnect(b, 2);
  EXPECT_FALSE(b.deliver(1, {}, 3));
}

TEST(ClientInboxAtMostOnce, BindCarriesNoCursors) {
  ClientBench b(with(Order::windowed, Guarantee::at_most_once));
  b.go_online(kHome, 1);
  b.deliver(1, {1, 1}, 1);
  b.step(PeerDown{address_of(kHome), Reason::reset});
  b.wait_for_dial();
  b.reach_router();
  b.login_ok(kHome, 2);
  EXPECT_TRUE(b.reach_node(kHome).list.empty());
}

}  // namespace
}  // namespace imroute
