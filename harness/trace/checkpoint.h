// Checkpoints of a run: after so many events, the running trace hash, the simulated time, and how
// much of the trace was written. Two runs are compared by them without a trace, and long traces
// without reading what is equal. A log holds at most kMost: when it is full every second goes and
// the distance doubles, so that runs of any length have a short list, and two lists have the events
// of the coarser one in common.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace imroute {

// What was written to trace.jsonl so far.
struct WrittenTrace {
  uint64_t lines = 0, bytes = 0;
  uint64_t hash = 0;  // of the lines in their order

  void add(std::string_view line);  // without its end of line, which counts as a byte
};

struct Checkpoint {
  uint64_t events = 0;
  int64_t t_ns = 0;
  uint64_t hash = 0;  // of the events so far; of the last checkpoint: the run's trace hash
  uint64_t lines = 0, bytes = 0, lines_hash = 0;  // of the trace; zeros without one

  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

class CheckpointLog {
 public:
  static constexpr size_t kMost = 1024;
  static constexpr uint64_t kNearest = 64;  // events from one to the next, at first

  bool due(uint64_t events) const { return (events & (distance_ - 1)) == 0; }
  // REQUIRES: due.
  void add(const Checkpoint& checkpoint);
  // The list with the end of the run, which needs not be due.
  std::vector<Checkpoint> finish(const Checkpoint& end);

 private:
  uint64_t distance_ = kNearest;  // a power of two
  std::vector<Checkpoint> list_;
};

// The text of checkpoints.jsonl: a line a checkpoint, the last marked as the end.
std::string write_checkpoints(const std::vector<Checkpoint>& list);
struct ReadCheckpoints {
  std::vector<Checkpoint> list;
  size_t line = 0;      // of the problem; 0 = of the whole
  std::string problem;  // empty = none
};
ReadCheckpoints read_checkpoints(std::string_view text);

// Where two lists part.
struct CheckpointParting {
  bool same = false;  // to the end of both
  // Index in each list of the last checkpoint that is equal in both; -1 = none is.
  int64_t equal_a = -1, equal_b = -1;
  // Index of the first at the same event that differs; of a run that ended before: its end.
  size_t after_a = 0, after_b = 0;
};
// `with_trace`: the lines written are compared as well. REQUIRES: neither list is empty.
CheckpointParting part_checkpoints(const std::vector<Checkpoint>& a,
                                   const std::vector<Checkpoint>& b, bool with_trace);

}  // namespace imroute
