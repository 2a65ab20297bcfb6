// The hash ring: the same answers as a plain map, the quality figures of the literature, and that
// only a dead node's keys move.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "core/balance/consistent_hash.h"
#include "core/balance/hash_ring.h"

namespace imroute {
namespace {

using RingMembers = std::vector<HashRing::Member>;

RingMembers members_of(uint32_t count, uint64_t first = 0) {
  RingMembers out;
  for (uint32_t i = 0; i < count; ++i) out.push_back({first + i, 1});
  return out;
}

std::vector<Backend> backends_of(uint32_t count) {
  std::vector<Backend> out;
  for (uint32_t i = 0; i < count; ++i) out.push_back({i, 1, 0, true});
  return out;
}

constexpr auto kAll = [](uint32_t) { return true; };

TEST(BalanceRing, AnswersLikeAMap) {
  for (const uint32_t count : {1u, 2u, 10u, 100u}) {
    for (const uint32_t points : {1u, 3u, 160u}) {
      HashRing ring(points);
      const RingMembers members = members_of(count);
      ring.update(members);
      std::map<uint64_t, uint32_t> reference;
      for (uint32_t m = 0; m < count; ++m) {
        for (uint32_t p = 0; p < points; ++p) reference[HashRing::point_hash(m, p)] = m;
      }
      ASSERT_EQ(ring.points(), reference.size());
      const auto expected = [&](uint64_t hash) {
        const auto at = reference.lower_bound(hash);
        return at == reference.end() ? reference.begin()->second : at->second;
      };
      Rng rng(count * 1000 + points);
      for (int i = 0; i < 20'000; ++i) {
        const uint64_t hash = rng.next();
        ASSERT_EQ(ring.find(hash, kAll), expected(hash));
      }
      for (const auto& [hash, member] : reference) {  // exactly on, just before, just after
        ASSERT_EQ(ring.find(hash, kAll), member);
        ASSERT_EQ(ring.find(hash - 1, kAll), expected(hash - 1));
        ASSERT_EQ(ring.find(hash + 1, kAll), expected(hash + 1));
      }
      ASSERT_EQ(ring.find(0, kAll), expected(0));
      ASSERT_EQ(ring.find(~uint64_t{0}, kAll), expected(~uint64_t{0}));
    }
  }
}

TEST(BalanceRing, SeparatorKeepsIdAndIndexApart) {
  EXPECT_EQ(HashRing::point_hash(1, 11), hash_text("1#11"));
  EXPECT_NE(HashRing::point_hash(1, 11), HashRing::point_hash(11, 1));
  EXPECT_EQ(HashRing::point_hash(~uint64_t{0}, ~uint32_t{0}),
            hash_text("18446744073709551615#4294967295"));
}

TEST(BalanceRing, UpdatesInStepsLikeAtOnce) {
  HashRing once(40);
  HashRing stepwise(40);
  Rng rng(5);
  for (int round = 0; round < 60; ++round) {
    RingMembers members;
    for (uint64_t id = 0; id < 30; ++id) {
      if (rng.chance(1, 2)) members.push_back({id, static_cast<uint32_t>(rng.below(4))});
    }
    stepwise.update(members);
    HashRing fresh(40);
    fresh.update(members);
    ASSERT_EQ(fresh.points(), stepwise.points());
    for (int i = 0; i < 500; ++i) {
      const uint64_t hash = rng.next();
      ASSERT_EQ(fresh.find(hash, kAll), stepwise.find(hash, kAll));
    }
  }
}

TEST(BalanceRing, EmptyAndNobodyAccepted) {
  HashRing ring(160);
  EXPECT_EQ(ring.find(7, kAll), 0u);
  ring.update(members_of(50));
  EXPECT_EQ(ring.find(7, [](uint32_t) { return false; }), 50u);
  for (uint64_t key = 0; key < 200; ++key) {  // one needle, found from everywhere
    EXPECT_EQ(ring.find(mix64(key), [](uint32_t m) { return m == 31; }), 31u);
  }
  ring.update({});
  EXPECT_EQ(ring.find(7, kAll), 0u);
}

struct Quality {
  double cv = 0;        // root mean square over rings
  double max_mean = 0;  // mean over rings of busiest share / mean share
  double max_p99 = 0;   // what that ratio is below in 99 of 100 rings
};

// Arc shares, exactly, of rings with different member ids.
Quality measure(uint32_t nodes, uint32_t points, uint32_t rings) {
  double square = 0;
  std::vector<double> tops;
  for (uint32_t r = 0; r < rings; ++r) {
    std::vector<std::pair<uint64_t, uint32_t>> ring;
    for (uint32_t n = 0; n < nodes; ++n) {
      for (uint32_t p = 0; p < points; ++p) {
        ring.push_back({HashRing::point_hash(r * 1000 + n, p), n});
      }
    }
    std::sort(ring.begin(), ring.end());
    std::vector<double> share(nodes, 0.0);
    uint64_t before = ring.back().first;  // the first arc wraps
    for (const auto& [hash, owner] : ring) {
      share[owner] += std::ldexp(static_cast<double>(hash - before), -64);
      before = hash;
    }
    double top = 0;
    for (const double s : share) {
      square += (s * nodes - 1) * (s * nodes - 1);
      top = std::max(top, s * nodes);
    }
    tops.push_back(top);
  }
  std::sort(tops.begin(), tops.end());
  return {std::sqrt(square / rings / nodes), std::accumulate(tops.begin(), tops.end(), 0.0) / rings,
          tops[rings * 99 / 100]};
}

TEST(BalanceRing, ArcSharesSpreadAsTheoryHasIt) {
  struct Row {
    uint32_t nodes, points, rings;
    double max_mean, max_p99;
  };
  const Row rows[] = {{10, 3, 400, 2.04, 3.09},    {10, 16, 400, 1.42, 1.86},
                      {10, 100, 400, 1.16, 1.33},  {10, 160, 400, 1.13, 1.26},
                      {10, 1000, 100, 1.05, 1.09}, {100, 3, 400, 3.03, 4.60},
                      {100, 16, 200, 1.73, 2.15},  {100, 100, 100, 1.27, 1.39},
                      {100, 160, 100, 1.21, 1.32}, {100, 1000, 20, 1.08, 1.12}};
  for (const Row& row : rows) {
    const Quality q = measure(row.nodes, row.points, row.rings);
    const double n = row.nodes;
    const double theory = std::sqrt((n - 1) / (row.points * n + 1));
    EXPECT_NEAR(q.cv / theory, 1, 0.06) << row.nodes << " nodes, " << row.points << " points";
    EXPECT_NEAR(q.max_mean - 1, row.max_mean - 1, 0.08 * (row.max_mean - 1) + 0.01)
        << row.nodes << " nodes, " << row.points << " points";
    EXPECT_NEAR(q.max_p99 - 1, row.max_p99 - 1, 0.15 * (row.max_p99 - 1) + 0.01)
        << row.nodes << " nodes, " << row.points << " points";
  }
}

TEST(BalanceConsistentHash, OnlyADeadNodesKeysMove) {
  const std::vector<Backend> all = backends_of(20);
  std::vector<Backend> sick = all;
  sick[7].healthy = false;
  std::vector<Backend> without = all;
  without.erase(without.begin() + 7);
  ConsistentHash ring(160);
  ConsistentHash smaller(160);
  ring.update(all);
  smaller.update(without);
  Rng rng(1);
  uint64_t moved = 0;
  constexpr uint64_t kKeys = 100'000;
  for (uint64_t key = 0; key < kKeys; ++key) {
    const uint32_t before = ring.pick(key, all, rng);
    const uint32_t after = ring.pick(key, sick, rng);
    // An unhealthy one is walked past, as if it had been removed.
    ASSERT_EQ(all[after].id, without[smaller.pick(key, without, rng)].id);
    if (before == 7) {
      ++moved;
      ASSERT_NE(after, 7u);
    } else {
      ASSERT_EQ(after, before) << "a survivor's key moved";
    }
  }
  EXPECT_NEAR(static_cast<double>(moved) / kKeys, 0.05, 0.02);
}

TEST(BalanceConsistentHash, OrphansSpreadOverManyHeirs) {
  std::vector<Backend> all = backends_of(10);
  ConsistentHash ring(160);
  ring.update(all);
  Rng rng(1);
  std::map<uint32_t, int> heirs;
  for (uint64_t key = 0; key < 100'000; ++key) {
    all[3].healthy = true;
    if (ring.pick(key, all, rng) != 3) continue;
    all[3].healthy = false;
    ++heirs[ring.pick(key, all, rng)];
  }
  EXPECT_EQ(heirs.size(), 9u);
}

TEST(BalanceConsistentHash, WeightIsShare) {
  std::vector<Backend> backends = backends_of(4);
  backends[2].weight = 5;  // 5 of 8
  ConsistentHash ring(160);
  ring.update(backends);
  Rng rng(1);
  int mine = 0;
  for (uint64_t key = 0; key < 100'000; ++key) mine += ring.pick(key, backends, rng) == 2 ? 1 : 0;
  EXPECT_NEAR(mine, 62'500, 5'000);
}

TEST(BalanceConsistentHash, ZeroWeightServesOnlyWhenNobodyElseCan) {
  std::vector<Backend> backends = backends_of(3);
  backends[1].weight = 0;
  ConsistentHash ring(160);
  ring.update(backends);
  Rng rng(1);
  for (uint64_t key = 0; key < 1000; ++key) ASSERT_NE(ring.pick(key, backends, rng), 1u);
  backends[0].healthy = backends[2].healthy = false;
  EXPECT_EQ(ring.pick(5, backends, rng), 1u);
  backends[1].healthy = false;
  EXPECT_EQ(ring.pick(5, backends, rng), kNoBackend);
}

}  // namespace
}  // namespace imroute
