// One exploration: which scenarios, the workers that run their seeds, and what came of it. The
// command line and its output are elsewhere (explore_command.cc, explore/report.h).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/console.h"
#include "cli/options.h"
#include "harness/explore/coverage.h"
#include "harness/explore/record.h"
#include "harness/explore/seed_plan.h"

namespace imroute {

struct ExploredScenario {
  std::string file;
  std::string text;
  std::string name;
  bool ci = false;
  std::vector<std::string> sets;  // of the command line; `/matrix=null` where there is a matrix
  Mutation mutation = Mutation::none;
  Scenario base;  // as loaded; not for a swarm, whose every seed is loaded anew
};

// The files and folders that were named. Throws UsageError; prints the mistakes of files.
std::vector<ExploredScenario> find_scenarios(const Options& options, const Console& console);

struct Exploration {
  std::vector<SeedRecord> records;  // merged
  bool interrupted = false;
  bool out_of_time = false;
  double seconds = 0;
  unsigned jobs = 1;
};

// Runs the plan. `progress` is told about ten times a second.
using ExploreProgress = std::function<void(const std::vector<SeedRecord>& so_far, double seconds)>;
Exploration explore(const std::vector<ExploredScenario>& scenarios, const Options& options,
                    const ExploreProgress& progress);

// What the scenarios can draw, from a sample of seeds.
Requirement requirement_of(const std::vector<ExploredScenario>& scenarios);

// The scenario of one seed with further overrides.
Scenario scenario_of(const ExploredScenario& scenario, uint64_t seed,
                     const std::vector<std::string>& sets);

}  // namespace imroute
