// The project's only source of randomness: xoshiro256++ 1.0 (Blackman, Vigna 2019), seeded by
// SplitMix64, with Lemire's bounded integers (2019) and integer ratios. std::*_distribution is
// banned: its results differ between standard libraries.
//
// Named streams: derive one generator per (seed, purpose, entity), so that removing one consumer
// does not reshuffle what the others draw.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace imroute {

class Rng {
 public:
  explicit Rng(uint64_t seed = 0);
  // Stream for a purpose ("latency", "plan", ...) and an entity number.
  static Rng stream(uint64_t seed, std::string_view purpose, uint64_t entity = 0);

  uint64_t next();
  // Uniform in [0, bound). REQUIRES: bound > 0.
  uint64_t below(uint64_t bound);
  // Uniform in [lo, hi]. REQUIRES: lo <= hi.
  int64_t between(int64_t lo, int64_t hi);
  // True with probability numerator / denominator. REQUIRES: denominator > 0.
  bool chance(uint64_t numerator, uint64_t denominator) { return below(denominator) < numerator; }

 private:
  std::array<uint64_t, 4> state_;
};

}  // namespace imroute
