// A message that the store lost, and that a node stores again because its first try had no answer
// in time: nobody who had shown it waits for it, and to show it again is still wrong.
#include "tests/unit/history_fixture.h"

namespace imroute {
namespace {

const DeviceKey kAnn = Story::device(0), kBob = Story::device(1), kCem = Story::device(2);

class HistoryStoredAgain : public ::testing::Test {
 protected:
  HistoryStoredAgain() : story_(scenario()) {
    story_.everybody_online();
    story_.t = 10 * kSecond;
    message_ = story_.post(1, 0, 1);
    story_.show(message_, kBob);
  }
  static Scenario scenario() {
    Scenario s = Story::scenario();
    s.mailbox.durability = Durability::async;
    s.mailbox.unsynced_window_ns = kSecond;
    return s;
  }
  void lose() {
    story_.history.discarded(story_.t, message_);
    story_.heads[message_.conversation] = 0;
    ++story_.epoch;
  }
  Story story_;
  Entry message_;
};

// (swarm 211 with /mailbox/durability=async)
TEST_F(HistoryStoredAgain, IsNothingNew) {
  lose();
  story_.store(message_);
  EXPECT_GREEN(story_.finish());
}

TEST_F(HistoryStoredAgain, AcceptedAfterItWasLost) {
  for (const bool twice : {false, true}) {
    Story story(scenario());
    story.everybody_online();
    Entry e = story.send(1, kAnn, ConversationId::direct(kAnn.user, kBob.user));
    story.store(e);
    story.show(e, kBob);
    story.history.discarded(story.t, e);
    story.heads[e.conversation] = 0;
    ++story.epoch;
    story.accept(e);
    story.store(e);
    if (twice) story.show(e, kBob);
    EXPECT_RED(story.finish(), twice ? "no-duplicate" : "");
  }
}

TEST_F(HistoryStoredAgain, ShownAgainIsADuplicate) {
  lose();
  story_.store(message_);
  story_.show(message_, kBob);
  EXPECT_RED(story_.finish(), "no-duplicate");
}

TEST_F(HistoryStoredAgain, WithoutALossTheStoreHoldsItTwice) {
  story_.store(message_);
  story_.show(message_, kBob);
  EXPECT_NE(Story::properties(story_.finish()).find("no-duplicate"), std::string::npos);
}

// Joins and leaves have no number; they are the same when the same sender sent them as the same
// one. (swarm 9345: a leave, stored again by a node that had been paused)
class HistoryLeaveStoredAgain : public HistoryStoredAgain {
 protected:
  HistoryLeaveStoredAgain() {
    const Entry made = story_.create_group(7, {0, 1, 2});
    story_.show(made, kBob);
    story_.show(made, Story::device(2));
    leave_ = story_.change(EntryKind::leave, 2, 7);
  }
  void lose_leave() {
    story_.history.discarded(story_.t, leave_);
    story_.heads[leave_.conversation] = 1;
    ++story_.epoch;
  }
  void store_again() {
    before_ = leave_;
    story_.store(leave_);
  }
  Entry leave_, before_;
};

TEST_F(HistoryLeaveStoredAgain, WhoHadShownItNeedNotShowItAgain) {
  story_.show(leave_, kAnn);
  lose_leave();
  story_.show(leave_, kBob);  // was on its way
  store_again();
  EXPECT_GREEN(story_.finish());
}

TEST_F(HistoryLeaveStoredAgain, WhoShowsTheLostOneLaterHasIt) {
  story_.show(leave_, kAnn);
  lose_leave();
  store_again();
  story_.show(before_, kBob);
  EXPECT_GREEN(story_.finish());
}

TEST_F(HistoryLeaveStoredAgain, WhoHadNotMustShowIt) {
  story_.show(leave_, kAnn);
  lose_leave();
  store_again();
  EXPECT_RED(story_.finish(), "no-loss");
}

TEST_F(HistoryLeaveStoredAgain, ShownAgainIsADuplicate) {
  story_.show(leave_, kAnn);
  lose_leave();
  store_again();
  story_.show(leave_, kBob);
  story_.show(leave_, kAnn);
  EXPECT_RED(story_.finish(), "no-duplicate");
}

TEST_F(HistoryLeaveStoredAgain, WhenAllHadShownItIsNothingNew) {
  story_.show(leave_, kAnn);
  story_.show(leave_, kBob);
  lose_leave();
  store_again();
  EXPECT_GREEN(story_.finish());
}

// What the store lost was on its way, and the log has it anew behind another entry.
TEST(HistoryLostTail, ALostPlaceIsShownOverConnectionsFromBeforeOnly) {
  const ConversationId group = ConversationId::group(7);
  for (const bool new_session : {false, true}) {
    Scenario s = Story::scenario();
    s.mailbox.durability = Durability::async;
    Story story(s);
    story.create_group(7, {0, 1, 2});
    story.everybody_online();
    story.t = 10 * kSecond;
    Entry entry = story.send(1, kAnn, group);
    story.store(entry);
    const Entry former = entry;
    story.t += kSecond;
    story.history.discarded(story.t, entry);
    story.epoch = 2;
    story.heads[group] = 1;
    const Entry other = story.post(2, kBob, group);
    story.store(entry);
    story.accept(entry);
    story.t += 20 * kSecond;
    if (new_session) {
      story.history.offline(story.t, kCem, Reason::reset);
      story.online(kCem);
    }
    story.show(former, kCem);
    story.show(other, kCem);
    story.show(other, kAnn);
    story.show(entry, kBob);
    EXPECT_RED(story.finish(), new_session ? "order" : "");
  }
}

}  // namespace
}  // namespace imroute
