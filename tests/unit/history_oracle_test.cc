// Every oracle goes red on the wrong history that it is there for, and stays green on the right
// one.
#include "harness/scenario/bounds.h"
#include "tests/unit/history_fixture.h"

namespace imroute {
namespace {

const DeviceKey kAnn = Story::device(0), kBob = Story::device(1), kCem = Story::device(2);
const ConversationId kAnnBob = ConversationId::direct(kAnn.user, kBob.user);

TEST(HistoryOracle, GreenOnTheRightHistory) {
  Story story(Story::scenario());
  story.everybody_online();
  story.t = 30 * kSecond;
  Entry question = story.post(1, 0, 1);
  story.t += 50 * kMillisecond;
  EXPECT_FALSE(story.history.settled());
  story.show(question, kBob);
  EXPECT_TRUE(story.history.settled());
  Entry answer = story.post(2, kBob, kAnnBob, 1);
  story.show(answer, kAnn);
  FinalState state;
  state.frames.counted = 6;
  const Result r = story.finish(state);
  EXPECT_GREEN(r);
  EXPECT_EQ(r.verdict, Verdict::pass);
  EXPECT_EQ(r.messages.sent, 2u);
  EXPECT_EQ(r.messages.accepted, 2u);
  EXPECT_EQ(r.messages.deliveries_expected, 2u);
  EXPECT_EQ(r.messages.delivered, 2u);
  EXPECT_EQ(r.messages.via[0], 2u);
  EXPECT_EQ(r.delivery_ns.max(), 50 * kMillisecond);
  EXPECT_DOUBLE_EQ(r.frames_per_delivery, 3);
}

TEST(HistoryOracle, LossOfAnAcceptedMessage) {
  Story story(Story::scenario());
  story.everybody_online();
  Entry seen = story.post(1, 0, 1);
  story.show(seen, kBob);
  story.post(2, 0, 1);
  EXPECT_FALSE(story.history.settled());
  const Result r = story.finish();
  EXPECT_RED(r, "no-loss");
  EXPECT_EQ(r.messages.lost, 1u);
  EXPECT_NE(r.violations[0].witness.find("message 2"), std::string::npos);
}

// A new device has what is stored from when the mailbox met it; and were it told to be online
// before that, then from when it was told.
TEST(HistoryOracle, ANewDeviceIsEntitledFromItsFirstLoginOn) {
  for (const bool met_first : {true, false}) {
    Story story(Story::scenario());
    story.online(kAnn);
    story.post(1, kAnn, kAnnBob);
    story.t += kMillisecond;
    if (met_first) {
      story.history.first_bind(story.t, kBob);
    } else {
      story.history.online(story.t, kBob, NodeId{0}, 1);
    }
    story.t += kMillisecond;
    Entry between = story.post(2, kAnn, kAnnBob);
    story.t += kMillisecond;
    if (met_first) {
      story.history.online(story.t, kBob, NodeId{0}, 1);
    } else {
      story.history.first_bind(story.t, kBob);
    }
    EXPECT_FALSE(story.history.settled());
    story.show(between, kBob);
    EXPECT_TRUE(story.history.settled()) << "the first is older than the device";
    EXPECT_GREEN(story.finish());
  }
}

TEST(HistoryOracle, WhatANewDeviceMissedBetweenItsLoginAndTheMailboxIsLost) {
  Story story(Story::scenario());
  story.online(kAnn);
  story.history.online(story.t, kBob, NodeId{0}, 1);
  story.t += kMillisecond;
  story.post(1, kAnn, kAnnBob);
  story.t += kMillisecond;
  story.history.first_bind(story.t, kBob);
  EXPECT_RED(story.finish(), "no-loss");
}

// A drain waits for a backlog that moves, as long as its window may need; for one that stands it
// does not.
TEST(HistoryOracle, WorkOfADrainIsWhatWasShownInIt) {
  Scenario s = Story::scenario();
  s.delivery.order = Order::stop_and_wait;
  Story story(s);
  story.everybody_online();
  std::vector<Entry> backlog;
  for (uint64_t tag = 1; tag <= 3; ++tag) backlog.push_back(story.post(tag, 0, 1));
  story.show(backlog[0], kBob);
  EXPECT_EQ(story.history.most_work_ns(), 0) << "not yet";
  story.history.phase(story.t, History::Phase::drain);
  story.t += 100 * kSecond;
  EXPECT_EQ(story.history.most_work_ns(), 0) << "nothing moves";
  story.show(backlog[1], kBob);
  EXPECT_EQ(story.history.most_work_ns(), delivery_round(s)) << "one in a window of one";
  EXPECT_RED(story.finish(), "no-loss");
}

TEST(HistoryOracle, WhatWaitsForSomebodyAwayIsNotLost) {
  Story story(Story::scenario());
  story.everybody_online();
  story.history.stopped(story.t, kBob);
  story.post(1, 0, 1);
  EXPECT_TRUE(story.history.settled());
  const Result r = story.finish();
  EXPECT_GREEN(r);
  EXPECT_EQ(r.messages.undelivered_in_mailbox, 1u);
  EXPECT_EQ(r.messages.lost, 0u);
}

TEST(HistoryOracle, OfflineDeviceThatReturnsMustGetIt) {
  Story story(Story::scenario());
  story.everybody_online();
  story.history.stopped(story.t, kBob);
  story.post(1, 0, 1);
  story.t = 9 * kSecond;
  story.history.online(story.t, kBob, NodeId{1}, 9);
  EXPECT_FALSE(story.history.settled());
  story.t = 10 * kSecond;
  EXPECT_RED(story.finish(), "no-loss");
}

TEST(HistoryOracle, NothingBeforeTheFirstBindIsOwed) {
  Story story(Story::scenario());
  story.online(kAnn);
  story.post(1, 0, 1);
  story.t = kSecond;
  story.online(kBob);
  Entry e = story.post(2, 0, 1);
  story.show(e, kBob);
  const Result r = story.finish();
  EXPECT_GREEN(r);
  EXPECT_EQ(r.messages.deliveries_expected, 1u);
}

TEST(HistoryOracle, AcceptedButNeverStored) {
  Story story(Story::scenario());
  story.everybody_online();
  Entry e = story.send(1, kAnn, kAnnBob);
  story.accept(e);
  const Result r = story.finish();
  EXPECT_EQ(r.violations.at(0).property, "no-loss");
  EXPECT_EQ(r.messages.lost, 1u);
}

TEST(HistoryOracle, SendThatNeverEnds) {
  Story story(Story::scenario());
  story.everybody_online();
  Entry e = story.post(1, 0, 1);
  story.show(e, kBob);
  story.send(2, kAnn, kAnnBob);
  EXPECT_FALSE(story.history.settled());
  EXPECT_RED(story.finish(), "no-loss");
}

TEST(HistoryOracle, DiscardedByAnAsyncStoreIsExcused) {
  Scenario s = Story::scenario();
  s.mailbox.durability = Durability::async;
  Story story(s);
  story.everybody_online();
  Entry first = story.post(1, 0, 1);
  story.show(first, kBob);
  Entry lost = story.post(2, 0, 1);
  story.history.discarded(story.t, lost);
  EXPECT_TRUE(story.history.settled());
  // The log goes on at the same place in a new epoch.
  story.epoch = 2;
  story.heads[kAnnBob] = 1;
  story.history.rewound(story.t, kBob, kAnnBob, {1, 1});
  Entry next = story.post(3, 0, 1);
  EXPECT_EQ(next.position, (Position{2, 2}));
  story.show(next, kBob);
  const Result r = story.finish();
  EXPECT_RED(r, "no-loss(excused)");
  EXPECT_EQ(r.verdict, Verdict::pass);
  EXPECT_EQ(r.messages.excused, 1u);
  EXPECT_EQ(r.messages.lost, 0u);
  EXPECT_EQ(r.messages.deliveries_expected, 3u);
}

TEST(HistoryOracle, DiscardedByASyncStoreIsLost) {
  Story story(Story::scenario());
  story.everybody_online();
  Entry lost = story.post(1, 0, 1);
  story.history.discarded(story.t, lost);
  const Result r = story.finish();
  EXPECT_EQ(r.verdict, Verdict::fail);
  EXPECT_EQ(r.messages.lost, 1u);
}

TEST(HistoryOracle, UnacceptedDiscardIsSentAgain) {
  Scenario s = Story::scenario(4, 2);
  s.mailbox.durability = Durability::async;
  Story story(s);
  story.everybody_online();
  Entry e = story.send(1, kAnn, kAnnBob);
  story.store(e);
  story.show(e, kBob);
  story.history.discarded(story.t, e);
  story.show(e, Story::device(0, 1));  // was on its way
  story.epoch = 2;
  story.heads[kAnnBob] = 0;
  story.store(e);
  story.accept(e);
  EXPECT_FALSE(story.history.settled());  // Bob's second device
  story.show(e, Story::device(1, 1));
  const Result r = story.finish();
  EXPECT_GREEN(r);
  EXPECT_EQ(r.messages.excused, 0u);
}

TEST(HistoryOracle, VisibleDuplicate) {
  for (const bool others_wait : {false, true}) {
    Story story(Story::scenario(4, 2));
    story.everybody_online();
    Entry e = story.post(1, 0, 1);
    story.show(e, kBob);
    if (!others_wait) {
      story.show(e, Story::device(1, 1));
      story.show(e, Story::device(0, 1));
    }
    story.show(e, kBob);
    if (others_wait) {
      story.show(e, Story::device(1, 1));
      story.show(e, Story::device(0, 1));
    }
    const Result r = story.finish();
    EXPECT_RED(r, "no-duplicate");
    EXPECT_EQ(r.messages.visible_duplicates, 1u);
    EXPECT_EQ(r.messages.delivered, 3u);
  }
}

TEST(HistoryOracle, DuplicatesAreOnlyCountedWithoutDedup) {
  Scenario s = Story::scenario();
  s.delivery.dedup = false;
  Story story(s);
  story.everybody_online();
  Entry e = story.post(1, 0, 1);
  story.show(e, kBob);
  story.show(e, kBob);
  const Result r = story.finish();
  EXPECT_GREEN(r);
  EXPECT_EQ(r.messages.visible_duplicates, 1u);
}

TEST(HistoryOracle, AReinstalledDeviceMaySeeItAgain) {
  Story story(Story::scenario());
  story.everybody_online();
  Entry e = story.post(1, 0, 1);
  story.show(e, kBob);
  story.history.wiped(story.t, kBob);
  story.show(e, kBob, Via::login);
  EXPECT_GREEN(story.finish());
}

TEST(HistoryOracle, GapAndReorder) {
  for (const Order order : {Order::windowed, Order::none}) {
    Scenario s = Story::scenario();
    s.delivery.order = order;
    Story story(s);
    story.everybody_online();
    Entry first = story.post(1, 0, 1), second = story.post(2, 0, 1), third = story.post(3, 0, 1);
    story.show(first, kBob);
    story.show(third, kBob);
    story.show(second, kBob);
    const Result r = story.finish();
    EXPECT_EQ(r.messages.order_violations, 1u);
    EXPECT_RED(r, order == Order::none ? "" : "order");
  }
}

TEST(HistoryOracle, OwnEntriesAreNoGap) {
  Story story(Story::scenario());
  story.everybody_online();
  Entry first = story.post(1, 0, 1), own = story.post(2, 1, 0), third = story.post(3, 0, 1);
  story.show(first, kBob);
  story.show(third, kBob);
  story.show(own, kAnn);
  EXPECT_GREEN(story.finish());
}

TEST(HistoryOracle, DevicesDisagreeAboutAPosition) {
  Story story(Story::scenario());
  story.everybody_online();
  Entry first = story.post(1, 0, 1), second = story.post(2, 0, 1);
  std::swap(first.position, second.position);
  story.show(second, kBob);
  const Result r = story.finish();
  EXPECT_EQ(r.violations.at(0).property, "order");
}

TEST(HistoryOracle, LogWithAHoleOrASenderOutOfOrder) {
  {
    Story story(Story::scenario());
    story.everybody_online();
    ++story.heads[kAnnBob];
    story.show(story.post(1, 0, 1), kBob);
    EXPECT_RED(story.finish(), "order");
  }
  {
    Story story(Story::scenario());
    story.everybody_online();
    Entry first = story.send(1, kAnn, kAnnBob), second = story.send(2, kAnn, kAnnBob);
    for (Entry* e : {&second, &first}) {
      story.store(*e);
      story.accept(*e);
      story.show(*e, kBob);
    }
    EXPECT_RED(story.finish(), "order");
  }
}

TEST(HistoryOracle, InventedAndAlteredBodies) {
  {
    Story story(Story::scenario());
    story.everybody_online();
    story.show(story.post(1, 0, 1), kBob);
    Entry invented = story.entry(99, kAnn, kAnnBob);
    invented.position = {1, 2};
    story.show(invented, kBob);
    EXPECT_RED(story.finish(), "no-loss");
  }
  {
    Story story(Story::scenario());
    story.everybody_online();
    Entry e = story.post(1, 0, 1);
    Entry altered = e;
    altered.payload = make_body(story.pool, 1, 41);
    story.show(altered, kBob);
    story.show(e, kBob);
    EXPECT_RED(story.finish(), "no-loss");
  }
}

TEST(HistoryOracle, AnswerBeforeItsQuestion) {
  Story story(Story::scenario());
  story.create_group(7, {0, 1, 2});
  story.everybody_online();
  const ConversationId group = ConversationId::group(7);
  Entry question = story.post(1, kAnn, group);
  story.show(question, kBob);
  Entry answer = story.post(2, kBob, group, 1);
  story.show(answer, kAnn);
  story.show(answer, kCem);
  story.show(question, kCem);
  EXPECT_RED(story.finish(), "order reply-order");
}

TEST(HistoryOracle, MisdeliveryToAStranger) {
  Story story(Story::scenario());
  story.everybody_online();
  Entry e = story.post(1, 0, 1);
  story.show(e, kCem);
  story.show(e, kAnn);  // its own sender's device
  story.show(e, kBob);
  const Result r = story.finish();
  EXPECT_RED(r, "no-misdelivery no-misdelivery");
  EXPECT_EQ(r.messages.misdelivered, 2u);
}

TEST(HistoryOracle, MisdeliveryWithoutASession) {
  Story story(Story::scenario());
  story.everybody_online();
  Entry e = story.post(1, 0, 1);
  story.history.offline(story.t, kBob, Reason::timeout);
  story.show(e, kBob);
  EXPECT_RED(story.finish(), "no-misdelivery");
}

TEST(HistoryOracle, MembershipIsBySequence) {
  Story story(Story::scenario());
  story.create_group(7, {0, 1});
  story.everybody_online();
  const ConversationId group = ConversationId::group(7);
  Entry before = story.post(1, kAnn, group);
  Entry join = story.change(EntryKind::join, 2, 7);
  Entry during = story.post(2, kAnn, group);
  Entry leave = story.change(EntryKind::leave, 2, 7);
  Entry after = story.post(3, kAnn, group);
  for (const Entry* e : {&before, &join, &during, &leave, &after}) story.show(*e, kBob);
  story.show(join, kAnn);
  story.show(during, kCem);
  story.show(leave, kAnn);
  EXPECT_TRUE(story.history.settled());
  story.show(before, kCem);
  story.show(after, kCem);
  const Result r = story.finish();
  EXPECT_RED(r, "no-misdelivery no-misdelivery");
  EXPECT_EQ(r.messages.lost, 0u);
  EXPECT_EQ(r.messages.delivered, 8u);
}

TEST(HistoryOracle, TwoOwnersAndPolicy) {
  Scenario s = Story::scenario(4, 2);
  s.sessions.policy = LoginPolicy::one_per_type;
  s.topology.device_types = {ClientType::mobile, ClientType::pc};
  const auto run = [&](std::vector<FinalSession> sessions, std::vector<DeviceKey> online) {
    Story story(s);
    story.online(kAnn);
    story.online(kBob);
    story.show(story.post(1, 0, 1), kBob);
    FinalState state;
    state.sessions = std::move(sessions);
    state.online = std::move(online);
    return story.finish(state);
  };
  const DeviceKey pc = Story::device(0, 1);
  EXPECT_GREEN(run({{NodeId{0}, kAnn, 1}, {NodeId{1}, pc, 1}}, {kAnn, pc}));
  EXPECT_RED(run({{NodeId{0}, kAnn, 1}, {NodeId{1}, kAnn, 2}}, {kAnn}), "one-owner");
  EXPECT_RED(run({{NodeId{0}, kAnn, 1}}, {kAnn, kBob}), "one-owner");
  s.sessions.policy = LoginPolicy::single;
  EXPECT_RED(run({{NodeId{0}, kAnn, 1}, {NodeId{1}, pc, 2}}, {}), "one-owner");
}

TEST(HistoryOracle, SyncInQuietTime) {
  for (const Via via : {Via::push, Via::sync, Via::handover}) {
    Story story(Story::without_ways());
    story.everybody_online();
    story.t = 60 * kSecond;
    Entry e = story.post(1, 0, 1);
    story.show(e, kBob, via);
    EXPECT_RED(story.finish(), via == Via::push ? "" : "routing-works");
  }
}

TEST(HistoryOracle, SyncIsRightForANewSessionAndNearAFault) {
  Fault crash;
  crash.at_ns = 40 * kSecond;
  crash.for_ns = 10 * kSecond;
  Story story(Story::scenario(), {crash});
  story.everybody_online();
  story.t = 39 * kSecond;
  story.online(kBob, 1);
  story.show(story.post(1, 0, 1), kBob, Via::login);
  story.t = 40 * kSecond;
  story.history.fault_started(story.t, 0);
  Entry backlog = story.post(2, 0, 1);
  story.t = 50 * kSecond;
  story.history.fault_ended(story.t, 0, true);
  story.t = 52 * kSecond;
  story.show(backlog, kBob, Via::sync);
  story.t = 55 * kSecond;
  story.show(story.post(3, 0, 1), kBob, Via::sync);
  story.t = 90 * kSecond;
  story.show(story.post(4, 0, 1), kBob);
  const Result r = story.finish();
  EXPECT_GREEN(r);
  EXPECT_EQ(r.converged_ns, 5 * kSecond);
  ASSERT_EQ(r.faults.size(), 1u);
  EXPECT_EQ(r.faults[0].recovered_after_ns, 5 * kSecond);
  EXPECT_TRUE(r.faults[0].effective);
}

TEST(HistoryOracle, SyncIsRightForANewMember) {
  for (const int64_t later : {0 * kSecond, 3 * kSecond}) {
    Story story(Story::without_ways());
    story.create_group(7, {0, 1});
    story.everybody_online();
    story.t = 60 * kSecond;
    Entry join = story.change(EntryKind::join, 2, 7);
    story.show(join, kAnn);
    story.show(join, kBob);
    story.t += later;
    Entry e = story.post(1, kAnn, ConversationId::group(7));
    story.show(e, kBob);
    story.show(e, kCem, Via::sync);
    EXPECT_RED(story.finish(), later == 0 ? "" : "routing-works");
  }
}

TEST(HistoryOracle, SyncLongAfterTheFaultIsWrong) {
  Fault crash;
  crash.at_ns = 10 * kSecond;
  crash.for_ns = kSecond;
  Story story(Story::without_ways(), {crash});
  story.everybody_online();
  story.history.fault_started(10 * kSecond, 0);
  story.history.fault_ended(11 * kSecond, 0, true);
  story.t = 60 * kSecond;
  story.show(story.post(1, 0, 1), kBob, Via::sync);
  EXPECT_RED(story.finish(), "routing-works");
}

TEST(HistoryOracle, ChainsAndCountersEndAtZero) {
  const auto run = [](FinalState state) {
    Story story(Story::scenario());
    story.everybody_online();
    story.show(story.post(1, 0, 1), kBob);
    return story.finish(std::move(state));
  };
  EXPECT_GREEN(run({}));
  FinalState routes;
  routes.routes_in_flight = 1;
  EXPECT_RED(run(routes), "chains-end");
  FinalState leak;
  leak.sessions = {{NodeId{0}, kAnn, 1}};
  leak.nodes = {NodeId{0}, NodeId{1}};
  leak.sessions_by_node = {2, 0};
  EXPECT_RED(run(leak), "balancer");
}

TEST(HistoryOracle, ARunThatAcceptsNothingIsVacuous) {
  Story story(Story::scenario());
  story.everybody_online();
  const Result r = story.finish();
  EXPECT_EQ(r.verdict, Verdict::vacuous);
  EXPECT_RED(r, "vacuous");
}

TEST(HistoryOracle, ACursorPastWhatWasShown) {
  Story story(Story::scenario());
  story.everybody_online();
  Entry e = story.post(1, 0, 1);
  story.history.stored_cursor(kBob, kAnnBob, {1, 0});
  story.show(e, kBob);
  story.history.stored_cursor(kBob, kAnnBob, {1, 1});
  Entry next = story.post(2, 0, 1);
  story.history.stored_cursor(kBob, kAnnBob, {1, 2});
  story.show(next, kBob);
  EXPECT_RED(story.finish(), "no-loss");
}

TEST(HistoryOracle, ResetIsCounted) {
  Story story(Story::scenario());
  story.everybody_online();
  story.post(1, 0, 1);
  Entry kept = story.post(2, 0, 1);
  story.history.reset(story.t, kBob, kAnnBob, {1, 1}, 1);
  story.show(kept, kBob);
  const Result r = story.finish();
  EXPECT_GREEN(r);
  EXPECT_EQ(r.messages.reset, 1u);
}

TEST(HistoryOracle, OnlyInTheFinalReadIsTooLate) {
  Story story(Story::scenario());
  story.everybody_online();
  Entry e = story.post(1, 0, 1);
  story.t = 10 * kSecond;
  story.history.phase(story.t, History::Phase::final);
  story.show(e, kBob);
  EXPECT_RED(story.finish(), "no-loss");
}

TEST(HistoryOracle, FaultsInForceAreNamed) {
  Fault crash;
  crash.target = {Target::Select::index, TargetKind::node, 3};
  crash.at_ns = 2 * kSecond;
  crash.for_ns = kSecond;
  Story story(Story::scenario(), {crash});
  story.everybody_online();
  Entry e = story.post(1, 0, 1);
  story.history.fault_started(2 * kSecond, 0);
  story.show(e, kCem);
  story.show(e, kBob);
  const Result r = story.finish();
  ASSERT_EQ(r.violations.size(), 1u);
  EXPECT_EQ(r.violations[0].faults_in_force, std::vector<std::string>{"crash node:3 since 2 s"});
  EXPECT_EQ(r.violations[0].phase, "chaos");
}

}  // namespace
}  // namespace imroute
