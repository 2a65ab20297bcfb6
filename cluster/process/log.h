// Logs: one line an event, on standard error, its name first and then what belongs to it as
// key=value (or as one JSON object). Nothing secret and no message body is ever passed here.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/event/event.h"
#include "core/event/trace.h"

namespace imroute::cluster {

enum class LogLevel : uint8_t { debug, info, warning, error };
using LogFields = std::initializer_list<std::pair<std::string_view, std::string>>;

// Once, at start-up. `who` stands in every line: "node:3".
void start_log(const std::string& who, LogLevel least, bool json);
void log_event(LogLevel level, std::string_view event, LogFields fields = {});

// A connection that failed before it was one: to a server that was dialled, or of a stranger.
void log_trouble(std::optional<Address> dialled, std::string_view why);

// A decision of the core, at level debug.
void log_trace(const TraceRecord& record);

}  // namespace imroute::cluster
