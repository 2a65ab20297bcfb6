// What a server counts, as text for Prometheus (exposition format 0.0.4).
#pragma once

#include <string>

#include "cluster/machine/driver.h"
#include "core/model/counters.h"
#include "core/node/node.h"

namespace imroute::cluster {

// The core's counters as imroute_NAME_total.
void add_counters(std::string& out, const Counters& counters);
// Links, operations of stores.
void add_driver(std::string& out, Driver& driver);
void add_status(std::string& out, const NodeStatus& status);

}  // namespace imroute::cluster
