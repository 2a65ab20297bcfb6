#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/commands.h"
#include "cli/files.h"

namespace imroute {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr const char* kScenario = R"({
  "name": "small", "duration": "12s", "warmup": "2s",
  "topology": {"nodes": 3, "users": 12, "routers": 1},
  "workload": {"kind": "chat", "rate_per_user": "1/s", "relocations_per_user": "60/h"},
  "faults": [{"kind": "crash", "target": "node:1", "at": "4s", "for": "2s"}]
})";

class Program : public testing::Test {
 protected:
  Program() : directory_(fs::temp_directory_path() / ("imroute-main-" + std::to_string(getpid()))) {
    fs::create_directories(directory_);
    write_file(path("small.json"), kScenario);
  }
  ~Program() override { fs::remove_all(directory_); }
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
  // result.json without what the machine decides.
  static nlohmann::json repeatable(const std::string& json) {
    nlohmann::json document = nlohmann::json::parse(json);
    document.erase("machine");
    return document;
  }
  fs::path directory_;
};

TEST_F(Program, RunWritesEveryFileAndRepeats) {
  const Outcome first = call({"run", path("small.json"), "--json", "--trace", "--out", path("a")});
  EXPECT_EQ(first.code, 0) << first.out << first.err;
  EXPECT_EQ(first.err, "");
  for (const char* file : {"result.json", "effective.json", "trace.jsonl", "checkpoints.jsonl",
                           "timeline.json", "report.html"}) {
    EXPECT_GT(fs::file_size(directory_ / "a" / file), 100u) << file;
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(directory_ / "a"), fs::directory_iterator()), 6);
  EXPECT_EQ(read_file(directory_ / "a" / "result.json"), first.out);
  EXPECT_TRUE(nlohmann::json::accept(read_file(directory_ / "a" / "timeline.json")));

  const Outcome again = call({"run", path("small.json"), "--json"});
  EXPECT_EQ(repeatable(again.out), repeatable(first.out));
  const Outcome other = call({"run", path("small.json"), "--json", "--seed", "99"});
  EXPECT_NE(repeatable(other.out)["trace_hash"], repeatable(first.out)["trace_hash"]);
  const Outcome effective = call({"run", path("a/effective.json"), "--json"});
  EXPECT_EQ(repeatable(effective.out)["trace_hash"], repeatable(first.out)["trace_hash"]);
}

TEST_F(Program, ARunThatAcceptsNothingDoesNotHold) {
  const Outcome held = call({"run", path("small.json")});
  EXPECT_EQ(held.code, kExitHeld) << held.out;
  const Outcome vacuous = call({"run", path("small.json"), "--set", "/workload/rate_per_user=0/s",
                                "--set", "/workload/reply_share=0"});
  EXPECT_EQ(vacuous.code, kExitViolated);
  EXPECT_THAT(vacuous.out, HasSubstr("vacuous"));
}

TEST_F(Program, RunWithoutTraceRemovesTheTraceOfAnEarlierRun) {
  EXPECT_EQ(call({"run", path("small.json"), "--trace", "--out", path("a")}).code, 0);
  EXPECT_EQ(call({"run", path("small.json"), "--out", path("a")}).code, 0);
  EXPECT_FALSE(fs::exists(directory_ / "a" / "trace.jsonl"));
}

TEST_F(Program, RunRemovesTheComparisonOfAnEarlierCommand) {
  EXPECT_EQ(call({"compare", path("small.json"), "--seeds", "1", "--out", path("a")}).code, 0);
  EXPECT_EQ(call({"run", path("small.json"), "--out", path("a")}).code, 0);
  EXPECT_FALSE(fs::exists(directory_ / "a" / "compare.json"));
}

TEST_F(Program, ARunThatWasStoppedSaysSo) {
  const Outcome stopped = call({"run", path("small.json"), "--until", "3s", "--out", path("a")});
  EXPECT_EQ(stopped.code, kExitHeld);
  EXPECT_THAT(stopped.out, HasSubstr("STOPPED  at 3 s: not judged to its end"));
  EXPECT_EQ(stopped.out.find("PASS"), std::string::npos);
  const auto json = nlohmann::json::parse(read_file(directory_ / "a" / "result.json"));
  EXPECT_EQ(json["stopped_at_ms"], 3000);
  EXPECT_THAT(json["machine"]["command"].get<std::string>(), HasSubstr(" --until 3s"));
  EXPECT_EQ(call({"report", path("a")}).code, kExitHeld);
  const Outcome whole = call({"run", path("small.json"), "--until", "1h", "--json"});
  EXPECT_FALSE(nlohmann::json::parse(whole.out).contains("stopped_at_ms"));
}

// Like a full disk: no file may grow beyond `bytes`.
class SmallFiles {
 public:
  explicit SmallFiles(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~SmallFiles() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(Program, AFullDiskTakesNeitherTheOldResultNorTheNewSummary) {
  EXPECT_EQ(call({"run", path("small.json"), "--out", path("a")}).code, 0);
  const auto files = [&] {
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::directory_iterator(directory_ / "a")) {
      all[entry.path().filename().string()] = read_file(entry.path());
    }
    return all;
  };
  std::map<std::string, std::string> before = files();
  Outcome full;
  {
    const SmallFiles limit(before["report.html"].size() * 9 / 10);  // the last that is written
    full = call({"run", path("small.json"), "--seed", "2", "--out", path("a")});
  }
  EXPECT_EQ(full.code, kExitEnvironment);
  EXPECT_THAT(full.err, HasSubstr("report.html: File too large"));
  EXPECT_THAT(full.out, HasSubstr("PASS"));
  EXPECT_TRUE(files() == before);
}

TEST_F(Program, SummaryTellsVerdictAndHash) {
  const Outcome outcome = call({"run", path("small.json")});
  for (const char* text : {"PASS", "crash", "node:1", "trace hash", "frames", "0 lost"}) {
    EXPECT_THAT(outcome.out, HasSubstr(text));
  }
  EXPECT_EQ(outcome.out.find('\x1b'), std::string::npos);
}

TEST_F(Program, ABrokenExpectationIsCodeOneWithTheLineToRepeatIt) {
  const Outcome outcome =
      call({"run", path("small.json"), "--seed", "5", "--set", "/expect={\"messages/sent\": 0}"});
  EXPECT_EQ(outcome.code, kExitViolated);
  EXPECT_THAT(outcome.out, HasSubstr("FAIL"));
  EXPECT_THAT(outcome.out, HasSubstr("reproduce: imroute run " + path("small.json") +
                                     " --seed 5 --set '/expect={\"messages/sent\": 0}'"));
}

TEST_F(Program, BadInputIsCodeTwoAndTheEnvironmentCodeThree) {
  EXPECT_EQ(call({"run", path("none.json")}).code, kExitUsage);
  EXPECT_EQ(call({"rum"}).code, kExitUsage);
  const Outcome typo = call({"run", path("small.json"), "--set", "/topologi={}"});
  EXPECT_EQ(typo.code, kExitUsage);
  EXPECT_THAT(typo.err, HasSubstr("topology"));
  const Outcome matrix =
      call({"run", path("small.json"), "--set", "/matrix={\"balancers\":[{\"kind\":\"random\"}]}"});
  EXPECT_EQ(matrix.code, kExitUsage);
  EXPECT_THAT(matrix.err, HasSubstr("imroute compare"));
  EXPECT_EQ(call({"run", path("small.json"), "--out", path("small.json")}).code, kExitEnvironment);
}

// A stream that takes nothing, like a full disk.
TEST_F(Program, HelpThatCannotBeWrittenIsCodeThree) {
  std::ofstream full("/dev/full");
  std::ostringstream err;
  EXPECT_EQ(run_program({"help"}, Console{full, err}), kExitEnvironment);
  EXPECT_THAT(err.str(), HasSubstr("standard output"));
}

TEST_F(Program, PathsThatCannotBeFollowedAreNoCrash) {
  fs::create_symlink(path("loop"), path("loop"));
  for (const std::string& bad : {path("loop"), path(std::string(300, 'n'))}) {
    for (const std::vector<std::string>& line :
         std::vector<std::vector<std::string>>{{"run", bad},
                                               {"validate", bad},
                                               {"explore", bad},
                                               {"explain", bad, "--message", "1"},
                                               {"diff-trace", bad, bad},
                                               {"report", bad},
                                               {"explore", path("small.json"), "--out", bad}}) {
      const Outcome outcome = call(line);
      EXPECT_THAT(outcome.code, testing::AnyOf(kExitUsage, kExitEnvironment)) << line[0];
      EXPECT_NE(outcome.err, "") << line[0];
    }
  }
}

TEST_F(Program, CompareDoesNotDependOnTheNumberOfJobs) {
  const std::vector<std::string> line = {
      "compare",     path("small.json"),    "--strategies", "broadcast@mesh,central:resolve:hash",
      "--balancers", "random,least_active", "--seeds",      "3",
      "--json"};
  auto with_jobs = [&](const char* jobs) {
    auto arguments = line;
    arguments.insert(arguments.end(), {"--jobs", jobs});
    return call(arguments);
  };
  const Outcome one = with_jobs("1"), three = with_jobs("3");
  EXPECT_EQ(one.out, three.out);
  const auto cells = nlohmann::json::parse(one.out)["cells"];
  ASSERT_EQ(cells.size(), 3u);  // the placement decides logins: once, not for each balancer
  EXPECT_EQ(cells[2]["strategy"], "central:resolve:hash");
  EXPECT_EQ(cells[2]["balancer"], "placement");
  EXPECT_EQ(cells[0]["seeds"].size(), 3u);
  EXPECT_GT(cells[0]["metrics"]["frames/per_delivery"]["mean"].get<double>(), 0);
}

TEST_F(Program, CompareWritesItsReport) {
  const Outcome outcome = call(
      {"compare", path("small.json"), "--balancers", "random", "--seeds", "2", "--out", path("c")});
  EXPECT_EQ(outcome.code, 0) << outcome.out << outcome.err;
  EXPECT_THAT(read_file(directory_ / "c" / "report.html"), HasSubstr("In plain words"));
  EXPECT_THAT(outcome.out, HasSubstr("For 3 nodes, 12 users"));
  fs::remove(directory_ / "c" / "report.html");
  EXPECT_EQ(call({"report", path("c")}).code, 0);
  EXPECT_TRUE(fs::exists(directory_ / "c" / "report.html"));
}

TEST_F(Program, ExplainFollowsAMessageOfARealRun) {
  EXPECT_EQ(call({"run", path("small.json"), "--trace", "--out", path("a")}).code, 0);
  const Outcome outcome = call({"explain", path("a"), "--message", "20"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  for (const char* text : {"message 20 of user", "the user sends it", "told: accepted"}) {
    EXPECT_THAT(outcome.out, HasSubstr(text));
  }
}

}  // namespace
}  // namespace imroute
