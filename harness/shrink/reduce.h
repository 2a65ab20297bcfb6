// Makes a failing scenario smaller while it fails the same way: delta debugging over its parts,
// then over its options, repeated until nothing more can go.
//
// Who runs candidates and decides is the caller's: this file only asks for the first of several
// that fails. Candidates have an order and the first failing one is taken, whoever finished first;
// so the outcome is a function of the scenario, not of the number of workers or of time.
#pragma once

#include <cstddef>
#include <functional>

#include "harness/scenario/scenario.h"
#include "harness/shrink/attempt.h"
#include "harness/shrink/parts.h"

namespace imroute {

// Takes away chunks of halving size until no single part can go any more (ddmin over complements).
// At least `least` parts stay.
void minimise(Scenario& scenario, const Part& part, size_t least, const FirstFailing& first);

// REQUIRES: `scenario` is scripted (recording.h) and fails. Ends early when `stop` says so.
Scenario reduce(Scenario scenario, const FirstFailing& first, const std::function<bool()>& stop,
                const std::function<void(const Scenario&)>& progress);

}  // namespace imroute
