// How long something took, for percentiles and for Prometheus, in a fixed 15 KB: buckets whose
// width grows with the value (as those of an HDR histogram do), so that any duration from 1 ns to a
// century is counted to within 1/32 of itself. Recording is a shift and an increment. Bucket
// borders fall on every power of two, so what lies at or below one is known exactly.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "core/base/time.h"

namespace imroute::cluster {

class Histogram {
 public:
  // What is not positive counts as 1 ns.
  void record(DurationNs ns) {
    const auto value = static_cast<uint64_t>(std::max<DurationNs>(ns, 1));
    ++buckets_[bucket_of(value)];
    ++count_;
    sum_ += value;
    most_ = std::max(most_, value);
  }

  uint64_t count() const { return count_; }
  uint64_t sum_ns() const { return sum_; }
  uint64_t most_ns() const { return most_; }
  uint64_t mean_ns() const { return count_ == 0 ? 0 : sum_ / count_; }

  // No more than `ppm` millionths of what was recorded is above this; 0 when nothing was.
  uint64_t at_ppm(uint64_t ppm) const {
    uint64_t left = (count_ * ppm + 999'999) / 1'000'000;
    for (size_t i = 0; i < buckets_.size(); ++i) {
      if (buckets_[i] >= left && left != 0) return std::min(upper(i), most_);
      left -= std::min(buckets_[i], left);
    }
    return most_;
  }

  // How many took at most 2^exponent ns.
  uint64_t at_most_pow2(uint32_t exponent) const {
    uint64_t total = 0;
    const size_t last = bucket_of(uint64_t{1} << exponent);
    for (size_t i = 0; i <= last; ++i) total += buckets_[i];
    return total;
  }

 private:
  static constexpr uint32_t kSteps = 32;  // a doubling

  // A bucket holds (lower, upper], so `value - 1` is what is cut into exponent and step.
  static size_t bucket_of(uint64_t value) {
    const uint64_t v = value - 1;
    if (v < 2 * kSteps) return static_cast<size_t>(v);
    const auto shift = static_cast<uint32_t>(std::bit_width(v)) - 6;
    return size_t{shift} * kSteps + static_cast<size_t>(v >> shift);
  }
  static uint64_t upper(size_t bucket) {
    if (bucket < 2 * kSteps) return bucket + 1;
    const auto shift = static_cast<uint32_t>(bucket / kSteps - 1);
    return (uint64_t{bucket % kSteps + kSteps} << shift) + (uint64_t{1} << shift);
  }

  std::array<uint64_t, size_t{58 + 2} * kSteps> buckets_{};
  uint64_t count_ = 0;
  uint64_t sum_ = 0;
  uint64_t most_ = 0;
};

}  // namespace imroute::cluster
