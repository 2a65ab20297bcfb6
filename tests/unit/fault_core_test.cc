// The healed core: who is in it, what happens to faults at the end of chaos, and what is judged.
#include <algorithm>

#include "harness/fault/core.h"
#include "harness/fault/plan.h"
#include "harness/scenario/bounds.h"
#include "sim/simulation.h"
#include "tests/unit/history_fixture.h"

namespace imroute {
namespace {

constexpr DurationNs kPhase = 40 * kSecond;

Scenario with_core(uint64_t seed = 1) {
  Scenario s = Story::scenario();
  s.seed = seed;
  s.topology.nodes = 5;
  s.topology.routers = 3;
  s.liveness.for_ns = kPhase;
  return s;
}
Fault on_node(uint64_t node, DurationNs at, DurationNs for_ns) {
  Fault f;
  f.kind = FaultKind::crash;
  f.target.kind = TargetKind::node;
  f.target.index = node;
  f.at_ns = at;
  f.for_ns = for_ns;
  return f;
}

TEST(Core, IsDrawnFromTheSeedAndLeavesSomebodyOutside) {
  bool differs = false;
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    const Scenario s = with_core(seed);
    const LivenessConfig core = settle_core(s);
    EXPECT_EQ(core, settle_core(s));
    EXPECT_GE(core.nodes.size(), 2u);
    EXPECT_LT(core.nodes.size(), 5u);
    EXPECT_TRUE(std::is_sorted(core.nodes.begin(), core.nodes.end()));
    EXPECT_LT(core.router, 3u);
    differs |= core != settle_core(with_core(seed + 1));
  }
  EXPECT_TRUE(differs);
}

TEST(Core, HasANodeThatTakesLogins) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    Scenario s = with_core(seed);
    s.topology.node_weights = {0, 0, 0, 0, 1};
    const LivenessConfig core = settle_core(s);
    EXPECT_NE(std::find(core.nodes.begin(), core.nodes.end(), 4u), core.nodes.end());
  }
}

TEST(Core, WhatTouchesItEndsTheRestStaysForGood) {
  Scenario s = with_core();
  s.liveness.nodes = {0, 2};
  s.liveness.router = 1;
  const int64_t heal = chaos_end(s);
  Fault split = on_node(0, heal - kSecond, 10 * kSecond);
  split.kind = FaultKind::partition;
  split.target = Target{};
  Fault edge = on_node(2, heal - kSecond, 10 * kSecond);
  edge.is_edge = true;
  edge.edge_to.kind = TargetKind::node;
  edge.edge_to.index = 3;
  s.faults = {on_node(2, heal - kSecond, 10 * kSecond), on_node(3, heal - kSecond, 10 * kSecond),
              on_node(3, heal - 5 * kSecond, kSecond), split, edge};
  std::vector<Fault> plan = materialise_plan(s);
  ASSERT_EQ(plan.size(), 5u) << "a core that was named draws nothing";
  EXPECT_EQ(fault_end(plan[0], s.duration_ns), heal - 4 * kSecond) << "over before";
  EXPECT_EQ(fault_end(plan[1], s.duration_ns), heal) << "a core node";
  EXPECT_EQ(fault_end(plan[2], s.duration_ns), s.duration_ns) << "outside";
  EXPECT_EQ(fault_end(plan[3], s.duration_ns), heal) << "through everybody";
  EXPECT_EQ(fault_end(plan[4], s.duration_ns), s.duration_ns) << "an edge to the outside";
  Scenario again = s;
  again.faults = plan;
  EXPECT_EQ(materialise_plan(again), plan) << "the plan of effective.json is the plan";
}

// Mixed versions are no trouble: what the first one lacks can be done without.
TEST(Core, StaysOfMixedVersions) {
  Scenario s = with_core();
  s.liveness.nodes = {0, 2};
  const int64_t heal = chaos_end(s);
  for (const uint32_t version : {kFirstVersion, kLaterVersion}) {
    Fault f = on_node(2, heal - kSecond, 10 * kSecond);
    f.kind = FaultKind::version_skew;
    f.version = version;
    s.faults = {f};
    EXPECT_EQ(fault_end(materialise_plan(s).at(0), s.duration_ns),
              version == kFirstVersion ? s.duration_ns : heal);
  }
}

// A router of the first version does not hear whom a client cannot reach, and a placement would go
// on naming that node. (swarm 469379)
TEST(Core, HasTodaysRoutersWhereAPlacementPlacesLogins) {
  Scenario s = with_core();
  s.liveness.nodes = {0, 2};
  for (const PlacementKind kind : {PlacementKind::table, PlacementKind::hash}) {
    s.strategy.kind = StrategyKind::central;
    s.strategy.placement.kind = kind;
    Fault f = on_node(0, chaos_end(s) - kSecond, 10 * kSecond);
    f.kind = FaultKind::version_skew;
    f.version = kFirstVersion;
    f.target.kind = TargetKind::router;
    s.faults = {f};
    EXPECT_EQ(fault_end(materialise_plan(s).at(0), s.duration_ns),
              kind == PlacementKind::table ? s.duration_ns : chaos_end(s));
  }
}

TEST(Core, WhoIsOutsideIsBroken) {
  uint32_t broken = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const Scenario s = with_core(seed);
    const LivenessConfig core = settle_core(s);
    for (const Fault& f : materialise_plan(s)) {
      ++broken;
      EXPECT_EQ(f.at_ns, chaos_end(s));
      EXPECT_EQ(fault_end(f, s.duration_ns), s.duration_ns);
      const bool node = f.target.kind == TargetKind::node;
      const auto& in = core.nodes;
      EXPECT_FALSE(node ? std::find(in.begin(), in.end(), f.target.index) != in.end()
                        : f.target.index == core.router);
    }
  }
  EXPECT_GT(broken, 20u);
}

TEST(Core, TheEffectiveScenarioIsTheSameRun) {
  Scenario s = with_core(3);
  s.topology.users = 12;
  s.nemesis.enabled = true;
  s.nemesis.until_ns = 40 * kSecond;
  s.workload.rate_microhz = 200'000;
  s.workload.rate_per_user = 0.2;
  Scenario effective = s;
  effective.faults = materialise_plan(s);
  effective.nemesis = {};
  effective.liveness = settle_core(s);
  const Result drawn = simulate(s, {}), replayed = simulate(effective, {});
  EXPECT_EQ(drawn.trace_hash, replayed.trace_hash);
  EXPECT_EQ(drawn.verdict, Verdict::pass) << Story::properties(drawn);
}

// ---- what is judged
// ------------------------------------------------------------------------------

class Progress : public ::testing::Test {
 protected:
  static Scenario scenario() {
    Scenario s = with_core();
    s.liveness.nodes = {0, 1};
    return s;
  }
  static void begin_core(Story& story) {
    story.t = chaos_end(story.s);
    story.history.phase(story.t, History::Phase::core);
  }
  static Result end_core(Story& story) {
    story.t = story.s.duration_ns;
    story.history.phase(story.t, History::Phase::drain);
    return story.finish();
  }
  void at_core_start() {
    story_.everybody_online();
    begin_core(story_);
  }
  Result at_core_end() { return end_core(story_); }
  static uint64_t count(const Result& r) {
    uint64_t n = 0;
    for (const Violation& v : r.violations) {
      if (v.property != "progress") continue;
      ++n;
      EXPECT_EQ(v.phase, "core");
    }
    return n;
  }
  Story story_{scenario()};
};

TEST_F(Progress, GreenWhenTheCoreWorks) {
  at_core_start();
  Entry e = story_.post(1, 0, 1);
  story_.show(e, Story::device(1));
  EXPECT_EQ(count(at_core_end()), 0u);
}

TEST_F(Progress, AnUnansweredSendIsAStall) {
  at_core_start();
  story_.send(1, Story::device(0), ConversationId::direct(UserId{0}, UserId{1}));
  EXPECT_EQ(count(at_core_end()), 1u);
}

TEST_F(Progress, AnUndeliveredEntryIsAStallOnlyAtANodeOfTheCore) {
  at_core_start();
  story_.post(1, 0, 1);
  EXPECT_EQ(count(at_core_end()), 1u);
  Story other(scenario());
  other.everybody_online();
  other.online(Story::device(1), 4);  // outside
  other.t = chaos_end(other.s);
  other.history.phase(other.t, History::Phase::core);
  other.post(1, 0, 1);
  other.t = other.s.duration_ns;
  other.history.phase(other.t, History::Phase::drain);
  EXPECT_EQ(count(other.finish()), 0u);
}

TEST_F(Progress, TooRecentIsNoStall) {
  at_core_start();
  story_.t = story_.s.duration_ns - settling_bound(story_.s) + kSecond;
  story_.post(1, 0, 1);
  EXPECT_EQ(count(at_core_end()), 0u);
}

// Each router and node outside the core may have cost a timeout and a backoff.
TEST_F(Progress, WhoWantsASessionAndGetsNoneIsAStallWhenItHasTriedEveryRouterAndNode) {
  Scenario s = scenario();
  const DurationNs bound = settling_bound(s) + login_bound(s, 3);
  EXPECT_EQ(login_bound(s, 3), (2 + 3) * (s.delivery.send_timeout_ns + s.sessions.backoff_max_ns));
  for (const DurationNs phase : {bound, bound + kSecond}) {
    s.liveness.for_ns = phase;
    Story story(s);
    story.everybody_online();
    begin_core(story);
    story.history.offline(story.t, Story::device(2), Reason::reset);
    EXPECT_EQ(count(end_core(story)), phase > bound ? 1u : 0u);
  }
}

// Slow is not stuck: a long backlog, one message at a time over a slow link. Idle is.
TEST_F(Progress, ABacklogThatMovesAsFastAsItsWindowIsNoStall) {
  for (const bool idle : {false, true}) {
    Scenario s = scenario();
    s.delivery.order = Order::stop_and_wait;
    Story story(s);
    story.everybody_online();
    std::vector<Entry> backlog;
    for (uint64_t tag = 1; tag <= 200; ++tag) backlog.push_back(story.post(tag, 0, 1));
    begin_core(story);
    const size_t shown = idle ? 2 : 40;
    const DurationNs pace = (s.duration_ns - story.t) / static_cast<int64_t>(shown + 1);
    for (size_t i = 0; i < shown; ++i) {
      story.t += pace;
      story.show(backlog[i], Story::device(1), Via::sync);
    }
    EXPECT_EQ(count(end_core(story)), idle ? 100u : 0u);  // as many as are listed
  }
}

// Everybody has a session, but nobody at a node of the core: that much was judged.
TEST_F(Progress, SessionsOutsideTheCoreAreSomething) {
  for (const bool absent : {false, true}) {
    Story story(scenario());
    story.everybody_online();
    Entry e = story.post(1, 0, 1);
    story.show(e, Story::device(1));
    for (uint64_t u = 0; u < 4; ++u) {
      if (absent) story.history.stopped(story.t, Story::device(u));
      if (!absent) story.online(Story::device(u), 4);
    }
    begin_core(story);
    EXPECT_RED(end_core(story), absent ? "vacuous" : "");
  }
}

TEST_F(Progress, WhoLeftByChoiceIsNot) {
  at_core_start();
  story_.history.stopped(story_.t, Story::device(2));
  story_.history.offline(story_.t, Story::device(2), Reason::none);
  EXPECT_EQ(count(at_core_end()), 0u);
}

}  // namespace
}  // namespace imroute
