// The page of one run: what came of it, how rates and latency went over time with the faults
// shaded, what broke and how to see it again.
#pragma once

#include <string>

#include "harness/result/result.h"

namespace imroute {

// `json` is the result.json that the page embeds.
std::string render_run_report(const Result& result, const std::string& json);

}  // namespace imroute
