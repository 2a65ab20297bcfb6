#include "core/base/timer_queue.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

namespace imroute {
namespace {

enum class Kind : uint8_t { tick };

// Deadlines rise; equal ones come in the order they were set, whoever stands in line.
RC_GTEST_PROP(TimerQueue, OrderIsStable, ()) {
  const auto deadlines =
      *rc::gen::container<std::vector<int64_t>>(rc::gen::inRange<int64_t>(0, 20));
  const auto in_line =
      *rc::gen::container<std::vector<bool>>(deadlines.size(), rc::gen::arbitrary<bool>());
  TimerQueue<Kind> queue;
  std::vector<std::pair<MonoTime, uint64_t>> expected;
  for (size_t i = 0; i < deadlines.size(); ++i) {
    if (in_line[i]) {
      queue.set_in_line(deadlines[i], Kind::tick, i, i * 2);
    } else {
      queue.set(deadlines[i], Kind::tick, i, i * 2);
    }
    expected.emplace_back(deadlines[i], i);
  }
  std::stable_sort(expected.begin(), expected.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [deadline, key] : expected) {
    RC_ASSERT(queue.next_deadline() == deadline);
    TimerQueue<Kind>::Timer timer{};
    RC_ASSERT(!queue.pop_due(deadline - 1, timer));
    RC_ASSERT(queue.pop_due(deadline, timer));
    RC_ASSERT(timer.key == key);
    RC_ASSERT(timer.stamp == key * 2);
  }
  RC_ASSERT(queue.next_deadline() == kNever);
}

// As they come and go, the line goes round and grows on the way.
TEST(TimerQueue, ALineGoesRound) {
  TimerQueue<Kind> queue;
  MonoTime set = 0, popped = 0;
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 5; ++i) {
      ++set;
      queue.set_in_line(set, Kind::tick, static_cast<uint64_t>(set));
    }
    TimerQueue<Kind>::Timer timer{};
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(queue.pop_due(set, timer));
      EXPECT_EQ(timer.deadline, ++popped);
      EXPECT_EQ(timer.key, static_cast<uint64_t>(popped));
    }
  }
  EXPECT_EQ(queue.size(), static_cast<size_t>(set - popped));
}

TEST(TimerQueue, NeverIsNotKept) {
  TimerQueue<Kind> queue;
  queue.set(kNever, Kind::tick);
  queue.set_in_line(kNever, Kind::tick);
  EXPECT_EQ(queue.size(), 0u);
  queue.set(5, Kind::tick);
  queue.set_in_line(5, Kind::tick);
  queue.clear();
  TimerQueue<Kind>::Timer timer{};
  EXPECT_FALSE(queue.pop_due(100, timer));
}

}  // namespace
}  // namespace imroute
