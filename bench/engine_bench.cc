// PHOLD on the simulator's own scheduling interface: each event taken schedules one at an
// exponential distance, so the number pending stays. Beside it, in the same run, a binary heap from
// the standard library and a bare radix heap without priorities, the floor.
#include <benchmark/benchmark.h>

#include <array>
#include <bit>
#include <cstdint>
#include <queue>
#include <vector>

#include "core/base/rng.h"
#include "sim/engine/event_queue.h"

namespace {

using imroute::EventPriority;
using imroute::EventQueue;
using imroute::Rng;

// Exponential distances from a table, so that the benchmark measures queues, not logarithms.
struct Distances {
  std::array<uint32_t, 4096> table;
  Distances() {
    // -ln(u) by halving: the sum of a geometric count and a uniform rest; mean about 1 us.
    Rng rng(7);
    for (uint32_t& d : table) {
      uint32_t whole = 0;
      while (rng.chance(1, 2)) whole += 693;
      d = whole + static_cast<uint32_t>(rng.below(693)) + 1;
    }
  }
};
const Distances kDistances;

struct Standard {
  struct Item {
    uint64_t time, sequence, what;
    bool operator<(const Item& o) const {
      return time != o.time ? time > o.time : sequence > o.sequence;
    }
  };
  std::priority_queue<Item> queue;
  uint64_t sequence = 0;
  void push(uint64_t time, uint64_t what) { queue.push({time, sequence++, what}); }
  std::pair<uint64_t, uint64_t> pop() {
    const Item item = queue.top();
    queue.pop();
    return {item.time, item.what};
  }
};

struct BareRadix {
  struct Item {
    uint64_t time, what;
  };
  std::array<std::vector<Item>, 65> buckets;
  uint64_t last = 0;
  void push(uint64_t time, uint64_t what) {
    buckets[static_cast<size_t>(std::bit_width(time ^ last))].push_back({time, what});
  }
  std::pair<uint64_t, uint64_t> pop() {
    if (buckets[0].empty()) {
      size_t i = 1;
      while (buckets[i].empty()) ++i;
      uint64_t least = buckets[i][0].time;
      for (const Item& item : buckets[i]) least = std::min(least, item.time);
      last = least;
      for (const Item& item : buckets[i]) push(item.time, item.what);
      buckets[i].clear();
    }
    const Item item = buckets[0].back();
    buckets[0].pop_back();
    return {item.time, item.what};
  }
};

struct Engine {
  EventQueue queue;
  void push(uint64_t time, uint64_t what) {
    queue.push(static_cast<int64_t>(time), EventPriority::normal, what);
  }
  std::pair<uint64_t, uint64_t> pop() {
    const EventQueue::Entry e = queue.pop();
    return {static_cast<uint64_t>(e.time()), e.what};
  }
};

template <class Queue>
void phold(benchmark::State& state) {
  Queue queue;
  Rng rng(1);
  const auto pending = static_cast<uint64_t>(state.range(0));
  for (uint64_t i = 0; i < pending; ++i) queue.push(rng.below(1'000'000), i);
  for (auto _ : state) {
    const auto [time, what] = queue.pop();
    const uint64_t draw = rng.next();
    // Spread over as many microseconds as there are events, as PHOLD does with many processes.
    queue.push(time + uint64_t{kDistances.table[draw & 4095]} * (1 + (draw >> 40) % 1000), what);
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(phold<Engine>)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(phold<BareRadix>)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(phold<Standard>)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);

}  // namespace
