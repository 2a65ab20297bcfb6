// Oracle 10: after an overload sends are answered promptly again, as far as that is the system's to
// do.
#include <gtest/gtest.h>

#include "tests/unit/history_fixture.h"

namespace imroute {
namespace {

const DeviceKey kAnn = Story::device(0), kBob = Story::device(1);
const ConversationId kAnnBob = ConversationId::direct(UserId{0}, UserId{1});

TEST(HistoryGoodput, IsBackAfterAnOverload) {
  Fault burst;
  burst.kind = FaultKind::burst;
  burst.at_ns = 10 * kSecond;
  burst.for_ns = 5 * kSecond;
  for (const bool recovers : {true, false}) {
    Story story(Story::scenario(), {burst});
    story.everybody_online();
    story.history.fault_started(10 * kSecond, 0);
    story.history.fault_ended(15 * kSecond, 0, true);
    for (uint64_t i = 1; i <= 80; ++i) {
      story.t = static_cast<int64_t>(15 + i) * kSecond;
      Entry e = story.send(i, kAnn, kAnnBob);
      if (!recovers) story.t += 3 * kSecond;
      story.store(e);
      story.accept(e);
      story.show(e, kBob);
    }
    const Result r = story.finish();
    EXPECT_RED(r, recovers ? "" : "goodput");
    EXPECT_EQ(r.unavailable_ns > 0, !recovers);
  }
}

// What the fault delayed is on its way for so long.
TEST(HistoryGoodput, IsBackWhenAFaultIsNotFeltAnyMore) {
  Fault slow;
  slow.kind = FaultKind::slow;
  slow.at_ns = 10 * kSecond;
  slow.for_ns = 5 * kSecond;
  for (const int64_t late_until : {0 * kSecond, 100 * kSecond}) {
    Story story(Story::scenario(), {slow});
    story.everybody_online();
    story.history.fault_started(10 * kSecond, 0);
    story.history.fault_ended(15 * kSecond, 0, true, late_until);
    for (uint64_t i = 1; i <= 80; ++i) {
      story.t = static_cast<int64_t>(15 + i) * kSecond;
      Entry e = story.send(i, kAnn, kAnnBob);
      story.t += 3 * kSecond;
      story.store(e);
      story.accept(e);
      story.show(e, kBob);
    }
    EXPECT_RED(story.finish(), late_until == 0 ? "goodput" : "");
  }
}

// And so does who puts the device out with another one of his.
TEST(HistoryGoodput, IsNotOfWhoUsesAnotherDeviceMeanwhile) {
  Fault burst;
  burst.kind = FaultKind::burst;
  burst.at_ns = 10 * kSecond;
  burst.for_ns = 5 * kSecond;
  Scenario s = Story::scenario(4, 2);
  s.sessions.policy = LoginPolicy::single;
  Story story(s, {burst});
  const DeviceKey other = Story::device(0, 1);
  story.online(kAnn);
  story.online(kBob);
  story.history.fault_started(10 * kSecond, 0);
  story.history.fault_ended(15 * kSecond, 0, true);
  for (uint64_t i = 1; i <= 40; ++i) {
    story.t = static_cast<int64_t>(15 + 2 * i) * kSecond;
    Entry e = story.send(i, kAnn, kAnnBob);
    story.history.started(story.t, other);
    story.online(other);
    story.history.offline(story.t, kAnn, Reason::kicked);
    story.t += 1500 * kMillisecond;
    story.history.started(story.t, kAnn);
    story.online(kAnn);
    story.history.offline(story.t, other, Reason::kicked);
    story.store(e);
    story.accept(e);
    story.show(e, kBob);
  }
  EXPECT_GREEN(story.finish());
}

// Who goes away or moves with a send on the way waits for himself; who is thrown out does not.
TEST(HistoryGoodput, IsOfThoseWhoAreThere) {
  Fault burst;
  burst.kind = FaultKind::burst;
  burst.at_ns = 10 * kSecond;
  burst.for_ns = 5 * kSecond;
  for (const Reason reason : {Reason::none, Reason::cancelled, Reason::lease_lost}) {
    Story story(Story::scenario(), {burst});
    story.everybody_online();
    story.history.fault_started(10 * kSecond, 0);
    story.history.fault_ended(15 * kSecond, 0, true);
    for (uint64_t i = 1; i <= 40; ++i) {
      story.t = static_cast<int64_t>(15 + 2 * i) * kSecond;
      Entry before = story.send(2 * i, kAnn, kAnnBob);
      story.history.offline(story.t + kMillisecond, kAnn, reason);
      story.t += 100 * kMillisecond;
      Entry during = story.send(2 * i + 1, kAnn, kAnnBob);
      story.t += 1500 * kMillisecond;
      story.history.online(story.t, kAnn, NodeId{1}, ++story.generation);
      for (Entry* e : {&before, &during}) {
        story.store(*e);
        story.accept(*e);
        story.show(*e, kBob);
      }
    }
    EXPECT_RED(story.finish(), reason == Reason::lease_lost ? "goodput" : "");
  }
}

// What is sent in the last second before the next fault is answered under that one.
TEST(HistoryGoodput, EndsASecondBeforeTheNextFault) {
  Fault burst, next;
  burst.kind = FaultKind::burst;
  burst.at_ns = 10 * kSecond;
  burst.for_ns = 5 * kSecond;
  next.kind = FaultKind::crash;
  next.at_ns = 70 * kSecond;
  next.for_ns = 5 * kSecond;
  for (const int64_t before : {kSecond / 2, 2 * kSecond}) {
    Story story(Story::scenario(), {burst, next});
    story.everybody_online();
    story.history.fault_started(10 * kSecond, 0);
    story.history.fault_ended(15 * kSecond, 0, true);
    uint64_t tag = 0;
    for (int64_t second = 40; second < 65; ++second) {
      story.t = second * kSecond;
      story.show(story.post(++tag, kAnn, kAnnBob), kBob);
    }
    std::vector<Entry> late;
    story.t = next.at_ns - before;
    for (int i = 0; i < 10; ++i) late.push_back(story.send(++tag, kAnn, kAnnBob));
    story.history.fault_started(next.at_ns, 1);
    story.t = next.at_ns + 5 * kSecond;
    for (Entry& e : late) {
      story.store(e);
      story.accept(e);
      story.show(e, kBob);
    }
    story.history.fault_ended(story.t, 1, true);
    EXPECT_RED(story.finish(), before < kSecond ? "" : "goodput");
  }
}

}  // namespace
}  // namespace imroute
