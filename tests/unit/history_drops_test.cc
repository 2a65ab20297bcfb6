// at_most_once: conservation by named cause, order by sender.
#include "tests/unit/history_fixture.h"

namespace imroute {
namespace {

const DeviceKey kAnn = Story::device(0), kBob = Story::device(1);
const ConversationId kAnnBob = ConversationId::direct(kAnn.user, kBob.user);

Scenario lossy() {
  Scenario s = Story::scenario();
  s.delivery.guarantee = Guarantee::at_most_once;
  return s;
}

TEST(HistoryDrops, GreenWhenEverythingArrives) {
  Story story(lossy());
  story.everybody_online();
  story.t = 5 * kSecond;
  Entry e = story.send(1, kAnn, kAnnBob);
  story.show(e, kBob);  // before the sender hears of its acceptance
  story.accept(e);
  story.show(story.post(2, 0, 1), kBob);
  const Result r = story.finish();
  EXPECT_GREEN(r);
  EXPECT_EQ(r.messages.deliveries_expected, 2u);
  EXPECT_EQ(r.messages.delivered, 2u);
  EXPECT_TRUE(r.messages.dropped.empty());
}

TEST(HistoryDrops, UnaccountedIsRed) {
  Story story(lossy());
  story.everybody_online();
  story.t = 5 * kSecond;
  story.show(story.post(1, 0, 1), kBob);
  story.post(2, 0, 1);
  story.t = 30 * kSecond;
  story.history.tick(story.t);
  EXPECT_TRUE(story.history.settled());
  const Result r = story.finish();
  EXPECT_EQ(r.messages.dropped.at("unaccounted"), 1u);
  EXPECT_EQ(r.violations.at(0).property, "no-loss");
}

TEST(HistoryDrops, CausesHaveNames) {
  Scenario s = lossy();
  s.workload.relocations_microhz = 1;
  Fault crash;
  crash.at_ns = 50 * kSecond;
  crash.for_ns = kSecond;
  Story story(s, {crash});
  story.everybody_online();
  story.t = 5 * kSecond;
  story.history.stopped(story.t, kBob);
  story.post(1, 0, 1);  // offline
  story.online(kBob, 1);
  story.t = 30 * kSecond;
  story.post(2, 0, 1);  // the connection changes under it
  story.history.offline(story.t, kBob, Reason::reset);
  story.online(kBob, 1);
  story.t = 50 * kSecond;
  story.history.fault_started(story.t, 0);
  story.post(3, 0, 1);  // the node dies with it
  story.t = 51 * kSecond;
  story.history.fault_ended(story.t, 0, true);
  story.t = 80 * kSecond;
  Entry told = story.post(4, 0, 1);
  story.history.dropped(story.t, 4, kBob, "window_full");
  story.post(5, 0, 1);  // only the core's counter knows
  story.t = 95 * kSecond;
  FinalState state;
  state.counters.drops_no_route = 1;
  const Result r = story.finish(state);
  EXPECT_GREEN(r);
  const std::map<std::string, uint64_t> expected = {
      {"offline", 1}, {"connection_lost", 1}, {"crash", 1}, {"window_full", 1}, {"no_route", 1}};
  EXPECT_EQ(r.messages.dropped, expected);
  EXPECT_EQ(r.messages.deliveries_expected, 5u);
  EXPECT_EQ(r.messages.delivered, 0u);
}

TEST(HistoryDrops, ADropMayBeKnownBeforeTheAcceptance) {
  Scenario s = lossy();
  s.workload.relocations_microhz = 1;
  Story story(s);
  story.everybody_online();
  story.t = 5 * kSecond;
  Entry e = story.send(1, kAnn, kAnnBob);
  story.history.dropped(story.t, 1, kBob, "connection");
  story.accept(e);
  EXPECT_TRUE(story.history.settled());
  story.show(story.post(2, 0, 1), kBob);
  const Result r = story.finish();
  EXPECT_GREEN(r);
  EXPECT_EQ(r.messages.dropped.at("connection"), 1u);
  EXPECT_EQ(r.messages.deliveries_expected, 2u);
}

TEST(HistoryDrops, DropsWithoutAnyReasonToDropAreRed) {
  Story story(lossy());
  story.everybody_online();
  story.t = 5 * kSecond;
  story.show(story.post(1, 0, 1), kBob);
  story.post(2, 0, 1);
  FinalState state;
  state.counters.drops_no_route = 1;
  EXPECT_RED(story.finish(state), "no-loss");
}

TEST(HistoryDrops, LateArrivalIsTakenBackFromItsCause) {
  Scenario s = lossy();
  s.workload.offline_share_ppm = 1;
  Story story(s);
  story.everybody_online();
  story.t = 5 * kSecond;
  story.history.stopped(story.t, kBob);
  Entry e = story.post(1, 0, 1);
  story.online(kBob);
  story.show(e, kBob);
  const Result r = story.finish();
  EXPECT_GREEN(r);
  EXPECT_EQ(r.messages.delivered, 1u);
  EXPECT_TRUE(r.messages.dropped.empty());
}

TEST(HistoryDrops, SendersOrderMayHaveGapsButNotTurnBack) {
  for (const bool turns_back : {false, true}) {
    Scenario s = lossy();
    s.workload.relocations_microhz = 1;
    Story story(s);
    story.everybody_online();
    story.t = 5 * kSecond;
    Entry first = story.post(1, 0, 1), second = story.post(2, 0, 1), third = story.post(3, 0, 1);
    if (!turns_back) story.show(first, kBob);
    story.show(third, kBob);
    if (turns_back) {
      story.show(second, kBob);
      story.show(first, kBob);
    } else {
      story.history.dropped(story.t, 2, kBob, "stale");
    }
    EXPECT_RED(story.finish(), turns_back ? "order order" : "");
  }
}

TEST(HistoryDrops, DuplicatesAndInventions) {
  Story story(lossy());
  story.everybody_online();
  story.t = 30 * kSecond;  // long after the logins, around which nobody can tell
  Entry e = story.post(1, 0, 1);
  story.show(e, kBob);
  story.show(e, kBob);
  Entry invented = story.entry(99, kAnn, kAnnBob);
  story.show(invented, kBob);
  EXPECT_RED(story.finish(), "no-duplicate no-loss");
}

TEST(HistoryDrops, RefusedMayAppearAllTheSame) {
  Story story(lossy());
  story.everybody_online();
  story.t = 5 * kSecond;
  Entry e = story.send(1, kAnn, kAnnBob), f = story.send(2, kAnn, kAnnBob);
  story.show(e, kBob);
  story.history.refused(story.t, kAnn, 1, Reason::timeout);
  story.history.refused(story.t, kAnn, 2, Reason::timeout);
  story.show(f, kBob);
  story.show(story.post(3, 0, 1), kBob);
  const Result r = story.finish();
  EXPECT_GREEN(r);
  EXPECT_EQ(r.messages.refused, 2u);
  EXPECT_EQ(r.messages.deliveries_expected, 3u);
}

}  // namespace
}  // namespace imroute
