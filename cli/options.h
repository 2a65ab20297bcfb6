// The command line as data: what the user typed, checked for form. One struct for all commands; a
// command reads what concerns it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.h"

namespace imroute {

enum ExitCode : int {
  kExitHeld = 0,
  kExitViolated = 1,     // an expectation or invariant was violated, or the run was vacuous
  kExitUsage = 2,        // bad usage or bad input
  kExitEnvironment = 3,  // cannot write, cannot reach
  kExitInternal = 4,     // an assertion: a bug of the program
  // 130: interrupted (cli/interrupt.h)
};

struct Options {
  std::string command;
  std::vector<std::string> scenarios;  // run: exactly one
  std::string world = "sim";           // run --world, compare --worlds
  std::optional<uint64_t> seed;        // run: this one; compare: the first
  std::vector<std::string> sets;
  std::string out;  // empty = no files
  bool json = false;
  bool trace = false;
  bool ci = false;  // apply the file's own "ci" overrides
  DurationNs until_ns = kNever;
  std::vector<std::string> strategies, balancers;
  uint32_t seeds = 5;
  uint32_t jobs = 0;  // 0 = one a core
  // explore, shrink
  std::optional<uint64_t> explore_seeds;  // none with a budget: until it is used up
  uint64_t from = 1;
  std::optional<DurationNs> budget_ns;
  uint64_t shard = 1, shards = 1;
  bool require_coverage = false;
  DurationNs seed_limit_ns = 120 * kSecond;  // wall time
  std::string fingerprint;                   // shrink: which of several failures
  std::string directory;                     // explain, report
  std::string trace_a, trace_b;              // diff-trace
  std::string message;                       // explain
  std::string plant;  // a bug of core/base/planted_bugs.h; imroute_planted only
  // node, router, up, chat, send
  std::string config;  // of one server
  uint32_t nodes = 4;
  uint32_t port = 7000;  // first of the router's two; 0: any that are free
  std::string data_dir = "imroute-data";
  std::string user, to, group;
  uint32_t device = 0;
  std::vector<std::string> routers{"127.0.0.1:7000"};
  bool tls = false;  // up
  std::string tls_authority, pass_file, key_file;
  DurationNs timeout_ns = 10 * kSecond;
  bool wait_delivered = false;  // send --wait delivered
  DurationNs valid_ns = 3600 * kSecond;
  // bench
  std::vector<std::string> measures;  // empty: all
  uint64_t messages = 1'000'000;
  uint64_t rate = 50'000;  // a second
  uint32_t connections = 15'000;
  std::string redis;  // host:port; empty: the mailbox is the router's
  std::string topic;  // list WHAT, help COMMAND, completions SHELL, init FILE
};

// What to do with a command line.
struct ParsedCommandLine {
  Options options;
  // Set when there is nothing to run: help or version to print (code 0), or a mistake (code 2).
  std::optional<int> exit_code;
  std::string text;  // for standard output when the code is 0, else for standard error
};
ParsedCommandLine parse_command_line(const std::vector<std::string>& arguments);

// What completions offer.
struct CommandInfo {
  std::string name, help;
  std::vector<std::pair<std::string, std::string>> options;  // "--seed" and its help
  bool takes_scenario = false, takes_directory = false;
  std::vector<std::string> words;  // allowed values of the positional argument
};
std::vector<CommandInfo> command_table();

}  // namespace imroute
