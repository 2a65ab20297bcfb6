// `imroute explore` as a program: workers that die, groups, files that do not depend on who ran
// what, exit codes.
#include <dirent.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "cli/commands.h"
#include "cli/explore/worker_pool.h"
#include "cli/files.h"
#include "core/base/assert.h"

namespace imroute {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// ---- workers

std::string misbehave(const std::string& line) {
  if (line == "assert") IM_ASSERT(line.empty());
  if (line == "throw") throw std::runtime_error("no such thing");
  if (line == "die") ::raise(SIGKILL);
  if (line == "leave") ::_exit(7);
  while (line == "hang") ::pause();
  if (line == "greedy") throw std::bad_alloc();
  return "did " + line;
}

TEST(WorkerPool, EveryEndIsReportedAndTheOthersGoOn) {
  WorkerPool pool(2, misbehave, kSecond);
  const std::vector<std::string> jobs{"a", "assert", "b",     "die", "c", "hang",
                                      "d", "throw",  "leave", "e",   "f", "g"};
  std::map<std::string, WorkerOutcome> outcomes;
  EXPECT_TRUE(pool.run(
      jobs,
      [&](size_t i, WorkerOutcome outcome) {
        EXPECT_TRUE(outcomes.emplace(jobs[i], outcome).second);
      },
      [] { return false; }));
  ASSERT_EQ(outcomes.size(), jobs.size());
  using Kind = WorkerOutcome::Kind;
  for (const char* good : {"a", "b", "c", "d", "e", "f", "g"}) {
    EXPECT_EQ(outcomes[good].kind, Kind::done) << good;
    EXPECT_EQ(outcomes[good].text, std::string("did ") + good);
  }
  EXPECT_EQ(outcomes["assert"].kind, Kind::failed);
  EXPECT_THAT(outcomes["assert"].text, HasSubstr("(line.empty()) failed at unit/cli_explore_test"));
  EXPECT_EQ(outcomes["throw"].kind, Kind::failed);
  EXPECT_THAT(outcomes["throw"].text, HasSubstr("no such thing"));
  EXPECT_EQ(outcomes["die"].kind, Kind::crashed);
  EXPECT_THAT(outcomes["die"].text, HasSubstr("Killed"));
  EXPECT_EQ(outcomes["leave"].kind, Kind::crashed);
  EXPECT_THAT(outcomes["leave"].text, HasSubstr("exit code 7"));
  EXPECT_EQ(outcomes["hang"].kind, Kind::hung);
}

TEST(WorkerPool, AJobOfSeveralRunsHasThatManyLimits) {
  WorkerPool pool(1, misbehave, 100 * kMillisecond);
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::chrono::nanoseconds> ended;
  EXPECT_TRUE(pool.run(
      {"hang", "hang"},
      [&](size_t, const WorkerOutcome& outcome) {
        EXPECT_EQ(outcome.text, "no end after 100 ms of wall time");
        ended.push_back(std::chrono::steady_clock::now() - begin);
      },
      [] { return false; }, {1, 5}));
  ASSERT_EQ(ended.size(), 2u);
  EXPECT_GE(ended[0], std::chrono::milliseconds(100));
  EXPECT_GE(ended[1] - ended[0], std::chrono::milliseconds(450));
}

TEST(WorkerPool, NotEnoughMemoryIsNoFinding) {
  WorkerPool pool(1, misbehave, kSecond);
  EXPECT_THROW(pool.run(
                   {"greedy"}, [](size_t, WorkerOutcome) { FAIL(); }, [] { return false; }),
               EnvironmentError);
}

TEST(WorkerPool, StopsAtOnceWhateverWorkersDo) {
  WorkerPool pool(2, misbehave, 1000 * kSecond);
  int asked = 0;
  EXPECT_FALSE(pool.run(
      {"hang", "hang", "a"}, [](size_t, WorkerOutcome) { FAIL(); }, [&] { return ++asked > 2; }));
}

// ---- the program

constexpr const char* kScenario = R"({
  "name": "small", "duration": "9s", "warmup": "2s",
  "topology": {"nodes": 3, "users": 12, "routers": 1},
  "workload": {"kind": "chat", "rate_per_user": "1/s", "relocations_per_user": "60/h"},
  "nemesis": {"families": ["crash", "clients"], "mean_interval": "2s", "until": "7s"}
})";

class Explore : public testing::Test {
 protected:
  Explore() : directory_(fs::temp_directory_path() / ("imroute-x-" + std::to_string(getpid()))) {
    fs::create_directories(directory_ / "library");
    write_file(path("small.json"), kScenario);
  }
  ~Explore() override { fs::remove_all(directory_); }
  std::string path(const std::string& name) const { return (directory_ / name).string(); }
  std::string file(const std::string& name) const { return read_file(directory_ / name); }
  struct Outcome {
    int code;
    std::string out, err;
  };
  static Outcome call(const std::vector<std::string>& arguments) {
    std::ostringstream out, err;
    const int code = run_program(arguments, Console{out, err});
    return {code, out.str(), err.str()};
  }
  fs::path directory_;
};

TEST_F(Explore, JobsShardsAndRangesGiveTheSameLines) {
  const std::string small = path("small.json");
  const auto into = [&](const char* out, std::vector<std::string> more) {
    std::vector<std::string> line{"explore", small, "--out", path(out)};
    line.insert(line.end(), more.begin(), more.end());
    const Outcome outcome = call(line);
    EXPECT_EQ(outcome.code, 0) << outcome.out << outcome.err;
  };
  into("one", {"--seeds", "70", "--jobs", "1"});
  into("two", {"--seeds", "70", "--jobs", "2"});
  EXPECT_EQ(file("one/explore.jsonl"), file("two/explore.jsonl"));
  const std::string lines = file("one/explore.jsonl");
  EXPECT_GT(std::count(lines.begin(), lines.end(), '\n'), 70);
  EXPECT_THAT(file("one/explore.jsonl"),
              HasSubstr("/nemesis/seed="));  // mutants of the first round

  into("parts", {"--seeds", "20", "--jobs", "2"});
  into("shards", {"--seeds", "20", "--shard", "2/2"});
  into("shards", {"--seeds", "20", "--shard", "1/2"});
  EXPECT_EQ(file("shards/explore.jsonl"), file("parts/explore.jsonl"));
  into("ranges", {"--from", "11", "--seeds", "10"});
  into("ranges", {"--from", "1", "--seeds", "12"});
  EXPECT_EQ(file("ranges/explore.jsonl"), file("parts/explore.jsonl"));
  into("ranges", {"--from", "5", "--seeds", "3"});  // once more
  EXPECT_EQ(file("ranges/explore.jsonl"), file("parts/explore.jsonl"));
}

TEST_F(Explore, AnImpossibleExpectationIsOneGroupWithItsLines) {
  const Outcome outcome = call({"explore", path("small.json"), "--seeds", "6", "--set",
                                "/expect={\"messages/sent\": 0}", "--out", path("o")});
  EXPECT_EQ(outcome.code, kExitViolated);
  EXPECT_THAT(outcome.out, HasSubstr("1 kind of failure"));
  EXPECT_THAT(outcome.out, HasSubstr("6 runs"));
  EXPECT_THAT(outcome.out, HasSubstr("reproduce: imroute run " + path("small.json") + " --seed "));
  EXPECT_THAT(outcome.out, HasSubstr("imroute shrink " + path("small.json") + " --seed "));
  const auto json = nlohmann::json::parse(file("o/explore.json"));
  EXPECT_EQ(json["failing"], 6);
  ASSERT_EQ(json["groups"].size(), 1u);
  EXPECT_THAT(file("o/junit.xml"), HasSubstr("failures=\"1\""));
  // The line that is printed shows it.
  const std::string set = "/expect={\"messages/sent\": 0}";
  const auto seed = std::to_string(json["groups"][0]["first"][0]["seed"].get<int>());
  EXPECT_EQ(call({"run", path("small.json"), "--seed", seed, "--set", set}).code, kExitViolated);
}

TEST_F(Explore, RequiredCoverageFailsByName) {
  const std::vector<std::string> line{"explore", path("small.json"), "--seeds", "1", "--json"};
  EXPECT_EQ(call(line).code, 0);
  auto required = line;
  required.push_back("--require-coverage");
  const Outcome outcome = call(required);
  EXPECT_EQ(outcome.code, kExitViolated);
  const auto missing = nlohmann::json::parse(outcome.out)["coverage"]["missing"];
  EXPECT_GT(missing.size(), 3u);
  EXPECT_THAT(missing[0].get<std::string>(), HasSubstr("fault "));
}

TEST_F(Explore, AFolderMeansItsScenariosWithTheirCiOverrides) {
  write_file(path("library/a.json"), R"({"topology": {"nodes": 2, "users": 20000},
    "matrix": {"axes": {"/topology/nodes": [2, 3]}},
    "ci": {"/topology/users": 6, "/duration": "8s", "/warmup": "2s"}})");
  write_file(path("library/b.json"), kScenario);
  write_file(path("library/schema.json"), "{}");
  const Outcome outcome = call({"explore", path("library"), "--seeds", "2", "--out", path("o"),
                                "--set", "/expect={\"messages/sent\": 0}"});
  EXPECT_EQ(outcome.code, kExitViolated) << outcome.err;
  const auto json = nlohmann::json::parse(file("o/explore.json"));
  EXPECT_EQ(json["scenarios"], nlohmann::json({{"a", 2}, {"small", 2}}));
  std::string repro = json["groups"][0]["repro"];
  EXPECT_THAT(repro, HasSubstr("/a.json --seed"));
  EXPECT_THAT(repro, HasSubstr(" --ci --set"));
  EXPECT_THAT(repro, HasSubstr("/matrix=null"));
}

TEST_F(Explore, TheBudgetEndsInTime) {
  const auto begin = std::chrono::steady_clock::now();
  const Outcome outcome =
      call({"explore", path("small.json"), "--budget", "1s", "--jobs", "2", "--json"});
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(nlohmann::json::parse(outcome.out)["machine"]["ended"], "budget used up");
}

TEST_F(Explore, BadUsageIsCodeTwo) {
  for (const std::vector<std::string>& bad :
       std::vector<std::vector<std::string>>{{"--shard", "3/2"},
                                             {"--shard", "0/2"},
                                             {"--shard", "2"},
                                             {"--budget", "10"},
                                             {"--seeds", "0"},
                                             {"--budget", "0s"}}) {
    std::vector<std::string> line{"explore", path("small.json")};
    line.insert(line.end(), bad.begin(), bad.end());
    EXPECT_EQ(call(line).code, kExitUsage) << bad[1];
  }
  EXPECT_EQ(call({"explore", path("none.json")}).code, kExitUsage);
  const Outcome empty = call({"explore", path("library")});
  EXPECT_EQ(empty.code, kExitUsage);
  EXPECT_THAT(empty.err, HasSubstr("no .json file"));
  write_file(path("twin.json"), kScenario);
  EXPECT_THAT(call({"explore", path("small.json"), path("twin.json")}).err,
              HasSubstr("both named"));
}

TEST_F(Explore, WhatStoodInTheDirectoryKeepsItsFileAndTextThatChangedGoes) {
  const std::string impossible = "/expect={\"messages/sent\": 0}";
  const auto explore = [&](const std::string& scenario, std::vector<std::string> more) {
    std::vector<std::string> line{"explore", path(scenario), "--seeds", "2", "--out", path("o")};
    line.insert(line.end(), more.begin(), more.end());
    return call(line);
  };
  EXPECT_EQ(explore("small.json", {"--set", impossible}).code, kExitViolated);
  // Another file of the same name: what failed is still of the first.
  write_file(path("library/small.json"), kScenario);
  const Outcome other = explore("library/small.json", {});
  EXPECT_EQ(other.code, kExitViolated);
  EXPECT_THAT(other.out, HasSubstr("with what stood in the directory: 4 runs"));
  EXPECT_THAT(other.out, HasSubstr("reproduce: imroute run " + path("small.json") + " --seed"));
  // The first was mended.
  std::string mended = kScenario;
  mended.replace(mended.find("\"9s\""), 4, "\"8s\"");
  write_file(path("small.json"), mended);
  const Outcome after = explore("small.json", {});
  EXPECT_EQ(after.code, 0) << after.out;
  EXPECT_THAT(after.err, HasSubstr("small.json was changed: 2 runs of what it was are left out"));
}

TEST_F(Explore, NothingRunIsNoSuccessUnlessThePartIsEmpty) {
  const Outcome part =
      call({"explore", path("small.json"), "--from", "1", "--seeds", "1", "--shard", "1/2"});
  EXPECT_EQ(part.code, 0) << part.err;
  EXPECT_THAT(part.out, HasSubstr("nothing was run: this part has no seed"));
  const Outcome late = call({"explore", path("small.json"), "--budget", "1ns"});
  EXPECT_EQ(late.code, kExitViolated);
  EXPECT_THAT(late.out, HasSubstr("nothing was run: the budget"));
}

TEST_F(Explore, TestCasesHaveNamesOfTheirOwnThatStay) {
  const std::string impossible = "/expect={\"messages/sent\": 0, \"messages/accepted\": 0}";
  const auto names = [&](const char* seeds) {
    const Outcome outcome = call({"explore", path("small.json"), "--seeds", seeds, "--set",
                                  impossible, "--out", path(seeds)});
    EXPECT_EQ(outcome.code, kExitViolated);
    std::vector<std::string> all;
    std::istringstream lines(read_file(directory_ / seeds / "junit.xml"));
    for (std::string line; std::getline(lines, line);) {
      const size_t at = line.find(" name=\"small");
      const size_t failure = line.find("><failure");
      if (failure != std::string::npos) all.push_back(line.substr(0, failure));
      if (at != std::string::npos) all.push_back(line.substr(at, line.find('>', at) - at));
    }
    return all;
  };
  const std::vector<std::string> few = names("2");
  EXPECT_EQ(few, names("3"));
  EXPECT_EQ(std::set<std::string>(few.begin(), few.end()).size(), few.size());
  EXPECT_GE(few.size(), 2u);
}

TEST_F(Explore, ADamagedSummaryIsRefusedAndNothingIsReplaced) {
  const std::vector<std::string> line{"explore", path("small.json"), "--seeds", "1",
                                      "--out",   path("o")};
  EXPECT_EQ(call(line).code, 0);
  const std::string lines = file("o/explore.jsonl");
  for (const char* damaged : {R"({"imroute":5})", R"({"imroute":{"commit":7}})", "{\"imr"}) {
    write_file(path("o/explore.json"), damaged);
    const Outcome outcome = call(line);
    EXPECT_EQ(outcome.code, kExitUsage) << damaged;
    EXPECT_THAT(outcome.err, HasSubstr("explore.json is no summary"));
    EXPECT_EQ(file("o/explore.jsonl"), lines);
  }
}

// Children of this process.
std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> pids;
  for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(parent) + "/task")) {
    std::istringstream list(read_file(entry.path() / "children"));
    for (pid_t pid = 0; list >> pid;) pids.push_back(pid);
  }
  return pids;
}

// Clock ticks of processor time that a process has used.
uint64_t ticks(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  std::istringstream fields(text.substr(std::min(text.size(), text.rfind(')') + 2)));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  uint64_t user = 0;
  fields >> user;
  return user;
}

TEST_F(Explore, AKilledWorkerIsAFindingAndTheRestGoesOn) {
  // A process and not a thread: workers are forked, and would inherit what a thread holds locked.
  const pid_t tester = ::getpid();
  const pid_t killer = ::fork();
  if (killer == 0) {
    while (::getppid() == tester) {
      for (const pid_t pid : children_of(tester)) {
        if (pid == ::getpid() || ticks(pid) < 5) continue;  // not at work yet
        ::_exit(::kill(pid, SIGKILL));
      }
      ::sched_yield();
    }
    ::_exit(1);
  }
  // Long enough that the worker has a job when it is hit.
  const Outcome outcome =
      call({"explore", path("small.json"), "--seeds", "3", "--jobs", "1", "--set", "/duration=200s",
            "--set", "/topology/users=200", "--json"});
  ::kill(killer, SIGKILL);  // it has ended, unless it found no worker
  int killed = -1;
  ASSERT_EQ(::waitpid(killer, &killed, 0), killer);
  EXPECT_EQ(killed, 0) << "the worker was hit";
  EXPECT_EQ(outcome.code, kExitViolated);
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json["runs"], 3);
  ASSERT_EQ(json["groups"].size(), 1u);
  EXPECT_EQ(json["groups"][0]["property"], "crash");
  EXPECT_EQ(json["groups"][0]["runs"], 1);
}

}  // namespace
}  // namespace imroute
