// Oracle 7 is exact: the mailbox path accuses routing, but not where a push was not owed, because
// the window was full (in messages or in bytes, acknowledgements under way included) or because the
// login policy had put the device out.
#include <gtest/gtest.h>

#include "tests/unit/history_fixture.h"

namespace imroute {
namespace {

const DeviceKey kAnn = Story::device(0), kBob = Story::device(1);
constexpr uint32_t kBody = 40;  // bytes of a message of the stories

Scenario with_window(uint32_t messages, uint32_t bytes) {
  Scenario s = Story::without_ways();
  s.delivery.window = messages;
  s.delivery.window_bytes = bytes;
  s.network.client.latency = {0, 0, 0, 0, 200 * kMillisecond};
  return s;
}

// Ann's message to Bob, so long ago that no push of it can still be on its way.
Entry posted(Story& story, uint64_t tag) {
  const Entry entry = story.post(tag, 0, 1);
  story.t += 200 * kMillisecond;
  return entry;
}

// Three messages at once, the last one from the mailbox.
Result three_at_once(uint32_t messages, uint32_t bytes) {
  Story story(with_window(messages, bytes));
  story.everybody_online();
  story.t = 60 * kSecond;
  const Entry first = story.post(1, 0, 1), second = story.post(2, 0, 1), third = posted(story, 3);
  story.show(first, kBob);
  story.show(second, kBob);
  story.show(third, kBob, Via::sync);
  return story.finish();
}

TEST(HistoryRouting, AWindowIsFullOfMessages) {
  EXPECT_GREEN(three_at_once(2, kMaxWindowBytes));
  EXPECT_RED(three_at_once(3, kMaxWindowBytes), "routing-works");
}

TEST(HistoryRouting, AWindowIsFullOfBytes) {
  EXPECT_GREEN(three_at_once(64, 3 * kBody - 1));
  EXPECT_RED(three_at_once(64, 3 * kBody), "routing-works");
}

TEST(HistoryRouting, StopAndWaitHasAWindowOfOne) {
  for (const Order order : {Order::windowed, Order::stop_and_wait}) {
    Scenario s = with_window(64, kMaxWindowBytes);
    s.delivery.order = order;
    Story story(s);
    story.everybody_online();
    story.t = 60 * kSecond;
    const Entry first = story.post(1, 0, 1), second = posted(story, 2);
    story.show(first, kBob);
    story.show(second, kBob, Via::sync);
    EXPECT_RED(story.finish(), order == Order::stop_and_wait ? "" : "routing-works");
  }
}

// What was shown fills the window until its acknowledgement has surely come.
TEST(HistoryRouting, WhatIsNotAcknowledgedYetFillsTheWindow) {
  for (const int64_t later : {199 * kMillisecond, 200 * kMillisecond}) {
    Story story(with_window(1, kMaxWindowBytes));
    story.everybody_online();
    story.t = 60 * kSecond;
    story.show(story.post(1, 0, 1), kBob);
    story.t += later;
    story.show(posted(story, 2), kBob, Via::sync);
    EXPECT_RED(story.finish(), later < 200 * kMillisecond ? "" : "routing-works");
  }
}

TEST(HistoryRouting, OneMessageAlwaysFits) {
  Story story(with_window(64, 1));
  story.everybody_online();
  story.t = 60 * kSecond;
  story.show(posted(story, 1), kBob, Via::sync);
  EXPECT_RED(story.finish(), "routing-works");
}

// The window is of the session: other devices' messages, and other sessions', do not fill it.
TEST(HistoryRouting, OnlyItsOwnMessagesFillAWindow) {
  Story story(with_window(1, kMaxWindowBytes));
  story.everybody_online();
  story.t = 60 * kSecond;
  story.show(story.post(1, 1, 2), Story::device(2));
  story.show(posted(story, 2), kBob, Via::sync);
  EXPECT_RED(story.finish(), "routing-works");
}

TEST(HistoryRouting, ADeviceThatCatchesUpIsServedFromTheMailboxForAWhile) {
  for (const int64_t later : {kSecond, 30 * kSecond}) {
    Story story(with_window(2, kMaxWindowBytes));
    story.everybody_online();
    story.t = 60 * kSecond;
    for (uint64_t tag = 1; tag <= 3; ++tag) {
      story.show(story.post(tag, 0, 1), kBob, tag == 3 ? Via::sync : Via::push);
    }
    story.t += later;
    story.show(posted(story, 4), kBob, Via::sync);
    EXPECT_RED(story.finish(), later == kSecond ? "" : "routing-works");
  }
}

// A read for an earlier entry, or after a short wait for a gap, brings an entry along whose push is
// on its way; one that took longer than any push may has none.
TEST(HistoryRouting, WhatIsReadBeforeItsPushCanHaveComeAccusesNobody) {
  Scenario s = Story::without_ways();
  s.network.peer.latency.p100 = 10 * kMillisecond;
  s.network.service.latency.p100 = 5 * kMillisecond;
  s.network.client.latency.p100 = 30 * kMillisecond;
  for (const int64_t later : {99 * kMillisecond, 100 * kMillisecond}) {
    Story story(s);
    story.everybody_online();
    story.t = 60 * kSecond;
    const Entry entry = story.post(1, 0, 1);
    story.t += later;
    story.show(entry, kBob, Via::sync);
    EXPECT_RED(story.finish(), later < 100 * kMillisecond ? "" : "routing-works");
  }
}

// A stream to a store stood long after the fault that broke it was over. (swarm 3908)
TEST(HistoryRouting, NoPushIsOwedWhileAFaultIsFelt) {
  Fault fault;
  fault.kind = FaultKind::loss;
  fault.at_ns = 20 * kSecond;
  fault.for_ns = kSecond;
  for (const int64_t late_until : {0 * kSecond, 60 * kSecond}) {
    Story story(with_window(64, kMaxWindowBytes), {fault});
    story.everybody_online();
    story.history.fault_started(20 * kSecond, 0);
    story.history.fault_ended(21 * kSecond, 0, true, late_until);
    story.t = 60 * kSecond;
    story.show(posted(story, 1), kBob, Via::sync);
    EXPECT_RED(story.finish(), late_until == 0 ? "routing-works" : "");
  }
}

// Two devices that the policy does not allow together: the one that was put out hears of it later,
// and until then nobody has to know where it is.
TEST(HistoryRouting, NoPushIsOwedToADeviceThatIsBeingReplaced) {
  for (const LoginPolicy policy : {LoginPolicy::single, LoginPolicy::all}) {
    Scenario s = Story::without_ways(4, 2);
    s.sessions.policy = policy;
    Story story(s);
    story.online(kAnn);
    story.online(kBob);
    story.t = 60 * kSecond;
    story.online(Story::device(1, 1), 1);
    story.t += 3 * kSecond;
    const Entry e = story.post(1, 0, 1);
    story.show(e, kBob, Via::sync);
    story.show(e, Story::device(1, 1));
    if (policy == LoginPolicy::single) {
      story.history.offline(story.t, kBob, Reason::superseded);
      // Stored while the other device was still there.
      story.show(story.post(2, 0, 1), Story::device(1, 1), Via::sync);
    }
    EXPECT_RED(story.finish(), policy == LoginPolicy::single ? "" : "routing-works");
  }
}

}  // namespace
}  // namespace imroute
