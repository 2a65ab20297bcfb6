// Who may be put out and come back, who may serve, whom a router may choose, and the limits of
// queues and chains (oracles 5, 6, 8, 9).
#include <gtest/gtest.h>

#include "core/model/limits.h"
#include "tests/unit/history_fixture.h"

namespace imroute {
namespace {

const DeviceKey kAnn = Story::device(0), kBob = Story::device(1);

TEST(HistoryOwner, NobodyIsPutOutWithoutAnother) {
  for (const Reason reason : {Reason::superseded, Reason::kicked}) {
    Story story(Story::scenario());
    story.everybody_online();
    story.history.offline(story.t, kAnn, reason);
    story.show(story.post(1, 1, 2), Story::device(2));
    EXPECT_RED(story.finish(), "one-owner");
  }
}

TEST(HistoryOwner, PutOutByAnotherDeviceAndBackOnlyWhenAsked) {
  Scenario s = Story::scenario(4, 2);
  s.sessions.policy = LoginPolicy::single;
  for (const bool asked : {true, false}) {
    Story story(s);
    story.online(kAnn);
    story.online(kBob);
    story.show(story.post(1, 0, 1), kBob);
    story.online(Story::device(0, 1));
    story.history.offline(story.t, kAnn, Reason::kicked);
    story.t += kSecond;
    if (asked) story.history.started(story.t, kAnn);
    story.online(kAnn);
    EXPECT_RED(story.finish(), asked ? "" : "one-owner");
  }
}

TEST(HistoryOwner, LosingAConnectionIsNoBan) {
  Story story(Story::scenario());
  story.everybody_online();
  story.show(story.post(1, 0, 1), kBob);
  story.history.offline(story.t, kAnn, Reason::lease_lost);
  story.online(kAnn, 1);
  EXPECT_GREEN(story.finish());
}

TEST(HistoryOwner, ServingWithoutALease) {
  Story story(Story::scenario());
  story.everybody_online();
  story.show(story.post(1, 0, 1), kBob);
  story.history.served_without_lease(story.t, NodeId{1}, story.t - kSecond);
  EXPECT_RED(story.finish(), "no-misdelivery");
}

TEST(HistoryOwner, ALoginPlacedOnADeadNode) {
  Story story(Story::scenario());
  story.everybody_online();
  story.show(story.post(1, 0, 1), kBob);
  story.history.placed_on_dead(story.t, 0, NodeId{1}, story.t - 8 * kSecond);
  EXPECT_RED(story.finish(), "balancer");
}

TEST(HistoryOwner, QueuesAndChainsKeepTheirLimits) {
  const auto run = [](uint64_t unacked, uint64_t attempts, Order order) {
    Scenario s = Story::scenario();
    s.delivery.order = order;
    s.delivery.window = 8;
    Story story(s);
    story.everybody_online();
    story.show(story.post(1, 0, 1), kBob);
    FinalState state;
    state.unacked_max = unacked;
    state.route_attempts_max = attempts;
    return story.finish(state);
  };
  EXPECT_GREEN(run(8, kMaxRouteAttempts, Order::windowed));
  EXPECT_RED(run(9, 1, Order::windowed), "chains-end");
  EXPECT_RED(run(2, 1, Order::stop_and_wait), "chains-end");
  EXPECT_RED(run(1, kMaxRouteAttempts + 1, Order::windowed), "chains-end");
}

TEST(HistoryOwner, CallsThatNobodyMadeAreNoLoad) {
  Story story(Story::scenario());
  story.everybody_online();
  story.show(story.post(1, 0, 1), kBob);
  FinalState state;
  state.calls_in_flight = 1;
  EXPECT_RED(story.finish(state), "balancer");
}

// With the product's own rings; that a wrong one is seen is shown by a planted bug.
TEST(HistoryOwner, RingsOfEveryKindMoveOnlyWhatTheyMust) {
  for (const bool cim : {false, true}) {
    for (const uint32_t nodes : {2u, 7u, 40u}) {
      Scenario s = Story::scenario();
      s.topology.nodes = nodes;
      s.topology.node_weights.assign(nodes, 1);
      s.topology.node_weights.back() = 3;
      s.balancer.cim_compatible = cim;
      Story story(s);
      story.everybody_online();
      story.show(story.post(1, 0, 1), kBob);
      EXPECT_GREEN(story.finish());
    }
  }
}

TEST(HistoryOwner, SupersededSessionThatGoesOnShowing) {
  Scenario s = Story::scenario(4, 2);
  s.sessions.policy = LoginPolicy::single;
  Story story(s);
  story.online(kAnn);
  story.online(kBob);
  story.t = 10 * kSecond;
  story.online(Story::device(1, 1));
  Entry early = story.post(1, 0, 1);
  story.show(early, kBob);  // fencing takes its time
  story.t = 20 * kSecond;
  Entry late = story.post(2, 0, 1);
  story.show(late, kBob);
  const Result r = story.finish();
  EXPECT_EQ(r.messages.misdelivered, 1u);
}

// What would have told it stood on its way after the fault.
TEST(HistoryOwner, SupersededSessionThatCannotKnowIt) {
  Fault loss;
  loss.kind = FaultKind::loss;
  loss.at_ns = 8 * kSecond;
  loss.for_ns = kSecond;
  Scenario s = Story::scenario(4, 2);
  s.sessions.policy = LoginPolicy::single;
  for (const int64_t late_until : {0 * kSecond, 19 * kSecond}) {
    Story story(s, {loss});
    story.online(kAnn);
    story.online(kBob);
    story.history.fault_started(8 * kSecond, 0);
    story.history.fault_ended(9 * kSecond, 0, true, late_until);
    story.t = 10 * kSecond;
    story.online(Story::device(1, 1));
    story.t = 20 * kSecond;
    story.show(story.post(1, 0, 1), kBob);
    EXPECT_EQ(story.finish().messages.misdelivered, late_until == 0 ? 1u : 0u);
  }
}

}  // namespace
}  // namespace imroute
