// A machine's own clock: what it reads and when it will read a value agree to the nanosecond, it
// never goes back, and it may run slow, fast or leap.
#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "sim/world/machine_clock.h"

namespace imroute {
namespace {

TEST(MachineClock, RunsWithTheWorldUntilTouched) {
  MachineClock clock;
  EXPECT_EQ(clock.reads(0), 0);
  EXPECT_EQ(clock.reads(123), 123);
  EXPECT_EQ(clock.when(123), 123);
  EXPECT_EQ(clock.when(kNever), kNever);
}

TEST(MachineClock, DriftsByMillionths) {
  MachineClock clock;
  clock.run_at(kSecond, 10'000);  // one percent fast
  EXPECT_EQ(clock.reads(kSecond), kSecond);
  EXPECT_EQ(clock.reads(101 * kSecond), 102 * kSecond);
  EXPECT_EQ(clock.when(102 * kSecond), 101 * kSecond);
  clock.run_at(101 * kSecond, -10'000);
  EXPECT_EQ(clock.reads(201 * kSecond), 201 * kSecond);
  clock.run_at(201 * kSecond, 0);
  EXPECT_EQ(clock.reads(202 * kSecond), 202 * kSecond);
}

TEST(MachineClock, ReadsAndWhenAgreeToTheNanosecond) {
  Rng rng = Rng::stream(7, "clock");
  for (int i = 0; i < 20'000; ++i) {
    MachineClock clock;
    const int64_t since = rng.between(0, 1000 * kSecond);
    clock.begin(since, rng.between(0, 1000 * kSecond));
    clock.run_at(since, static_cast<int32_t>(rng.between(-400'000, 400'000)));
    const int64_t local = clock.reads(since) + rng.between(0, 100 * kSecond);
    const int64_t when = clock.when(local);
    ASSERT_GE(clock.reads(when), local);
    if (when > since) {
      ASSERT_LT(clock.reads(when - 1), local);
    }
  }
}

TEST(MachineClock, NeverGoesBack) {
  Rng rng = Rng::stream(8, "clock");
  MachineClock clock;
  int64_t now = 0, last = 0;
  for (int i = 0; i < 20'000; ++i) {
    now += rng.between(0, 1000);
    if (rng.chance(1, 5)) clock.run_at(now, static_cast<int32_t>(rng.between(-400'000, 400'000)));
    if (rng.chance(1, 50)) clock.leap(now, rng.between(0, kSecond));
    const int64_t reads = clock.reads(now);
    ASSERT_GE(reads, last);
    last = reads;
  }
}

TEST(MachineClock, ALeapBringsEverythingNearer) {
  MachineClock clock;
  clock.leap(10, 5);
  EXPECT_EQ(clock.reads(10), 15);
  EXPECT_EQ(clock.when(20), 15);
  EXPECT_EQ(clock.when(12), 10);  // past already
}

}  // namespace
}  // namespace imroute
