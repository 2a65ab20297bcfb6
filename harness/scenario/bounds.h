// How long the protocol may take, from the scenario's own settings: what oracles wait for, what the
// drain lasts, and how short a phase must not be. One place, so that they cannot disagree.
#pragma once

#include "harness/scenario/scenario.h"

namespace imroute {

// D_sync: a holder that reaches the mailbox has delivered what was stored.
DurationNs sync_bound(const Scenario& scenario);
// D_conv: routing has recovered from any fault: lease, watch delay, heartbeat timeout, backoff,
// D_sync.
DurationNs convergence_bound(const Scenario& scenario);
// And every session that another one superseded has been found by the session check.
DurationNs settling_bound(const Scenario& scenario);

}  // namespace imroute
