#include "harness/workload/fixed_math.h"

#include <algorithm>
#include <array>
#include <bit>

#include "core/base/assert.h"
#include "core/base/time.h"

namespace imroute {
namespace {

using Wide = unsigned __int128;

constexpr uint64_t kLn2Q32 = 2'977'044'472;  // ln 2 * 2^32
constexpr uint32_t kLogBits = 12;            // table points per octave: 4096

// Square root of a 128-bit integer, rounded down.
uint64_t square_root(Wide x) {
  uint64_t root = 0;
  for (int bit = 63; bit >= 0; --bit) {
    const uint64_t candidate = root | uint64_t{1} << bit;
    if (static_cast<Wide>(candidate) * candidate <= x) root = candidate;
  }
  return root;
}

// log2(1 + i/4096) in Q32, for the interpolation in exponential_q32.
const std::array<uint64_t, (1u << kLogBits) + 1>& log_table() {
  static const auto table = [] {
    std::array<uint64_t, (1u << kLogBits) + 1> t{};
    for (uint64_t i = 0; i < t.size(); ++i) {
      t[i] = log2_q32((uint64_t{1} << kLogBits) + i) - (uint64_t{kLogBits} << 32);
    }
    return t;
  }();
  return table;
}

// 2^-(2^-(i+1)) in Q63, by repeated square roots.
const std::array<uint64_t, 32>& root_table() {
  static const auto table = [] {
    std::array<uint64_t, 32> t{};
    uint64_t value = uint64_t{1} << 62;  // one half
    for (uint64_t& entry : t) {
      value = square_root(static_cast<Wide>(value) << 63);
      entry = value;
    }
    return t;
  }();
  return table;
}

}  // namespace

uint64_t log2_q32(uint64_t x) {
  IM_ASSERT(x > 0);
  const int whole = 63 - std::countl_zero(x);
  uint64_t mantissa = x << (63 - whole);  // [1, 2) in Q63
  uint64_t fraction = 0;
  for (int bit = 31; bit >= 0; --bit) {
    const Wide square = static_cast<Wide>(mantissa) * mantissa;  // [1, 4) in Q126
    if ((square >> 127) != 0) {
      fraction |= uint64_t{1} << bit;
      mantissa = static_cast<uint64_t>(square >> 64);
    } else {
      mantissa = static_cast<uint64_t>(square >> 63);
    }
  }
  return (static_cast<uint64_t>(whole) << 32) | fraction;
}

uint64_t exp2_neg_q32(uint64_t e_q32) {
  const uint64_t whole = e_q32 >> 32;
  if (whole > 32) return 0;
  uint64_t value = uint64_t{1} << 63;  // 1 in Q63
  for (uint32_t i = 0; i < 32; ++i) {
    if ((e_q32 >> (31 - i) & 1) != 0) {
      value = static_cast<uint64_t>(static_cast<Wide>(value) * root_table()[i] >> 63);
    }
  }
  return value >> (31 + whole);
}

uint64_t exponential_q32(Rng& rng) {
  const uint64_t u = rng.next() | 1;
  const int whole = 63 - std::countl_zero(u);
  const uint64_t mantissa = (u << (63 - whole)) << 1;  // fraction of [1, 2), 64 bits
  const uint64_t i = mantissa >> (64 - kLogBits);
  const uint64_t rest = (mantissa << kLogBits) >> 32;  // Q32 between two points
  const auto& t = log_table();
  const uint64_t log2 =
      (static_cast<uint64_t>(whole) << 32) + t[i] + ((t[i + 1] - t[i]) * rest >> 32);
  return static_cast<uint64_t>(static_cast<Wide>((uint64_t{64} << 32) - log2) * kLn2Q32 >> 32);
}

int64_t poisson_gap_ns(Rng& rng, unsigned __int128 rate_microhz) {
  if (rate_microhz == 0) return kNever;
  const Wide gap =
      (static_cast<Wide>(exponential_q32(rng)) * 1'000'000'000'000'000ull / rate_microhz) >> 32;
  return gap >= static_cast<Wide>(kNever) ? kNever : static_cast<int64_t>(gap);
}

int64_t draw(const Quantiles& q, Rng& rng) {
  const auto u = static_cast<int64_t>(rng.below(1'000'000));
  const auto between = [u](int64_t from, int64_t to, int64_t low, int64_t high) {
    return low + static_cast<int64_t>(static_cast<__int128>(high - low) * (u - from) / (to - from));
  };
  if (u < 500'000) return between(0, 500'000, q.p0, q.p50);
  if (u >= 990'000) return between(990'000, 1'000'000, q.p99, q.p100);
  if (!q.has_p90) return between(500'000, 990'000, q.p50, q.p99);
  if (u < 900'000) return between(500'000, 900'000, q.p50, q.p90);
  return between(900'000, 990'000, q.p90, q.p99);
}

ZipfTable::ZipfTable(uint64_t n, uint32_t exponent_ppm) {
  IM_ASSERT(n > 0);
  cumulative_.reserve(n);
  uint64_t sum = 0;
  for (uint64_t k = 1; k <= n; ++k) {
    const Wide e = static_cast<Wide>(log2_q32(k)) * exponent_ppm / 1'000'000;
    const uint64_t weight = exp2_neg_q32(static_cast<uint64_t>(e));
    sum += std::max<uint64_t>(weight, 1);  // nobody is out of reach
    cumulative_.push_back(sum);
  }
}

uint64_t ZipfTable::rank(Rng& rng) const {
  const uint64_t point = rng.below(cumulative_.back());
  const auto at = std::upper_bound(cumulative_.begin(), cumulative_.end(), point);
  return static_cast<uint64_t>(at - cumulative_.begin());
}

}  // namespace imroute
