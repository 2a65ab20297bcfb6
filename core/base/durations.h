// How long something took, in 22 counters: those at most 2^14 ns (16 us), 2^15, ... 2^34 (17 s),
// and all. Enough for a monitor to draw percentiles of many machines together, in little enough
// memory to keep where messages pass; recording is two additions and an increment.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "core/base/time.h"

namespace imroute {

class Durations {
 public:
  static constexpr uint32_t kBorders = 21;
  static constexpr uint64_t border_ns(uint32_t i) { return uint64_t{1} << (kLeast + i); }

  void record(DurationNs ns) {
    const auto value = static_cast<uint64_t>(std::max<DurationNs>(ns, 1));
    const auto least = static_cast<uint32_t>(std::bit_width(value - 1));  // value <= 2^least
    ++counts_[std::min(std::max(least, kLeast) - kLeast, kBorders)];
    ++count_;
    sum_ns_ += value;
  }

  uint64_t count() const { return count_; }
  uint64_t sum_ns() const { return sum_ns_; }
  // How many took border_ns(i) or less.
  uint64_t within(uint32_t i) const {
    uint64_t total = 0;
    for (size_t k = 0; k <= i; ++k) total += counts_[k];
    return total;
  }

 private:
  static constexpr uint32_t kLeast = 14;
  std::array<uint64_t, kBorders + 1> counts_{};  // the last: beyond all borders
  uint64_t count_ = 0;
  uint64_t sum_ns_ = 0;
};

}  // namespace imroute
