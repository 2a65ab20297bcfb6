// What the mailbox answers when it no longer has what a device would read next: RESET and REWIND,
// and how a conversation goes on after them.
#include <algorithm>

#include "tests/step/node_bench.h"

namespace imroute {
namespace {

const UserId kAnn{1}, kBob{2}, kCy{3};
const LinkId kBobLink{20};
const ConversationId kAnnBob = ConversationId::direct(kAnn, kBob);
const ConversationId kCyBob = ConversationId::direct(kCy, kBob);

NodeConfig one_at_a_time() {
  NodeConfig config = NodeBench::config();
  config.delivery.order = Order::stop_and_wait;
  return config;
}

class NodeReset : public ::testing::TestWithParam<MailboxResult> {
 protected:
  NodeReset() {
    bench_.bind(kBobLink, kBob);
    push(kAnnBob, kAnn, {1, 1});
    ack(1);
    // Another store answers; what was delivered before is asked for again.
    for (int i = 0; i < 4; ++i) {
      bench_.live_for(2 * kSecond);
      Frame ping;
      ping.type = FrameType::ping;
      bench_.client(kBobLink, ping);
    }
    const auto compare = bench_.take_op<MailboxOp>(MailboxOpKind::compare);
    bench_.answer(compare->id, from_other_store(MailboxOpKind::compare));
    RegistryReply raised;
    raised.kind = RegistryOpKind::raise_epoch;
    raised.epoch = 2;
    bench_.answer(bench_.take_op<RegistryOp>(RegistryOpKind::raise_epoch)->id, raised);
    push(kCyBob, kCy, {2, 1});  // takes the window
    bench_.effects().erase(
        std::remove_if(bench_.effects().begin(), bench_.effects().end(),
                       [](const Effect& e) { return std::holds_alternative<SendClient>(e); }),
        bench_.effects().end());
  }
  MailboxReply from_other_store(MailboxOpKind kind) const {
    MailboxReply r;
    r.kind = kind;
    r.identity = 501;
    return r;
  }
  void push(ConversationId id, UserId sender, Position at) {
    Frame f = bench_.push_frame(kBob, id, sender, at.seq);
    f.entry.position = at;
    bench_.peer(NodeId{1}, f);
  }
  void ack(uint64_t number) {
    Frame f;
    f.type = FrameType::ack;
    f.number = number;
    bench_.client(kBobLink, f);
  }
  void answer_read(Position position, Position head) {
    const auto read = bench_.take_op<MailboxOp>(MailboxOpKind::read);
    ASSERT_TRUE(read.has_value());
    ASSERT_EQ(read->entry.conversation, kAnnBob);
    MailboxReply r = from_other_store(MailboxOpKind::read);
    r.result = GetParam();
    r.position = position;
    r.head = head;
    bench_.answer(read->id, r);
  }
  std::vector<Frame> delivered() { return bench_.to_client(kBobLink, FrameType::deliver); }

  NodeBench bench_{one_at_a_time()};
};

// Found by scenarios/swarm.json, seed 308: the window was full when the reset came, nothing was
// read after it, and the next push of the new epoch had to come from the mailbox.
TEST_P(NodeReset, TheNextPushIsTakenThoughTheWindowWasFull) {
  answer_read({1, 2}, {1, 2});
  EXPECT_FALSE(bench_.take_op<MailboxOp>(MailboxOpKind::read)) << "no room to read into";
  ack(2);
  push(kAnnBob, kAnn, {2, 3});
  const auto frames = delivered();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].via, Via::push);
  EXPECT_EQ(frames[0].entry.position, (Position{2, 3}));
}

TEST_P(NodeReset, WhatFollowsItIsReadWhenTheWindowHasRoom) {
  answer_read({1, 2}, {2, 4});
  EXPECT_FALSE(bench_.take_op<MailboxOp>(MailboxOpKind::read));
  ack(2);
  const auto read = bench_.take_op<MailboxOp>(MailboxOpKind::read);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->from, (Position{1, 2}));
}

INSTANTIATE_TEST_SUITE_P(Both, NodeReset,
                         ::testing::Values(MailboxResult::reset, MailboxResult::rewind));

}  // namespace
}  // namespace imroute
