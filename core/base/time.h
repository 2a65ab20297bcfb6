// Time is data: the driver passes `now` to every step, the core never reads a clock. Monotonic
// nanoseconds of the machine's own clock; only differences mean anything, and two machines' values
// are never compared.
#pragma once

#include <cstdint>
#include <limits>

namespace imroute {

using MonoTime = int64_t;    // nanoseconds on this machine's monotonic clock
using DurationNs = int64_t;  // nanoseconds

inline constexpr MonoTime kNever = std::numeric_limits<int64_t>::max();
inline constexpr DurationNs kMicrosecond = 1'000;
inline constexpr DurationNs kMillisecond = 1'000'000;
inline constexpr DurationNs kSecond = 1'000'000'000;

}  // namespace imroute
