// A trace record as one line of JSON for trace.jsonl. Fields that say nothing are left out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/event/trace.h"
#include "sim/network/layout.h"

namespace imroute {

// {"t":123,"at":"node:3","kind":"route_push","conversation":[1,2],...}: t in ns.
std::string trace_line(int64_t t, const Layout& layout, Endpoint at, const TraceRecord& record);
// {"t":123,"fault":4,"kind":"crash","what":"begin"}
std::string fault_line(int64_t t, size_t index, std::string_view kind, std::string_view what);
// "node:3", "router:0", "client:7", "mailbox"
std::string machine_name(const Layout& layout, Endpoint e);

}  // namespace imroute
