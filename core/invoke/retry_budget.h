// Retries may be at most a share of the calls of the last ten seconds: when everything fails, a
// cluster that retries everything three times dies of the retries. A quiet caller is treated as if
// it had made ten calls, or it could never retry at all.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include "core/base/time.h"

namespace imroute {

class RetryBudget {
 public:
  explicit RetryBudget(uint32_t percent) : percent_(percent) {}

  void add_call(MonoTime now) { ++bucket(now).calls; }
  // Takes one retry out of the budget; false when it is used up.
  bool take(MonoTime now) {
    Bucket& current = bucket(now);
    uint64_t calls = 0;
    uint64_t retries = 0;
    for (const Bucket& b : buckets_) {
      if (b.second + kSeconds <= current.second) continue;
      calls += b.calls;
      retries += b.retries;
    }
    if ((retries + 1) * 100 > percent_ * std::max(calls, kLeastCalls)) return false;
    ++current.retries;
    return true;
  }

 private:
  static constexpr int64_t kSeconds = 10;
  static constexpr uint64_t kLeastCalls = 10;
  struct Bucket {
    int64_t second = std::numeric_limits<int64_t>::min() / 2;  // never
    uint64_t calls = 0;
    uint64_t retries = 0;
  };
  Bucket& bucket(MonoTime now) {
    const int64_t second = now / kSecond;
    // A machine's clock may start below zero.
    Bucket& b = buckets_[static_cast<size_t>((second % kSeconds + kSeconds) % kSeconds)];
    if (b.second != second) b = {second, 0, 0};
    return b;
  }

  const uint64_t percent_;
  std::array<Bucket, kSeconds> buckets_{};
};

}  // namespace imroute
