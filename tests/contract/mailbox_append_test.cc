// Appending: idempotence, order of one sender, identity and epoch, what a failover takes back.
#include "tests/contract/mailbox_bench.h"

namespace imroute::contract {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class MailboxAppend : public MailboxContract {};
INSTANTIATE_TEST_SUITE_P(Backends, MailboxAppend, testing::ValuesIn(mailbox_makers()),
                         maker_name<MailboxMaker>);

TEST_P(MailboxAppend, TheSequenceIsGaplessFromOneWhoeverSends) {
  EXPECT_EQ(append(anna_, kDirect, 1).position, (Position{1, 1}));
  EXPECT_EQ(append(bert_, kDirect, 1).position, (Position{1, 2}));
  EXPECT_EQ(append(anna_pc_, kDirect, 1).position, (Position{1, 3}));
  EXPECT_EQ(append(anna_, kDirect, 2).position, (Position{1, 4}));
  const ConversationId other = ConversationId::direct(kAnna, kCleo);
  EXPECT_EQ(append(anna_, other, 1).position, (Position{1, 1}));
}

TEST_P(MailboxAppend, ARepeatIsADuplicateWithItsPosition) {
  append(anna_, kDirect, 1);
  append(bert_, kDirect, 1);
  append(anna_, kDirect, 2);
  const MailboxReply again = append(anna_, kDirect, 1);
  EXPECT_EQ(again.result, MailboxResult::duplicate);
  EXPECT_EQ(again.position, (Position{1, 1}));
  EXPECT_EQ(append(anna_, kDirect, 2).position, (Position{1, 3}));
  EXPECT_EQ(ask_read(kAnna, kDirect, {}).head, (Position{1, 3}));
}

TEST_P(MailboxAppend, TheLastSixtyFourAreRemembered) {
  for (uint64_t s = 1; s <= 200; ++s) {
    ASSERT_EQ(append(anna_, kDirect, s, s).position, (Position{1, s}));
    const uint64_t oldest = s > 63 ? s - 63 : 1;
    for (uint64_t back = oldest; back <= s; back += 9) {
      const MailboxReply again = append(anna_, kDirect, back, oldest);
      ASSERT_EQ(again.result, MailboxResult::duplicate);
      ASSERT_EQ(again.position, (Position{1, back})) << "at " << s;
    }
  }
  EXPECT_EQ(append(anna_, kDirect, 3).result, MailboxResult::duplicate);
}

TEST_P(MailboxAppend, AnEarlySendIsOutOfOrderAndAppendsNothing) {
  const MailboxReply first = append(anna_, kDirect, 2);
  EXPECT_EQ(first.result, MailboxResult::out_of_order);
  EXPECT_EQ(first.expected, 1u);
  append(anna_, kDirect, 1);
  const MailboxReply early = append(anna_, kDirect, 4);
  EXPECT_EQ(early.result, MailboxResult::out_of_order);
  EXPECT_EQ(early.expected, 2u);
  EXPECT_EQ(append(bert_, kDirect, 1).position.seq, 2u);
}

TEST_P(MailboxAppend, BaseStepsOverWhatTheSenderKnowsAnswered) {
  append(anna_, kDirect, 1);
  EXPECT_EQ(append(anna_, kDirect, 9, 8).expected, 8u);
  EXPECT_EQ(append(anna_, kDirect, 8, 8).position, (Position{1, 2}));
  EXPECT_EQ(append(anna_, kDirect, 9, 8).position, (Position{1, 3}));
  // A late copy of what was stepped over is not appended either.
  const MailboxReply late = append(anna_, kDirect, 5);
  EXPECT_EQ(late.result, MailboxResult::duplicate);
  EXPECT_EQ(late.position, Position{});
  EXPECT_EQ(append(anna_, kDirect, 1).position, (Position{1, 1}));
}

TEST_P(MailboxAppend, WhatWasSteppedOverHasNoPositionOfAnother) {
  for (uint64_t s = 1; s <= 64; ++s) append(anna_, kDirect, s, s);
  EXPECT_EQ(append(anna_, kDirect, 101, 101).position, (Position{1, 65}));
  for (const uint64_t late : {100u, 90u, 65u}) {
    const MailboxReply reply = append(anna_, kDirect, late, late);
    EXPECT_EQ(reply.result, MailboxResult::duplicate);
    EXPECT_EQ(reply.position, Position{}) << late;
  }
  EXPECT_EQ(append(anna_, kDirect, 60, 60).position, (Position{1, 60}));
}

// A device that was reinstalled begins far above whatever an earlier life of it can have sent.
TEST_P(MailboxAppend, ADeviceMayBeginAnewFarAbove) {
  append(anna_, kDirect, 1);
  const uint64_t anew = (uint64_t{1} << 51) + 7;
  EXPECT_EQ(append(anna_, kDirect, anew + 1, anew).expected, anew);
  EXPECT_EQ(append(anna_, kDirect, anew, anew).position, (Position{1, 2}));
  EXPECT_EQ(append(anna_, kDirect, anew + 1, anew).position, (Position{1, 3}));
  EXPECT_EQ(append(anna_, kDirect, anew, anew).result, MailboxResult::duplicate);
  EXPECT_EQ(append(anna_, kDirect, anew, anew).position, (Position{1, 2}));
  EXPECT_EQ(append(anna_, kDirect, 1).result, MailboxResult::duplicate);
  const MailboxReply reply = ask_read(kBert, kDirect, {1, 1});
  EXPECT_EQ(reply.entries->front().client_seq, anew);
  EXPECT_EQ(backend_->ask(append_op(anna_, kDirect, uint64_t{1} << 53, 1)).status,
            ReplyStatus::error);
}

TEST_P(MailboxAppend, AStrangerIsRefusedInADirectConversation) {
  EXPECT_EQ(append(cleo_, kDirect, 1).result, MailboxResult::refused);
  EXPECT_THAT(read_seqs(kAnna, kDirect, {}), IsEmpty());
  append(anna_, kDirect, 1);
  EXPECT_EQ(append(cleo_, kDirect, 1).result, MailboxResult::refused);
  EXPECT_EQ(append(anna_, kDirect, 2, 1, EntryKind::join).result, MailboxResult::refused);
}

TEST_P(MailboxAppend, AnotherIdentityIsRefusedAndTold) {
  MailboxOp op = append_op(anna_, kDirect, 1, 1);
  op.identity = 0;
  EXPECT_EQ(backend_->ask(op).reply.result, MailboxResult::wrong_identity);
  EXPECT_EQ(backend_->ask(op).reply.identity, identity_);
  op.identity = identity_ + 1000;
  EXPECT_EQ(backend_->ask(op).reply.result, MailboxResult::wrong_identity);
  EXPECT_EQ(append(anna_, kDirect, 1).position.seq, 1u);
}

TEST_P(MailboxAppend, ALowerEpochIsRefused) {
  epoch_ = 4;
  EXPECT_EQ(append(anna_, kDirect, 1).position, (Position{4, 1}));
  epoch_ = 3;
  EXPECT_EQ(append(anna_, kDirect, 2).result, MailboxResult::wrong_identity);
  epoch_ = 0;
  EXPECT_EQ(append(anna_, kDirect, 2).result, MailboxResult::wrong_identity);
}

TEST_P(MailboxAppend, EntriesComeBackAsTheyWere) {
  BlobPool pool;
  {
    MailboxOp op = append_op(anna_, kDirect, 1, 1);
    op.entry.payload = pool.copy(std::as_bytes(std::span("hello")));
    backend_->ask(op);
    const MailboxReply reply = ask_read(kBert, kDirect, {});
    ASSERT_THAT(*reply.entries, SizeIs(1));
    const Entry& entry = reply.entries->front();
    EXPECT_EQ(entry.conversation, kDirect);
    EXPECT_EQ(entry.position, (Position{1, 1}));
    EXPECT_EQ(entry.sender, kAnna);
    EXPECT_EQ(entry.sender_device, 0u);
    EXPECT_EQ(entry.client_seq, 1u);
    EXPECT_EQ(entry.payload, op.entry.payload);
  }
  backend_.reset();
}

TEST_P(MailboxAppend, ADurableStoreLosesNothingInAFailover) {
  append(anna_, kDirect, 1);
  EXPECT_THAT(backend_->failover(10 * kSecond), IsEmpty());
  EXPECT_EQ(append(anna_, kDirect, 2).result, MailboxResult::wrong_identity);
  learn_store();
  EXPECT_EQ(append(anna_, kDirect, 1).position, (Position{1, 1}));
  EXPECT_EQ(append(anna_, kDirect, 2).position, (Position{2, 2}));
  EXPECT_THAT(read_seqs(kBert, kDirect, {1, 1}), ElementsAre(2));
}

TEST_P(MailboxAppend, AFailoverTakesBackTheTailAndReportsIt) {
  use({.durable = false});
  append(anna_, kDirect, 1);
  append(bert_, kDirect, 1);
  backend_->pass(3 * kSecond);
  append(anna_, kDirect, 2, 2);
  const ConversationId other = ConversationId::direct(kAnna, kCleo);
  append(anna_, other, 1);
  append(anna_, kDirect, 3, 2);
  const std::vector<Entry> lost = backend_->failover(kSecond);
  ASSERT_THAT(lost, SizeIs(3));  // in order of append
  EXPECT_EQ(lost[0].position, (Position{1, 3}));
  EXPECT_EQ(lost[1].conversation, other);
  EXPECT_EQ(lost[2].position, (Position{1, 4}));
  EXPECT_EQ(lost[2].client_seq, 3u);
  learn_store();
  EXPECT_EQ(ask_read(kBert, kDirect, {1, 1}).head, (Position{1, 2}));
  // The sender repeats what it has open; the store expects what it lost.
  EXPECT_EQ(append(anna_, kDirect, 3, 2).expected, 2u);
  EXPECT_EQ(append(anna_, kDirect, 2, 2).position, (Position{2, 3}));
  EXPECT_EQ(append(anna_, kDirect, 1, 1).position, (Position{1, 1}));
  // One that was told "accepted" steps over it.
  EXPECT_EQ(append(anna_, other, 2, 2).position, (Position{2, 1}));
}

TEST_P(MailboxAppend, WhatAFailoverTookBackIsNoDuplicateAfterALongRun) {
  use({.durable = false});
  for (uint64_t s = 1; s <= 100; ++s) append(anna_, kDirect, s, s);
  backend_->pass(3 * kSecond);
  for (uint64_t s = 101; s <= 150; ++s) append(anna_, kDirect, s, s);
  EXPECT_THAT(backend_->failover(kSecond), SizeIs(50));
  learn_store();
  EXPECT_EQ(append(anna_, kDirect, 100, 90).position, (Position{1, 100}));
  // The place of 80 was taken by 144, which is lost: where 80 went may be forgotten, not mistaken.
  EXPECT_EQ(append(anna_, kDirect, 80, 80).result, MailboxResult::duplicate);
  EXPECT_THAT(append(anna_, kDirect, 80, 80).position, AnyOf(Position{}, Position{1, 80}));
  EXPECT_EQ(append(anna_, kDirect, 101, 101).position, (Position{2, 101}));
}

TEST_P(MailboxAppend, AFailoverTakesBackWhatALifeFarAboveSent) {
  use({.durable = false});
  append(anna_, kDirect, 1);
  append(anna_, kDirect, 2, 2);
  backend_->pass(3 * kSecond);
  append(anna_, kDirect, 3, 3);
  const uint64_t anew = uint64_t{1} << 40;
  append(anna_, kDirect, anew, anew);
  EXPECT_THAT(backend_->failover(kSecond), SizeIs(2));
  learn_store();
  EXPECT_EQ(append(anna_, kDirect, 2, 2).result, MailboxResult::duplicate);
  EXPECT_EQ(append(anna_, kDirect, anew, anew).position, (Position{2, 3}));
}

TEST_P(MailboxAppend, OutOfMemoryFailsAppendsAndAnswersReads) {
  append(anna_, kDirect, 1);
  backend_->out_of_memory(true);
  EXPECT_EQ(backend_->ask(append_op(anna_, kDirect, 2, 2)).status, ReplyStatus::error);
  EXPECT_EQ(ask_read(kBert, kDirect, {}).head.seq, 1u);
  backend_->out_of_memory(false);
  EXPECT_EQ(append(anna_, kDirect, 2, 2).position.seq, 2u);
}

}  // namespace
}  // namespace imroute::contract
