#include "core/base/durations.h"

#include <gtest/gtest.h>

namespace imroute {
namespace {

TEST(Durations, ABorderBelongsToWhatIsWithinIt) {
  for (uint32_t i = 0; i < Durations::kBorders; ++i) {
    const auto border = static_cast<DurationNs>(Durations::border_ns(i));
    Durations times;
    times.record(border);
    times.record(border + 1);
    EXPECT_EQ(times.within(i), 1u) << i;
    if (i != 0) {
      EXPECT_EQ(times.within(i - 1), 0u) << i;
    }
    if (i + 1 != Durations::kBorders) {
      EXPECT_EQ(times.within(i + 1), 2u) << i;
    }
    EXPECT_EQ(times.count(), 2u);
    EXPECT_EQ(times.sum_ns(), 2 * Durations::border_ns(i) + 1);
  }
}

TEST(Durations, BordersGoFrom16MicrosecondsTo17Seconds) {
  EXPECT_EQ(Durations::border_ns(0), 16'384u);
  EXPECT_EQ(Durations::border_ns(Durations::kBorders - 1), 17'179'869'184u);
}

TEST(Durations, WhatTookNoTimeAndWhatTookForEver) {
  Durations times;
  times.record(0);
  times.record(-5);  // a clock that was read later than it should have been
  times.record(3600 * kSecond);
  EXPECT_EQ(times.within(0), 2u);
  EXPECT_EQ(times.within(Durations::kBorders - 1), 2u);
  EXPECT_EQ(times.count(), 3u);
}

}  // namespace
}  // namespace imroute
