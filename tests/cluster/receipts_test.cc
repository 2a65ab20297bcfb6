// Delivery receipts: what is one, when one is owed, which messages it answers for; and what of a
// message may reach a terminal.
#include "cluster/process/receipts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cluster/process/user_book.h"
#include "cluster/wire/text.h"
#include "core/base/payload.h"

namespace imroute::cluster {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr UserId kMe{1}, kBob{2}, kCarol{3};

class ReceiptBook : public testing::Test {
 protected:
  struct Sent {
    ConversationId to;
    std::string text;
    uint64_t tag;
  };
  Entry entry(UserId from, Position at, const std::string& text = "hello", UserId other = kBob) {
    Entry e;
    e.conversation = ConversationId::direct(kMe, other);
    e.kind = EntryKind::message;
    e.sender = from;
    e.position = at;
    e.payload = pool_.copy(std::as_bytes(std::span(text)));
    return e;
  }
  Entry receipt(UserId from, Position upto, UserId other = kBob) {
    return entry(from, {9, 99}, receipt_text(upto), other);
  }
  std::vector<std::string> texts() const {
    std::vector<std::string> out;
    for (const Sent& s : sent_) out.push_back(s.text);
    return out;
  }
  BlobPool pool_;
  std::vector<Sent> sent_;
  Receipts book_{kMe, [this](ConversationId to, const std::string& text, uint64_t tag) {
                   sent_.push_back({to, text, tag});
                 }};
};

TEST_F(ReceiptBook, AReceiptIsExactlyOne) {
  EXPECT_EQ(receipt_text({1, 23}),
            "\x06"
            "1/23");
  EXPECT_EQ(read_receipt(receipt(kBob, {7, 1u << 30})), (Position{7, 1u << 30}));
  for (const char* text : {"", "\x06", "1/23", "\x06/",
                           "\x06"
                           "1",
                           "\x06"
                           "1/",
                           "\x06/2",
                           "\x06"
                           "1/2 ",
                           "\x06 1/2",
                           "\x06"
                           "1/-2",
                           "\x06"
                           "x/2",
                           "\x06"
                           "4294967296/1",
                           "\x06"
                           "1/18446744073709551616"}) {
    EXPECT_FALSE(read_receipt(entry(kBob, {1, 1}, text))) << text;
  }
  Entry in_group = receipt(kBob, {1, 1});
  in_group.conversation = ConversationId::group(5);
  EXPECT_FALSE(read_receipt(in_group));
  Entry join = receipt(kBob, {1, 1});
  join.kind = EntryKind::join;
  EXPECT_FALSE(read_receipt(join));
}

TEST_F(ReceiptBook, OneIsUnderWayAndTheNextSaysAllThatWasShownMeanwhile) {
  for (uint64_t seq = 1; seq <= 5; ++seq) book_.owe(entry(kBob, {1, seq}));
  EXPECT_THAT(texts(), ElementsAre("\x06"
                                   "1/1"));
  EXPECT_TRUE(book_.owes());
  book_.owe(entry(kCarol, {1, 8}, "hello", kCarol));  // of another conversation: its own
  EXPECT_THAT(texts(), ElementsAre("\x06"
                                   "1/1",
                                   "\x06"
                                   "1/8"));
  EXPECT_TRUE(book_.on_settled(sent_[0].tag));
  EXPECT_THAT(texts(), ElementsAre("\x06"
                                   "1/1",
                                   "\x06"
                                   "1/8",
                                   "\x06"
                                   "1/5"));
  EXPECT_EQ(sent_[2].to, ConversationId::direct(kMe, kBob));
  EXPECT_TRUE(book_.on_settled(sent_[1].tag));
  EXPECT_TRUE(book_.on_settled(sent_[2].tag));
  EXPECT_FALSE(book_.owes());
  EXPECT_EQ(sent_.size(), 3u);
  book_.owe(entry(kBob, {1, 4}));  // shown again: has been told
  EXPECT_EQ(sent_.size(), 3u);
  EXPECT_FALSE(book_.on_settled(17)) << "the tag of a message";
}

TEST_F(ReceiptBook, NothingIsOwedForOnesOwnForGroupsAndForWhatIsNotStored) {
  book_.owe(entry(kMe, {1, 1}));
  book_.owe(entry(kBob, {0, 0}));
  Entry in_group = entry(kBob, {1, 1});
  in_group.conversation = ConversationId::group(5);
  book_.owe(in_group);
  EXPECT_THAT(texts(), IsEmpty());
}

TEST_F(ReceiptBook, AnotherDeviceOfTheUserHasToldIt) {
  EXPECT_THAT(book_.on_receipt(receipt(kMe, {1, 5})), IsEmpty());
  book_.owe(entry(kBob, {1, 4}));
  book_.owe(entry(kBob, {1, 5}));
  EXPECT_THAT(texts(), IsEmpty());
  book_.owe(entry(kBob, {1, 6}));
  EXPECT_THAT(texts(), ElementsAre("\x06"
                                   "1/6"));
}

TEST_F(ReceiptBook, AReceiptIsForAllUpToItsPosition) {
  for (uint64_t seq = 1; seq <= 4; ++seq)
    EXPECT_FALSE(book_.on_accepted(seq, entry(kMe, {1, seq})));
  EXPECT_FALSE(book_.on_accepted(5, entry(kMe, {2, 1})));  // the store lost its tail since
  EXPECT_FALSE(book_.on_accepted(6, entry(kMe, {1, 1}, "hello", kCarol)));
  EXPECT_THAT(book_.on_receipt(receipt(kBob, {1, 3})), ElementsAre(1, 2, 3));
  EXPECT_THAT(book_.on_receipt(receipt(kBob, {1, 2})), IsEmpty()) << "an older one";
  EXPECT_THAT(book_.on_receipt(receipt(kBob, {1, 90})), ElementsAre(4));
  EXPECT_THAT(book_.on_receipt(receipt(kBob, {2, 1})), ElementsAre(5));
  EXPECT_THAT(book_.on_receipt(receipt(kCarol, {1, 1}, kCarol)), ElementsAre(6));
}

// The answer of the store can come after the receipt, when its node died in between.
TEST_F(ReceiptBook, WhatIsAcceptedAfterItsReceiptIsDelivered) {
  EXPECT_THAT(book_.on_receipt(receipt(kBob, {1, 3})), IsEmpty());
  EXPECT_TRUE(book_.on_accepted(1, entry(kMe, {1, 3})));
  EXPECT_FALSE(book_.on_accepted(2, entry(kMe, {1, 4})));
}

// ---- terminals ---------------------------------------------------------------------------------

TEST(Printable, KeepsTextAndTakesWhatSteersATerminal) {
  for (const char* text : {"", "hello", "grüße ☃", "שלום", "👩‍👩‍👧", "a\u00a0b"}) {
    EXPECT_EQ(printable(text), text);
  }
  EXPECT_EQ(printable("\x1b[2J\x1b]0;title\x07"), "?[2J?]0;title?");
  EXPECT_EQ(printable("a\r\nbob #7: forged\x08\x7f"), "a??bob #7: forged??");
  EXPECT_EQ(printable("\u009b31m"), "?31m") << "CSI of the second set of controls";
  EXPECT_EQ(printable("\x9b"
                      "31m"),
            "?31m")
      << "the same as a byte, which is no UTF-8";
  EXPECT_EQ(printable("\u202eolleh\u2066x\u2028"), "?olleh?x?");
  EXPECT_EQ(printable("\xe2\x80"), "??") << "cut off";
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a?b");
}

TEST(UserNames, AreNothingThatATerminalWouldTakeAmissNorAnotherOnesId) {
  EXPECT_TRUE(is_user_name("grüße"));
  for (const char* bad : {"a\u009b1m", "\u202ebob", "a\x80", "\x1b[1m"}) {
    EXPECT_FALSE(is_user_name(bad)) << bad;
  }
  const std::string id = std::to_string(user_id_of("alice").value);
  EXPECT_FALSE(is_user_name(id));
  EXPECT_EQ(user_addressed(id), user_id_of("alice"));
  EXPECT_EQ(user_addressed("alice"), user_id_of("alice"));
  EXPECT_EQ(user_addressed("17"), UserId{17});
  EXPECT_EQ(user_addressed("a b"), std::nullopt);
}

}  // namespace
}  // namespace imroute::cluster
