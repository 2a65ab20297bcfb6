// Order none at the client: each message is shown once, whatever the order in which it comes, the
// places at which the store puts it, and what is lost in between.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

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

ClientConfig unordered() {
  ClientConfig config = ClientBench::config();
  config.delivery.order = Order::none;
  return config;
}

class ClientUnordered : public ::testing::Test {
 protected:
  ClientUnordered() { bench_.go_online(kHome, generation_); }

  // Delivers a message of Bob; true when it was shown. `base`: all up to there was sent.
  bool at(Position position, uint64_t client_seq, uint64_t base) {
    return bench_.deliver(++number_, position, client_seq, kBob, 0, kChat, base);
  }
  void tell(FrameType type, Position to) {
    Frame f;
    f.type = type;
    f.entry.conversation = kChat;
    f.entry.position = to;
    bench_.from(f);
  }
  // The cursor that the client goes on from.
  Position reconnect() {
    bench_.step(PeerDown{address_of(kHome), Reason::reset});
    bench_.wait_for_dial();
    bench_.reach_router();
    bench_.login_ok(kHome, ++generation_);
    const Frame bind = bench_.reach_node(kHome);
    bench_.bound(kHome, generation_);
    number_ = 0;
    for (const Cursor& c : bind.list.as<Cursor>()) {
      if (c.conversation == kChat) return c.position;
    }
    return {};
  }

  ClientBench bench_{unordered()};
  uint64_t number_ = 0;
  uint64_t generation_ = 1;
};

TEST_F(ClientUnordered, AnyOrderExactlyOnce) {
  EXPECT_TRUE(at({1, 3}, 3, 0));
  EXPECT_TRUE(at({1, 1}, 1, 1));  // shown although a later one was
  EXPECT_FALSE(at({1, 3}, 3, 1));
  EXPECT_TRUE(at({1, 2}, 2, 3));
  EXPECT_FALSE(at({1, 2}, 2, 3));
  EXPECT_FALSE(at({1, 1}, 1, 3));
  EXPECT_TRUE(at({1, 64}, 64, 3));
  EXPECT_FALSE(at({1, 64}, 64, 3));
  EXPECT_EQ(bench_.frames(FrameType::ack).back().number, 8u);
  EXPECT_EQ(reconnect(), (Position{1, 3}));
}

TEST_F(ClientUnordered, NothingFurtherThanAWindowPastBase) {
  EXPECT_FALSE(at({1, 65}, 65, 0));
  EXPECT_TRUE(bench_.frames(FrameType::ack).empty());
  EXPECT_EQ(bench_.client->counters().protocol_errors, 1u);
  EXPECT_TRUE(bench_.deliver(1, {1, 64}, 64, kBob, 0, kChat, 0));
  // After a long stretch of entries for others `base` is far ahead.
  EXPECT_TRUE(bench_.deliver(2, {1, 500}, 70, kBob, 0, kChat, 500));
  EXPECT_FALSE(bench_.deliver(3, {1, 500}, 70, kBob, 0, kChat, 500));
}

TEST_F(ClientUnordered, MemorySurvivesTheConnection) {
  EXPECT_TRUE(at({1, 1}, 1, 1));
  EXPECT_TRUE(at({1, 4}, 4, 1));
  EXPECT_EQ(reconnect(), (Position{1, 1}));  // 2 and 3 are owed
  EXPECT_TRUE(at({1, 2}, 2, 2));
  EXPECT_TRUE(at({1, 3}, 3, 3));
  EXPECT_FALSE(at({1, 4}, 4, 4));
}

TEST_F(ClientUnordered, TheCreateOfAGroupIsShownOnce) {
  EXPECT_TRUE(bench_.deliver(1, {1, 1}, 0, kBob, 0, kGroup, 1));
  EXPECT_FALSE(bench_.deliver(2, {1, 1}, 0, kBob, 0, kGroup, 1));
  EXPECT_TRUE(bench_.deliver(3, {1, 2}, 1, kBob, 0, kGroup, 2));
}

// The store lost its tail; what its sender sends again comes at another place.
TEST_F(ClientUnordered, StoredAgainElsewhereIsHidden) {
  EXPECT_TRUE(at({1, 1}, 1, 1));
  EXPECT_TRUE(at({1, 2}, 2, 2));
  EXPECT_TRUE(at({1, 5}, 5, 2));
  tell(FrameType::rewind, {1, 1});
  EXPECT_FALSE(at({2, 2}, 2, 2));
  EXPECT_TRUE(at({2, 3}, 3, 3));
  EXPECT_FALSE(at({2, 7}, 5, 3));
  EXPECT_TRUE(at({2, 4}, 4, 7));
  EXPECT_FALSE(at({2, 7}, 5, 7));
}

// A failover that the client is not told of, since its cursor is before what was lost: another
// message stands where one was shown. (swarm 57)
TEST_F(ClientUnordered, AnotherMessageAtAnOldPlaceIsShown) {
  EXPECT_TRUE(at({1, 1}, 1, 1));
  EXPECT_TRUE(at({1, 3}, 3, 1));
  EXPECT_TRUE(bench_.deliver(++number_, {2, 3}, 1, kBob, 1, kChat, 1));
  // What comes first from the new epoch says nothing about older entries that are still missing.
  EXPECT_TRUE(at({1, 2}, 2, 3));
  EXPECT_FALSE(at({2, 4}, 3, 4));
  EXPECT_EQ(reconnect(), (Position{2, 4}));
}

// A frame of a later epoch may pass the place of a lost entry: what its sender sent before it was
// in the lost tail too, was never shown, and comes later.
TEST_F(ClientUnordered, OnlyItsOwnEpochProvesThatAllBeforeAnEntryWasSent) {
  EXPECT_TRUE(at({1, 1}, 1, 1));
  EXPECT_TRUE(at({1, 3}, 3, 1));  // 2 is missing; 2 and 3 are lost, others take their places
  EXPECT_TRUE(bench_.deliver(++number_, {2, 9}, 1, kBob, 1, kChat, 8));
  EXPECT_TRUE(at({2, 10}, 2, 10));
  EXPECT_FALSE(at({2, 11}, 3, 11));
  EXPECT_TRUE(at({2, 12}, 4, 12));
}

// Places behind an entry that `base` passes may have another epoch than it.
TEST_F(ClientUnordered, BaseProvesNothingBehindItsEntry) {
  EXPECT_TRUE(at({1, 1}, 1, 1));
  EXPECT_TRUE(
      at({1, 5}, 3, 1));  // 1/4 is Bob's 2; both are lost, and 2/4 and 2/5 are not for Alice
  EXPECT_TRUE(bench_.deliver(++number_, {1, 2}, 1, kBob, 1, kChat, 2));
  EXPECT_TRUE(bench_.deliver(++number_, {1, 3}, 2, kBob, 1, kChat, 5));
  EXPECT_TRUE(at({2, 6}, 2, 6));
}

// What was in flight when the tail was lost may be repeated afterwards: the cursor must not pass
// what stands there now. (swarm 154908677 with /swarm/seed=11584)
TEST_F(ClientUnordered, RedeliveryOfWhatWasLostMovesNoCursor) {
  EXPECT_TRUE(at({1, 1}, 1, 1));
  EXPECT_TRUE(at({1, 2}, 2, 2));
  EXPECT_TRUE(at({1, 3}, 3, 3));
  tell(FrameType::rewind, {1, 1});
  EXPECT_TRUE(bench_.deliver(++number_, {2, 2}, 1, kBob, 1, kChat, 2));
  EXPECT_FALSE(at({1, 3}, 3, 3));
  EXPECT_EQ(reconnect(), (Position{2, 2}));
}

// Past retention the node goes on further ahead, over what was shown there. (swarm 43, 980)
TEST_F(ClientUnordered, ResetKeepsWhatWasShownBeyondIt) {
  EXPECT_TRUE(at({1, 1}, 1, 1));
  EXPECT_TRUE(at({1, 4}, 4, 1));
  EXPECT_TRUE(at({1, 9}, 9, 1));
  tell(FrameType::reset_cursor, {1, 6});
  EXPECT_TRUE(at({1, 7}, 7, 7));
  EXPECT_TRUE(at({1, 8}, 8, 8));
  EXPECT_FALSE(at({1, 9}, 9, 9));
  EXPECT_FALSE(at({1, 4}, 4, 9));
}

// Numbers that will never be stored again are forgotten at last: memory is bounded.
TEST_F(ClientUnordered, KeepsWhatASenderMaySendAgainAndNoMore) {
  uint32_t epoch = 1;
  for (uint64_t client_seq = 2; client_seq <= 200; ++client_seq) {
    EXPECT_TRUE(at({epoch, 2}, client_seq, 0));
    tell(FrameType::rewind, {});
    ++epoch;
  }
  for (uint64_t client_seq = 200 - kMaxOpenSends + 1; client_seq <= 200; ++client_seq) {
    EXPECT_FALSE(at({epoch, 2}, client_seq, 0));
    tell(FrameType::rewind, {});
    ++epoch;
  }
  EXPECT_TRUE(at({epoch, 2}, 2, 0));  // forgotten, and impossible: 200 was sent with 2 accepted
}

// The same when a frame of a later epoch passes their places, and no REWIND is told.
TEST_F(ClientUnordered, KeepsNoMoreOfWhatALaterEpochPassed) {
  uint32_t epoch = 1;
  uint64_t head = 0;
  for (uint64_t client_seq = 2; client_seq <= 200; ++client_seq) {
    EXPECT_TRUE(at({epoch, head + 2}, client_seq, head));
    ++epoch;
    EXPECT_TRUE(bench_.deliver(++number_, {epoch, head + 3}, client_seq, kBob, 1, kChat, head + 3));
    head += 3;
  }
  EXPECT_FALSE(at({epoch, head + 2}, 199, head));
  EXPECT_TRUE(at({epoch, head + 3}, 2, head));  // forgotten
}

// ---- against a model: one log with several senders, which loses its tail now and then

constexpr uint32_t kSenders = 4;
constexpr uint32_t kSelf = 3;  // the client's own: nothing of it is delivered to it

struct Item {
  Position position;
  uint32_t sender = 0;
  uint64_t client_seq = 0;
};

// The store with what its senders may do: dense numbers, those not accepted are sent again.
struct Store {
  std::vector<Item> log;
  uint32_t epoch = 1;
  uint64_t accepted[kSenders] = {};

  uint64_t last(uint32_t sender) const {
    for (size_t i = log.size(); i-- > 0;) {
      if (log[i].sender == sender) return log[i].client_seq;
    }
    return 0;
  }
  void append(uint32_t sender) {
    const uint64_t expected = std::max(last(sender), accepted[sender]) + 1;
    if (expected > accepted[sender] + kMaxOpenSends) return;
    log.push_back({{epoch, log.size() + 1}, sender, expected});
  }
  void accept(uint32_t sender, uint64_t some) {
    accepted[sender] = std::max(accepted[sender], last(sender) - std::min(last(sender), some));
  }
  void lose(size_t tail) {
    ++epoch;
    log.resize(log.size() - std::min(tail, log.size()));
  }
  bool has(Position p) const {
    return p.seq == 0 || (p.seq <= log.size() && log[p.seq - 1].position == p);
  }
  Position last_common(Position from) const {
    for (uint64_t seq = std::min<uint64_t>(from.seq, log.size()); seq > 0; --seq) {
      if (log[seq - 1].position.epoch <= from.epoch) return log[seq - 1].position;
    }
    return {};
  }
};

// A node that delivers what it has of the log in any order, up to a window ahead.
class AnyOrderWorld : public ClientUnordered {
 public:
  void TestBody() override {}

  // The node keeps to the log that it knows until it notices.
  void fail_over(size_t tail) {
    if (!stale_) known_ = store.log;
    stale_ = true;
    store.lose(tail);
  }
  void notice() {
    stale_ = false;
    if (!store.has(at_)) rewind();
    std::erase_if(beyond_, [&](Position p) { return p.seq <= at_.seq || !store.has(p); });
  }
  void come_back() {
    at_ = reconnect();
    beyond_.clear();
    notice();
  }
  void deliver(uint64_t which) {
    const std::vector<Item>& log = stale_ ? known_ : store.log;
    std::vector<Item> possible;
    for (uint64_t seq = at_.seq; seq < log.size() && seq < at_.seq + kMaxWindow; ++seq) {
      if (!beyond_.contains(log[seq].position)) possible.push_back(log[seq]);
    }
    if (possible.empty()) return;
    const Item item = possible[which % possible.size()];
    beyond_.insert(item.position);
    while (at_.seq < log.size() && beyond_.erase(log[at_.seq].position) > 0) {
      at_ = log[at_.seq].position;
    }
    if (item.sender == kSelf) return;
    const bool fresh = bench_.deliver(++number_, item.position, item.client_seq, kBob, item.sender,
                                      kChat, at_.seq);
    if (fresh) ++shown[{item.sender, item.client_seq}];
  }
  void finish() {
    notice();
    while (at_.seq < store.log.size()) deliver(0);
  }

  Store store;
  std::map<std::pair<uint32_t, uint64_t>, int> shown;

 private:
  void rewind() {
    at_ = store.last_common(at_);
    beyond_.clear();
    tell(FrameType::rewind, at_);
  }

  std::vector<Item> known_;
  bool stale_ = false;
  Position at_;
  std::set<Position> beyond_;
};

RC_GTEST_PROP(ClientUnorderedModel, WhatTheLogHoldsIsShownOnce, ()) {
  AnyOrderWorld world;
  const auto actions = *rc::gen::container<std::vector<std::pair<int, uint32_t>>>(
      rc::gen::pair(rc::gen::inRange(0, 100), rc::gen::inRange<uint32_t>(0, 1000)));
  for (const auto& [action, value] : actions) {
    const uint32_t sender = value % kSenders;
    if (action < 35) {
      for (uint32_t i = 0; i < 1 + value % 3; ++i) world.store.append((sender + i) % kSenders);
    } else if (action < 45) {
      world.store.accept(sender, value % 5);
    } else if (action < 85) {
      world.deliver(value);
    } else if (action < 90) {
      world.fail_over(value % 12);
    } else if (action < 96) {
      world.notice();
    } else {
      world.come_back();
    }
  }
  world.finish();
  for (const auto& [message, times] : world.shown) RC_ASSERT(times == 1);
  for (const Item& item : world.store.log) {
    const int wanted = item.sender == kSelf ? 0 : 1;
    RC_ASSERT((world.shown[{item.sender, item.client_seq}] == wanted));
  }
}

}  // namespace
}  // namespace imroute
