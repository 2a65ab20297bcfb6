// Faults of the code in the simulated world: each rare branch is taken somewhere, and clusters of
// mixed versions keep every promise.
#include <gtest/gtest.h>

#include "harness/fault/plan.h"
#include "sim/simulation.h"

namespace imroute {
namespace {

Scenario busy(uint64_t seed = 1) {
  Scenario s;
  s.name = "busy";
  s.seed = seed;
  s.topology.nodes = 4;
  s.topology.routers = 2;
  s.topology.users = 24;
  s.topology.devices_per_user = 2;
  s.topology.group_count = 2;
  s.topology.group_size = 8;
  s.strategy.kind = StrategyKind::cached_broadcast;
  s.duration_ns = 30 * kSecond;
  s.warmup_ns = 5 * kSecond;
  s.workload.rate_microhz = 1'000'000;
  s.workload.group_share_ppm = 200'000;
  s.workload.relocations_microhz = 50'000;
  return s;
}

Fault on(TargetKind kind, uint64_t index, DurationNs at, DurationNs length) {
  Fault f;
  f.target = {Target::Select::index, kind, index};
  f.at_ns = at;
  f.for_ns = length;
  return f;
}

std::string first_violation(const Result& r) {
  return r.violations.empty() ? ""
                              : r.violations.front().property + ": " + r.violations.front().witness;
}

class EverySite : public ::testing::TestWithParam<size_t> {};

TEST_P(EverySite, IsTakenAndNothingBreaks) {
  Scenario s = busy();
  s.network.peer.latency.p99 = 50 * kMillisecond;  // so that entries overtake each other
  s.network.peer.latency.p100 = 100 * kMillisecond;
  Fault f = on(TargetKind::node, 0, 6 * kSecond, 15 * kSecond);
  f.kind = FaultKind::perturb;
  f.target.select = Target::Select::all;
  f.site = static_cast<PerturbSite>(GetParam());
  f.probability_ppm = 300'000;
  s.faults = {f};
  const Result r = simulate(s);
  EXPECT_EQ(r.verdict, Verdict::pass) << first_violation(r);
  EXPECT_TRUE(r.faults.at(0).effective);
  EXPECT_GT(r.counters.perturbed, 0u);
  const std::string place = std::string("node/") + kPerturbSiteTable[GetParam()].name;
  EXPECT_EQ(r.coverage.at("perturb").count(place), 1u);
}
INSTANTIATE_TEST_SUITE_P(Perturb, EverySite, ::testing::Range(size_t{0}, kPerturbSites),
                         [](const auto& param) { return kPerturbSiteTable[param.param].name; });

TEST(PerturbFault, ReachesANodeThatIsBornInTheMiddleAndEndsWithItself) {
  Scenario s = busy();
  Fault perturb = on(TargetKind::node, 1, 6 * kSecond, 8 * kSecond);
  perturb.kind = FaultKind::perturb;
  perturb.site = PerturbSite::admission_refused;
  perturb.probability_ppm = 1'000'000;
  s.faults = {perturb, on(TargetKind::node, 1, 5 * kSecond, 2 * kSecond)};
  const Result r = simulate(s);  // it came back at 7 s, and took nobody until 14 s
  EXPECT_EQ(r.verdict, Verdict::pass) << first_violation(r);
  EXPECT_TRUE(r.faults.at(1).effective);
  EXPECT_GT(r.counters.perturbed, 0u);
  s.faults[0].probability_ppm = 0;
  const Result none = simulate(s);
  EXPECT_FALSE(none.faults.at(1).effective) << "a branch that is never taken is no fault";
}

TEST(PerturbFault, OfNobodyChangesNothing) {
  Scenario s = busy();
  Fault perturb = on(TargetKind::node, 1, 6 * kSecond, 8 * kSecond);
  perturb.kind = FaultKind::perturb;
  perturb.site = PerturbSite::handover_skipped;
  perturb.probability_ppm = 0;
  const Result plain = simulate(s);
  s.faults = {perturb};
  const Result with = simulate(s);
  EXPECT_EQ(with.counters.sends, plain.counters.sends);
  EXPECT_EQ(with.counters.perturbed, 0u);
}

// ---- versions

struct Mixed {
  const char* name;
  StrategyKind kind;
  PlacementKind placement;
};
class MixedVersions : public ::testing::TestWithParam<Mixed> {};

// Half of everything is of the first version from the start and upgraded one by one.
TEST_P(MixedVersions, KeepEveryPromise) {
  Scenario s = busy(2);
  s.strategy.kind = GetParam().kind;
  s.strategy.placement.kind = GetParam().placement;
  s.strategy.placement.key_space = s.topology.users;
  for (uint64_t n = 0; n < 3; ++n) {
    Fault f = on(TargetKind::node, n, 0, (10 + 4 * static_cast<int64_t>(n)) * kSecond);
    f.kind = FaultKind::version_skew;
    f.version = kFirstVersion;
    s.faults.push_back(f);
  }
  for (uint64_t user = 0; user < 12; ++user) {
    Fault f = on(TargetKind::client, user, 0, 20 * kSecond);
    f.kind = FaultKind::version_skew;
    f.version = kFirstVersion;
    s.faults.push_back(f);
  }
  Fault router = on(TargetKind::router, 0, 8 * kSecond, 12 * kSecond);
  router.kind = FaultKind::version_skew;
  router.version = kFirstVersion;
  s.faults.push_back(router);
  const Result r = simulate(s);
  EXPECT_EQ(r.verdict, Verdict::pass) << first_violation(r);
  for (const FaultOutcome& outcome : r.faults) EXPECT_TRUE(outcome.effective);
  s.network.by_value = true;
  EXPECT_EQ(simulate(s).trace_hash, r.trace_hash) << "by value the same is left out";
}
INSTANTIATE_TEST_SUITE_P(
    All, MixedVersions,
    ::testing::Values(Mixed{"cached", StrategyKind::cached_broadcast, PlacementKind::table},
                      Mixed{"mesh", StrategyKind::mesh_directory, PlacementKind::table},
                      Mixed{"ring", StrategyKind::central, PlacementKind::consistent_hash},
                      Mixed{"range", StrategyKind::central, PlacementKind::range}),
    [](const auto& param) { return param.param.name; });

TEST(VersionSkew, TheFirstVersionGivesNoHints) {
  Scenario s = busy(3);
  EXPECT_GT(simulate(s).counters.hints_followed, 0u);
  for (uint64_t n = 0; n < s.topology.nodes; ++n) {
    Fault f = on(TargetKind::node, n, 0, kNever);
    f.kind = FaultKind::version_skew;
    f.version = kFirstVersion;
    s.faults.push_back(f);
  }
  const Result r = simulate(s);
  EXPECT_EQ(r.verdict, Verdict::pass) << first_violation(r);
  EXPECT_EQ(r.counters.hints_followed, 0u);
}

TEST(VersionSkew, ALaterVersionIsRefusedAndTheOthersGoOn) {
  Scenario s = busy(4);
  Fault f = on(TargetKind::node, 1, 8 * kSecond, 10 * kSecond);
  f.kind = FaultKind::version_skew;
  f.version = kLaterVersion;
  s.faults = {f};
  const Result r = simulate(s);
  EXPECT_EQ(r.verdict, Verdict::pass) << first_violation(r);
  EXPECT_TRUE(r.faults.at(0).effective);
  EXPECT_EQ(r.coverage.at("version_skew").count("node/version 3"), 1u);
}

TEST(VersionSkew, ThisVersionIsOnlyARestart) {
  Scenario s = busy(5);
  Fault f = on(TargetKind::node, 1, 8 * kSecond, 10 * kSecond);
  f.kind = FaultKind::version_skew;
  f.version = kThisVersion;
  s.faults = {f};
  const Result r = simulate(s);
  EXPECT_EQ(r.verdict, Verdict::pass) << first_violation(r);
  EXPECT_FALSE(r.faults.at(0).effective) << "nobody met another version";
}

}  // namespace
}  // namespace imroute
