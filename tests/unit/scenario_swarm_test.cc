// A file with `swarm` stands for thousands of scenarios: what each seed draws is complete, plain,
// legal and the same every time; what --set changes stays.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "harness/fault/core.h"
#include "harness/fault/plan.h"
#include "harness/scenario/bounds.h"
#include "harness/scenario/loader.h"
#include "harness/scenario/names.h"
#include "harness/scenario/swarm.h"
#include "harness/scenario/writer.h"

namespace imroute {
namespace {

const std::string kFile = std::string(IMROUTE_SOURCE_DIR) + "/scenarios/swarm.json";

Scenario drawn(uint64_t seed, std::vector<std::string> sets = {}) {
  sets.push_back("/seed=" + std::to_string(seed));
  const LoadedScenario loaded = load_scenario(kFile, {.overrides = sets});
  EXPECT_TRUE(loaded.ok()) << "seed " << seed << ": " << loaded.diagnostics[0].to_string();
  return loaded.scenario.value_or(Scenario{});
}

TEST(Swarm, EverySeedIsLegalAndItsTextIsPlain) {
  for (uint64_t seed = 1; seed <= 120; ++seed) {
    const Scenario s = drawn(seed);
    const std::string text = write_effective(s, materialise_plan(s));
    EXPECT_EQ(text.find("\"swarm\":"), std::string::npos);
    EXPECT_EQ(text.find("\"nemesis\":"), std::string::npos);
    const LoadedScenario again = load_scenario_text(text, "effective.json");
    ASSERT_TRUE(again.ok()) << seed << ": " << again.diagnostics[0].to_string();
    EXPECT_FALSE(again.has_swarm);
    Scenario expected = s;
    expected.nemesis = {};
    expected.faults = materialise_plan(s);
    expected.liveness = settle_core(s);
    Scenario got = *again.scenario;
    for (Scenario* each : {&expected, &got}) {
      each->hash = 0;
      for (Fault& fault : each->faults) fault.from_nemesis = false;
    }
    EXPECT_TRUE(write_scenario(got) == write_scenario(expected)) << seed;
  }
}

TEST(Swarm, TheSeedAloneDecides) {
  EXPECT_EQ(drawn(17), drawn(17));
  EXPECT_TRUE(load_scenario(kFile).has_swarm);
  EXPECT_NE(write_scenario(drawn(17)), write_scenario(drawn(18)));
}

TEST(Swarm, VisitsEveryWordOfEveryDimension) {
  std::set<std::string> strategies, seen;
  for (uint64_t seed = 1; seed <= 600; ++seed) {
    const Scenario s = drawn(seed);
    strategies.insert(strategy_name(s.strategy));
    const auto mark = [&](const char* what, uint64_t value) {
      seen.insert(what + std::to_string(value));
    };
    mark("nodes ", s.topology.nodes);
    mark("routers ", s.topology.routers);
    mark("devices ", s.topology.devices_per_user);
    mark("balancer ", static_cast<uint64_t>(s.balancer.kind));
    mark("policy ", static_cast<uint64_t>(s.invocation.policy));
    mark("login ", static_cast<uint64_t>(s.sessions.policy));
    mark("order ", static_cast<uint64_t>(s.delivery.order));
    mark("durability ", static_cast<uint64_t>(s.mailbox.durability));
    mark("hints ", s.strategy.hints ? 1 : 0);
    mark("liveness ", s.liveness.for_ns != 0 ? 1 : 0);
    mark("ties ", s.permute_ties ? 1 : 0);
    EXPECT_GE(s.topology.users, 20u);
    EXPECT_LE(s.topology.users, 80u);
    EXPECT_EQ(s.delivery.guarantee, Guarantee::at_least_once);
  }
  EXPECT_EQ(strategies.size(), 2u + 2u + 1u + 8u);
  EXPECT_EQ(seen.size(), 6u + 3u + 2u + 4u + 7u + 4u + 3u + 2u + 2u + 2u + 2u);
}

TEST(Swarm, WhatSetChangesIsNotDrawn) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    const Scenario s = drawn(seed, {"/strategy={\"kind\":\"broadcast\"}", "/topology/nodes=3"});
    EXPECT_EQ(strategy_name(s.strategy), "broadcast@mesh");
    EXPECT_EQ(s.topology.nodes, 3u);
    EXPECT_EQ(s.topology.users, 50u);
    EXPECT_EQ(s.topology.group_count, 3u);
  }
}

// In some clusters the stores are far away. Whoever waits for them waits long enough.
TEST(Swarm, DeadlinesFitTheNetwork) {
  const auto fits = [](const Scenario& s) {
    return s.delivery.store_deadline_ns >= store_answer(s.network) &&
           s.invocation.call_timeout_ns >= router_answer(s.network);
  };
  const DurationNs far = 200 * kMillisecond;
  int seen = 0, kept = 0;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    const Scenario s = drawn(seed);
    EXPECT_TRUE(fits(s)) << seed;
    EXPECT_GE(s.delivery.route_deadline_ns, longest_push(s.network)) << seed;
    seen += s.network.service.latency.p100 == far ? 1 : 0;
    // A file's own deadlines stay; the network that is drawn gives way.
    const Scenario hasty = drawn(seed, {"/delivery/store_deadline=300ms"});
    EXPECT_EQ(hasty.delivery.store_deadline_ns, 300 * kMillisecond);
    EXPECT_TRUE(fits(hasty)) << seed;
    const Scenario patient = drawn(seed, {"/delivery/store_deadline=3s"});
    kept += patient.network.service.latency.p100 == far ? 1 : 0;
    // And so does what is drawn to a file's network.
    const Scenario slow = drawn(seed, {R"(/network/service/latency={"p50":"400ms","p99":"1s"})"});
    EXPECT_TRUE(fits(slow)) << seed;
    EXPECT_GE(slow.delivery.send_timeout_ns, 2 * store_answer(slow.network)) << seed;
  }
  EXPECT_GT(seen, 15);
  EXPECT_EQ(kept, seen);
}

// In some clusters users make groups: members of theirs, in time, some of them twice.
TEST(Swarm, SomeGroupsAreMadeByTheirMembers) {
  size_t clusters = 0, groups = 0, made_twice = 0, there_from_the_start = 0;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    const Scenario s = drawn(seed);
    if (s.topology.group_members.empty()) {
      EXPECT_TRUE(s.workload.actions.empty()) << seed;
      continue;
    }
    ++clusters;
    std::map<uint32_t, size_t> made;
    for (const ScriptedAction& a : s.workload.actions) {
      EXPECT_EQ(a.kind, ActionKind::create);
      EXPECT_LE(a.at_ns, s.duration_ns / 2);
      ASSERT_LT(a.group.value_or(~0u), s.topology.group_members.size()) << seed;
      const std::vector<uint64_t>& members = s.topology.group_members[*a.group];
      EXPECT_TRUE(std::binary_search(members.begin(), members.end(), a.user)) << seed;
      ++made[*a.group];
    }
    groups += made.size();
    there_from_the_start += s.topology.group_members.size() - made.size();
    for (const auto& [group, times] : made) made_twice += times > 1 ? 1 : 0;
  }
  EXPECT_GE(clusters, 300u / 10);
  EXPECT_LE(clusters, 300u / 3);
  EXPECT_GE(groups, 50u);
  EXPECT_GE(made_twice, 10u);
  EXPECT_GE(there_from_the_start, 10u);
}

// With the topology of the file there are none of the drawn groups to make.
TEST(Swarm, NobodyMakesAGroupThatIsNotDrawn) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    EXPECT_TRUE(drawn(seed, {"/topology/nodes=3"}).workload.actions.empty());
  }
}

TEST(Swarm, OnlyTheNamedDimensionsVary) {
  std::set<std::string> rest;
  std::set<uint32_t> windows;
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    Scenario s = drawn(seed, {"/swarm={\"dimensions\":[\"delivery\"]}"});
    windows.insert(s.delivery.window);
    s.delivery = {};
    s.seed = 0;
    rest.insert(write_scenario(s));
  }
  EXPECT_EQ(rest.size(), 1u);
  EXPECT_GE(windows.size(), 5u);
}

TEST(Swarm, ADimensionDoesNotReshuffleTheOthers) {
  const Scenario all = drawn(9);
  const Scenario without = drawn(9, {"/swarm={\"dimensions\":[\"strategy\",\"workload\"]}"});
  EXPECT_EQ(all.strategy, without.strategy);
  EXPECT_EQ(all.workload, without.workload);
}

// What a new seed of the nemesis or of the workload leaves as it was.
TEST(Swarm, ItsOwnSeedKeepsTheClusterWhileTheStreamsChange) {
  const Scenario base = drawn(9);
  Scenario same = drawn(400, {"/swarm/seed=9"});
  EXPECT_NE(materialise_plan(same), materialise_plan(base));
  same.seed = base.seed;
  same.hash = base.hash;
  EXPECT_EQ(same, base);
}

TEST(Nemesis, ItsOwnSeedKeepsThePlanWhileTheRestChanges) {
  const std::string sets = "/swarm=null";
  const Scenario base = drawn(9, {sets});
  EXPECT_EQ(materialise_plan(drawn(400, {sets, "/nemesis/seed=9"})), materialise_plan(base));
  EXPECT_NE(materialise_plan(drawn(400, {sets})), materialise_plan(base));
}

TEST(Swarm, EveryDimensionHasItsWordAndSection) {
  for (const NamedValue& word : swarm_dimension_names()) {
    const std::string_view section = swarm_section(static_cast<SwarmDimension>(word.value));
    EXPECT_EQ(section, word.name == std::string_view("schedule") ? "permute_ties" : word.name);
  }
}

}  // namespace
}  // namespace imroute
