// The simulator's future event list: a monotone radix heap over (time, priority), first in first
// out among equals. Monotone because a simulation never schedules into its past; then an entry
// moves at most once per bit of its distance, always in a linear sweep, which beats any comparison
// heap as soon as the list leaves the cache (Ahuja, Mehlhorn, Orlin, Tarjan 1990, with one bucket a
// bit). Redistribution keeps insertion order, so ties need no stored sequence and an entry is 16
// bytes: the key, and 64 bits that name what happens. Payload lives elsewhere (sim/engine/pool.h).
//
// Equals may instead be taken in an order drawn from a seed: what a machine may not rely on then
// shows. Whoever promises an order (a stream, a connection to a store) gives its entries times that
// rise.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/base/assert.h"
#include "core/base/rng.h"
#include "core/base/time.h"

namespace imroute {

// Lower runs first at the same time.
enum class EventPriority : uint8_t { control, normal, late };

class EventQueue {
 public:
  struct Entry {
    uint64_t key;   // time * 4 + priority
    uint64_t what;  // the caller's
    int64_t time() const { return static_cast<int64_t>(key >> 2); }
  };

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  // Time of the last entry taken.
  int64_t now() const { return static_cast<int64_t>(last_ >> 2); }

  // A time or priority that has passed already means "next": after what is due now.
  void push(int64_t time, EventPriority priority, uint64_t what) {
    IM_ASSERT(time >= 0 && time < kNever / 4);
    uint64_t key = static_cast<uint64_t>(time) << 2 | static_cast<uint64_t>(priority);
    if (key < last_) key = last_;
    put({key, what});
    ++size_;
  }

  void permute_ties(Rng rng) {
    ties_ = rng;
    permuted_ = true;
  }

  // There is no peek: looking ahead would settle the heap on a time that a caller may still want to
  // schedule before. What must happen at a time is an entry.
  // REQUIRES: !empty().
  Entry pop() {
    settle();
    const size_t equal = buckets_[0].size() - front_;
    if (permuted_ && equal > 1) {
      std::swap(buckets_[0][front_], buckets_[0][front_ + static_cast<size_t>(ties_.below(equal))]);
    }
    const Entry entry = buckets_[0][front_++];
    if (front_ == buckets_[0].size()) {
      buckets_[0].clear();
      front_ = 0;
    }
    --size_;
    return entry;
  }

 private:
  static constexpr uint32_t kBuckets = 65;

  void put(const Entry& entry) {
    const uint64_t differs = entry.key ^ last_;
    const auto bucket = static_cast<uint32_t>(std::bit_width(differs));
    buckets_[bucket].push_back(entry);
    if (bucket != 0) filled_ |= uint64_t{1} << (bucket - 1);
  }

  // Moves the earliest bucket's entries down until bucket 0 has the next ones.
  void settle() {
    IM_ASSERT(size_ > 0);
    if (front_ < buckets_[0].size()) return;
    const auto lowest = static_cast<uint32_t>(std::countr_zero(filled_)) + 1;
    filled_ &= filled_ - 1;
    std::vector<Entry>& from = buckets_[lowest];
    if (from.size() == 1) {
      last_ = from[0].key;
      buckets_[0].push_back(from[0]);
      from.clear();
      return;
    }
    uint64_t least = from[0].key;
    for (const Entry& e : from) least = e.key < least ? e.key : least;
    last_ = least;
    for (const Entry& e : from)
      put(e);  // all go below `lowest`: they share its top bit with `last_`
    from.clear();
  }

  std::array<std::vector<Entry>, kBuckets> buckets_;
  uint64_t last_ = 0;
  uint64_t filled_ = 0;  // bit i: bucket i + 1 is not empty
  size_t front_ = 0;     // next entry of bucket 0
  size_t size_ = 0;
  Rng ties_{0};
  bool permuted_ = false;
};

}  // namespace imroute
