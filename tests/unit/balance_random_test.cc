// Weighted random: shares by chi-square, zero weights, health.
#include <gtest/gtest.h>

#include "core/balance/weighted_random.h"

namespace imroute {
namespace {

std::vector<Backend> weighted(std::initializer_list<uint32_t> weights) {
  std::vector<Backend> out;
  for (const uint32_t w : weights) out.push_back({out.size(), w, 0, true});
  return out;
}

// Chi-square over the backends that can be picked; picks of the others fail at once.
double chi_square(const std::vector<Backend>& backends, const std::vector<double>& expected_share,
                  uint64_t seed, int count = 200'000) {
  WeightedRandom balancer;
  balancer.update(backends);
  Rng rng(seed);
  std::vector<int> counts(backends.size(), 0);
  for (int i = 0; i < count; ++i) ++counts[balancer.pick(0, backends, rng)];
  double chi = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    const double expected = expected_share[i] * count;
    if (expected == 0) {
      EXPECT_EQ(counts[i], 0);
      continue;
    }
    chi += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  return chi;
}

// Bounds: chi-square at p = 0.001. The seed is fixed, so that a pass stays a pass.
TEST(BalanceRandom, SharesFollowWeights) {
  EXPECT_LT(chi_square(weighted({1, 2, 3, 4}), {.1, .2, .3, .4}, 1), 16.3);
  EXPECT_LT(chi_square(weighted({1, 1, 1, 97}), {.01, .01, .01, .97}, 2), 16.3);
  EXPECT_LT(
      chi_square(weighted({4'000'000'000u, 2'000'000'000u, 2'000'000'000u}), {.5, .25, .25}, 3),
      13.9);
}

TEST(BalanceRandom, UniformWhenAllAreEqualOrZero) {
  EXPECT_LT(chi_square(weighted({7, 7, 7, 7}), {.25, .25, .25, .25}, 4), 16.3);
  EXPECT_LT(chi_square(weighted({0, 0, 0, 0}), {.25, .25, .25, .25}, 5), 16.3);
}

TEST(BalanceRandom, ZeroWeightTakesNothing) {
  EXPECT_LT(chi_square(weighted({1, 0, 3}), {.25, 0, .75}, 6), 10.9);
}

TEST(BalanceRandom, HealthyKeepTheirProportions) {
  std::vector<Backend> backends = weighted({1, 2, 3, 4});
  backends[3].healthy = false;
  EXPECT_LT(chi_square(backends, {1.0 / 6, 2.0 / 6, 3.0 / 6, 0}, 7), 13.9);
}

TEST(BalanceRandom, HeavyMajorityDown) {
  std::vector<Backend> backends = weighted({1'000'000, 1, 3});
  backends[0].healthy = false;  // nearly every draw is thrown away
  EXPECT_LT(chi_square(backends, {0, .25, .75}, 8), 10.9);
}

TEST(BalanceRandom, OnlyZeroWeightHealthyAndNobody) {
  std::vector<Backend> backends = weighted({5, 0, 0});
  backends[0].healthy = false;
  EXPECT_LT(chi_square(backends, {0, .5, .5}, 9), 10.9);
  WeightedRandom balancer;
  balancer.update(backends);
  for (Backend& b : backends) b.healthy = false;
  Rng rng(1);
  EXPECT_EQ(balancer.pick(0, backends, rng), kNoBackend);
  balancer.update({});
  EXPECT_EQ(balancer.pick(0, {}, rng), kNoBackend);
}

}  // namespace
}  // namespace imroute
