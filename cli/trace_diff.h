// Where two traces part. A side is the directory of a run (trace.jsonl, checkpoints.jsonl,
// result.json) or a trace.jsonl alone. What the checkpoints of both sides show to be equal is
// skipped, the rest is read line by line: memory does not grow with the traces.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "harness/result/result.h"
#include "harness/trace/checkpoint.h"

namespace imroute {

struct TraceSide {
  std::string path;              // as typed
  std::filesystem::path trace;   // empty = there is none
  std::optional<Result> result;  // of a directory, when it is there
  std::vector<Checkpoint> checkpoints;
};
// Throws UsageError: nothing there, or what is there is no trace.
TraceSide open_side(const std::string& path);

// The first line that differs.
struct LineParting {
  uint64_t number = 0;              // of the line; 0 = all lines are the same
  std::optional<std::string> a, b;  // none: that trace ends before this line
  std::vector<std::string> before;  // the last lines that both share
  uint64_t shared = 0;              // how many lines they share in all
};

struct TraceDiff {
  std::optional<LineParting> lines;         // when both sides have a trace
  std::optional<CheckpointParting> events;  // when both sides have checkpoints

  bool same() const { return (!lines || lines->number == 0) && (!events || events->same); }
};
// Throws UsageError, also when the two have nothing in common to compare.
TraceDiff diff_traces(const TraceSide& a, const TraceSide& b);

}  // namespace imroute
