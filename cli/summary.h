// The human summary of one run: what a person wants to know first, first.
#pragma once

#include <string>

#include "cli/console.h"
#include "harness/result/result.h"

namespace imroute {

// `reproduce` is the line that repeats the run, printed below violations.
void print_summary(const Result& result, const std::string& reproduce, const Console& console);

}  // namespace imroute
