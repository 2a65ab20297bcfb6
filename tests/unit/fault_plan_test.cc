#include "harness/fault/plan.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace imroute {
namespace {

Scenario base(uint64_t seed) {
  Scenario s;
  s.seed = seed;
  s.topology.nodes = 5;
  s.topology.users = 50;
  s.nemesis.enabled = true;
  s.nemesis.mean_interval_ns = kSecond;
  return s;
}

TEST(FaultPlan, ResolvesAnyAndSortsByTime) {
  Scenario s;
  s.topology.nodes = 7;
  Fault late;
  late.at_ns = 20 * kSecond;
  late.target = {Target::Select::any, TargetKind::node, 0};
  Fault early;
  early.at_ns = 10 * kSecond;
  early.target = {Target::Select::holder_of_user, TargetKind::node, 3};
  s.faults = {late, early};
  std::set<uint64_t> seen;
  for (s.seed = 1; s.seed < 60; ++s.seed) {
    const std::vector<Fault> plan = materialise_plan(s);
    ASSERT_EQ(plan.size(), 2u);
    EXPECT_EQ(plan[0].target.select, Target::Select::holder_of_user);
    EXPECT_EQ(plan[1].target.select, Target::Select::index);
    EXPECT_LT(plan[1].target.index, 7u);
    seen.insert(plan[1].target.index);
  }
  EXPECT_EQ(seen.size(), 7u);
}

TEST(FaultPlan, AMaterialisedPlanMaterialisesToItself) {
  for (uint64_t seed = 1; seed < 20; ++seed) {
    Scenario s = base(seed);
    const std::vector<Fault> plan = materialise_plan(s);
    s.nemesis.enabled = false;
    s.faults = plan;
    const std::vector<Fault> again = materialise_plan(s);
    ASSERT_EQ(plan.size(), again.size());
    for (size_t i = 0; i < plan.size(); ++i) {
      EXPECT_EQ(plan[i].kind, again[i].kind);
      EXPECT_EQ(plan[i].at_ns, again[i].at_ns);
      EXPECT_EQ(plan[i].target, again[i].target);
    }
  }
}

TEST(Nemesis, EndsInTimeAndLosesNoTailWhereTheMailboxIsSync) {
  for (uint64_t seed = 1; seed < 300; ++seed) {
    const Scenario s = base(seed);
    for (const Fault& f : draw_nemesis(s)) {
      EXPECT_GE(f.at_ns, s.warmup_ns);
      EXPECT_LE(f.at_ns + f.for_ns, s.duration_ns / 4 * 3);
      EXPECT_EQ(f.lose_tail_ns, 0);
      EXPECT_FALSE(f.lose_unsynced);
      EXPECT_FALSE(f.wipe);
    }
  }
}

TEST(Nemesis, SwitchesAboutHalfOfTheFamiliesOffAndDrawsEveryKind) {
  std::map<FaultKind, int> kinds;
  uint64_t faults = 0;
  for (uint64_t seed = 1; seed < 400; ++seed) {
    Scenario s = base(seed);
    s.mailbox.durability = seed % 2 == 0 ? Durability::sync : Durability::async;
    const std::vector<Fault> plan = draw_nemesis(s);
    faults += plan.size();
    for (const Fault& f : plan) ++kinds[f.kind];
  }
  // 40 s with one a second: about 40 a seed.
  EXPECT_GT(faults / 400, 30u);
  EXPECT_LT(faults / 400, 50u);
  EXPECT_EQ(kinds.count(FaultKind::scale), 0u);
  EXPECT_EQ(kinds.count(FaultKind::torn_write), 0u);
  // crash 4, pause 2, partition 1, link 5, connection 4, clients 5, registry 4, store 5, bus 2
  EXPECT_EQ(kinds.size(), 32u);
  for (const auto& [kind, n] : kinds) EXPECT_GT(n, 20) << static_cast<int>(kind);
}

TEST(Nemesis, DrawsLaterKindsOfAFamilyWhenItIsNamed) {
  std::map<FaultKind, int> kinds;
  for (uint64_t seed = 1; seed < 100; ++seed) {
    Scenario s = base(seed);
    s.nemesis.families = {FaultFamily::store};
    s.mailbox.durability = seed % 2 == 0 ? Durability::sync : Durability::async;
    s.mailbox.unsynced_window_ns = 700 * kMillisecond;
    for (const Fault& f : draw_nemesis(s)) {
      ++kinds[f.kind];
      if (f.kind != FaultKind::lost_fsync) continue;
      EXPECT_EQ(s.mailbox.durability, Durability::async);
      EXPECT_LE(f.for_ns, s.mailbox.unsynced_window_ns);
    }
  }
  EXPECT_EQ(kinds.size(), 8u);
  for (const auto& [kind, n] : kinds) EXPECT_GT(n, 100) << static_cast<int>(kind);
}

TEST(Nemesis, ScalesOnlyWhenTheFamilyIsNamedAndLeavesSomebody) {
  int added = 0, removed = 0, for_good = 0;
  for (uint64_t seed = 1; seed < 100; ++seed) {
    Scenario s = base(seed);
    s.nemesis.families = {FaultFamily::crash};
    for (const Fault& f : draw_nemesis(s)) {
      if (f.kind != FaultKind::scale) continue;
      ++(f.count > 0 ? added : removed);
      EXPECT_NE(f.count, 0);
      EXPECT_LT(-f.count, static_cast<int32_t>(s.topology.nodes));
      if (f.for_ns == kNever) ++for_good;
    }
  }
  EXPECT_GT(added, 100);
  EXPECT_GT(removed, 100);
  EXPECT_GT(for_good, 50);
}

TEST(Nemesis, DrawsVersionsAndBranchesOnlyWhenNamed) {
  std::map<TargetKind, int> skewed;
  std::map<uint32_t, int> versions;
  std::map<PerturbSite, int> sites;
  for (uint64_t seed = 1; seed < 200; ++seed) {
    Scenario s = base(seed);
    s.nemesis.families = {FaultFamily::version, FaultFamily::code};
    for (const Fault& f : draw_nemesis(s)) {
      if (f.kind == FaultKind::version_skew) {
        ++skewed[f.target.kind];
        ++versions[f.version];
        continue;
      }
      ASSERT_EQ(f.kind, FaultKind::perturb);
      ++sites[f.site];
      EXPECT_GT(f.probability_ppm, 0u);
    }
  }
  EXPECT_EQ(skewed.size(), 3u);
  EXPECT_EQ(versions.size(), 2u);
  EXPECT_EQ(versions.count(kThisVersion), 0u);
  EXPECT_EQ(sites.size(), kPerturbSites);
}

// A seed of yesterday shows today what it showed, and more.
TEST(Nemesis, LaterFamiliesLeaveWhatTheFirstOnesDraw) {
  for (uint64_t seed = 1; seed < 50; ++seed) {
    Scenario s = base(seed);
    s.nemesis.families = {FaultFamily::crash, FaultFamily::link, FaultFamily::clock};
    const std::vector<Fault> before = draw_nemesis(s);
    s.nemesis.families.push_back(FaultFamily::version);
    s.nemesis.families.push_back(FaultFamily::code);
    std::vector<Fault> after = draw_nemesis(s);
    std::erase_if(after, [](const Fault& f) {
      return f.kind == FaultKind::version_skew || f.kind == FaultKind::perturb;
    });
    if (before.empty() || after.empty()) continue;  // none of these families was on
    EXPECT_EQ(before, after) << seed;
  }
}

TEST(Nemesis, SkewsTheClocksOfWhoIsRestarted) {
  for (uint64_t seed = 1; seed < 100; ++seed) {
    Scenario s = base(seed);
    s.nemesis.families = {FaultFamily::clock};
    for (const Fault& f : draw_nemesis(s)) {
      EXPECT_TRUE(f.kind != FaultKind::skew || f.target.kind == TargetKind::node);
    }
  }
}

TEST(FaultPlan, SpareNodesAreThoseThatScalingAdds) {
  Fault out, in;
  out.kind = in.kind = FaultKind::scale;
  out.count = 3;
  in.count = -2;
  EXPECT_EQ(spare_nodes({out, in, out}), 6u);
  EXPECT_EQ(spare_nodes({in}), 0u);
  EXPECT_EQ(fault_role(out), "node");
}

TEST(Nemesis, DrawsClocksOnlyWhenNamedAndWithinTheStatedDrift) {
  std::map<FaultKind, int> kinds;
  for (uint64_t seed = 1; seed < 100; ++seed) {
    Scenario s = base(seed);
    s.nemesis.families = {FaultFamily::clock};
    s.sessions.max_drift_ppm = 300;
    for (const Fault& f : draw_nemesis(s)) {
      ++kinds[f.kind];
      EXPECT_GE(f.offset_ns, 0);
      EXPECT_LE(f.ppm, 300);
      EXPECT_GE(f.ppm, -300);
    }
  }
  EXPECT_EQ(kinds.size(), 3u);
  EXPECT_GT(kinds[FaultKind::jump], 100);
}

TEST(Nemesis, DoesNotDependOnTheStrategy) {
  Scenario a = base(5), b = base(5);
  b.strategy.kind = StrategyKind::broadcast;
  b.strategy.bus = BusKind::pubsub;
  const std::vector<Fault> x = draw_nemesis(a), y = draw_nemesis(b);
  ASSERT_EQ(x.size(), y.size());
  for (size_t i = 0; i < x.size(); ++i) EXPECT_EQ(x[i].target, y[i].target);
}

}  // namespace
}  // namespace imroute
