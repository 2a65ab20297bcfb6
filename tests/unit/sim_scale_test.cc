// Scaling in the simulated world: nodes that are added take their share, nodes that leave take
// nothing with them, and whoever computes places finds the users all the same.
#include <gtest/gtest.h>

#include "harness/fault/core.h"
#include "harness/fault/plan.h"
#include "sim/simulation.h"

namespace imroute {
namespace {

Scenario chat(uint64_t seed = 1) {
  Scenario s;
  s.name = "scale";
  s.seed = seed;
  s.topology.nodes = 3;
  s.topology.routers = 2;
  s.topology.users = 60;
  s.duration_ns = 40 * kSecond;
  s.warmup_ns = 5 * kSecond;
  s.workload.rate_microhz = 400'000;
  s.workload.relocations_microhz = 40'000;
  return s;
}

Fault scaled(int32_t count, DurationNs at, DurationNs length = kNever) {
  Fault f;
  f.kind = FaultKind::scale;
  f.target = {};
  f.count = count;
  f.at_ns = at;
  f.for_ns = length;
  return f;
}

std::string first_violation(const Result& r) {
  return r.violations.empty() ? ""
                              : r.violations.front().property + ": " + r.violations.front().witness;
}

// Nodes that hold sessions at the end, by the last step the run shows.
struct Seen {
  Result result;
  uint64_t bound_on_new = 0;  // sessions bound on nodes that the topology does not have
};
Seen watch(const Scenario& s) {
  Seen seen;
  SimulationOptions options;
  options.trace = true;
  options.trace_sink = [&](const std::string& line) {
    const bool bound = line.find("\"session_bound\"") != std::string::npos;
    for (uint32_t n = s.topology.nodes; bound && n < s.topology.nodes + 4; ++n) {
      const std::string who = "\"node:" + std::to_string(n) + "\"";
      if (line.find(who) != std::string::npos) ++seen.bound_on_new;
    }
  };
  seen.result = simulate(s, options);
  return seen;
}

struct Placed {
  const char* name;
  StrategyKind kind;
  CentralMode mode;
  PlacementKind placement;
};
class Scale : public ::testing::TestWithParam<Placed> {
 protected:
  Scenario placed(uint64_t seed) const {
    Scenario s = chat(seed);
    s.strategy.kind = GetParam().kind;
    s.strategy.mode = GetParam().mode;
    s.strategy.placement.kind = GetParam().placement;
    s.strategy.placement.key_space = s.topology.users;
    return s;
  }
};

TEST_P(Scale, OutAndInAgainNothingIsLost) {
  for (uint64_t seed = 1; seed <= 2; ++seed) {
    Scenario s = placed(seed);
    s.faults = {scaled(2, 8 * kSecond), scaled(-1, 18 * kSecond), scaled(-1, 24 * kSecond)};
    const Seen seen = watch(s);
    EXPECT_EQ(seen.result.verdict, Verdict::pass) << first_violation(seen.result);
    EXPECT_GT(seen.bound_on_new, 0u) << "users who log in find the new nodes";
    EXPECT_EQ(seen.result.coverage.at("scale").at("node/added"), 1u);
    EXPECT_EQ(seen.result.coverage.at("scale").at("node/removed"), 2u);
  }
}
INSTANTIATE_TEST_SUITE_P(
    Placements, Scale,
    ::testing::Values(
        Placed{"hash", StrategyKind::central, CentralMode::resolve, PlacementKind::hash},
        Placed{"ring", StrategyKind::central, CentralMode::resolve, PlacementKind::consistent_hash},
        Placed{"range", StrategyKind::central, CentralMode::resolve, PlacementKind::range},
        Placed{"forward", StrategyKind::central, CentralMode::forward, PlacementKind::hash},
        Placed{"cached", StrategyKind::cached_broadcast, CentralMode::resolve,
               PlacementKind::table},
        Placed{"mesh", StrategyKind::mesh_directory, CentralMode::resolve, PlacementKind::table}),
    [](const auto& param) { return param.param.name; });

TEST(ScaleFault, AddedForAWhileLeavesInOrder) {
  Scenario s = chat();
  s.faults = {scaled(1, 8 * kSecond, 15 * kSecond)};
  const Seen seen = watch(s);
  EXPECT_EQ(seen.result.verdict, Verdict::pass) << first_violation(seen.result);
  EXPECT_GT(seen.bound_on_new, 0u);
  EXPECT_EQ(seen.result.faults.at(0).until_ns, 23 * kSecond);
}

TEST(ScaleFault, RemovedForAWhileComesBack) {
  Scenario s = chat();
  s.faults = {scaled(-2, 8 * kSecond, 12 * kSecond)};
  const Result r = simulate(s);
  EXPECT_EQ(r.verdict, Verdict::pass) << first_violation(r);
  EXPECT_EQ(r.faults.at(0).until_ns, 20 * kSecond);
  // For good it is over as soon as they have left, and nobody waits for them at the end.
  s.faults = {scaled(-2, 8 * kSecond)};
  const Result gone = simulate(s);
  EXPECT_EQ(gone.verdict, Verdict::pass) << first_violation(gone);
  EXPECT_LT(gone.faults.at(0).until_ns, 19 * kSecond);
  EXPECT_EQ(gone.balance.sessions.max_over_mean, 1.0) << "one node lives: it is the mean";
}

// Nodes that are added are new ones: whoever is away comes back by itself, once.
TEST(ScaleFault, WhoIsAwayForAWhileIsNotAddedAgain) {
  Scenario s = chat();
  s.faults = {scaled(-1, 8 * kSecond, 10 * kSecond), scaled(2, 9 * kSecond),
              scaled(-1, 12 * kSecond), scaled(1, 26 * kSecond)};
  const Result r = simulate(s);
  EXPECT_EQ(r.verdict, Verdict::pass) << first_violation(r);
  for (const FaultOutcome& outcome : r.faults) EXPECT_TRUE(outcome.effective);
}

TEST(ScaleFault, SomebodyAlwaysStays) {
  Scenario s = chat();
  s.topology.node_weights = {0, 1, 1};  // node 0 takes no logins
  s.faults = {scaled(-2, 8 * kSecond), scaled(-2, 20 * kSecond)};
  const Result r = simulate(s);
  EXPECT_EQ(r.verdict, Verdict::pass) << first_violation(r);
  EXPECT_TRUE(r.faults.at(0).effective);
}

TEST(ScaleFault, WhoDoesNotExistCannotBeHit) {
  Scenario s = chat();
  Fault crash;
  crash.target = {Target::Select::index, TargetKind::node, 3};
  crash.at_ns = 6 * kSecond;
  crash.for_ns = kSecond;
  s.faults = {crash, scaled(1, 12 * kSecond)};
  const Result r = simulate(s);
  EXPECT_FALSE(r.faults.at(0).effective);
  EXPECT_EQ(r.verdict, Verdict::pass) << first_violation(r);
  // Its end does not bring to life what was not there, and a crash over the birth delays it.
  s.faults[0].for_ns = 10 * kSecond;
  const Result late = simulate(s);
  EXPECT_EQ(late.verdict, Verdict::pass) << first_violation(late);
  EXPECT_NE(late.trace_hash, r.trace_hash);
}

// The node with the least to do is the new one, and old reports keep it so while everybody logs in
// again: without a slow start it got two thirds of all.
TEST(ScaleFault, ANewNodeIsNotStampeded) {
  Scenario s = chat(3);
  s.balancer.kind = BalancerKind::least_active;
  s.topology.users = 120;
  s.workload.relocations_microhz = 0;
  Fault storm;
  storm.kind = FaultKind::reconnect_storm;
  storm.target = {Target::Select::all, TargetKind::client, 0};
  storm.at_ns = 13 * kSecond;
  storm.for_ns = kSecond;
  s.faults = {scaled(1, 10 * kSecond), storm};
  const Result r = simulate(s);
  EXPECT_EQ(r.verdict, Verdict::pass) << first_violation(r);
  EXPECT_LT(r.balance.sessions.max_over_mean, 1.5);
}

TEST(ScaleFault, AHealedCoreGetsBackWhoWasRemoved) {
  Scenario s = chat();
  s.duration_ns = 80 * kSecond;
  s.liveness.for_ns = 40 * kSecond;
  s.faults = {scaled(-2, 20 * kSecond), scaled(1, 10 * kSecond)};
  const std::vector<Fault> plan = materialise_plan(s);
  for (const Fault& f : plan) {
    if (f.kind != FaultKind::scale || f.count > 0) continue;
    EXPECT_EQ(f.at_ns + f.for_ns, chaos_end(s));
  }
  const Result r = simulate(s);
  EXPECT_EQ(r.verdict, Verdict::pass) << first_violation(r);
  s.faults = plan;
  s.liveness = settle_core(s);
  EXPECT_EQ(simulate(s).trace_hash, r.trace_hash);
}

}  // namespace
}  // namespace imroute
