// What a server counts, as text for Prometheus (exposition format 0.0.4).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "cluster/http/server.h"
#include "cluster/machine/driver.h"
#include "cluster/process/gate.h"
#include "cluster/security/callback.h"
#include "core/base/durations.h"
#include "core/model/counters.h"
#include "core/node/node.h"

namespace imroute::cluster {

void add(std::string& out, const std::string& name, const char* type, const char* help,
         uint64_t value);
// As imroute_NAME, in seconds; NAME ends with _seconds.
void add_times(std::string& out, const std::string& name, const char* help, const Durations& times);
// The core's counters as imroute_NAME_total.
void add_counters(std::string& out, const Counters& counters);
// Links, operations of stores.
void add_driver(std::string& out, Driver& driver);
// One counter a cause, as imroute_NAME_total{why="..."}.
void add_causes(std::string& out, const std::string& name, const char* help,
                std::span<const std::pair<std::string_view, uint64_t>> causes);
void add_refusals(std::string& out, const std::string& name, const char* help,
                  const TokenFaults& refused);
void add_callback(std::string& out, const Callback& callback);
// The API of a router.
void add_http(std::string& out, const HttpTotals& totals, size_t senders);
void add_status(std::string& out, const NodeStatus& status);

}  // namespace imroute::cluster
