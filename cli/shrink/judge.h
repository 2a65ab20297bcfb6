// Decides for shrinking whether candidates fail the same way: runs them in worker processes, so
// that one that asserts, crashes or hangs is an answer like any other. Answers are kept; what was
// asked once is not run again.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/explore/worker_pool.h"
#include "harness/result/fingerprint.h"
#include "harness/scenario/scenario.h"
#include "harness/shrink/recording.h"
#include "sim/simulation.h"

namespace imroute {

// simulate(), or what a test has in its place: one that asserts, crashes or hangs.
using RunScenario = std::function<Result(const Scenario&, const SimulationOptions&)>;

// One run, seen from outside.
struct Recording {
  std::vector<RecordedAction> actions;  // until its end, whatever that was
  std::vector<Fingerprint> prints;      // how it failed; empty: it did not
};
Recording record_run(const Scenario& scenario, const RunScenario& run, DurationNs limit_ns);

class Judge {
 public:
  // `recording` failed as `target`, among others. `stop` is asked about ten times a second; once
  // true, nothing fails any more.
  Judge(unsigned jobs, const Recording& recording, Fingerprint target, const RunScenario& run,
        DurationNs limit_ns, std::function<bool()> stop);

  // harness/shrink/reduce.h
  std::optional<size_t> first_failing(size_t count,
                                      const std::function<std::string(size_t)>& candidate);
  bool stopped() const { return stopped_; }
  // Different candidates that had to be decided; the same for any number of jobs.
  uint64_t runs() const { return decided_.size(); }

 private:
  bool fails_alike(const std::vector<Fingerprint>& prints) const;
  void decide(const std::vector<std::string>& texts);

  unsigned jobs_;
  Fingerprint target_;
  bool vacuous_too_;  // the recorded run was
  std::function<bool()> stop_;
  WorkerPool pool_;
  bool stopped_ = false;
  std::map<uint64_t, bool> answers_;  // by hash of the text
  std::set<uint64_t> decided_;
};

}  // namespace imroute
