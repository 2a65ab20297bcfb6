// Logarithm, power and the exponential distribution in integers. The standard library's are allowed
// to differ in the last bit from one platform to the next, and one different arrival time is a
// different run; these are the same everywhere.
//
// Q32: a real number as an integer with 32 fraction bits.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/rng.h"
#include "harness/scenario/scenario.h"

namespace imroute {

// log2(x) in Q32. REQUIRES: x > 0.
uint64_t log2_q32(uint64_t x);

// 2^-e in Q32, for e in Q32; 0 when it is too small.
uint64_t exp2_neg_q32(uint64_t e_q32);

// A draw of the exponential distribution with mean 1, in Q32.
uint64_t exponential_q32(Rng& rng);

// Time to the next arrival of a Poisson process with `rate_microhz` arrivals per 10^6 seconds.
// kNever when the rate is 0.
int64_t poisson_gap_ns(Rng& rng, unsigned __int128 rate_microhz);

// A draw from a quantile table, piecewise linear between its points.
int64_t draw(const Quantiles& quantiles, Rng& rng);

// Ranks 0 .. n-1, rank r with weight (r+1)^-exponent, drawn by bisection of an integer table.
class ZipfTable {
 public:
  ZipfTable() = default;
  // REQUIRES: n > 0.
  ZipfTable(uint64_t n, uint32_t exponent_ppm);
  uint64_t rank(Rng& rng) const;

 private:
  std::vector<uint64_t> cumulative_;
};

}  // namespace imroute
