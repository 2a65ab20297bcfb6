// Least active: the choice itself, and what it does to a queue (N = 100 servers, first come first
// served, exponential service of mean 1, load .9, one dispatcher).
#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <queue>

#include "core/balance/load_balancer.h"

namespace imroute {
namespace {

std::vector<Backend> loaded(std::initializer_list<uint64_t> loads) {
  std::vector<Backend> out;
  for (const uint64_t load : loads) out.push_back({out.size(), 1, load, true});
  return out;
}

std::unique_ptr<LoadBalancer> least_active(uint32_t choices = 0) {
  BalancerConfig config;
  config.kind = BalancerKind::least_active;
  config.choices = choices;
  return make_balancer(config, 0);
}

std::vector<int> counts(const std::vector<Backend>& backends, int picks, uint32_t choices = 0) {
  const auto balancer = least_active(choices);
  balancer->update(backends);
  Rng rng(3);
  std::vector<int> out(backends.size(), 0);
  for (int i = 0; i < picks; ++i) ++out[balancer->pick(0, backends, rng)];
  return out;
}

TEST(BalanceLeastActive, TakesTheLeast) {
  EXPECT_EQ(counts(loaded({3, 1, 2}), 100), (std::vector<int>{0, 100, 0}));
}

TEST(BalanceLeastActive, TiesGoAtRandomAmongMinima) {
  const std::vector<int> got = counts(loaded({5, 2, 9, 2, 2}), 30'000);
  EXPECT_EQ(got[0], 0);
  EXPECT_EQ(got[2], 0);
  for (const int i : {1, 3, 4}) EXPECT_NEAR(got[static_cast<size_t>(i)], 10'000, 350);
}

TEST(BalanceLeastActive, LoadCountsByWeight) {
  std::vector<Backend> backends = loaded({5, 9});
  backends[1].weight = 2;  // 10/2 against 6/1
  EXPECT_EQ(counts(backends, 10), (std::vector<int>{0, 10}));
  backends[1].load = 11;  // a tie: 12/2 against 6/1
  EXPECT_NEAR(counts(backends, 10'000)[0], 5'000, 250);
  backends[1].load = 12;
  EXPECT_EQ(counts(backends, 10), (std::vector<int>{10, 0}));
  backends[0].load = ~uint64_t{0} - 1;  // no overflow
  EXPECT_EQ(counts(backends, 10), (std::vector<int>{0, 10}));
}

TEST(BalanceLeastActive, HealthAndZeroWeight) {
  std::vector<Backend> backends = loaded({0, 5, 6});
  backends[0].healthy = false;
  EXPECT_EQ(counts(backends, 10), (std::vector<int>{0, 10, 0}));
  backends[1].weight = 0;
  EXPECT_EQ(counts(backends, 10), (std::vector<int>{0, 0, 10}));
  backends[2].healthy = false;
  EXPECT_EQ(counts(backends, 10), (std::vector<int>{0, 10, 0}));
  EXPECT_EQ(counts(backends, 10, 2), (std::vector<int>{0, 10, 0}));
}

TEST(BalanceLeastActive, TwoChoicesNeverTakeTheWorstAndLookAtDistinctOnes) {
  const std::vector<int> got = counts(loaded({1, 2, 3, 4}), 60'000, 2);
  // Of the 6 pairs the least wins: 3, 2, 1, 0 of them.
  EXPECT_NEAR(got[0], 30'000, 600);
  EXPECT_NEAR(got[1], 20'000, 600);
  EXPECT_NEAR(got[2], 10'000, 600);
  EXPECT_EQ(got[3], 0);
}

// Mean response time of the queue, after a warm-up.
double mean_response(const BalancerConfig& config) {
  constexpr uint32_t kServers = 100;
  constexpr int kArrivals = 600'000;
  constexpr int kWarmUp = 60'000;
  const auto balancer = make_balancer(config, 0);
  std::vector<Backend> servers;
  for (uint64_t i = 0; i < kServers; ++i) servers.push_back({i, 1, 0, true});
  balancer->update(servers);
  Rng rng(11);
  const auto exponential = [&](double mean) {
    return -mean * std::log((static_cast<double>(rng.next() >> 11) + 1) / 9007199254740993.0);
  };
  std::vector<double> free_at(kServers, 0.0);
  using Departure = std::pair<double, uint32_t>;
  std::priority_queue<Departure, std::vector<Departure>, std::greater<>> departures;
  double now = 0;
  double sum = 0;
  for (int i = 0; i < kArrivals; ++i) {
    now += exponential(1.0 / (0.9 * kServers));
    while (!departures.empty() && departures.top().first <= now) {
      --servers[departures.top().second].load;
      departures.pop();
    }
    const uint32_t s = balancer->pick(rng.next(), servers, rng);
    free_at[s] = std::max(free_at[s], now) + exponential(1.0);
    ++servers[s].load;
    departures.push({free_at[s], s});
    if (i >= kWarmUp) sum += free_at[s] - now;
  }
  return sum / (kArrivals - kWarmUp);
}

TEST(BalanceQueue, MeanResponseAsMeasuredElsewhere) {
  BalancerConfig config;
  config.kind = BalancerKind::random;
  EXPECT_NEAR(mean_response(config), 9.9, 0.7);
  config.kind = BalancerKind::round_robin;
  EXPECT_NEAR(mean_response(config), 5.3, 0.35);
  config.kind = BalancerKind::least_active;
  config.choices = 2;
  EXPECT_NEAR(mean_response(config), 2.65, 0.1);
  config.choices = 0;
  EXPECT_NEAR(mean_response(config), 1.07, 0.03);
}

}  // namespace
}  // namespace imroute
