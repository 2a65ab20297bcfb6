#include "harness/result/result.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace imroute {
namespace {

constexpr uint32_t kSubBits = 6;  // 64 sub-buckets per power of two
constexpr uint64_t kSub = uint64_t{1} << kSubBits;

size_t bucket_of(uint64_t value) {
  if (value < kSub) return value;
  const auto octave = static_cast<uint32_t>(63 - std::countl_zero(value)) - kSubBits;
  return (octave + 1) * kSub + ((value >> octave) - kSub);
}

int64_t upper_bound_of(size_t bucket) {
  if (bucket < kSub) return static_cast<int64_t>(bucket);
  const uint64_t octave = bucket / kSub - 1;
  const uint64_t low = kSub + bucket % kSub;
  return static_cast<int64_t>(((low + 1) << octave) - 1);
}

}  // namespace

void Histogram::add(int64_t value, uint64_t times) {
  const size_t bucket = bucket_of(value < 0 ? 0 : static_cast<uint64_t>(value));
  if (bucket >= counts_.size()) counts_.resize(bucket + 1);
  counts_[bucket] += times;
  count_ += times;
  max_ = std::max(max_, value);
}

void Histogram::merge(const Histogram& other) {
  if (counts_.size() < other.counts_.size()) counts_.resize(other.counts_.size());
  for (size_t i = 0; i < other.counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

int64_t Histogram::quantile_ppm(uint64_t ppm) const {
  if (count_ == 0) return 0;
  const auto want =
      static_cast<uint64_t>((static_cast<unsigned __int128>(count_) * ppm + 999'999) / 1'000'000);
  uint64_t below = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    below += counts_[i];
    if (below >= want && below > 0) return std::min(upper_bound_of(i), max_);
  }
  return max_;
}

std::vector<std::pair<int64_t, uint64_t>> Histogram::buckets() const {
  std::vector<std::pair<int64_t, uint64_t>> out;
  for (size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] != 0) out.emplace_back(upper_bound_of(i), counts_[i]);
  }
  return out;
}

Balance balance_of(const std::vector<uint64_t>& loads, const std::vector<uint32_t>& weights) {
  double sum = 0, squares = 0, most = 0;
  size_t n = 0;
  for (size_t i = 0; i < loads.size(); ++i) {
    const uint32_t weight = i < weights.size() ? weights[i] : 1;
    if (weight == 0) continue;
    const double load = static_cast<double>(loads[i]) / weight;
    sum += load;
    squares += load * load;
    most = std::max(most, load);
    ++n;
  }
  if (n == 0 || sum == 0) return {};
  const double mean = sum / static_cast<double>(n);
  const double variance = squares / static_cast<double>(n) - mean * mean;
  return {most / mean, std::sqrt(std::max(variance, 0.0)) / mean};
}

}  // namespace imroute
