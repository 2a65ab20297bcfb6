#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/commands.h"
#include "cli/files.h"
#include "harness/trace/checkpoint.h"
#include "harness/trace/trace_line.h"

namespace imroute {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kScenario = R"({
  "name": "small", "duration": "8s", "warmup": "2s",
  "topology": {"nodes": 3, "users": 12, "routers": 1},
  "permute_ties": true,
  "workload": {"kind": "chat", "rate_per_user": "1/s", "relocations_per_user": "60/h"},
  "faults": [{"kind": "crash", "target": "node:1", "at": "4s", "for": "2s"}]
})";

class DiffTrace : public testing::Test {
 protected:
  DiffTrace()
      : directory_(fs::temp_directory_path() / ("imroute-diff-" + std::to_string(getpid()))) {
    fs::create_directories(directory_);
    write_file(path("small.json"), kScenario);
  }
  ~DiffTrace() override { fs::remove_all(directory_); }
  std::string path(const std::string& name) const { return (directory_ / name).string(); }
  struct Outcome {
    int code;
    std::string out, err;
  };
  static Outcome call(const std::vector<std::string>& arguments) {
    std::ostringstream out, err;
    const int code = run_program(arguments, Console{out, err});
    return {code, out.str(), err.str()};
  }
  // Runs the scenario into a directory of that name.
  void run(const std::string& name, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"run", path("small.json"), "--out", path(name)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome done = call(arguments);
    ASSERT_EQ(done.code, 0) << done.out << done.err;
  }
  Outcome diff(const std::string& a, const std::string& b) {
    return call({"diff-trace", path(a), path(b)});
  }
  json diff_json(const std::string& a, const std::string& b) {
    return json::parse(call({"diff-trace", path(a), path(b), "--json"}).out);
  }
  // A trace of lines that differ only in their route.
  std::string trace(const std::string& name, const std::vector<uint64_t>& routes) {
    FileWriter file(path(name));
    int64_t t = kSecond;
    for (const uint64_t route : routes) {
      TraceRecord record;
      record.kind = TraceKind::route_push;
      record.node = NodeId{5};
      record.user = UserId{9};
      record.route = route;
      file.line(write_trace_line(t += 1001, "node:1", record));
    }
    file.commit();
    return path(name);
  }
  void append(const std::string& name, const std::string& text) {
    std::ofstream(path(name), std::ios::app) << text;
  }
  fs::path directory_;
};

TEST_F(DiffTrace, TheSameRunIsTheSameWithAndWithoutATrace) {
  run("a", {"--trace"});
  run("b", {"--trace"});
  run("bare");
  const Outcome traces = diff("a", "b");
  EXPECT_EQ(traces.code, 0) << traces.out << traces.err;
  EXPECT_THAT(traces.out, HasSubstr("The same: "));
  EXPECT_THAT(traces.out, Not(HasSubstr("not the same")));
  const Outcome bare = diff("a", "bare");
  EXPECT_EQ(bare.code, 0) << bare.out << bare.err;
  EXPECT_THAT(bare.out, HasSubstr("so far as checkpoints tell"));
  EXPECT_EQ(diff("a/trace.jsonl", "b/trace.jsonl").code, 0);
  EXPECT_EQ(diff_json("a", "b")["same"], true);
}

TEST_F(DiffTrace, TheFirstLineThatDiffersIsShownWithWhatCameBefore) {
  trace("a.jsonl", {1, 2, 3, 4, 5, 6, 7, 8, 9});
  trace("b.jsonl", {1, 2, 3, 4, 5, 6, 7, 80, 9});
  const Outcome parted = diff("a.jsonl", "b.jsonl");
  EXPECT_EQ(parted.code, kExitViolated);
  EXPECT_THAT(parted.out, HasSubstr("They part at line 8."));
  EXPECT_THAT(parted.out, HasSubstr("1.000008008 s"));
  EXPECT_THAT(parted.out, HasSubstr("pushes it to node 5 for user 9"));
  EXPECT_THAT(parted.out, testing::ContainsRegex("route +8 +80 +differs"));
  EXPECT_THAT(parted.out, Not(testing::ContainsRegex("user +9 +9 +differs")));
  const json document = diff_json("a.jsonl", "b.jsonl");
  EXPECT_EQ(document["lines"]["first_different"], 8);
  EXPECT_EQ(document["lines"]["shared"], 7);
  EXPECT_THAT(document["lines"]["fields"], ElementsAre("route"));
  ASSERT_EQ(document["lines"]["before"].size(), 5u);
  EXPECT_EQ(document["lines"]["before"][4]["route"], 7);
  EXPECT_EQ(document["lines"]["a"]["route"], 8);
  EXPECT_EQ(document["lines"]["b"]["route"], 80);
}

TEST_F(DiffTrace, ABeginningIsToldFromAParting) {
  trace("a.jsonl", {1, 2, 3});
  trace("b.jsonl", {1, 2});
  trace("none.jsonl", {});
  const Outcome shorter = diff("a.jsonl", "b.jsonl");
  EXPECT_EQ(shorter.code, kExitViolated);
  EXPECT_THAT(shorter.out, HasSubstr("B is the beginning of A: it ends after 2 lines"));
  EXPECT_EQ(diff_json("b.jsonl", "a.jsonl")["lines"]["prefix"], "a");
  EXPECT_EQ(diff("none.jsonl", "a.jsonl").code, kExitViolated);
  EXPECT_EQ(diff("none.jsonl", "none.jsonl").code, kExitHeld);
}

TEST_F(DiffTrace, AnotherSeedScenarioOrBuildIsToldFirst) {
  run("a", {"--trace"});
  run("seed", {"--trace", "--seed", "8"});
  run("scenario", {"--trace", "--set", "/topology/users=13"});
  const Outcome seed = diff("a", "seed");
  EXPECT_EQ(seed.code, kExitViolated);
  EXPECT_LT(seed.out.find("not the same seed: A 1, B 8"), seed.out.find("They part")) << seed.out;
  EXPECT_THAT(diff_json("a", "seed")["not_the_same"], ElementsAre("seed"));
  EXPECT_THAT(diff_json("a", "scenario")["not_the_same"], ElementsAre("scenario"));
  json result = json::parse(read_file(path("a/result.json")));
  result["imroute"]["commit"] = "0123456789ab";
  write_file(path("a/result.json"), result.dump());
  EXPECT_THAT(diff("a", "seed").out, HasSubstr("not the same build"));
}

// Without traces: an interval, and lines that show it when they are typed.
TEST_F(DiffTrace, CheckpointsNameTheIntervalAndTheLinesThatShowIt) {
  run("a");
  run("b", {"--set", "/faults/0/at=5s"});
  const Outcome parted = diff("a", "b");
  EXPECT_EQ(parted.code, kExitViolated);
  const json document = diff_json("a", "b");
  EXPECT_EQ(document["lines"], nullptr);
  EXPECT_LE(document["events"]["last_equal_ns"], 4 * kSecond);
  EXPECT_GE(document["events"]["not_later_than_ns"], 4 * kSecond);
  ASSERT_EQ(document["show"].size(), 3u);
  for (const json& line : document["show"]) {
    EXPECT_THAT(parted.out, HasSubstr(line.get<std::string>()));
    std::istringstream words(line.get<std::string>());
    std::string program, word;
    std::vector<std::string> arguments;
    words >> program;
    EXPECT_EQ(program, "imroute");
    while (words >> word) arguments.push_back(word);
    const Outcome done = call(arguments);
    EXPECT_EQ(done.code, arguments[0] == "run" ? kExitHeld : kExitViolated) << done.err;
    if (arguments[0] == "run") continue;
    EXPECT_THAT(done.out, HasSubstr("They part at line"));
    EXPECT_THAT(done.out, testing::ContainsRegex("A .* 4 s .* the fault crash begins"));
  }
  // What is cut short by --until is the beginning of the whole, ties and all.
  run("whole", {"--trace"});
  EXPECT_THAT(diff("a-trace", "whole").out, HasSubstr("A is the beginning of B"));
}

TEST_F(DiffTrace, EventsOfWhichNoLineTellsAndLinesOfTheSameEvents) {
  run("a", {"--trace"});
  run("b", {"--trace"});
  ReadCheckpoints read = read_checkpoints(read_file(path("b/checkpoints.jsonl")));
  std::vector<Checkpoint> list = read.list;
  ASSERT_GT(list.size(), 12u);
  for (size_t i = 10; i < list.size(); ++i) ++list[i].hash;
  write_file(path("b/checkpoints.jsonl"), write_checkpoints(list));
  const Outcome silent = diff("a", "b");
  EXPECT_EQ(silent.code, kExitViolated);
  EXPECT_THAT(silent.out, HasSubstr("part in an event of which no line tells"));
  const json events = diff_json("a", "b")["events"];
  EXPECT_EQ(events["last_equal"], list[9].events);
  EXPECT_EQ(events["not_later_than"]["a"], list[10].events);

  list = read.list;
  for (size_t i = 10; i < list.size(); ++i) ++list[i].lines_hash;
  write_file(path("b/checkpoints.jsonl"), write_checkpoints(list));
  std::string text = read_file(path("b/trace.jsonl"));
  const size_t place = text.find("\"shown\"", list[10].bytes);
  ASSERT_NE(place, std::string::npos);
  write_file(path("b/trace.jsonl"), text.replace(place, 7, "\"shewn\""));
  const Outcome written = diff("a", "b");
  EXPECT_EQ(written.code, kExitViolated);
  EXPECT_THAT(written.out, HasSubstr("only what was written about them differs"));
}

// What checkpoints show to be equal is not read: garbage there goes unseen, later lines do not.
TEST_F(DiffTrace, EqualPartsAreSkipped) {
  run("a", {"--trace"});
  run("b", {"--trace", "--set", "/faults/0/at=5s"});
  const json whole = diff_json("a/trace.jsonl", "b/trace.jsonl")["lines"];
  std::string text = read_file(path("a/trace.jsonl"));
  text.replace(2, 5, "#####");
  write_file(path("a/trace.jsonl"), text);
  EXPECT_EQ(diff_json("a", "b")["lines"], whole);
  EXPECT_EQ(diff("a/trace.jsonl", "b/trace.jsonl").code, kExitUsage);
}

TEST_F(DiffTrace, BadInputIsRefusedWithItsPlace) {
  trace("a.jsonl", {1, 2, 3});
  trace("cut.jsonl", {1, 2, 3});
  append("cut.jsonl", "{\"t_ns\":1,");
  fs::create_directories(path("empty"));
  const auto refused = [&](const std::string& a, const std::string& b, const std::string& says) {
    for (const Outcome& outcome : {diff(a, b), diff(b, a)}) {
      EXPECT_EQ(outcome.code, kExitUsage) << outcome.out;
      EXPECT_EQ(outcome.out, "");
      EXPECT_THAT(outcome.err, HasSubstr(says));
    }
  };
  refused("a.jsonl", "cut.jsonl", "cut.jsonl:4: the file ends within this line");
  refused("a.jsonl", "missing", "there is no " + path("missing"));
  refused("a.jsonl", "small.json", "small.json:1: not a line of a trace");
  refused("a.jsonl", "empty", "has neither trace.jsonl nor checkpoints.jsonl");
  run("bare");
  refused("a.jsonl", "bare", "nothing to compare");
  run("run", {"--trace"});
  append("run/trace.jsonl", read_file(path("a.jsonl")));
  refused("run", "bare", "it was cut short or changed");
  run("run");
  append("run/checkpoints.jsonl", "{}\n");
  refused("run", "bare", "checkpoints.jsonl:");
  run("run");
  write_file(path("run/result.json"), "{}");
  refused("run", "bare", "result.json is not a result");
}

}  // namespace
}  // namespace imroute
