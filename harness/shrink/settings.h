// The options of a scenario: which of them say anything, and which of those a failure needs. A key
// says nothing when the scenario that loads without it is the same; so nothing here knows defaults,
// and a new key of the language is simplified like the others.
#pragma once

#include <string>

#include "harness/scenario/scenario.h"
#include "harness/shrink/attempt.h"

namespace imroute {

// The text of a scenario with only those keys that say something.
std::string write_minimal(const Scenario& scenario);

// Leaves out one setting after the other: whole sections first, then single keys.
void simplify_settings(Scenario& scenario, const FirstFailing& first);

}  // namespace imroute
