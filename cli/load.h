// Scenario files for the commands: options of the command line into options of the loader, and
// mistakes onto the screen.
#pragma once

#include <string>
#include <vector>

#include "cli/console.h"
#include "cli/options.h"
#include "config/diagnostic.h"
#include "harness/scenario/loader.h"

namespace imroute {

LoadOptions load_options(const Options& options);

// Prints every mistake, then throws UsageError with their number.
[[noreturn]] void refuse_scenario(const std::vector<Diagnostic>& diagnostics,
                                  const Console& console);

// What was typed, canonically: "imroute run x.json --seed 7". For result.json.
std::string command_text(const Options& options);

}  // namespace imroute
