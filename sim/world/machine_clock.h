// A machine's monotonic clock: what it reads at a moment of the run, and when it will read a given
// value. It may have any origin, run a little fast or slow, and leap ahead; it never goes back.
//
// Shape: a straight line through the last moment at which something about it changed, in integers,
// so that both directions agree on every machine and compiler: the clock reads at least `local` at
// `when(local)`, and less one nanosecond before. Machines whose clock nobody touches have none.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/base/assert.h"
#include "core/base/time.h"

namespace imroute {

class MachineClock {
 public:
  // What it reads at `now`. REQUIRES: not before the last change.
  int64_t reads(int64_t now) const {
    return local_ + (now - since_) + floor_div(now - since_, ppm_);
  }

  // The first moment at which it reads `local` or more; the last change when that is past.
  int64_t when(int64_t local) const {
    if (local == kNever) return kNever;
    if (local <= local_) return since_;
    const auto span = static_cast<__int128>(local - local_) * 1'000'000 / (1'000'000 + ppm_);
    if (span >= kNever - since_) return kNever;
    int64_t now = since_ + static_cast<int64_t>(span);
    while (reads(now) < local) ++now;  // at most a step or two: both round down
    return now;
  }

  // From `now` on it gains `ppm` millionths (loses, when negative).
  void run_at(int64_t now, int32_t ppm) {
    IM_ASSERT(ppm > -1'000'000);
    move(now, reads(now));
    ppm_ = ppm;
  }
  void leap(int64_t now, int64_t by) {
    IM_ASSERT(by >= 0);
    move(now, reads(now) + by);
  }
  // A process begins and its clock with it.
  void begin(int64_t now, int64_t local) { move(now, local); }

  int32_t ppm() const { return ppm_; }

 private:
  static int64_t floor_div(int64_t span, int32_t ppm) {
    const auto product = static_cast<__int128>(span) * ppm;
    const auto whole = product / 1'000'000;
    return static_cast<int64_t>(product % 1'000'000 < 0 ? whole - 1 : whole);
  }
  void move(int64_t now, int64_t local) {
    since_ = now;
    local_ = local;
  }

  int64_t since_ = 0;
  int64_t local_ = 0;
  int32_t ppm_ = 0;
};

}  // namespace imroute
