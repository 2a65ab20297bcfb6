// Which faults were in force when, what a cause is called, and when the run is quiet: D_conv after
// the last fault ended and what was sent meanwhile has come (harness.md 5, oracle 7).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "harness/result/result.h"
#include "harness/scenario/scenario.h"

namespace imroute {

class FaultLog {
 public:
  FaultLog(const Scenario& scenario, const std::vector<Fault>& plan);

  void started(int64_t t, size_t index);
  void ended(int64_t t, size_t index, bool effective, int64_t late_until);

  bool any_in_force() const { return in_force_ > 0; }
  // End of the last fault; kNever while one is in force; 0 when there was none yet.
  int64_t calm_since() const { return calm_since_; }
  // Start of the span in which routing must have settled; kNever while faults are in force.
  int64_t quiet_since() const { return quiet_since_; }
  // Until when what was sent under the faults that have ended may be on its way.
  int64_t felt_until() const { return felt_until_; }
  // The name of a fault in force at any time in [from, to]; "" when there was none.
  std::string cause_between(int64_t from, int64_t to) const;
  std::vector<std::string> in_force() const;

  bool planned_overload() const;
  // Spans of calm (no fault in force) that begin with the end of an overload, at most to `end`.
  struct Calm {
    int64_t from, to;
  };
  std::vector<Calm> calms_after_overload(int64_t end) const;

  // Longest time that convergence after a fault may take: lease + watch delay + heartbeat timeout
  // + max backoff + D_sync; and what a sync takes at most.
  int64_t convergence_bound() const { return convergence_bound_; }
  int64_t sync_bound() const { return sync_bound_; }

  std::vector<FaultOutcome>& outcomes() { return outcomes_; }
  const std::vector<FaultOutcome>& outcomes() const { return outcomes_; }
  // The faults that ended at `t`.
  std::vector<size_t> ended_at(int64_t t) const;
  bool was_started(size_t index) const { return started_at_[index] != kNever; }

 private:
  std::vector<FaultOutcome> outcomes_;
  std::vector<int64_t> started_at_;  // kNever = not yet
  std::vector<int64_t> ended_at_;    // kNever = not yet
  std::vector<int64_t> felt_until_at_end_;
  int64_t felt_until_ = 0;
  uint32_t in_force_ = 0;
  int64_t calm_since_ = 0;
  int64_t quiet_since_ = 0;
  int64_t sync_bound_, convergence_bound_;
};

// "crash node:3 since 20 s"
std::string fault_text(const Fault& fault, int64_t since_ns);

}  // namespace imroute
