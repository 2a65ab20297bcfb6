// Runs one scenario in the simulated world: discrete events, real core, real bytes. One object is
// one run; nothing is shared between runs, so a process may run many on several threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "harness/result/result.h"
#include "harness/scenario/scenario.h"
#include "harness/workload/workload.h"

namespace imroute {

struct SimulationOptions {
  bool trace = false;  // write trace records to `trace_sink`
  std::function<void(const std::string& json_line)> trace_sink;
  std::function<void(const Action&)> action_sink;  // what users do, as they do it
  int64_t until_ns = kNever;  // stop there (--until): no drain, no judgement after
  std::function<void(double done_share)> progress;  // about every 100 ms of wall time; may be empty
  std::function<bool()> cancelled;                  // polled with progress; true stops the run
};

// The plan of a scenario for its seed: its faults with targets resolved, and what nemesis draws.
std::vector<Fault> materialise_plan(const Scenario& scenario);

// REQUIRES: a scenario that the loader accepted. Fills everything but version, commit and command.
Result simulate(const Scenario& scenario, const SimulationOptions& options = {});

}  // namespace imroute
