// The deadlines of one machine: a binary heap of (deadline, sequence) with the timer's meaning
// beside it. Cancelling is lazy: the owner keeps a stamp per thing and ignores a timer whose stamp
// is old. Ties fire in the order they were set.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/base/time.h"

namespace imroute {

template <class Kind>
class TimerQueue {
 public:
  struct Timer {
    MonoTime deadline;
    uint64_t sequence;
    uint64_t key;    // which thing (route id, session index, ...)
    uint64_t stamp;  // the thing's stamp when the timer was set
    Kind kind;
  };

  void set(MonoTime deadline, Kind kind, uint64_t key = 0, uint64_t stamp = 0) {
    if (deadline == kNever) return;
    heap_.push_back({deadline, next_sequence_++, key, stamp, kind});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  MonoTime next_deadline() const { return heap_.empty() ? kNever : heap_.front().deadline; }
  size_t size() const { return heap_.size(); }

  // Takes one timer that is due at `now`. False when none is.
  bool pop_due(MonoTime now, Timer& out) {
    if (heap_.empty() || heap_.front().deadline > now) return false;
    std::pop_heap(heap_.begin(), heap_.end(), later);
    out = heap_.back();
    heap_.pop_back();
    return true;
  }
  void clear() { heap_.clear(); }

 private:
  static bool later(const Timer& a, const Timer& b) {
    return a.deadline != b.deadline ? a.deadline > b.deadline : a.sequence > b.sequence;
  }
  std::vector<Timer> heap_;
  uint64_t next_sequence_ = 0;
};

}  // namespace imroute
