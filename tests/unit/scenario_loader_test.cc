#include "harness/scenario/loader.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "config/json.h"
#include "harness/fault/plan.h"
#include "harness/scenario/names.h"
#include "harness/scenario/writer.h"

namespace imroute {
namespace {

constexpr const char* kSmall = R"({"topology": {"nodes": 4, "users": 50}})";

Scenario load(const std::string& text, std::vector<std::string> sets = {}) {
  LoadOptions options;
  options.overrides = std::move(sets);
  const LoadedScenario loaded = load_scenario_text(text, "test.json", options);
  EXPECT_TRUE(loaded.ok()) << loaded.diagnostics.at(0).to_string();
  return loaded.scenario.value_or(Scenario{});
}

std::string first_problem(const std::string& text, std::vector<std::string> sets = {}) {
  LoadOptions options;
  options.overrides = std::move(sets);
  const LoadedScenario loaded = load_scenario_text(text, "test.json", options);
  return loaded.ok() ? "" : loaded.diagnostics.at(0).to_string();
}

TEST(ScenarioLoader, DefaultsAreThoseOfTheModelAndDerivedOnesAreFilledIn) {
  const Scenario s = load(kSmall);
  const Scenario plain;
  EXPECT_EQ(s.duration_ns, plain.duration_ns);
  EXPECT_EQ(s.strategy, plain.strategy);
  EXPECT_EQ(s.delivery, plain.delivery);
  EXPECT_EQ(s.network, plain.network);
  EXPECT_EQ(s.sessions.client_lease_ns, 4'500 * kMillisecond);
  EXPECT_EQ(s.sessions.session_check_ns, 3 * kSecond);
  EXPECT_EQ(s.sessions.heartbeat_timeout_ns, 3 * kSecond);
  EXPECT_EQ(s.sessions.client_heartbeat_ns, 1'500 * kMillisecond);
  EXPECT_FALSE(s.nemesis.enabled);
  EXPECT_EQ(s.name, "test");
}

TEST(ScenarioLoader, QuantilesDeriveFromMedianAndTail) {
  const Scenario s = load(R"({"topology": {"nodes": 4, "users": 50},
    "network": {"peer": {"latency": {"p50": "300us", "p99": "2ms"}},
                "client": {"latency": {"p50": "10ms"}}}})");
  EXPECT_EQ(s.network.peer.latency.p0, 150 * kMicrosecond);
  EXPECT_EQ(s.network.peer.latency.p100, 4 * kMillisecond);
  EXPECT_FALSE(s.network.peer.latency.has_p90);
  EXPECT_EQ(s.network.client.latency.p99, 20 * kMillisecond);
}

TEST(ScenarioLoader, FaultsHaveTheDefaultsOfTheirKind) {
  const Scenario s = load(R"({"topology": {"nodes": 4, "users": 50}, "faults": [
    {"at": "1s", "kind": "reconnect_storm"}, {"at": "1s", "kind": "rolling_restart"},
    {"at": "1s", "kind": "delay"}, {"at": "1s", "kind": "crash", "for": "forever"},
    {"at": "1s", "kind": "partition"}]})");
  EXPECT_EQ(target_text(s.faults[0]), "client:*");
  EXPECT_EQ(s.faults[0].for_ns, kSecond);
  EXPECT_EQ(target_text(s.faults[1]), "node:*");
  EXPECT_EQ(s.faults[1].count, 4u);
  EXPECT_EQ(target_text(s.faults[2]), "edge:node:*-node:*");
  EXPECT_EQ(s.faults[2].latency_ns, 100 * kMillisecond);
  EXPECT_EQ(s.faults[3].for_ns, kNever);
  EXPECT_EQ(s.faults[4].target.kind, TargetKind::none);
}

TEST(ScenarioLoader, RangePlacementCoversTheUsersByDefault) {
  const Scenario s = load(kSmall, {"/strategy={\"placement\": {\"kind\": \"range\"}}"});
  EXPECT_EQ(s.strategy.placement.key_space, 50u);
}

TEST(Overrides, ReplaceMakeAppendAndRemove) {
  const Scenario s = load(R"({"topology": {"nodes": 4, "users": 50}, "nemesis": {},
               "faults": [{"at": "1s", "kind": "crash"}]})",
                          {"/topology/nodes=16", "/duration=30s", "/workload/reply_share=0.5",
                           "/nemesis=null", "/faults/-={\"at\": \"2s\", \"kind\": \"restart\"}",
                           "/faults/0/for=3s", "/strategy/kind=mesh_directory"});
  EXPECT_EQ(s.topology.nodes, 16u);
  EXPECT_EQ(s.duration_ns, 30 * kSecond);
  EXPECT_EQ(s.workload.reply_share_ppm, 500'000u);
  EXPECT_FALSE(s.nemesis.enabled);
  ASSERT_EQ(s.faults.size(), 2u);
  EXPECT_EQ(s.faults[0].for_ns, 3 * kSecond);
  EXPECT_EQ(s.faults[1].kind, FaultKind::restart);
  EXPECT_EQ(s.strategy.kind, StrategyKind::mesh_directory);
}

TEST(Overrides, MistakesNameTheOverride) {
  EXPECT_EQ(first_problem(kSmall, {"/duration=30"}),
            "--set /duration=30: error: /duration: found the number 30, a duration needs a unit: "
            "write \"30s\"; expected a duration such as \"250ms\", \"5s\", \"2m\", \"1h\"");
  EXPECT_EQ(first_problem(kSmall, {"duration=30s"}),
            "--set duration=30s: error: expected /json/pointer=VALUE, such as /topology/nodes=16");
  EXPECT_NE(first_problem(kSmall, {"/topolgy/nodes=3"}).find("did you mean \"topology\"?"),
            std::string::npos);
  EXPECT_NE(first_problem(kSmall, {"/faults/0/at=3s"}).find("--set /faults/0/at=3s"),
            std::string::npos);
  EXPECT_NE(first_problem(kSmall, {"/topology/nodes/x=3"}).find("on the way"), std::string::npos);
}

TEST(ScenarioLoader, AMissingFileIsADiagnostic) {
  const LoadedScenario loaded = load_scenario("/nonexistent/x.json");
  ASSERT_EQ(loaded.diagnostics.size(), 1u);
  EXPECT_EQ(loaded.diagnostics[0].to_string(),
            "/nonexistent/x.json: error: cannot be read: No such file or directory");
  EXPECT_EQ(load_scenario("/").diagnostics.at(0).to_string(),
            "/: error: cannot be read: Is a directory");
}

TEST(ScenarioLoader, WhatResultsCouldNotNameIsRefused) {
  EXPECT_NE(load_scenario_text(kSmall, "sm\xff.json").diagnostics.at(0).to_string().find("UTF-8"),
            std::string::npos);
  EXPECT_FALSE(load_cells_text(kSmall, "sm\xff.json").ok());
  EXPECT_NE(first_problem(kSmall, {"/name=\xff"}).find("is not UTF-8"), std::string::npos);
  EXPECT_EQ(load(kSmall, {"/name=\"\xc3\xa9\""}).name, "\xc3\xa9");
}

TEST(ScenarioLoader, MistakesOfBaseMatrixAndCiAreToldTogether) {
  const LoadedScenario loaded = load_scenario_text(R"({
    "topology": {"nodes": 4, "users": 50}, "duration": "20",
    "matrix": {"axes": {"/topologi/nodes": [1, 2], "/topology/users": [10, 20]}},
    "ci": {"/warmupp": "1s"}})",
                                                   "x");
  std::string said;
  for (const Diagnostic& d : loaded.diagnostics) said += d.to_string() + "\n";
  EXPECT_EQ(loaded.diagnostics.size(), 3u) << said;
  for (const char* key : {"/duration", "topologi", "warmupp"}) {
    EXPECT_NE(said.find(key), std::string::npos) << key << "\n" << said;
  }
}

TEST(ScenarioLoader, HostileSizesGiveMessagesSoon) {
  std::string keys = "{";
  for (int i = 0; i < 100'000; ++i) keys += "\"key" + std::to_string(i) + "\": {},";
  keys += "\"" + std::string(1'000'000, 'n') + "\": 1}";
  const LoadedScenario loaded = load_scenario_text(keys, "x");
  EXPECT_FALSE(loaded.ok());
  EXPECT_LE(loaded.diagnostics.size(), 102u);
  for (const Diagnostic& d : loaded.diagnostics) EXPECT_LT(d.to_string().size(), 2'000u);
  EXPECT_FALSE(load_scenario_text(std::string(10'000'000, '['), "x").ok());
  EXPECT_FALSE(load_scenario_text(std::string(10'000'000, '{'), "x").ok());
}

constexpr const char* kMatrix = R"({"topology": {"nodes": 4, "users": 50}, "matrix": {
  "strategies": [{"kind": "broadcast"}, {"kind": "central", "placement": {"kind": "hash"}},
                 {"kind": "cached_broadcast", "cache_entries": 10, "label": "tiny cache"}],
  "balancers": [{"kind": "random"}, {"kind": "least_active", "choices": 2, "label": "p2c"}],
  "axes": {"/topology/nodes": [4, 8]}}})";

std::vector<std::string> names(const LoadedCells& loaded) {
  std::vector<std::string> out;
  for (const Cell& c : loaded.cells) {
    out.push_back(c.strategy + " " + c.balancer + (c.axes.empty() ? "" : " " + c.axes[0].second));
  }
  return out;
}

TEST(Matrix, IsACartesianProductWithNames) {
  const LoadedCells loaded = load_cells_text(kMatrix, "m");
  EXPECT_EQ(names(loaded),
            (std::vector<std::string>{
                "broadcast@mesh random 4", "broadcast@mesh random 8", "broadcast@mesh p2c 4",
                "broadcast@mesh p2c 8", "central:resolve:hash placement 4",
                "central:resolve:hash placement 8", "tiny cache random 4", "tiny cache random 8",
                "tiny cache p2c 4", "tiny cache p2c 8"}));
  EXPECT_EQ(loaded.cells[1].scenario.topology.nodes, 8u);
  EXPECT_EQ(loaded.cells[6].scenario.strategy.cache_entries, 10u);
  EXPECT_EQ(loaded.cells[3].scenario.balancer.choices, 2u);
  const LoadedScenario base = load_scenario_text(kMatrix, "m");
  EXPECT_TRUE(base.ok());
  EXPECT_TRUE(base.has_matrix);
}

TEST(Matrix, NamesOfTheCommandLineTakeItsPlace) {
  CellOptions options;
  options.strategies = {"tiny cache", "central:forward:range", "broadcast@mesh"};
  options.balancers = {"round_robin"};
  options.load.overrides = {"/matrix/axes=null"};
  const LoadedCells loaded = load_cells_text(kMatrix, "m", options);
  EXPECT_EQ(names(loaded),
            (std::vector<std::string>{"tiny cache round_robin", "central:forward:range placement",
                                      "broadcast@mesh round_robin"}));
  EXPECT_EQ(loaded.cells[1].scenario.strategy.placement.key_space, 50u);
  options.strategies = {"all"};
  EXPECT_EQ(load_cells_text(kSmall, "m", options).cells.size(), 13u);
  options.strategies = {"centrall"};
  options.balancers = {"rnd"};
  const LoadedCells bad = load_cells_text(kSmall, "m", options);
  ASSERT_EQ(bad.diagnostics.size(), 2u);
}

TEST(Matrix, VariesOneExperimentOnly) {
  for (const std::string axis : {"/swarm", "/swarm/nodes", "/matrix", "/ci"}) {
    const std::string text = R"({"topology": {"nodes": 3, "users": 10}, "duration": "20s",
      "matrix": {"axes": {")" +
                             axis + R"(": [{}]}}})";
    EXPECT_NE(first_problem(text).find("cannot be an axis"), std::string::npos) << axis;
    EXPECT_FALSE(load_cells_text(text, "x").ok());
  }
}

TEST(Matrix, HasABound) {
  LoadOptions options;
  CellOptions cells;
  for (const char* axis : {"/seed", "/delivery/window", "/topology/routers"}) {
    std::string list = "[1";
    for (int i = 2; i < 40; ++i) list += "," + std::to_string(i);
    cells.load.overrides.push_back("/matrix/axes/~1" + pointer_escape(pointer_escape(axis + 1)) +
                                   "=" + list + "]");
  }
  const LoadedCells loaded = load_cells_text(kSmall, "m", cells);
  ASSERT_FALSE(loaded.ok());
  EXPECT_NE(loaded.diagnostics[0].message.find("cells"), std::string::npos);
}

TEST(Names, StrategiesAndBalancersParseBack) {
  EXPECT_EQ(all_strategy_names().size(), 13u);
  for (const std::string& name : all_strategy_names()) {
    const auto config = parse_strategy_name(name, {}, nullptr);
    ASSERT_TRUE(config) << name;
    EXPECT_EQ(strategy_name(*config), name);
  }
  EXPECT_EQ(strategy_name(*parse_strategy_name("central", {}, nullptr)), "central:resolve:table");
  EXPECT_EQ(balancer_name(*parse_balancer_name("consistent_hash:cim", {}, nullptr)),
            "consistent_hash:cim");
  std::string problem;
  for (const char* bad :
       {"", "central:", "central:resolve:table:x", "broadcast:resolve", "central@mesh",
        "broadcast@", "broadcast@bus", "central:go", "central:resolve:tree"}) {
    EXPECT_EQ(parse_strategy_name(bad, {}, &problem).has_value(), std::string(bad) == "central:")
        << bad;
  }
}

TEST(Names, EveryTargetParsesBack) {
  for (const char* text :
       {"node:0", "node:any", "node:*", "node:holder-of-user:12", "router:3", "router:any",
        "client:7", "client:*", "directory", "mailbox", "registry", "bus", "edge:node:1>node:2",
        "edge:node:holder-of-user:3-node:holder-of-user:4", "edge:client:*-router:*"}) {
    Fault fault;
    ASSERT_TRUE(parse_fault_target(text, fault)) << text;
    EXPECT_EQ(target_text(fault), text);
  }
  Fault fault;
  for (const char* text : {"", "node", "node:", "node:-1", "node:01", "node:1x", "client:any",
                           "bus:1", "router:holder-of-user:1", "edge:", "edge:node:1",
                           "edge:node:1+node:2", "edge:node:1-", "node:99999999999999999999"}) {
    EXPECT_FALSE(parse_fault_target(text, fault)) << text;
  }
}

// What nemesis draws can be written, read, and is the same plan again.
TEST(Writer, EffectiveScenariosReplay) {
  for (const char* durability : {"sync", "async"}) {
    for (uint64_t seed = 1; seed <= 60; ++seed) {
      Scenario s = load(kSmall, {"/nemesis={\"mean_interval\": \"1s\"}", "/topology/nodes=2",
                                 std::string("/mailbox/durability=") + durability});
      s.seed = seed;
      const std::vector<Fault> plan = materialise_plan(s);
      const std::string text = write_effective(s, plan);
      const LoadedScenario again = load_scenario_text(text, "effective.json");
      ASSERT_TRUE(again.ok()) << again.diagnostics[0].to_string() << text;
      EXPECT_EQ(again.scenario->seed, seed);
      EXPECT_EQ(write_effective(*again.scenario, materialise_plan(*again.scenario)), text);
    }
  }
}

TEST(Writer, TheSeedIsNoPartOfTheHash) {
  Scenario s = load(kSmall);
  const uint64_t hash = s.hash;
  s.seed = 99;
  EXPECT_EQ(scenario_hash(s), hash);
  s.topology.users = 51;
  EXPECT_NE(scenario_hash(s), hash);
}

// Any loadable scenario survives writing and loading: random override values on random keys.
RC_GTEST_PROP(ScenarioProperty, LoadOfWriteIsTheSame, ()) {
  const auto pick = [](std::vector<std::string> words) { return *rc::gen::elementOf(words); };
  const auto number = [](int lo, int hi) { return std::to_string(*rc::gen::inRange(lo, hi)); };
  std::vector<std::string> sets;
  sets.push_back("/seed=" + std::to_string(*rc::gen::arbitrary<uint64_t>()));
  sets.push_back("/topology/nodes=" + number(1, 300));
  sets.push_back("/topology/users=" + number(11, 5000));
  sets.push_back("/topology/devices_per_user=" + number(1, 9));
  sets.push_back("/duration=" + number(6'000, 90'000) + "ms");
  sets.push_back("/delivery/window=" + number(1, 65));
  sets.push_back("/delivery/order=" + pick({"none", "stop_and_wait", "windowed"}));
  sets.push_back("/delivery/window_bytes=" + number(1, 262'145) + "B");
  sets.push_back("/workload/rate_per_user=" + number(0, 100'000) + "/h");
  sets.push_back("/workload/reply_share=0." + number(0, 1'000'000));
  sets.push_back("/workload/payload/p50=" + number(16, 2'000) + "B");
  sets.push_back("/network/peer/latency/p50=" + number(0, 1'000'000) + "ns");
  sets.push_back("/network/client/bandwidth=" + number(1, 100'000'000) + "bit/s");
  sets.push_back("/sessions/lease=" + number(4'000, 30'000) + "ms");
  sets.push_back("/sessions/policy=" + pick({"single", "one_per_type", "all"}));
  sets.push_back("/mailbox/durability=" + pick({"sync", "async"}));
  sets.push_back("/expect/messages~1lost=" + pick({"0", "<= 3", "== 1.5"}));
  sets.push_back("/name=n" +
                 std::string(*rc::gen::container<std::string>(rc::gen::inRange<char>(' ', '~'))));
  const std::string strategy = pick(all_strategy_names());
  CellOptions options;
  options.load.overrides = sets;
  options.strategies = {strategy};
  options.balancers = {pick(all_balancer_names())};
  const LoadedCells loaded = load_cells_text(kSmall, "p", options);
  if (!loaded.ok()) RC_FAIL(loaded.diagnostics.at(0).to_string());
  const Scenario& scenario = loaded.cells.at(0).scenario;
  const std::string text = write_scenario(scenario);
  const LoadedScenario again = load_scenario_text(text, "p");
  if (!again.ok()) RC_FAIL(again.diagnostics.at(0).to_string());
  RC_ASSERT(*again.scenario == scenario);
  RC_ASSERT(write_scenario(*again.scenario) == text);
}

}  // namespace
}  // namespace imroute
