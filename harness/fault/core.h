// The healed core: at the end of chaos a few machines become healthy, everything else stays broken
// for good, and the core must make progress nevertheless (harness.md 4). Healing everything at once
// would hide each state that only a full recovery unlocks.
//
// The core: the registry, both stores, the bus, all clients, one router and some nodes, and every
// edge among them. Whoever is outside ends up dead, frozen or cut off, or keeps what it had.
#pragma once

#include <vector>

#include "harness/scenario/scenario.h"

namespace imroute {

// When chaos ends and the core is healed; the run's duration when there is no such phase.
int64_t chaos_end(const Scenario& scenario);

// The scenario's own core, or one drawn from its seed. Nothing without a liveness phase.
LivenessConfig settle_core(const Scenario& scenario);

// Ends at the end of chaos what touches the core, makes the rest permanent, and, when the core was
// drawn, breaks who is outside. REQUIRES: targets of `plan` are resolved.
void isolate_core(const Scenario& scenario, std::vector<Fault>& plan);

}  // namespace imroute
