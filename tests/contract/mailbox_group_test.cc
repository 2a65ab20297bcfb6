// Groups: membership by sequence.
#include "tests/contract/mailbox_bench.h"

namespace imroute::contract {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class MailboxGroup : public MailboxContract {
 protected:
  void SetUp() override {
    MailboxContract::SetUp();
    seed();
  }
  void seed() { create(anna_tablet_, kGroup, {kAnna, kBert}); }
};
INSTANTIATE_TEST_SUITE_P(Backends, MailboxGroup, testing::ValuesIn(mailbox_makers()),
                         maker_name<MailboxMaker>);

TEST_P(MailboxGroup, ACreatedGroupIsListedWithItsCreateEntry) {
  const ConversationState state = state_of(anna_, kGroup);
  EXPECT_EQ(state.head, (Position{1, 1}));
  EXPECT_TRUE(state.member);
  const MailboxReply reply = ask_read(kBert, kGroup, {});
  ASSERT_THAT(*reply.entries, SizeIs(1));
  EXPECT_EQ(reply.entries->front().kind, EntryKind::create);
  EXPECT_THAT(*members(kGroup).members, ElementsAre(kAnna, kBert));
  EXPECT_EQ(append(anna_, kGroup, 1).position, (Position{1, 2}));
}

const ConversationId kClub = ConversationId::group(6);

TEST_P(MailboxGroup, CreatingIsIdempotentAndExistsOnlyOnce) {
  EXPECT_EQ(create(anna_, kClub, {kAnna, kCleo}).position, (Position{1, 1}));
  const MailboxReply again = create(anna_, kClub, {kAnna, kCleo});
  EXPECT_EQ(again.result, MailboxResult::duplicate);
  EXPECT_EQ(again.position, (Position{1, 1}));
  EXPECT_EQ(create(bert_, kClub, {kBert, kCleo}).result, MailboxResult::refused);
  EXPECT_EQ(create(anna_, kClub, {kAnna}, 2).result, MailboxResult::refused);
  EXPECT_THAT(*members(kClub).members, ElementsAre(kAnna, kCleo));
  EXPECT_EQ(append(anna_, kClub, 3).position, (Position{1, 2}));
  EXPECT_EQ(append(bert_, kClub, 2, 1, EntryKind::join).position, (Position{1, 3}));
}

TEST_P(MailboxGroup, OnlyAMemberFoundsAGroupAndWithAListInOrder) {
  const std::vector<std::vector<UserId>> wrong = {
      {}, {kBert, kCleo}, {kBert, kAnna}, {kAnna, kAnna, kBert}};
  uint64_t client_seq = 0;
  for (const std::vector<UserId>& list : wrong) {
    MailboxOp op = create_op(anna_, kClub, list, ++client_seq);
    op.base = client_seq;
    EXPECT_EQ(backend_->ask(op).reply.result, MailboxResult::refused) << list.size();
  }
  MailboxOp op = create_op(anna_, kDirect, {kAnna, kBert});
  EXPECT_EQ(backend_->ask(op).reply.result, MailboxResult::refused);
  op = create_op(anna_, kClub, {kAnna, kBert}, ++client_seq);
  op.entry.payload = pool_.copy(op.entry.payload.bytes().first(12));
  op.base = client_seq;
  EXPECT_EQ(backend_->ask(op).reply.result, MailboxResult::refused);
  EXPECT_THAT(*members(kClub).members, IsEmpty());
  EXPECT_EQ(index_version(kCleo), 0u);
  // Refused like all else: its number is used up.
  EXPECT_EQ(create(anna_, kClub, {kAnna, kBert}, client_seq).result, MailboxResult::refused);
  EXPECT_EQ(create(anna_, kClub, {kAnna, kBert}, client_seq + 1).position, (Position{1, 1}));
}

TEST_P(MailboxGroup, AllMembersOfANewGroupHearOfIt) {
  open(bert_);
  const uint64_t before = index_version(kBert);
  EXPECT_GT(create(anna_, kClub, {kAnna, kBert, kCleo}).members_version, 0u);
  EXPECT_GT(index_version(kBert), before);
  EXPECT_GT(index_version(kCleo), 0u);
  EXPECT_EQ(state_of(bert_, kClub).cursor, (Position{}));
  EXPECT_TRUE(state_of(bert_, kClub).member);
  EXPECT_THAT(read_seqs(kBert, kClub, {}), ElementsAre(1));
  EXPECT_EQ(append(bert_, kClub, 1).position, (Position{1, 2}));
  EXPECT_EQ(state_of(cleo_, kClub).cursor, (Position{1, 2}));  // entitled from its first bind
}

TEST_P(MailboxGroup, AFailoverTakesACreationBackAndItMayBeRepeated) {
  use({.durable = false});
  open(bert_);
  append(anna_, kDirect, 1);
  backend_->pass(3 * kSecond);
  create(anna_, kClub, {kAnna, kBert});
  append(bert_, kClub, 1);
  EXPECT_THAT(backend_->failover(kSecond), SizeIs(2));
  learn_store();
  EXPECT_THAT(*members(kClub).members, IsEmpty());
  EXPECT_EQ(append(bert_, kClub, 1, 1).result, MailboxResult::refused);
  EXPECT_EQ(create(anna_, kClub, {kAnna, kBert}).position, (Position{2, 1}));
  EXPECT_THAT(read_seqs(kBert, kClub, {}), ElementsAre(1));
  EXPECT_THAT(*members(kClub).members, ElementsAre(kAnna, kBert));
}

TEST_P(MailboxGroup, ANonMemberIsRefusedAndItsNumberConsumed) {
  EXPECT_EQ(append(cleo_, kGroup, 1).result, MailboxResult::refused);
  EXPECT_EQ(append(cleo_, kGroup, 1).result, MailboxResult::refused);  // and so is its repeat
  EXPECT_EQ(append(cleo_, kGroup, 3).expected, 2u);
  EXPECT_EQ(append(cleo_, kGroup, 2, 1, EntryKind::leave).result, MailboxResult::refused);
  EXPECT_EQ(append(cleo_, kGroup, 3, 1, EntryKind::join).position, (Position{1, 2}));
  EXPECT_EQ(append(cleo_, kGroup, 4, 1, EntryKind::join).result, MailboxResult::refused);
  EXPECT_EQ(append(cleo_, kGroup, 5).position, (Position{1, 3}));
  EXPECT_EQ(append(cleo_, kGroup, 1).result, MailboxResult::refused);  // still
}

// Else a repetition that is still on its way would be stored when the group is there at last,
// though its sender was told that it is refused. (swarm 203314)
TEST_P(MailboxGroup, WhatAGroupThatIsNotThereRefusedStaysRefused) {
  EXPECT_EQ(append(cleo_, kClub, 1).result, MailboxResult::refused);
  EXPECT_EQ(append(cleo_, kClub, 2, 1, EntryKind::join).result, MailboxResult::refused);
  EXPECT_THAT(*members(kClub).members, IsEmpty());
  EXPECT_EQ(create(anna_, kClub, {kAnna, kCleo}).position, (Position{1, 1}));
  EXPECT_THAT(*members(kClub).members, ElementsAre(kAnna, kCleo));
  EXPECT_EQ(append(cleo_, kClub, 1).result, MailboxResult::refused);
  EXPECT_EQ(append(cleo_, kClub, 3).position, (Position{1, 2}));
  EXPECT_THAT(read_seqs(kAnna, kClub, {}), ElementsAre(1, 2));
  EXPECT_EQ(state_of(cleo_, kClub).head, (Position{1, 2}));
}

TEST_P(MailboxGroup, OnlyOneselfJoinsAndLeaves) {
  MailboxOp op = append_op(cleo_, kGroup, 1, 1, EntryKind::join);
  op.entry.subject = kBert;
  EXPECT_EQ(backend_->ask(op).reply.result, MailboxResult::refused);
  op = append_op(anna_, kGroup, 1, 1, EntryKind::leave);
  op.entry.subject = kBert;
  EXPECT_EQ(backend_->ask(op).reply.result, MailboxResult::refused);
  EXPECT_EQ(append(anna_, kGroup, 2, 1, EntryKind::create).result, MailboxResult::refused);
  EXPECT_THAT(*members(kGroup).members, ElementsAre(kAnna, kBert));
}

TEST_P(MailboxGroup, EntitlementIsFromJoinToBeforeLeave) {
  for (const DeviceKey key : {anna_, bert_, cleo_}) open(key);
  append(anna_, kGroup, 1);                       // 2
  append(cleo_, kGroup, 1, 1, EntryKind::join);   // 3
  append(anna_, kGroup, 2);                       // 4
  append(cleo_, kGroup, 2, 1, EntryKind::leave);  // 5
  append(anna_, kGroup, 3);                       // 6
  append(cleo_, kGroup, 3, 1, EntryKind::join);   // 7
  append(anna_, kGroup, 4);                       // 8
  EXPECT_THAT(read_seqs(kCleo, kGroup, {1, 2}), ElementsAre(3, 4, 7, 8));
  EXPECT_THAT(read_seqs(kBert, kGroup, {1, 1}), ElementsAre(2, 3, 4, 5, 6, 7, 8));
  // A page counts what the reader gets; `next` is how far it was looked.
  const MailboxReply page = ask_read(kCleo, kGroup, {1, 4}, 1);
  ASSERT_THAT(*page.entries, SizeIs(1));
  EXPECT_EQ(page.entries->front().position.seq, 7u);
  EXPECT_EQ(page.next, (Position{1, 7}));
}

TEST_P(MailboxGroup, AMemberWhoLeftReadsItsRestAndIsToldThatItIsOut) {
  for (const DeviceKey key : {anna_, bert_}) open(key);
  append(anna_, kGroup, 1);                       // 2
  append(bert_, kGroup, 1, 1, EntryKind::leave);  // 3
  append(anna_, kGroup, 2);                       // 4
  EXPECT_FALSE(state_of(bert_, kGroup).member);
  const MailboxReply reply = ask_read(kBert, kGroup, {1, 1});
  ASSERT_THAT(*reply.entries, SizeIs(1));
  EXPECT_EQ(reply.next, (Position{1, 4}));
  EXPECT_FALSE(reply.member);
  EXPECT_TRUE(ask_read(kAnna, kGroup, {1, 1}).member);
  EXPECT_EQ(append(bert_, kGroup, 2).result, MailboxResult::refused);
}

TEST_P(MailboxGroup, WhoLeftInWhatExpiredIsToldByTheReset) {
  use({.durable = true, .retention_ns = 10 * kSecond});
  seed();
  for (const DeviceKey key : {anna_, bert_, cleo_}) open(key);
  append(cleo_, kGroup, 1, 1, EntryKind::join);   // 2
  append(bert_, kGroup, 1, 1, EntryKind::leave);  // 3
  backend_->pass(6 * kSecond);
  append(anna_, kGroup, 1);                       // 4
  append(cleo_, kGroup, 2, 1, EntryKind::leave);  // 5
  append(anna_, kGroup, 2);                       // 6
  backend_->pass(6 * kSecond);
  const std::vector<std::pair<UserId, bool>> after = {{kAnna, true}, {kBert, false}, {kCleo, true}};
  for (const auto& [user, member] : after) {
    const MailboxReply reply = ask_read(user, kGroup, {1, 1});
    EXPECT_EQ(reply.result, MailboxResult::reset) << user.value;
    EXPECT_EQ(reply.position, (Position{1, 3}));
    EXPECT_EQ(reply.member, member) << user.value;
  }
  EXPECT_FALSE(ask_read(kCleo, kGroup, {1, 3}).member);
  // Nobody is taken for a member because he knows what the store does not.
  EXPECT_EQ(ask_read(kBert, kGroup, {1, 9}).result, MailboxResult::rewind);
  EXPECT_FALSE(ask_read(kBert, kGroup, {1, 9}).member);
  EXPECT_TRUE(ask_read(kAnna, kGroup, {1, 9}).member);
}

TEST_P(MailboxGroup, AJoinStartsTheCursorsOfKnownDevicesThere) {
  open(cleo_);
  append(anna_, kGroup, 1);                      // 2
  append(cleo_, kGroup, 1, 1, EntryKind::join);  // 3
  EXPECT_EQ(state_of(cleo_, kGroup).cursor, (Position{1, 2}));
  EXPECT_TRUE(state_of(cleo_, kGroup).member);
  EXPECT_THAT(read_seqs(kCleo, kGroup, {1, 2}), ElementsAre(3));
}

TEST_P(MailboxGroup, AJoinAgainDoesNotSkipTheUnreadRest) {
  for (const DeviceKey key : {anna_, cleo_}) open(key);
  append(cleo_, kGroup, 1, 1, EntryKind::join);   // 2
  append(anna_, kGroup, 1);                       // 3
  append(cleo_, kGroup, 2, 1, EntryKind::leave);  // 4
  append(cleo_, kGroup, 3, 1, EntryKind::join);   // 5
  EXPECT_EQ(state_of(cleo_, kGroup).cursor, (Position{1, 1}));
  EXPECT_THAT(read_seqs(kCleo, kGroup, {1, 1}), ElementsAre(2, 3, 5));
}

TEST_P(MailboxGroup, MembershipChangesRaiseVersions) {
  const uint64_t members_before = members(kGroup).members_version;
  const uint64_t index_before = index_version(kCleo);
  append(cleo_, kGroup, 1, 1, EntryKind::join);
  const MailboxReply joined = members(kGroup);
  EXPECT_GT(joined.members_version, members_before);
  EXPECT_THAT(*joined.members, ElementsAre(kAnna, kBert, kCleo));
  const uint64_t index_joined = index_version(kCleo);
  EXPECT_GT(index_joined, index_before);
  append(cleo_, kGroup, 2, 1, EntryKind::leave);
  EXPECT_GT(index_version(kCleo), index_joined);
  EXPECT_THAT(*members(kGroup).members, ElementsAre(kAnna, kBert));
}

TEST_P(MailboxGroup, AnAppendReturnsTheMembersToWhoeverHasAnotherVersion) {
  MailboxOp op = append_op(anna_, kGroup, 1, 1);
  const MailboxReply first = backend_->ask(op).reply;
  ASSERT_NE(first.members, nullptr);
  EXPECT_THAT(*first.members, ElementsAre(kAnna, kBert));
  op = append_op(anna_, kGroup, 2, 1);
  op.members_version = first.members_version;
  const MailboxReply second = backend_->ask(op).reply;
  EXPECT_EQ(second.members, nullptr);
  EXPECT_EQ(second.members_version, first.members_version);
  append(cleo_, kGroup, 1, 1, EntryKind::join);
  op = append_op(anna_, kGroup, 2, 1);  // a repeat learns it too
  op.members_version = first.members_version;
  EXPECT_THAT(*backend_->ask(op).reply.members, ElementsAre(kAnna, kBert, kCleo));
}

TEST_P(MailboxGroup, AFailoverTakesJoinsAndLeavesBack) {
  use({.durable = false});
  seed();
  append(anna_, kGroup, 1);
  backend_->pass(3 * kSecond);
  append(cleo_, kGroup, 1, 1, EntryKind::join);
  append(bert_, kGroup, 1, 1, EntryKind::leave);
  const uint64_t version = members(kGroup).members_version;
  EXPECT_THAT(backend_->failover(kSecond), SizeIs(2));
  learn_store();
  EXPECT_THAT(*members(kGroup).members, ElementsAre(kAnna, kBert));
  EXPECT_GT(members(kGroup).members_version, version);
  EXPECT_EQ(append(cleo_, kGroup, 2, 2).result, MailboxResult::refused);
  EXPECT_EQ(append(bert_, kGroup, 2, 2).position, (Position{2, 3}));
}

TEST_P(MailboxGroup, WhatAMemberStillNeedsIsKept) {
  for (const DeviceKey key : {anna_, bert_}) open(key);
  for (uint64_t s = 1; s <= 3000; ++s) {
    append(anna_, kGroup, s, s);
    if (s <= 2900) write_cursor(bert_, kGroup, {1, s + 1});
  }
  EXPECT_THAT(read_seqs(kBert, kGroup, {1, 2901}, 1000), SizeIs(100));
}

TEST_P(MailboxGroup, AnUnknownGroupHasNoMembersAndRefuses) {
  const ConversationId nowhere = ConversationId::group(77);
  EXPECT_THAT(*members(nowhere).members, IsEmpty());
  EXPECT_EQ(append(anna_, nowhere, 1, 1, EntryKind::join).result, MailboxResult::refused);
  EXPECT_EQ(append(anna_, nowhere, 2, 2).result, MailboxResult::refused);
}

}  // namespace
}  // namespace imroute::contract
