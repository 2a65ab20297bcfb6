#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/commands.h"
#include "cli/files.h"
#include "cli/reproduce.h"
#include "cli/timeline.h"
#include "core/base/assert.h"
#include "harness/result/result_json.h"
#include "harness/trace/trace_line.h"

namespace imroute {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Commands : public testing::Test {
 protected:
  Commands() : directory_(fs::temp_directory_path() / ("imroute-cli-" + std::to_string(getpid()))) {
    fs::create_directories(directory_);
  }
  ~Commands() override { fs::remove_all(directory_); }
  std::string path(const char* name) const { return (directory_ / name).string(); }
  fs::path directory_;
  std::ostringstream out_, err_;
  Console console_{out_, err_};
};

TEST_F(Commands, InitWritesAValidScenarioAndKeepsWhatIsThere) {
  Options options;
  options.topic = path("mine.json");
  EXPECT_EQ(init_command(options, console_), 0);
  const std::string written = read_file(path("mine.json"));
  EXPECT_THROW(init_command(options, console_), UsageError);
  EXPECT_EQ(read_file(path("mine.json")), written);
  options.scenarios = {path("mine.json")};
  EXPECT_EQ(validate_command(options, console_), 0) << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("mine.json: ok"));
}

TEST_F(Commands, ValidateShowsEveryMistakeOfEveryFile) {
  write_file(path("a.json"), "{\"topology\": {\"nodes\": -1, \"users\": 5}, \"sede\": 3}");
  Options options;
  options.scenarios = {path("a.json"), path("missing.json")};
  EXPECT_EQ(validate_command(options, console_), kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr("/topology/nodes"));
  EXPECT_THAT(err_.str(), HasSubstr("seed"));
  EXPECT_THAT(err_.str(), HasSubstr("missing.json"));
}

TEST_F(Commands, SchemaIsOneJsonDocument) {
  EXPECT_EQ(schema_command({}, console_), 0);
  EXPECT_TRUE(nlohmann::json::parse(out_.str()).contains("$schema"));
}

TEST_F(Commands, ListsFitTheTerminalAndSpeakJson) {
  for (const char* topic :
       {"strategies", "balancers", "placements", "faults", "policies", "scenarios"}) {
    out_.str("");
    Options options;
    options.topic = topic;
    EXPECT_EQ(list_command(options, console_), 0);
    std::istringstream lines(out_.str());
    for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 100u) << line;
    out_.str("");
    options.json = true;
    EXPECT_EQ(list_command(options, console_), 0);
    EXPECT_TRUE(nlohmann::json::parse(out_.str()).is_array()) << topic;
  }
}

TEST_F(Commands, CompletionsNameEveryCommand) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    out_.str("");
    Options options;
    options.topic = shell;
    EXPECT_EQ(completions_command(options, console_), 0);
    for (const CommandInfo& info : command_table()) EXPECT_THAT(out_.str(), HasSubstr(info.name));
    EXPECT_THAT(out_.str(), HasSubstr("strategies"));
  }
}

// A message of user 3 to user 9: first a stale push, a NACK, then a push that arrives.
void write_trace(const fs::path& file) {
  FileWriter trace(file);
  const ConversationId talk = ConversationId::direct(UserId{3}, UserId{9});
  trace.line(write_sent_line(1 * kSecond, "client:3.0", talk, 812));
  auto record = [&](int64_t t, const char* machine, TraceKind kind, uint32_t node, Reason reason) {
    TraceRecord r;
    r.kind = kind;
    r.node = NodeId{node};
    r.user = UserId{9};
    r.conversation = talk;
    r.position = {1, 12};
    r.sender = UserId{3};
    r.client_seq = 4;
    r.reason = reason;
    trace.line(write_trace_line(t, machine, r));
  };
  record(1010 * kMillisecond, "node:1", TraceKind::route_push, 5, Reason::none);
  record(1012 * kMillisecond, "node:1", TraceKind::route_nack, 5, Reason::no_session);
  record(1013 * kMillisecond, "node:1", TraceKind::route_push, 6, Reason::none);
  Notify accepted;
  accepted.kind = NoticeKind::accepted;
  accepted.tag = 812;
  accepted.entry.conversation = talk;
  accepted.entry.position = {1, 12};
  accepted.entry.client_seq = 4;
  trace.line(write_notice_line(1020 * kMillisecond, "client:3.0", accepted));
  record(1030 * kMillisecond, "client:9.0", TraceKind::shown, 6, Reason::none);
  trace.commit();
}

TEST_F(Commands, ExplainTellsTheHopsInWords) {
  write_trace(directory_ / "trace.jsonl");
  Result result;
  Fault fault;
  fault.at_ns = kSecond;
  fault.target = {Target::Select::index, TargetKind::node, 5};
  result.faults.push_back({fault, 2 * kSecond, true, -1});
  write_file(directory_ / "result.json", write_result_json(result));
  Options options;
  options.directory = directory_.string();
  for (const char* name : {"812", "3-9:12"}) {
    out_.str("");
    options.message = name;
    EXPECT_EQ(explain_command(options, console_), 0);
    for (const char* words :
         {"message 812 of user 3 in 3-9, sequence 12", "pushes it to node 5 for user 9",
          "node 5 answers: not here (no_session)", "pushes it to node 6", "told: accepted",
          "shown to the user", "faults in force: crash node:5", "+30 ms"}) {
      EXPECT_THAT(out_.str(), HasSubstr(words)) << name;
    }
  }
  out_.str("");
  options.json = true;
  EXPECT_EQ(explain_command(options, console_), 0);
  EXPECT_EQ(nlohmann::json::parse(out_.str())["hops"].size(), 6u);
  options.message = "99";
  EXPECT_THROW(explain_command(options, console_), UsageError);
  options.message = "x";
  EXPECT_THROW(explain_command(options, console_), UsageError);
  options.directory = path("nowhere");
  EXPECT_THROW(explain_command(options, console_), UsageError);
}

TEST_F(Commands, TimelineIsJsonWithFlowsAndBands) {
  write_trace(directory_ / "trace.jsonl");
  Result result;
  result.windows.resize(3);
  result.faults.push_back({Fault{}, kNever, true, -1});
  Timeline timeline(directory_ / "timeline.json");
  std::istringstream lines(read_file(directory_ / "trace.jsonl"));
  for (std::string line; std::getline(lines, line);) timeline.add_trace_line(line);
  timeline.finish(result);
  timeline.commit();
  const auto document = nlohmann::json::parse(read_file(directory_ / "timeline.json"));
  size_t slices = 0, starts = 0, steps = 0, curves = 0;
  for (const auto& event : document["traceEvents"]) {
    const std::string phase = event["ph"];
    slices += phase == "X";
    starts += phase == "s";
    steps += phase == "t";
    curves += phase == "C";
  }
  EXPECT_EQ(slices, 7u);  // six lines, one fault
  EXPECT_EQ(starts, 1u);
  EXPECT_EQ(steps, 3u);
  EXPECT_EQ(curves, 6u);
}

TEST_F(Commands, ReportIsBuiltAgainFromResults) {
  Options options;
  options.directory = directory_.string();
  EXPECT_THROW(report_command(options, console_), UsageError);
  write_file(directory_ / "result.json", "{\"format\": 9}");
  EXPECT_THROW(report_command(options, console_), UsageError);
  write_file(directory_ / "result.json", write_result_json(Result{}));
  EXPECT_EQ(report_command(options, console_), 0);
  EXPECT_THAT(read_file(directory_ / "report.html"), HasSubstr("<!doctype html>"));
  write_file(directory_ / "compare.json", "{}");
  EXPECT_THROW(report_command(options, console_), UsageError);
  write_file(directory_ / "compare.json", "{\"format\": 1, \"cells\": [{}]}");
  EXPECT_THROW(report_command(options, console_), UsageError);
  write_file(directory_ / "compare.json", "{");
  EXPECT_THROW(report_command(options, console_), UsageError);
}

TEST(ReproduceDeathTest, AFailedAssertionNamesTheRunAndEndsWithCodeFour) {
  EXPECT_EXIT(
      {
        install_assert_report();
        const CurrentRun run(reproducing_line("x.json", 7, {}));
        IM_ASSERT(1 + 1 == 3);
      },
      testing::ExitedWithCode(kExitInternal),
      "1 \\+ 1 == 3.*cli_commands_test.*\n*reproduce: imroute run x.json --seed 7");
}

TEST(Reproduce, QuotesForTheShell) {
  EXPECT_EQ(reproducing_line("a b.json", 7, {"/x=1", "/s={\"kind\":\"it's\"}"}),
            "imroute run 'a b.json' --seed 7 --set /x=1 --set '/s={\"kind\":\"it'\\''s\"}'");
}

}  // namespace
}  // namespace imroute
