// Stops calling a target that keeps failing: after so many failures in a row the circuit opens,
// and after a while exactly one call is let through to see (half-open). Its success closes the
// circuit, its failure opens it again. Answers to calls from before it opened decide nothing.
#pragma once

#include <cstdint>

#include "core/base/time.h"

namespace imroute {

class CircuitBreaker {
 public:
  enum class State : uint8_t { closed, open, half_open, probing };

  State state() const { return state_; }
  MonoTime open_until() const { return open_until_; }
  bool lets_through() const { return state_ == State::closed || state_ == State::half_open; }

  // Time passes. True when an open circuit became half-open.
  bool on_time(MonoTime now) {
    if (state_ != State::open || now < open_until_) return false;
    state_ = State::half_open;
    return true;
  }
  // A call goes out. True when it is the probe. REQUIRES: as below, for calls that heed it.
  bool on_send() {
    if (state_ != State::half_open) return false;
    state_ = State::probing;
    return true;
  }
  void on_success(bool probe) {
    if (state_ != State::closed && !probe) return;
    state_ = State::closed;
    failures_ = 0;
  }
  // True when it opened the circuit.
  bool on_failure(bool probe, MonoTime now, uint32_t limit, DurationNs open_for) {
    if (state_ != State::closed && !probe) return false;
    if (!probe && ++failures_ < limit) return false;
    state_ = State::open;
    open_until_ = now + open_for;
    failures_ = 0;
    return true;
  }
  // The call ended without an answer for reasons of the caller's.
  void on_abandoned(bool probe) {
    if (probe && state_ == State::probing) state_ = State::half_open;
  }

 private:
  State state_ = State::closed;
  uint32_t failures_ = 0;  // in a row
  MonoTime open_until_ = 0;
};

}  // namespace imroute
