// The `expect` of a scenario: pointers into result.json compared with numbers. What the mode
// promises fails a run by itself (the oracles); this is for what the author of a scenario promises
// on top.
#pragma once

#include "harness/result/result.h"
#include "harness/scenario/scenario.h"

namespace imroute {

// Adds a violation for every expectation that does not hold, or whose pointer names no number, and
// turns the verdict to fail when there is one. A vacuous run stays vacuous.
void judge_expectations(const Scenario& scenario, Result& result);

}  // namespace imroute
