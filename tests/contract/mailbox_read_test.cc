// Reading: devices, cursors, rewind after a lost tail, retention, compare.
#include "tests/contract/mailbox_bench.h"

namespace imroute::contract {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class MailboxRead : public MailboxContract {
 protected:
  // Entries 1..7 of epoch 1, of which 5..7 are lost; then 5, 6 of epoch 2.
  void lose_three_of_seven() {
    use({.durable = false});
    for (uint64_t s = 1; s <= 4; ++s) append(anna_, kDirect, s);
    backend_->pass(3 * kSecond);
    for (uint64_t s = 5; s <= 7; ++s) append(anna_, kDirect, s);
    backend_->failover(kSecond);
    learn_store();
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, MailboxRead, testing::ValuesIn(mailbox_makers()),
                         maker_name<MailboxMaker>);

TEST_P(MailboxRead, PagesFromACursorToTheHead) {
  open(bert_);
  for (uint64_t s = 1; s <= 5; ++s) append(anna_, kDirect, s);
  const MailboxReply first = ask_read(kBert, kDirect, {}, 2);
  EXPECT_THAT(*first.entries, SizeIs(2));
  EXPECT_EQ(first.next, (Position{1, 2}));
  EXPECT_EQ(first.head, (Position{1, 5}));
  EXPECT_TRUE(first.member);
  EXPECT_THAT(read_seqs(kBert, kDirect, first.next, 2), ElementsAre(3, 4));
  const MailboxReply last = ask_read(kBert, kDirect, {1, 4}, 2);
  EXPECT_THAT(*last.entries, SizeIs(1));
  EXPECT_EQ(last.next, last.head);
  EXPECT_THAT(read_seqs(kBert, kDirect, {1, 5}), IsEmpty());
}

TEST_P(MailboxRead, AnUnknownConversationIsEmpty) {
  const MailboxReply reply = ask_read(kAnna, kDirect, {});
  EXPECT_EQ(reply.result, MailboxResult::ok);
  EXPECT_EQ(reply.head, Position{});
  EXPECT_EQ(ask_read(kAnna, kDirect, {1, 3}).result, MailboxResult::rewind);
  EXPECT_EQ(ask_read(kAnna, kDirect, {1, 3}).position, Position{});
}

TEST_P(MailboxRead, AStrangerReadsNothing) {
  open(bert_);
  append(anna_, kDirect, 1);
  const MailboxReply reply = ask_read(kCleo, kDirect, {});
  EXPECT_TRUE(reply.entries == nullptr || reply.entries->empty());
}

TEST_P(MailboxRead, ADeviceIsEntitledFromItsFirstBind) {
  append(anna_, kDirect, 1);
  append(anna_, kDirect, 2);
  const MailboxReply first = open(bert_);
  EXPECT_TRUE(first.first_bind);
  ASSERT_THAT(*first.conversations, SizeIs(1));
  const ConversationState state = first.conversations->front();
  EXPECT_EQ(state.conversation, kDirect);
  EXPECT_EQ(state.head, (Position{1, 2}));
  EXPECT_EQ(state.cursor, (Position{1, 2}));
  append(anna_, kDirect, 3);
  EXPECT_FALSE(open(bert_).first_bind);
  EXPECT_EQ(state_of(bert_, kDirect).cursor, (Position{1, 2}));
  EXPECT_EQ(state_of(bert_, kDirect).head, (Position{1, 3}));
}

TEST_P(MailboxRead, AConversationMadeLaterStartsAtItsBeginning) {
  EXPECT_THAT(*open(bert_).conversations, IsEmpty());
  append(anna_, kDirect, 1);
  EXPECT_EQ(state_of(bert_, kDirect).cursor, Position{});
  EXPECT_THAT(read_seqs(kBert, kDirect, {}), ElementsAre(1));
}

TEST_P(MailboxRead, CursorsMergeToTheHighest) {
  open(bert_);
  for (uint64_t s = 1; s <= 5; ++s) append(anna_, kDirect, s);
  write_cursor(bert_, kDirect, {1, 3});
  write_cursor(bert_, kDirect, {1, 2});
  EXPECT_EQ(state_of(bert_, kDirect).cursor, (Position{1, 3}));
  write_cursor(bert_, kDirect, {1, 5});
  EXPECT_EQ(state_of(bert_, kDirect).cursor, (Position{1, 5}));
  write_cursor(bert_, kDirect, {1, 9});  // beyond the head: not of this log
  EXPECT_EQ(state_of(bert_, kDirect).cursor, (Position{1, 5}));
  write_cursor(bert_, ConversationId::direct(kBert, kCleo), {1, 1});  // unknown conversation
}

TEST_P(MailboxRead, CursorsArePerDevice) {
  open(anna_);
  open(anna_pc_);
  append(bert_, kDirect, 1);
  write_cursor(anna_, kDirect, {1, 1});
  EXPECT_EQ(state_of(anna_pc_, kDirect).cursor, Position{});
  EXPECT_THAT(read_seqs(kAnna, kDirect, {}), ElementsAre(1));
}

TEST_P(MailboxRead, WhatADeviceStillNeedsIsKept) {
  open(anna_);
  open(bert_);
  for (uint64_t s = 1; s <= 100; ++s) {
    append(anna_, kDirect, s, s);
    if (s <= 60) write_cursor(bert_, kDirect, {1, s});
  }
  std::vector<uint64_t> wanted;
  for (uint64_t s = 61; s <= 100; ++s) wanted.push_back(s);
  EXPECT_EQ(read_seqs(kBert, kDirect, {1, 60}), wanted);
  EXPECT_EQ(ask_read(kAnna, kDirect, {1, 60}).head, (Position{1, 100}));
  // A cursor in the trimmed part still is of this log.
  EXPECT_EQ(ask_read(kBert, kDirect, {1, 30}).result, MailboxResult::ok);
}

TEST_P(MailboxRead, AReadThatFindsNothingMoreReachesTheHead) {
  open(anna_);
  open(bert_);
  for (uint64_t s = 1; s <= 3; ++s)
    write_cursor(bert_, kDirect, append(anna_, kDirect, s).position);
  const MailboxReply reply = ask_read(kAnna, kDirect, {});
  EXPECT_EQ(reply.next, (Position{1, 3}));
  EXPECT_EQ(reply.head, (Position{1, 3}));
}

TEST_P(MailboxRead, ACursorInTheLostTailIsRewound) {
  open(bert_);
  lose_three_of_seven();
  const MailboxReply past_head = ask_read(kBert, kDirect, {1, 7});
  EXPECT_EQ(past_head.result, MailboxResult::rewind);
  EXPECT_EQ(past_head.position, (Position{1, 4}));
  for (uint64_t s = 5; s <= 8; ++s) append(anna_, kDirect, s, s);
  const MailboxReply other_epoch = ask_read(kBert, kDirect, {1, 6});
  EXPECT_EQ(other_epoch.result, MailboxResult::rewind);
  EXPECT_EQ(other_epoch.position, (Position{1, 4}));
  const MailboxReply common = ask_read(kBert, kDirect, {1, 3});
  EXPECT_EQ(common.result, MailboxResult::ok);
  ASSERT_THAT(*common.entries, SizeIs(5));
  EXPECT_EQ((*common.entries)[0].position, (Position{1, 4}));
  EXPECT_EQ((*common.entries)[1].position, (Position{2, 5}));
  EXPECT_EQ(ask_read(kBert, kDirect, {2, 6}).result, MailboxResult::ok);
}

TEST_P(MailboxRead, AWholeConversationMayBeLost) {
  use({.durable = false});
  append(anna_, kDirect, 1);
  append(anna_, kDirect, 2);
  backend_->failover(kSecond);
  learn_store();
  EXPECT_EQ(ask_read(kBert, kDirect, {1, 2}).position, Position{});
  append(anna_, kDirect, 3, 3);
  const MailboxReply reply = ask_read(kBert, kDirect, {1, 1});
  EXPECT_EQ(reply.result, MailboxResult::rewind);
  EXPECT_EQ(reply.position, Position{});
}

TEST_P(MailboxRead, ACursorOfALostEntryIsNotBelieved) {
  lose_three_of_seven();
  open(bert_);
  append(anna_, kDirect, 5, 5);
  append(anna_, kDirect, 6, 6);
  append(anna_, kDirect, 7, 7);
  write_cursor(bert_, kDirect, {1, 7});  // acknowledged before the failover, written after it
  EXPECT_EQ(state_of(bert_, kDirect).cursor, (Position{1, 4}));
  EXPECT_THAT(read_seqs(kBert, kDirect, {1, 4}), ElementsAre(5, 6, 7));
}

TEST_P(MailboxRead, StoredCursorsFallBackWithTheTail) {
  use({.durable = false});
  open(bert_);
  append(anna_, kDirect, 1);
  backend_->pass(3 * kSecond);
  append(anna_, kDirect, 2);
  write_cursor(bert_, kDirect, {1, 2});
  backend_->failover(kSecond);
  learn_store();
  append(anna_, kDirect, 3, 3);
  // Pulled back to the head that is left, or as it was stored before: never past an entry to come.
  const Position cursor = state_of(bert_, kDirect).cursor;
  EXPECT_THAT(cursor, AnyOf(Position{1, 1}, Position{}));
  EXPECT_EQ(read_seqs(kBert, kDirect, cursor).back(), 2u);
}

TEST_P(MailboxRead, PastRetentionAReaderIsReset) {
  use({.durable = true, .retention_ns = 10 * kSecond});
  open(bert_);
  for (uint64_t s = 1; s <= 3; ++s) append(anna_, kDirect, s);
  backend_->pass(6 * kSecond);
  append(anna_, kDirect, 4);
  backend_->pass(6 * kSecond);
  const MailboxReply reply = ask_read(kBert, kDirect, {1, 1});
  EXPECT_EQ(reply.result, MailboxResult::reset);
  EXPECT_EQ(reply.position, (Position{1, 3}));
  EXPECT_EQ(reply.skipped, 2u);
  EXPECT_THAT(read_seqs(kBert, kDirect, reply.position), ElementsAre(4));
  EXPECT_EQ(append(anna_, kDirect, 5).position, (Position{1, 5}));
}

TEST_P(MailboxRead, CompareTellsWhatIsAheadOrElsewhere) {
  append(anna_, kDirect, 1);
  append(anna_, kDirect, 2);
  const auto behind = compare({kDirect, kBert, {1, 1}, 0});
  ASSERT_THAT(behind, SizeIs(1));
  EXPECT_EQ(behind[0].conversation, kDirect);
  EXPECT_EQ(behind[0].user, kBert);
  EXPECT_EQ(behind[0].known, (Position{1, 2}));
  EXPECT_THAT(compare({kDirect, kBert, {1, 2}, 0}), IsEmpty());
  EXPECT_THAT(compare({kDirect, kBert, {2, 2}, 0}), SizeIs(1));
}

TEST_P(MailboxRead, TheFirstEntryIsFoundByTheIndexVersion) {
  EXPECT_EQ(index_version(kBert), 0u);
  append(anna_, kDirect, 1);
  const uint64_t first = index_version(kBert);
  EXPECT_GT(first, 0u);
  EXPECT_GT(index_version(kAnna), 0u);
  EXPECT_EQ(open(bert_).index_version, first);
  append(anna_, kDirect, 2);
  EXPECT_EQ(index_version(kBert), first);  // the list did not change
  EXPECT_THAT(compare({{}, kBert, {}, first}), IsEmpty());
  append(cleo_, ConversationId::direct(kBert, kCleo), 1);
  const auto ahead = compare({{}, kBert, {}, first});
  ASSERT_THAT(ahead, SizeIs(1));
  EXPECT_EQ(ahead[0].user, kBert);
  EXPECT_GT(ahead[0].index_version, first);
}

}  // namespace
}  // namespace imroute::contract
