#include "sim/engine/event_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "core/base/rng.h"

namespace imroute {
namespace {

TEST(EventQueue, OrdersByTimeThenPriorityThenInsertion) {
  EventQueue queue;
  queue.push(20, EventPriority::normal, 1);
  queue.push(10, EventPriority::late, 2);
  queue.push(10, EventPriority::control, 3);
  queue.push(10, EventPriority::late, 4);
  queue.push(10, EventPriority::normal, 5);
  std::vector<uint64_t> order;
  while (!queue.empty()) order.push_back(queue.pop().what);
  EXPECT_EQ(order, (std::vector<uint64_t>{3, 5, 2, 4, 1}));
}

TEST(EventQueue, WhatIsScheduledForThePastRunsNextInOrder) {
  EventQueue queue;
  queue.push(100, EventPriority::late, 1);
  queue.push(100, EventPriority::late, 2);
  EXPECT_EQ(queue.pop().what, 1u);
  queue.push(50, EventPriority::control, 3);
  EXPECT_EQ(queue.pop().what, 2u);
  const EventQueue::Entry last = queue.pop();
  EXPECT_EQ(last.what, 3u);
  EXPECT_EQ(last.time(), 100);
}

// Against a stable sort, with pushes between pops, ties, and jumps over many powers of two.
TEST(EventQueue, AgreesWithAStableSortOverRandomUse) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Rng rng(seed);
    EventQueue queue;
    struct Item {
      int64_t time;
      int priority;
      uint64_t sequence;
      bool operator<(const Item& o) const {
        return std::tie(time, priority, sequence) < std::tie(o.time, o.priority, o.sequence);
      }
    };
    std::vector<Item> model;
    int64_t now = 0;
    int now_priority = 0;
    uint64_t sequence = 0;
    for (int step = 0; step < 4000; ++step) {
      if (model.empty() || rng.chance(11, 20)) {
        const int64_t distance =
            rng.chance(1, 3) ? 0 : static_cast<int64_t>(rng.below(uint64_t{1} << rng.below(40)));
        Item item{now + distance, static_cast<int>(rng.below(3)), sequence++};
        queue.push(item.time, static_cast<EventPriority>(item.priority), item.sequence);
        if (item.time == now && item.priority < now_priority) item.priority = now_priority;
        model.push_back(item);
      } else {
        const auto least = std::min_element(model.begin(), model.end());
        const EventQueue::Entry got = queue.pop();
        ASSERT_EQ(got.what, least->sequence);
        ASSERT_EQ(got.time(), least->time);
        now = least->time;
        now_priority = least->priority;
        model.erase(least);
      }
    }
  }
}

TEST(EventQueue, PermutedTiesKeepTimeAndPriorityAndFollowTheSeed) {
  const auto order = [](uint64_t seed) {
    EventQueue queue;
    queue.permute_ties(Rng(seed));
    for (uint64_t i = 0; i < 20; ++i) queue.push(5, EventPriority::normal, i);
    queue.push(5, EventPriority::late, 100);
    queue.push(5, EventPriority::control, 200);
    queue.push(4, EventPriority::late, 300);
    std::vector<uint64_t> out;
    while (!queue.empty()) out.push_back(queue.pop().what);
    return out;
  };
  const std::vector<uint64_t> a = order(1);
  EXPECT_EQ(a, order(1));
  EXPECT_NE(a, order(2));
  ASSERT_EQ(a.size(), 23u);
  EXPECT_EQ(a[0], 300u);
  EXPECT_EQ(a[1], 200u);
  EXPECT_EQ(a[22], 100u);
  std::vector<uint64_t> ties(a.begin() + 2, a.begin() + 22);
  EXPECT_FALSE(std::is_sorted(ties.begin(), ties.end()));
  std::sort(ties.begin(), ties.end());
  for (uint64_t i = 0; i < 20; ++i) EXPECT_EQ(ties[i], i);
}

}  // namespace
}  // namespace imroute
