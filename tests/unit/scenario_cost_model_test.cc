#include "harness/scenario/cost_model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/base/rng.h"
#include "harness/scenario/loader.h"

namespace imroute {
namespace {

// The same chain, played: one user hopping, one node sending to it.
CacheOdds played(uint64_t nodes, uint64_t sending_nodes, uint64_t messages_per_move) {
  Rng rng(7);
  constexpr uint64_t kHere = 0;
  uint64_t at = 1, known = 1;
  bool entry = true;
  double hit = 0, stale = 0, cold = 0;
  for (int i = 0; i < 4'000'000; ++i) {
    // This node sends 1/S of the messages, and there is a move for every rho of them.
    if (rng.chance(sending_nodes, messages_per_move + sending_nodes)) {
      const uint64_t to = rng.below(nodes - 1);
      at = to >= at ? to + 1 : to;
      if (at == kHere) entry = false;
    } else if (at != kHere) {
      ++(!entry ? cold : known == at ? hit : stale);
      entry = true;
      known = at;
    }
  }
  const double all = hit + stale + cold;
  return {hit / all, stale / all, cold / all};
}

TEST(CostModel, CacheOddsAreThoseOfTheChain) {
  for (const uint64_t nodes : {3u, 5u, 10u, 50u}) {
    const CacheOdds want = played(nodes, nodes, 20);
    const CacheOdds got = cache_odds(static_cast<double>(nodes), static_cast<double>(nodes), 20);
    EXPECT_NEAR(got.hit, want.hit, 0.002) << nodes;
    EXPECT_NEAR(got.stale, want.stale, 0.002) << nodes;
    EXPECT_NEAR(got.cold, want.cold, 0.002) << nodes;
  }
  // Many nodes: what protocol.md says, h = rho / (rho + S).
  EXPECT_NEAR(cache_odds(10'000, 50, 20).hit, 20.0 / 70, 1e-3);
  EXPECT_EQ(cache_odds(10, 10, 0).hit, 1);
}

StrategyConfig strategy(StrategyKind kind, CentralMode mode = CentralMode::resolve,
                        PlacementKind placement = PlacementKind::table) {
  StrategyConfig s;
  s.kind = kind;
  s.mode = mode;
  s.placement.kind = placement;
  return s;
}

TEST(CostModel, FormulasOfTheDocument) {
  CostInput in{.nodes = 10, .remote = 0.9, .sending_nodes = 10};
  EXPECT_DOUBLE_EQ(modelled_frames_per_delivery(strategy(StrategyKind::broadcast), in), 9.9);
  EXPECT_DOUBLE_EQ(modelled_frames_per_delivery(strategy(StrategyKind::mesh_directory), in), 1.8);
  in.messages_per_move = 20;
  const CacheOdds odds = cache_odds(10, 10, 20);
  EXPECT_NEAR(modelled_frames_per_delivery(strategy(StrategyKind::cached_broadcast), in),
              0.9 * (2 * odds.hit + 12 * odds.stale + 10 * odds.cold) + 0.4, 1e-9);
  EXPECT_NEAR(modelled_frames_per_delivery(
                  strategy(StrategyKind::central, CentralMode::forward, PlacementKind::hash), in),
              2.7 + 0.4, 1e-9);
  CostInput group{.nodes = 50, .remote = 0.98, .group_sessions = 20};
  const double reached = 50 * (1 - std::pow(0.98, 20));
  EXPECT_NEAR(modelled_frames_per_delivery(strategy(StrategyKind::mesh_directory), group),
              2 * (reached - 1) / 19, 1e-9);
}

TEST(CostModel, AppliesToTheCalibratedScenariosOnly) {
  const std::string folder = IMROUTE_SOURCE_DIR "/scenarios/";
  for (const char* name : {"cost-broadcast", "cost-cached-broadcast", "cost-central-resolve",
                           "cost-central-forward", "cost-mesh-directory", "cost-group"}) {
    const LoadedCells loaded = load_cells(folder + name + ".json");
    ASSERT_TRUE(loaded.ok());
    for (const Cell& cell : loaded.cells) {
      const auto in = calibrated_cost_input(cell.scenario);
      ASSERT_TRUE(in) << name << " " << cell.strategy;
      EXPECT_GT(modelled_frames_per_delivery(cell.scenario.strategy, *in), 0.4);
      EXPECT_NEAR(in->sending_nodes, in->nodes, 0.01);
    }
  }
  EXPECT_FALSE(calibrated_cost_input(*load_scenario(folder + "quickstart.json").scenario));
  EXPECT_FALSE(calibrated_cost_input(*load_scenario(folder + "scale-sweep.json").scenario));
}

}  // namespace
}  // namespace imroute
