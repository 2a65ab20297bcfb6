#include "core/base/rng.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <cstdint>
#include <set>

#include "core/base/hash.h"

namespace imroute {
namespace {

// xoshiro256++ 1.0 as its authors give it.
struct Reference {
  std::array<uint64_t, 4> s;
  static uint64_t rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
  uint64_t next() {
    const uint64_t result = rotl(s[0] + s[3], 23) + s[0];
    const uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
  }
};

TEST(Rng, ReferenceHasThePublishedOutputs) {  // state {1, 2, 3, 4}
  Reference r{{1, 2, 3, 4}};
  for (const uint64_t expected :
       {41943041ull, 58720359ull, 3588806011781223ull, 3591011842654386ull, 9228616714210784205ull,
        9973669472204895162ull, 14011001112246962877ull, 12406186145184390807ull,
        15849039046786891736ull, 10450023813501588000ull}) {
    EXPECT_EQ(r.next(), expected);
  }
}

RC_GTEST_PROP(Rng, IsXoshiroSeededBySplitMix, (uint64_t seed)) {
  Reference reference{};
  for (size_t i = 0; i < 4; ++i) reference.s[i] = mix64(seed + i * 0x9e3779b97f4a7c15ull);
  Rng rng(seed);
  for (int i = 0; i < 20; ++i) RC_ASSERT(rng.next() == reference.next());
}

RC_GTEST_PROP(Rng, BelowIsLemire, (uint64_t seed)) {
  const uint64_t bound = (*rc::gen::arbitrary<uint64_t>() >> *rc::gen::inRange(0, 64)) | 1;
  Rng draws(seed), rng(seed);
  for (int i = 0; i < 20; ++i) {
    const uint64_t got = rng.below(bound);
    RC_ASSERT(got < bound);
    // The first draw whose low half is not among the biased ones decides.
    for (;;) {
      const auto m = static_cast<unsigned __int128>(draws.next()) * bound;
      if (static_cast<uint64_t>(m) < (0 - bound) % bound) continue;
      RC_ASSERT(got == static_cast<uint64_t>(m >> 64));
      break;
    }
  }
}

TEST(Rng, BelowIsUniform) {
  Rng rng(5);
  std::array<int, 6> counts{};
  for (int i = 0; i < 60'000; ++i) ++counts[rng.below(6)];
  for (const int c : counts) EXPECT_NEAR(c, 10'000, 400);
  EXPECT_EQ(rng.below(1), 0u);
}

TEST(Rng, BetweenIncludesBothEndsAndSpansEverything) {
  Rng rng(1);
  std::set<int64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(rng.between(-2, 2));
  EXPECT_EQ(seen, (std::set<int64_t>{-2, -1, 0, 1, 2}));
  EXPECT_EQ(rng.between(7, 7), 7);
  bool negative = false, positive = false;
  for (int i = 0; i < 100; ++i) {
    const int64_t v = rng.between(INT64_MIN, INT64_MAX);
    (v < 0 ? negative : positive) = true;
  }
  EXPECT_TRUE(negative && positive);
}

TEST(Rng, ChanceIsARatio) {
  Rng rng(9);
  int hits = 0;
  for (int i = 0; i < 30'000; ++i) hits += rng.chance(1, 3) ? 1 : 0;
  EXPECT_NEAR(hits, 10'000, 400);
  EXPECT_FALSE(rng.chance(0, 5));
  EXPECT_TRUE(rng.chance(5, 5));
}

TEST(Rng, StreamsAreSeparateAndStable) {
  std::set<uint64_t> firsts;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    for (const char* purpose : {"latency", "plan", "client"}) {
      for (uint64_t entity = 0; entity < 10; ++entity) {
        firsts.insert(Rng::stream(seed, purpose, entity).next());
      }
    }
  }
  EXPECT_EQ(firsts.size(), 300u);
  EXPECT_EQ(Rng::stream(1, "plan", 2).next(), Rng(mix64(hash_text("plan", 1), 2)).next());
}

TEST(RngDeathTest, EmptyRangesAreAMistake) {
  Rng rng(1);
  EXPECT_DEATH(rng.below(0), "");
  EXPECT_DEATH(rng.between(2, 1), "");
}

}  // namespace
}  // namespace imroute
