// What only the simulated mailbox promises: it forgets what nobody needs, so that ten million
// entries pass through one process.
#include <gtest/gtest.h>

#include "store/mailbox.h"

namespace imroute {
namespace {

class SimulatedMailboxMemory : public testing::Test {
 protected:
  Position append(uint64_t user, uint64_t peer, uint64_t client_seq) {
    MailboxOp op;
    op.identity = mailbox_.identity();
    op.epoch = 1;
    op.entry.conversation = ConversationId::direct(UserId{user}, UserId{peer});
    op.entry.sender = UserId{user};
    op.entry.client_seq = client_seq;
    op.base = client_seq;
    return mailbox_.handle(op, now_).reply.position;
  }
  void open(uint64_t user, uint32_t device = 0) {
    MailboxOp op;
    op.kind = MailboxOpKind::open_device;
    op.key = {UserId{user}, device};
    mailbox_.handle(op, now_);
  }
  void cursor(uint64_t user, uint64_t peer, Position position, uint32_t device = 0) {
    MailboxOp op;
    op.kind = MailboxOpKind::cursors;
    op.updates = std::make_shared<const std::vector<CursorUpdate>>(std::vector<CursorUpdate>{
        {{UserId{user}, device}, {ConversationId::direct(UserId{user}, UserId{peer}), position}}});
    mailbox_.handle(op, now_);
  }
  BlobPool pool_;
  Mailbox mailbox_;
  int64_t now_ = 0;
};

TEST_F(SimulatedMailboxMemory, EntriesThatAllOtherDevicesHaveAreTrimmed) {
  open(1);
  open(2);
  for (uint64_t s = 1; s <= 10'000; ++s) {
    // The sender's device never stores a cursor for its own entries, and holds nothing back.
    cursor(2, 1, append(1, 2, s));
    ASSERT_LE(mailbox_.entries_kept(), 1u);
  }
  EXPECT_EQ(mailbox_.appended(), 10'000u);
  open(1, 1);  // a second device of the sender, entitled from here on
  const Position next = append(1, 2, 10'001);
  cursor(2, 1, next);
  EXPECT_EQ(mailbox_.entries_kept(), 1u);
  cursor(1, 2, next, 1);
  EXPECT_EQ(mailbox_.entries_kept(), 0u);
}

TEST_F(SimulatedMailboxMemory, UsersWithoutADeviceHoldNothing) {
  for (uint64_t s = 1; s <= 10'000; ++s) append(1, 2, s);
  EXPECT_LE(mailbox_.entries_kept(), 16u);
}

TEST_F(SimulatedMailboxMemory, PayloadsGoWithTheirEntries) {
  BlobPool pool;
  {
    Mailbox mailbox;
    MailboxOp op;
    op.identity = mailbox.identity();
    op.epoch = 1;
    op.entry.conversation = ConversationId::direct(UserId{1}, UserId{2});
    op.entry.sender = UserId{1};
    op.entry.payload = pool.make(100);
    op.entry.client_seq = 1;
    mailbox.handle(op, 0);
    op.entry.payload = {};
    EXPECT_EQ(pool.blocks_alive(), 1u);
  }
  EXPECT_EQ(pool.blocks_alive(), 0u);
}

TEST_F(SimulatedMailboxMemory, AWriteTornByACrashLeavesOnlyItsIndexEntry) {
  MailboxOp op;
  op.identity = mailbox_.identity();
  op.epoch = 1;
  op.entry.conversation = ConversationId::direct(UserId{1}, UserId{2});
  op.entry.sender = UserId{1};
  op.entry.client_seq = op.base = 1;
  mailbox_.tear(op, now_);
  mailbox_.tear(op, now_);  // the repetition (swarm 954823)
  EXPECT_EQ(mailbox_.head(op.entry.conversation), Position{});
  MailboxOp look;
  look.kind = MailboxOpKind::open_device;
  look.key = {UserId{2}, 0};
  const MailboxReply index = mailbox_.handle(look, now_).reply;
  ASSERT_NE(index.conversations, nullptr);
  ASSERT_EQ(index.conversations->size(), 1u);
  EXPECT_EQ(index.conversations->front().head, Position{});
  // The sender knows nothing and repeats it: the first entry, not the second.
  EXPECT_EQ(append(1, 2, 1), (Position{1, 1}));
}

TEST_F(SimulatedMailboxMemory, ATornCreationLeavesItsIndexEntriesOnceWhereSomebodyWasRefused) {
  const std::vector<uint64_t> list = {1, 2};
  MailboxOp op;
  op.identity = mailbox_.identity();
  op.epoch = 1;
  op.entry.conversation = ConversationId::group(7);
  op.entry.sender = UserId{3};
  op.entry.client_seq = op.base = 1;
  ASSERT_EQ(mailbox_.handle(op, now_).reply.result, MailboxResult::refused);
  op.entry.kind = EntryKind::create;
  op.entry.sender = UserId{1};
  op.entry.payload = pool_.copy_list(std::span<const uint64_t>(list));
  mailbox_.tear(op, now_);
  mailbox_.tear(op, now_);
  EXPECT_EQ(mailbox_.head(op.entry.conversation), Position{});
  MailboxOp look;
  look.kind = MailboxOpKind::open_device;
  look.key = {UserId{2}, 0};
  const MailboxReply index = mailbox_.handle(look, now_).reply;
  ASSERT_NE(index.conversations, nullptr);
  EXPECT_EQ(index.conversations->size(), 1u);
  EXPECT_EQ(mailbox_.handle(op, now_).reply.position, (Position{1, 1}));
}

TEST_F(SimulatedMailboxMemory, ATornBatchOfCursorsKeepsItsFirstHalf) {
  open(1);
  open(2);
  open(3);
  const Position at = append(1, 2, 1);
  append(1, 3, 1);
  MailboxOp op;
  op.kind = MailboxOpKind::cursors;
  op.updates = std::make_shared<const std::vector<CursorUpdate>>(std::vector<CursorUpdate>{
      {{UserId{2}, 0}, {ConversationId::direct(UserId{1}, UserId{2}), at}},
      {{UserId{3}, 0}, {ConversationId::direct(UserId{1}, UserId{3}), at}}});
  mailbox_.tear(op, now_);
  EXPECT_EQ(mailbox_.stored_cursor({UserId{2}, 0}, ConversationId::direct(UserId{1}, UserId{2})),
            at);
  EXPECT_EQ(mailbox_.stored_cursor({UserId{3}, 0}, ConversationId::direct(UserId{1}, UserId{3})),
            Position{});
}

}  // namespace
}  // namespace imroute
