// Smooth weighted round robin: exact sequences, phases, health.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "core/balance/round_robin.h"

namespace imroute {
namespace {

std::vector<Backend> weighted(std::initializer_list<uint32_t> weights) {
  std::vector<Backend> out;
  for (const uint32_t w : weights) out.push_back({out.size(), w, 0, true});
  return out;
}

std::string picks(RoundRobin& balancer, const std::vector<Backend>& backends, int count) {
  Rng rng(1);
  std::string out;
  for (int i = 0; i < count; ++i) {
    const uint32_t place = balancer.pick(0, backends, rng);
    out += place == kNoBackend ? '-' : static_cast<char>('a' + backends[place].id);
  }
  return out;
}

std::string sequence(const std::vector<Backend>& backends, int count, uint64_t phase = 0) {
  RoundRobin balancer(phase);
  balancer.update(backends);
  return picks(balancer, backends, count);
}

TEST(BalanceRoundRobin, SmoothSequences) {
  EXPECT_EQ(sequence(weighted({5, 1, 1}), 14), "aabacaaaabacaa");
  EXPECT_EQ(sequence(weighted({4, 2, 1}), 14), "abacabaabacaba");
  EXPECT_EQ(sequence(weighted({3, 2, 1}), 12), "abacbaabacba");
  EXPECT_EQ(sequence(weighted({1, 1, 1}), 6), "abcabc");
  EXPECT_EQ(sequence(weighted({7, 7, 7}), 6), "abcabc");
  EXPECT_EQ(sequence(weighted({10, 2, 2}), 7), "aabacaa");
}

TEST(BalanceRoundRobin, ZeroWeights) {
  EXPECT_EQ(sequence(weighted({0, 0, 0}), 6), "abcabc");
  EXPECT_EQ(sequence(weighted({2, 0, 1}), 6), "acaaca");
  std::vector<Backend> backends = weighted({2, 0, 1});
  RoundRobin balancer(0);
  balancer.update(backends);
  backends[0].healthy = backends[2].healthy = false;
  EXPECT_EQ(picks(balancer, backends, 3), "bbb");
}

TEST(BalanceRoundRobin, PhaseIsWhereADispatcherStarts) {
  EXPECT_EQ(sequence(weighted({5, 1, 1}), 7, 2), "bacaaaa");
  EXPECT_EQ(sequence(weighted({5, 1, 1}), 7, 7'000'002), "bacaaaa");
  // CIM counts up before it takes the remainder: its first pick is index 1. That is phase 1.
  EXPECT_EQ(sequence(weighted({1, 1, 1}), 4, 1), "bcab");
}

TEST(BalanceRoundRobin, SpanOrderDoesNotMatter) {
  std::vector<Backend> backends = weighted({5, 1, 1});
  std::swap(backends[0], backends[2]);
  EXPECT_EQ(sequence(backends, 7), "aabacaa");
}

TEST(BalanceRoundRobin, UnhealthyAreLeftOutAndComeBack) {
  std::vector<Backend> backends = weighted({1, 1, 1, 1});
  RoundRobin balancer(0);
  balancer.update(backends);
  EXPECT_EQ(picks(balancer, backends, 4), "abcd");
  backends[1].healthy = false;
  const std::string without = picks(balancer, backends, 12);
  EXPECT_EQ(without.find('b'), std::string::npos);
  for (const char c : {'a', 'c', 'd'}) {  // the dead one's share goes to all, not to its neighbour
    EXPECT_NEAR(static_cast<double>(std::count(without.begin(), without.end(), c)), 4, 1);
  }
  backends[1].healthy = true;
  EXPECT_NE(picks(balancer, backends, 8).find('b'), std::string::npos) << "back within one round";
}

TEST(BalanceRoundRobin, NobodyHealthyAndBack) {
  std::vector<Backend> backends = weighted({3, 1});
  RoundRobin balancer(0);
  balancer.update(backends);
  for (Backend& b : backends) b.healthy = false;
  EXPECT_EQ(picks(balancer, backends, 3), "---");
  backends[1].healthy = true;
  EXPECT_EQ(picks(balancer, backends, 3), "bbb");
  RoundRobin empty(0);
  empty.update({});
  EXPECT_EQ(picks(empty, {}, 2), "--");
}

// Sums too large to write down are played pick by pick: same algorithm, same shares.
TEST(BalanceRoundRobin, HugeWeightsKeepTheirShares) {
  const std::vector<Backend> backends = weighted({3'000'017, 2'000'003, 1'000'003});
  RoundRobin balancer(0);
  balancer.update(backends);
  std::map<char, int> counts;
  const std::string got = picks(balancer, backends, 60'000);
  for (const char c : got) ++counts[c];
  EXPECT_NEAR(counts['a'], 30'000, 3);
  EXPECT_NEAR(counts['b'], 20'000, 3);
  EXPECT_NEAR(counts['c'], 10'000, 3);
  EXPECT_EQ(got.substr(0, 6), "abacba") << "nearly 3,2,1";
}

}  // namespace
}  // namespace imroute
