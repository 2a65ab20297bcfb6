// The deadlines of one machine: a binary heap of (deadline, sequence) with the timer's meaning
// beside it. Cancelling is lazy: the owner keeps a stamp per thing and ignores a timer whose stamp
// is old. Ties fire in the order they were set.
//
// Most timers of a busy machine wait for the same time (an answer is due within half a second), so
// each is due after the one before it, and most are void when they are due. A line keeps those:
// half a million in a heap cost more than the messages that they guard.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
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
  // The same, for one that is usually due after all others that were set by this.
  void set_in_line(MonoTime deadline, Kind kind, uint64_t key = 0, uint64_t stamp = 0) {
    const bool last = waiting_ == 0 || in_line(waiting_ - 1).deadline <= deadline;
    if (!last || deadline == kNever) return set(deadline, kind, key, stamp);
    if (waiting_ == line_.size()) lengthen();
    in_line(waiting_++) = {deadline, next_sequence_++, key, stamp, kind};
  }
  MonoTime next_deadline() const {
    const MonoTime of_heap = heap_.empty() ? kNever : heap_.front().deadline;
    return waiting_ == 0 ? of_heap : std::min(of_heap, line_[first_].deadline);
  }
  size_t size() const { return heap_.size() + waiting_; }

  // Takes one timer that is due at `now`. False when none is.
  bool pop_due(MonoTime now, Timer& out) {
    if (next_deadline() > now || size() == 0) return false;
    if (waiting_ != 0 && (heap_.empty() || later(heap_.front(), line_[first_]))) {
      out = line_[first_];
      first_ = (first_ + 1) & (line_.size() - 1);
      --waiting_;
      return true;
    }
    std::pop_heap(heap_.begin(), heap_.end(), later);
    out = heap_.back();
    heap_.pop_back();
    return true;
  }
  void clear() {
    heap_.clear();
    waiting_ = 0;
  }

 private:
  static bool later(const Timer& a, const Timer& b) {
    return a.deadline != b.deadline ? a.deadline > b.deadline : a.sequence > b.sequence;
  }
  Timer& in_line(size_t place) { return line_[(first_ + place) & (line_.size() - 1)]; }
  void lengthen() {
    std::vector<Timer> longer(std::max<size_t>(8, line_.size() * 2));
    for (size_t i = 0; i < waiting_; ++i) longer[i] = in_line(i);
    line_ = std::move(longer);
    first_ = 0;
  }

  std::vector<Timer> heap_;
  std::vector<Timer> line_;  // a ring, its size a power of two
  size_t first_ = 0, waiting_ = 0;
  uint64_t next_sequence_ = 0;
};

}  // namespace imroute
