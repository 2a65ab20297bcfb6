// How long the protocol may take, from the scenario's own settings: what oracles wait for, what the
// drain lasts, and how short a phase must not be. One place, so that they cannot disagree.
#pragma once

#include "harness/scenario/scenario.h"

namespace imroute {

// The longest that a frame takes over an undisturbed link of this class, another one ahead of it.
DurationNs slowest_trip(const LinkClass& link);
// The slowest answer of a store, and of a router that asks one first: who gives them less time has
// operations and calls that end as failures though nothing failed.
DurationNs store_answer(const NetworkConfig& network);
DurationNs router_answer(const NetworkConfig& network);
// How long a push may be on its way in quiet time: to a node that is believed to hold the user,
// back with its NACK, to a router that asks the directory (or over the bus), and to the node that
// does; and to the device.
DurationNs longest_push(const NetworkConfig& network);
// D_sync: a holder that reaches the mailbox has delivered what was stored.
DurationNs sync_bound(const Scenario& scenario);
// D_conv: routing has recovered from any fault: lease or session check, watch delay, heartbeat
// timeout, a connection attempt that hangs, backoff, D_sync.
DurationNs convergence_bound(const Scenario& scenario);
// A client finds the one router that can help and a node that it can reach, when all other routers
// and `lost_nodes` nodes let it wait for a timeout each (it tries none twice, Client::State), and
// one node admits everybody.
DurationNs login_bound(const Scenario& scenario, uint32_t lost_nodes);
// The slowest delivery through a window: there, acknowledged, and the next read from the mailbox.
DurationNs delivery_round(const Scenario& scenario);
// And every session that another one superseded has been found by the session check.
DurationNs settling_bound(const Scenario& scenario);

}  // namespace imroute
