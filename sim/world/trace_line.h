// Names of machines in traces and results, and the trace lines of the simulated world itself. What
// a machine decided is written by harness/trace/trace_line.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sim/network/layout.h"

namespace imroute {

// {"t_ns":123,"machine":"world","kind":"fault_begin","fault":"crash","value":4}
std::string fault_line(int64_t t, size_t index, std::string_view kind, std::string_view what);
// "node:3", "router:0", "client:7", "mailbox"
std::string machine_name(const Layout& layout, Endpoint e);

}  // namespace imroute
