#include "cli/trace_diff.h"

#include <deque>
#include <fstream>

#include "cli/files.h"
#include "cli/reproduce.h"
#include "harness/result/result_json.h"
#include "harness/trace/trace_line.h"

namespace imroute {
namespace {

namespace fs = std::filesystem;

constexpr size_t kContext = 5;  // lines shown before the first that differs

std::string run_again(const std::string& directory) {
  return "make it again: imroute run SCENARIO --trace --out " + shell_word(directory);
}

// Line by line; a file that ends within a line is refused.
class LineReader {
 public:
  explicit LineReader(const fs::path& path) : path_(path), file_(path, std::ios::binary) {
    if (!file_) throw UsageError("cannot read " + path.string());
  }
  // To the line after those that the checkpoint has counted.
  void skip_to(const Checkpoint& checkpoint) {
    file_.seekg(static_cast<std::streamoff>(checkpoint.bytes));
    number_ = checkpoint.lines;
  }
  std::optional<std::string> next() {
    std::string text;
    if (!std::getline(file_, text)) return {};
    ++number_;
    if (file_.eof()) {
      throw UsageError(place(number_) +
                       ": the file ends within this line, so it was cut short; copy it " +
                       "again, or " + run_again(path_.parent_path().string()));
    }
    return text;
  }
  uint64_t number() const { return number_; }
  // Refuses what is no line of a trace.
  void check(const std::string& text, uint64_t number) const {
    if (read_trace_line(text)) return;
    throw UsageError(place(number) +
                     ": not a line of a trace; a trace is the trace.jsonl of imroute " +
                     "run SCENARIO --trace --out DIR");
  }

 private:
  std::string place(uint64_t number) const { return path_.string() + ":" + std::to_string(number); }

  fs::path path_;
  std::ifstream file_;
  uint64_t number_ = 0;
};

// The last of the equal checkpoints that leaves enough lines before the first that differs.
void skip_equal(const TraceSide& a, const TraceSide& b, LineReader& in_a, LineReader& in_b) {
  const CheckpointParting parting = part_checkpoints(a.checkpoints, b.checkpoints, true);
  if (parting.equal_a < 0) return;
  const uint64_t known = a.checkpoints[static_cast<size_t>(parting.equal_a)].lines;
  if (known < kContext) return;
  for (auto i = parting.equal_a; i >= 0; --i) {
    const Checkpoint& from = a.checkpoints[static_cast<size_t>(i)];
    if (from.lines > known - kContext) continue;
    in_a.skip_to(from);  // equal in both, so far as bytes and lines go
    in_b.skip_to(from);
    return;
  }
}

LineParting part_lines(const TraceSide& a, const TraceSide& b) {
  LineReader in_a(a.trace), in_b(b.trace);
  if (!a.checkpoints.empty() && !b.checkpoints.empty()) skip_equal(a, b, in_a, in_b);
  LineParting parting;
  std::deque<std::string> before;
  while (true) {
    parting.a = in_a.next();
    parting.b = in_b.next();
    if (parting.a != parting.b) {
      parting.number = std::max(in_a.number(), in_b.number());
      if (parting.a) in_a.check(*parting.a, parting.number);
      if (parting.b) in_b.check(*parting.b, parting.number);
      break;
    }
    if (!parting.a) break;
    before.push_back(*parting.a);
    if (before.size() > kContext) before.pop_front();
  }
  parting.before.assign(before.begin(), before.end());
  parting.shared = parting.number != 0 ? parting.number - 1 : in_a.number();
  for (size_t i = 0; i < before.size(); ++i) {
    in_a.check(before[i], parting.shared - before.size() + 1 + i);
  }
  return parting;
}

void read_directory(const fs::path& directory, TraceSide& side) {
  const auto has = [&](const char* name) { return fs::exists(directory / name); };
  if (has("result.json")) {
    std::string problem;
    side.result = read_result_json(read_file(directory / "result.json"), &problem);
    if (!side.result) {
      throw UsageError((directory / "result.json").string() + " is not a result: " + problem +
                       "; " + run_again(side.path));
    }
  }
  if (has("checkpoints.jsonl")) {
    const fs::path file = directory / "checkpoints.jsonl";
    const ReadCheckpoints read = read_checkpoints(read_file(file));
    if (!read.problem.empty()) {
      throw UsageError(file.string() + ":" + std::to_string(read.line) + ": " + read.problem +
                       "; copy the file again, or " + run_again(side.path));
    }
    side.checkpoints = read.list;
  }
  if (has("trace.jsonl")) side.trace = directory / "trace.jsonl";
  if (!side.trace.empty() && !side.checkpoints.empty() &&
      fs::file_size(side.trace) != side.checkpoints.back().bytes) {
    throw UsageError(side.trace.string() + " has " + std::to_string(fs::file_size(side.trace)) +
                     " bytes, and checkpoints.jsonl beside it tells of " +
                     std::to_string(side.checkpoints.back().bytes) +
                     ": it was cut short or changed; copy both again, or " + run_again(side.path));
  }
  if (side.trace.empty() && side.checkpoints.empty()) {
    throw UsageError(side.path + " has neither trace.jsonl nor checkpoints.jsonl; " +
                     run_again(side.path));
  }
}

}  // namespace

TraceSide open_side(const std::string& path) {
  std::error_code error;
  TraceSide side;
  side.path = path;
  if (fs::is_directory(path, error)) {
    read_directory(path, side);
  } else if (fs::exists(path, error)) {
    side.trace = path;
  } else {
    throw UsageError("there is no " + path +
                     "; give the directory of a run (imroute run SCENARIO --out DIR) or its "
                     "trace.jsonl");
  }
  return side;
}

TraceDiff diff_traces(const TraceSide& a, const TraceSide& b) {
  TraceDiff diff;
  if (!a.trace.empty() && !b.trace.empty()) diff.lines = part_lines(a, b);
  if (!a.checkpoints.empty() && !b.checkpoints.empty()) {
    diff.events = part_checkpoints(a.checkpoints, b.checkpoints, false);
  }
  if (diff.lines || diff.events) return diff;
  const TraceSide& bare = a.checkpoints.empty() ? a : b;
  const TraceSide& other = a.checkpoints.empty() ? b : a;
  throw UsageError(bare.path + " has no checkpoints.jsonl and " + other.path +
                   " has no trace.jsonl, so they have nothing to compare; " +
                   run_again(other.path));
}

}  // namespace imroute
