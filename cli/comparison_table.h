// A comparison in the terminal: one aligned table a setting, at most 100 columns, and the verdict.
#pragma once

#include "cli/console.h"
#include "harness/compare/comparison.h"

namespace imroute {

void print_comparison(const Comparison& comparison, const Console& console);

}  // namespace imroute
