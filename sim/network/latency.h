// Latency as an integer quantile table, piecewise linear: figures measured on a real network can be
// pasted in, and no maths library can make two builds disagree.
#pragma once

#include <array>
#include <cstdint>

#include "harness/scenario/scenario.h"

namespace imroute {

class LatencyTable {
 public:
  explicit LatencyTable(const Quantiles& q);
  // `uniform`: any 64 random bits.
  DurationNs draw(uint64_t uniform) const {
    const uint64_t u = uniform >> 32;
    uint32_t i = 0;
    while (u >= points_[i + 1].at) ++i;
    const Point& from = points_[i];
    const Point& to = points_[i + 1];
    const auto part = static_cast<unsigned __int128>(to.value - from.value) * (u - from.at);
    return from.value + static_cast<int64_t>(part / (to.at - from.at));
  }

 private:
  struct Point {
    uint64_t at;  // share, in 2^-32
    int64_t value;
  };
  std::array<Point, 6> points_;
};

}  // namespace imroute
