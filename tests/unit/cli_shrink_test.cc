// `imroute shrink` as a program: from a failing seed to a file that fails by itself, the same for
// any number of jobs, explained in words and as a diagram.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/commands.h"
#include "cli/files.h"
#include "cli/shrink/explanation.h"
#include "core/base/assert.h"

namespace imroute {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// Fails whatever becomes of the program: its author expects too little.
constexpr const char* kScenario = R"({
  "name": "small", "duration": "12s", "warmup": "2s",
  "topology": {"nodes": 3, "users": 14, "routers": 1, "groups": {"count": 2, "size": 4}},
  "workload": {"kind": "chat", "rate_per_user": "1/s", "group_share": 0.2,
               "relocations_per_user": "60/h"},
  "nemesis": {"families": ["crash", "clients"], "mean_interval": "2s", "until": "9s"},
  "expect": {"messages/sent": "<= 3"}
})";

class Shrink : public testing::Test {
 protected:
  Shrink() : directory_(fs::temp_directory_path() / ("imroute-s-" + std::to_string(getpid()))) {
    fs::create_directories(directory_);
    write_file(path("small.json"), kScenario);
  }
  ~Shrink() override { fs::remove_all(directory_); }
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

TEST_F(Shrink, WhatComesOutFailsByItselfAndIsSmall) {
  const Outcome shrunk = call({"shrink", path("small.json"), "--seed", "5", "--jobs", "2", "--out",
                               path("tiny.json"), "--json"});
  ASSERT_EQ(shrunk.code, 0) << shrunk.err;
  const auto told = nlohmann::json::parse(shrunk.out);
  EXPECT_EQ(told["fingerprint"]["property"], "expect:messages/sent");
  EXPECT_EQ(told["scripted"], true);
  EXPECT_EQ(told["smallest"], true);
  EXPECT_GT(told["before"]["messages"], 50);
  EXPECT_EQ(told["after"]["messages"], 4);
  EXPECT_EQ(told["after"]["faults"], 0);
  EXPECT_LE(told["after"]["users"], 3);
  EXPECT_EQ(told["after"]["nodes"], 1);

  const Outcome run = call({"run", path("tiny.json"), "--json"});
  EXPECT_EQ(run.code, kExitViolated) << run.err;
  const auto result = nlohmann::json::parse(run.out);
  ASSERT_EQ(result["violations"].size(), 1u);
  EXPECT_EQ(result["violations"][0]["property"], "expect:messages/sent");
}

TEST_F(Shrink, TheNumberOfJobsChangesNothing) {
  const auto shrink = [&](const char* jobs, const char* out) {
    const Outcome o = call({"shrink", path("small.json"), "--seed", "5", "--jobs", jobs, "--out",
                            path(out), "--json"});
    EXPECT_EQ(o.code, 0) << o.err;
    auto told = nlohmann::json::parse(o.out);
    for (const char* differs : {"file", "explanation", "repro", "machine"}) told.erase(differs);
    return told;
  };
  EXPECT_EQ(shrink("1", "a.json"), shrink("3", "b.json"));
  EXPECT_EQ(file("a.json"), file("b.json"));
}

TEST_F(Shrink, ASeedThatHoldsIsRefused) {
  const Outcome o = call({"shrink", path("small.json"), "--seed", "5", "--set", "/expect=null"});
  EXPECT_EQ(o.code, kExitUsage);
  EXPECT_THAT(o.err, HasSubstr("seed 5 of small does not fail: there is nothing to shrink"));
  const Outcome other = call({"shrink", path("small.json"), "--fingerprint", "no-loss"});
  EXPECT_EQ(other.code, kExitUsage);
  EXPECT_THAT(other.err, HasSubstr("expect:messages/sent (final)"));
}

TEST_F(Shrink, BadOutputPathsAreRefusedBeforeTheWork) {
  fs::create_directories(directory_ / "dir");
  const auto code = [&](const std::vector<std::string>& more) {
    std::vector<std::string> line{"shrink", path("small.json")};
    line.insert(line.end(), more.begin(), more.end());
    const Outcome o = call(line);
    EXPECT_THAT(o.err, testing::Not(HasSubstr("does not fail"))) << o.err;
    return o.code;
  };
  // The seed holds: were it run, that would be said.
  const auto out = [&](const std::string& name) {
    return code({"--set", "/expect=null", "--out", path(name)});
  };
  EXPECT_EQ(out("tiny.md"), kExitUsage);
  EXPECT_EQ(out("dir"), kExitUsage);
  EXPECT_EQ(out("none/tiny.json"), kExitEnvironment);
  EXPECT_EQ(code({"--set", "/expect=null", "--set", "/name=no/such"}), kExitEnvironment);
}

TEST_F(Shrink, IsToldInWords) {
  const Outcome o = call(
      {"shrink", path("small.json"), "--seed", "5", "--jobs", "1", "--out", path("tiny.json")});
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_THAT(o.out, HasSubstr("before      3 nodes, 14 users, "));
  EXPECT_THAT(o.out, HasSubstr("after       1 node, "));
  EXPECT_THAT(o.out, HasSubstr("should be   what the scenario expects of the result holds"));
  EXPECT_THAT(o.out, HasSubstr("reproduce   imroute run " + path("tiny.json") + " --seed "));
  const std::string page = file("tiny.md");
  EXPECT_THAT(page, HasSubstr("messages/sent is 4, expected <= 3"));
  EXPECT_THAT(page, HasSubstr("None: no fault is needed."));
  EXPECT_THAT(page, HasSubstr(" sends message 4 to "));
}

TEST(ShrinkExplanation, WhatUsersDoWithGroupsIsTold) {
  Explained e;
  e.scenario.workload.rate_microhz = 0;  // a script
  for (const ActionKind kind : {ActionKind::create, ActionKind::join, ActionKind::leave}) {
    ScriptedAction action;
    action.kind = kind;
    action.user = 7;
    action.group = static_cast<uint32_t>(kind);
    e.scenario.workload.actions.push_back(action);
  }
  const std::string page = explanation_markdown(e, "imroute run x.json --seed 1");
  const auto told = [](const char* does, ActionKind kind) {
    return HasSubstr("user 7 " + std::string(does) + " group " +
                     std::to_string(static_cast<uint32_t>(kind)) + "\n");
  };
  EXPECT_THAT(page, told("makes", ActionKind::create));
  EXPECT_THAT(page, told("joins", ActionKind::join));
  EXPECT_THAT(page, told("leaves", ActionKind::leave));
}

// ---- runs that do not come to their end

constexpr const char* kShort = R"({
  "name": "short", "duration": "8s", "warmup": "2s",
  "topology": {"nodes": 2, "users": 3, "routers": 1},
  "workload": {"rate_per_user": "0/s", "messages": [
    {"at": "3s", "from": 0, "to": 1}, {"at": "4s", "from": 1, "to": 0},
    {"at": "5s", "from": 2, "to": 0}]},
  "faults": [{"kind": "crash", "target": "node:1", "at": "4500ms", "for": "1s"},
             {"kind": "pause", "target": "node:0", "at": "4500ms", "for": "1s"}]
})";

void assert_falsely() { IM_ASSERT(1 + 1 == 3); }
void crash() { ::raise(SIGKILL); }  // without a word: a sanitizer would have some
void hang() {
  while (true) ::pause();
}

// The second message of a run with just that crash in it is one too many. So the times stay, and
// few candidates hang.
RunScenario ends_badly(void (*end)()) {
  return [end](const Scenario& scenario, const SimulationOptions& options) {
    const std::vector<Fault> plan = materialise_plan(scenario);
    const bool hit = std::any_of(plan.begin(), plan.end(), [&](const Fault& f) {
      return f.kind == FaultKind::crash && f.at_ns == 4500 * kMillisecond && f.for_ns == kSecond &&
             scenario.duration_ns == 8 * kSecond;
    });
    SimulationOptions watched = options;
    int sent = 0;
    watched.action_sink = [&](const Action& action) {
      if (options.action_sink) options.action_sink(action);
      if (action.command.kind == CommandKind::send && ++sent == 2 && hit) end();
    };
    return simulate(scenario, watched);
  };
}

struct BadEnd {
  const char* property;
  void (*end)();
  const char* kind;
};
class ShrinkBadEnd : public Shrink, public testing::WithParamInterface<BadEnd> {};

TEST_P(ShrinkBadEnd, IsAFailureLikeAnyOther) {
  write_file(path("short.json"), kShort);
  const auto shrink = [&](const char* jobs, const std::string& out_file) {
    Options options = parse_command_line({"shrink", path("short.json"), "--jobs", jobs, "--out",
                                          path(out_file), "--json", "--seed-limit", "1500ms"})
                          .options;
    std::ostringstream out, err;
    EXPECT_EQ(shrink_command(options, Console{out, err}, ends_badly(GetParam().end)), kExitHeld)
        << err.str();
    auto told = nlohmann::json::parse(out.str());
    for (const char* differs : {"file", "repro", "machine"}) told.erase(differs);
    return told;
  };
  const auto told = shrink("1", "a.json");
  EXPECT_EQ(told["fingerprint"]["property"], GetParam().property);
  EXPECT_EQ(told["fingerprint"]["phase"], "run");
  EXPECT_EQ(told["fingerprint"]["kind"], GetParam().kind);
  EXPECT_EQ(told["explanation"], nullptr) << "there is no history of a run without an end";
  EXPECT_EQ(told["scripted"], true);
  EXPECT_EQ(told["smallest"], true);
  EXPECT_EQ(told["after"]["messages"], 2);
  EXPECT_EQ(told["after"]["faults"], 1);
  EXPECT_EQ(told["after"]["users"], 2);
  EXPECT_EQ(told["after"]["nodes"], 1);
  EXPECT_EQ(shrink("3", "b.json"), told);
  EXPECT_EQ(file("a.json"), file("b.json"));
}

INSTANTIATE_TEST_SUITE_P(Every, ShrinkBadEnd,
                         testing::Values(BadEnd{"assertion", assert_falsely,
                                                "(# + # == #) failed at unit/cli_shrink_test.cc:#"},
                                         BadEnd{"crash", crash, "ended by signal Killed"},
                                         BadEnd{"hang", hang, "no end after # s of wall time"}),
                         [](const auto& bad) { return std::string(bad.param.property); });

TEST(Explanation, FollowsTheMessageOfTheWitness) {
  Explained e;
  e.violation.property = "no-loss";
  e.violation.at_ns = 9 * kSecond;
  const auto add = [&](int64_t ms, const char* machine, const char* kind) -> TraceLine& {
    TraceLine& line = e.steps.emplace_back();
    line.t_ns = ms * kMillisecond;
    line.machine = machine;
    line.kind = kind;
    return line;
  };
  add(6000, "client:3.0", "sent");
  add(6010, "node:1", "append_sent");
  add(6011, "node:1", "append_ok").position.seq = 4;
  add(6012, "node:1", "route_push").node = 0;
  add(6013, "node:0", "deliver").user = 9;
  add(6020, "client:9.0", "shown");
  FaultOutcome fault;
  fault.fault.at_ns = 6011 * kMillisecond;
  fault.fault.target = {Target::Select::index, TargetKind::node, 0};
  fault.until_ns = 7 * kSecond;
  fault.effective = true;
  e.result.faults.push_back(fault);
  EXPECT_EQ(sequence_diagram(e),
            "sequenceDiagram\n"
            "  participant client_3_0 as user 3\n"
            "  participant node_1 as node 1\n"
            "  participant mailbox as mailbox\n"
            "  participant node_0 as node 0\n"
            "  participant client_9_0 as user 9\n"
            "  Note over client_3_0: 6 s the user sends it\n"
            "  node_1->>mailbox: 6.01 s asks the mailbox to append it\n"
            "  Note over node_1: in force: crash node:0\n"
            "  mailbox-->>node_1: 6.01 s the mailbox appended it at sequence 4\n"
            "  node_1->>node_0: 6.01 s pushes it to node 0 for the recipient\n"
            "  node_0->>client_9_0: 6.01 s delivers it to user 9\n"
            "  Note over client_9_0: 6.02 s shown to the user\n"
            "  Note over client_3_0: 9 s violated: no-loss\n");
}

TEST(Story, FindsTheMessageThatAWitnessNames) {
  const auto by_tag = message_of_witness(
      "message 12 of conversation 9-3 at 1/4 from user 3 device 0, stored at 6011 ms, never "
      "reached");
  ASSERT_TRUE(by_tag);
  EXPECT_EQ(by_tag->tag, 12u);
  const auto by_place = message_of_witness(
      "the mailbox stored an entry of conversation 9-3 at 2/40 from user 3 after 1/7");
  ASSERT_TRUE(by_place);
  EXPECT_EQ(by_place->conversation, "9-3");
  EXPECT_EQ(by_place->seq, 40u);
  const auto group =
      message_of_witness("user 1 device 0 showed an entry of group 2 at 1/5 from user 3");
  ASSERT_TRUE(group);
  EXPECT_EQ(group->conversation, "group-2");
  EXPECT_EQ(group->seq, 5u);
  EXPECT_FALSE(message_of_witness("user 4 device 0 has two sessions, at node 1 and node 2"));
}

}  // namespace
}  // namespace imroute
