// The books stay small: what everybody has shown leaves no trace but its conversation.
#include "harness/history/books.h"

#include <gtest/gtest.h>

#include "tests/unit/history_fixture.h"

namespace imroute {
namespace {

TEST(HistoryBooks, OpenMessagesAreCompact) {
  EXPECT_LE(sizeof(MessageBook), 96u);
  EXPECT_LE(sizeof(ConversationBook), 64u);
  EXPECT_LE(sizeof(DeviceBook), 80u);
}

TEST(HistoryBooks, MessagesAreReusedAfterTheyClose) {
  Books books(Story::scenario());
  const uint32_t c = books.intern(ConversationId::direct(UserId{0}, UserId{1}));
  uint32_t highest = 0;
  for (uint64_t tag = 1; tag <= 10'000; ++tag) {
    const uint32_t m = books.make(tag);
    books.message(m).conversation = c;
    books.link(m);
    highest = std::max(highest, m);
    if (tag > 10) books.release(books.find_tag(tag - 10));
  }
  EXPECT_EQ(books.open_messages(), 10u);
  EXPECT_LE(highest, 11u);
  EXPECT_EQ(books.find_tag(1), kNothing);
  EXPECT_NE(books.find_tag(10'000), kNothing);
}

TEST(HistoryBooks, ListsKeepTheirOrder) {
  Books books(Story::scenario());
  const uint32_t c = books.intern(ConversationId::direct(UserId{0}, UserId{1}));
  uint32_t m[4];
  for (uint32_t i = 0; i < 4; ++i) {
    m[i] = books.make(i + 1);
    books.message(m[i]).conversation = c;
    books.message(m[i]).seq = i + 1;
    books.message(m[i]).epoch = 1;
    books.link(m[i]);
  }
  books.release(m[1]);
  EXPECT_EQ(books.at_position(c, {1, 3}), m[2]);
  EXPECT_EQ(books.at_position(c, {1, 2}), kNothing);
  EXPECT_EQ(books.message(m[2]).previous, m[0]);
  books.release(m[0]);
  books.release(m[3]);
  EXPECT_EQ(books.conversation(c).first, m[2]);
  EXPECT_EQ(books.conversation(c).last, m[2]);
}

TEST(HistoryBooks, ManyConversationsAreFound) {
  Books books(Story::scenario());
  for (uint64_t i = 0; i < 5000; ++i) {
    EXPECT_EQ(books.intern(ConversationId::direct(UserId{i}, UserId{i + 7})), i);
  }
  for (uint64_t i = 0; i < 5000; ++i) {
    EXPECT_EQ(books.find(ConversationId::direct(UserId{i}, UserId{i + 7})), i);
  }
  EXPECT_EQ(books.find(ConversationId::direct(UserId{1}, UserId{2})), kNothing);
}

TEST(HistoryBooks, BigGroupsHaveABitForEachDevice) {
  Story story(Story::scenario(300, 2));
  std::vector<uint64_t> members(300);
  for (uint64_t i = 0; i < 300; ++i) members[i] = i;
  story.create_group(1, members);
  story.everybody_online();
  Entry e = story.post(1, Story::device(5), ConversationId::group(1));
  for (uint64_t i = 0; i < 300; ++i) {
    if (i != 5) story.show(e, Story::device(i, 0));
    EXPECT_FALSE(story.history.settled());
    story.show(e, Story::device(i, 1));
  }
  EXPECT_TRUE(story.history.settled());
  const Result r = story.finish();
  EXPECT_GREEN(r);
  EXPECT_EQ(r.messages.delivered, 599u);
}

TEST(HistoryBooks, MembershipIntervals) {
  Membership group;
  BlobPool pool;
  const std::vector<uint64_t> ids = {4, 5};
  Entry e;
  e.kind = EntryKind::create;
  e.position = {1, 1};
  e.payload = pool.copy_list(std::span<const uint64_t>(ids));
  group.apply(e, 7);
  e.kind = EntryKind::leave;
  e.subject = UserId{4};
  e.position = {1, 5};
  group.apply(e, 7);
  const uint32_t four = group.slot_of(UserId{4});
  EXPECT_FALSE(group.member_at(four, 0));
  EXPECT_TRUE(group.member_at(four, 4));
  EXPECT_FALSE(group.member_at(four, 5));
  group.undo(e);
  EXPECT_TRUE(group.member_at(four, 5));
  group.apply(e, 7);
  e.kind = EntryKind::join;
  e.position = {1, 9};
  group.apply(e, 7);
  EXPECT_FALSE(group.member_at(four, 8));
  EXPECT_TRUE(group.member_at(four, 9));
  EXPECT_EQ(group.member_since(four), 7);
  group.undo(e);
  EXPECT_FALSE(group.member_at(four, 9));
}

}  // namespace
}  // namespace imroute
