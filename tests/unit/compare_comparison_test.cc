#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cli/comparison_table.h"
#include "harness/compare/comparison.h"
#include "harness/compare/expected_cost.h"
#include "harness/compare/verdict.h"
#include "harness/scenario/cost_model.h"

namespace imroute {
namespace {

using testing::HasSubstr;
using Json = nlohmann::ordered_json;

TEST(Metrics, AreTheNumbersOfAResultByPointer) {
  const Json result =
      Json::parse(R"({"format":1,"seed":7,"name":"x","messages":{"lost":0,"via":{"push":3}},
      "latency_ms":{"delivery":{"p99":1.5,"buckets":[[1,2]]}},"violations":[],"counters":{"steps":9},
      "machine":{"wall_seconds":3},"events":12})");
  const auto metrics = flatten_metrics(result);
  const std::map<std::string, double> expected = {{"events", 12},
                                                  {"latency_ms/delivery/p99", 1.5},
                                                  {"messages/lost", 0},
                                                  {"messages/via/push", 3}};
  EXPECT_EQ(metrics, expected);
}

TEST(Reduce, MeanAndStudentInterval) {
  const Metric one = reduce({4});
  EXPECT_EQ(one.mean, 4);
  EXPECT_FALSE(one.ci95);
  // 1..5: mean 3, s = 1.5811, t(4) = 2.776, half width 2.776 * 1.5811 / sqrt(5) = 1.9629.
  const Metric five = reduce({1, 2, 3, 4, 5});
  EXPECT_DOUBLE_EQ(five.mean, 3);
  EXPECT_NEAR(*five.ci95, 1.9629, 1e-3);
  EXPECT_EQ(*reduce({2, 2, 2}).ci95, 0);
  std::vector<double> many(101);
  for (size_t i = 0; i < many.size(); ++i) many[i] = static_cast<double>(i);
  // s = 29.3002, t(100) = 1.98397.
  EXPECT_NEAR(*reduce(many).ci95, 1.98397 * 29.3002 / std::sqrt(101.0), 2e-3);
}

RunRecord record(uint64_t seed, double frames, double p99, bool held = true) {
  RunRecord run;
  run.seed = seed;
  run.held = held;
  run.metrics = {{"frames/per_delivery", frames},
                 {"latency_ms/delivery/p99", p99},
                 {"latency_ms/delivery/p50", 20},
                 {"recovery/converged_ms", 2000},
                 {"messages/deliveries_expected", 10},
                 {"messages/delivered", 10},
                 {"messages/lost", 0},
                 {"balance/sessions/max_over_mean", 1.1}};
  run.delivery_ns.add(kMillisecond);
  run.faults = 2;
  run.faults_effective = 1;
  if (!held) run.first_violation = "no-loss: message 3 <gone>";
  return run;
}

ComparedCell cell(const std::string& strategy, const std::string& balancer, double frames,
                  double p99, bool held = true) {
  ComparedCell result;
  result.scenario = "test";
  result.strategy = strategy;
  result.balancer = balancer;
  result.axes = Json::object();
  result.facts = {{"nodes", 8}, {"users", 2000}, {"relocations_per_user_hour", 6}, {"faults", 3}};
  reduce_cell(result, {record(7, frames, p99), record(8, frames, p99, held)});
  return result;
}

TEST(ReduceCell, KeepsFailuresAndMergesLatency) {
  const ComparedCell c = cell("broadcast@mesh", "random", 8, 100, false);
  EXPECT_EQ(c.seeds, (std::vector<uint64_t>{7, 8}));
  EXPECT_EQ(c.failing_seeds, (std::vector<uint64_t>{8}));
  EXPECT_EQ(c.first_violation, "no-loss: message 3 <gone>");
  EXPECT_EQ(c.faults, 4u);
  EXPECT_EQ(c.faults_effective, 2u);
  ASSERT_FALSE(c.delivery_quantiles_ms.empty());
  EXPECT_EQ(c.delivery_quantiles_ms.back().second, 1.0);
  EXPECT_EQ(c.mean("frames/per_delivery"), 8);
  EXPECT_FALSE(c.mean("none"));
}

Comparison sample() {
  Comparison comparison;
  comparison.version = "0.1.0";
  comparison.title = "test";
  comparison.cells = {cell("broadcast@mesh", "random", 8, 100),
                      cell("cached_broadcast@mesh", "random", 2.5, 105),
                      cell("central:resolve:table", "random", 2.0, 400)};
  return comparison;
}

TEST(ComparisonFile, HasTheFixedKeysAndComesBack) {
  Comparison comparison = sample();
  comparison.cells[0].axes["/topology/nodes"] = 8;
  comparison.cells[0].model_frames_per_delivery = 7.9;
  const Json document = to_json(comparison);
  EXPECT_EQ(document["format"], 1);
  const Json& first = document["cells"][0];
  for (const char* key : {"strategy", "balancer", "axes", "seeds", "metrics", "failing_seeds"}) {
    EXPECT_TRUE(first.contains(key)) << key;
  }
  EXPECT_EQ(first["metrics"]["frames/per_delivery"]["mean"], 8);
  EXPECT_EQ(first["metrics"]["frames/per_delivery"]["ci95"], 0);
  EXPECT_EQ(to_json(comparison_from_json(document)), document);
  EXPECT_THROW(comparison_from_json(Json::parse("{}")), std::runtime_error);
  EXPECT_THROW(comparison_from_json(Json::parse("{\"format\":1}")), Json::exception);
}

TEST(PlainVerdict, PicksTheCheapestAmongTheFast) {
  const Comparison comparison = sample();
  const auto settings = settings_of(comparison);
  ASSERT_EQ(settings.size(), 1u);
  const PlainVerdict verdict = verdict_of(settings[0]);
  ASSERT_NE(verdict.pick, nullptr);
  EXPECT_EQ(verdict.pick->strategy, "cached_broadcast@mesh");
  EXPECT_THAT(verdict.headline,
              HasSubstr("For 8 nodes, 2,000 users, 6 relocations a user and hour, 3 faults: pick "
                        "**cached_broadcast@mesh with random**"));
  const std::string all = testing::PrintToString(verdict.sentences);
  EXPECT_THAT(all, HasSubstr("Cheapest on the network is **central:resolve:table with random**"));
  EXPECT_THAT(all, HasSubstr("Most frames: **broadcast@mesh**"));
  EXPECT_THAT(all, HasSubstr("No combination lost a message"));
}

TEST(PlainVerdict, NeverPicksWhatBrokeAPromise) {
  Comparison comparison = sample();
  comparison.cells[1] = cell("cached_broadcast@mesh", "random", 2.5, 105, false);
  const PlainVerdict verdict = verdict_of(settings_of(comparison)[0]);
  ASSERT_NE(verdict.pick, nullptr);
  EXPECT_EQ(verdict.pick->strategy, "broadcast@mesh");
  EXPECT_THAT(testing::PrintToString(verdict.sentences),
              HasSubstr("Broke a promise: **cached_broadcast@mesh with random**, on 1 of 2 seeds"));
  for (ComparedCell& c : comparison.cells) c.failing_seeds = {7};
  const PlainVerdict none = verdict_of(settings_of(comparison)[0]);
  EXPECT_EQ(none.pick, nullptr);
  EXPECT_THAT(none.headline, HasSubstr("no combination kept its promises"));
}

TEST(Settings, AreSplitByScenarioAndAxes) {
  Comparison comparison = sample();
  comparison.cells[1].axes["/topology/nodes"] = 64;
  comparison.cells[2].scenario = "other";
  EXPECT_EQ(settings_of(comparison).size(), 3u);
}

TEST(ExpectedCost, IsTheModelWithTheUsualChurn) {
  Scenario scenario;
  scenario.topology.nodes = 10;
  scenario.topology.users = 100;
  scenario.strategy.kind = StrategyKind::broadcast;
  EXPECT_DOUBLE_EQ(*expected_frames_per_delivery(scenario), 9 + 0.9);
  scenario.strategy.kind = StrategyKind::mesh_directory;
  EXPECT_DOUBLE_EQ(*expected_frames_per_delivery(scenario), 1.8);
  scenario.workload.reply_share_ppm = 0;
  const double still = *expected_frames_per_delivery(scenario);
  scenario.workload.relocations_microhz = 10'000;  // 20 messages a move
  EXPECT_GT(*expected_frames_per_delivery(scenario), still + 8.0 / 20);
  scenario.topology.devices_per_user = 2;
  EXPECT_FALSE(expected_frames_per_delivery(scenario));
  scenario.topology.devices_per_user = 1;
  scenario.topology.nodes = 1;
  EXPECT_FALSE(expected_frames_per_delivery(scenario));
}

TEST(ExpectedCost, WeighsGroupsByTheirDeliveries) {
  Scenario scenario;
  scenario.topology.nodes = 10;
  scenario.topology.users = 100;
  scenario.topology.group_count = 1;
  scenario.topology.group_size = 11;
  scenario.workload.group_share_ppm = 500'000;
  scenario.strategy.kind = StrategyKind::broadcast;
  // Half of the sends cost 9.9 for one delivery, half cost 9 for ten.
  EXPECT_NEAR(*expected_frames_per_delivery(scenario), (9.9 + 9) / 11, 1e-9);
}

TEST(ComparisonTable, FitsAHundredColumns) {
  Comparison comparison = sample();
  comparison.cells.push_back(
      cell("central:forward:consistent_hash", "placement", 123.45, 123456, false));
  comparison.cells.push_back(cell("mesh_directory", "consistent_hash", 2.25, 999));
  std::ostringstream out, err;
  print_comparison(comparison, Console{out, err});
  std::istringstream lines(out.str());
  for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 100u) << line;
  for (const char* text :
       {"central:forward:consistent_hash", "  consistent_hash", "2/2", "1/2", "2.25"}) {
    EXPECT_THAT(out.str(), HasSubstr(text));
  }
}

}  // namespace
}  // namespace imroute
