// A scenario back to JSON, in one canonical form: every key that has a meaning, in fixed order,
// values in fixed spelling. It loads back to the same scenario, which is what makes
// `effective.json` a replay and the hash a name for what was run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/scenario/scenario.h"

namespace imroute {

// The canonical form, nemesis included.
std::string write_scenario(const Scenario& scenario);
// The same on one line, without its end.
std::string write_scenario_line(const Scenario& scenario);

// What was really run: all defaults, `plan` in place of the scenario's own faults, no nemesis.
// Running it gives the same trace hash.
std::string write_effective(const Scenario& scenario, const std::vector<Fault>& plan);

// Hash of the canonical form with the seed left out (Scenario::hash).
uint64_t scenario_hash(const Scenario& scenario);

}  // namespace imroute
