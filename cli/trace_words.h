// A line of a trace in words, for people: "pushes it to node 5 for user 9".
#pragma once

#include <string>

#include "harness/trace/trace_line.h"

namespace imroute {

// Of a message it says "it". Kinds that are not about one message fall through to their name.
std::string trace_words(const TraceLine& line);

}  // namespace imroute
