// The commands, one function each: options in, exit code out, everything printed through the
// console. They throw UsageError and EnvironmentError (cli/files.h); run_program turns those into
// codes 2 and 3.
#pragma once

#include <string>
#include <vector>

#include "cli/console.h"
#include "cli/options.h"
#include "cli/shrink/judge.h"

namespace imroute {

int run_command(const Options& options, const Console& console);
int compare_command(const Options& options, const Console& console);
int explore_command(const Options& options, const Console& console);
int shrink_command(const Options& options, const Console& console);
int shrink_command(const Options& options, const Console& console, const RunScenario& run);
int validate_command(const Options& options, const Console& console);
int schema_command(const Options& options, const Console& console);
int init_command(const Options& options, const Console& console);
int list_command(const Options& options, const Console& console);
int explain_command(const Options& options, const Console& console);
int diff_trace_command(const Options& options, const Console& console);
int report_command(const Options& options, const Console& console);
int completions_command(const Options& options, const Console& console);
#ifdef IMROUTE_CLUSTER
int node_command(const Options& options, const Console& console);
int router_command(const Options& options, const Console& console);
int up_command(const Options& options, const Console& console);
int chat_command(const Options& options, const Console& console);
int send_command(const Options& options, const Console& console);
int pass_command(const Options& options, const Console& console);
int bench_command(const Options& options, const Console& console);
#endif

// The whole program but for signals: `arguments` without the program's name.
int run_program(const std::vector<std::string>& arguments, const Console& console);

}  // namespace imroute
