// Shrinking without a simulator: a stand-in decides which scenarios fail, so what must stay is
// known beforehand.
#include "harness/shrink/reduce.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "harness/scenario/loader.h"
#include "harness/scenario/writer.h"
#include "harness/shrink/recording.h"
#include "harness/shrink/settings.h"
#include "harness/shrink/times.h"
#include "sim/simulation.h"

namespace imroute {
namespace {

using Fails = std::function<bool(const Scenario&)>;

Scenario loaded(const std::string& text) {
  const LoadedScenario scenario = load_scenario_text(text, "x");
  EXPECT_TRUE(scenario.ok()) << scenario.diagnostics.front().to_string() << "\n" << text;
  return scenario.scenario.value_or(Scenario{});
}

// Every candidate must be a scenario; `asked` collects them.
FirstFailing judge(const Fails& fails, std::vector<std::string>* asked = nullptr) {
  return [=](size_t count, const std::function<std::string(size_t)>& candidate) {
    std::optional<size_t> found;
    for (size_t i = 0; i < count && !found; ++i) {
      const std::string text = candidate(i);
      if (text.empty()) continue;
      if (asked != nullptr) asked->push_back(text);
      const LoadedScenario scenario = load_scenario_text(text, "x");
      if (scenario.ok() && fails(*scenario.scenario)) found = i;
    }
    return found;
  };
}

Scenario small() {
  return loaded(R"({
    "name": "small", "duration": "30s", "warmup": "2s",
    "topology": {"nodes": 4, "users": 20, "routers": 2, "devices_per_user": 2,
                 "groups": {"count": 3, "size": 5}, "node_weights": [1, 2, 3, 4]},
    "delivery": {"window": 8, "ack_timeout": "700ms"},
    "strategy": {"kind": "mesh_directory", "cache_ttl": "9s"},
    "workload": {"rate_per_user": "0.5/s", "group_share": 0.3, "relocations_per_user": "200/h",
                 "offline": {"share": 0.2, "away": "4s"}, "group_changes_per_group": "400/h"},
    "nemesis": {"mean_interval": "2s"}
  })");
}

struct OneRun {
  Result result;
  std::vector<RecordedAction> actions;
};
OneRun run(const Scenario& scenario) {
  OneRun out;
  SimulationOptions options;
  options.action_sink = [&](const Action& action) {
    const auto line = parse_recording(recording_line(recorded(action)));
    ASSERT_TRUE(line);
    EXPECT_EQ(*line, recorded(action));
    out.actions.push_back(*line);
  };
  out.result = simulate(scenario, options);
  return out;
}

Scenario script() {
  const Scenario s = small();
  return scripted(s, run(s).actions);
}

// ---- the script of a run

TEST(Recording, TheScriptDoesWhatTheRunDid) {
  for (const uint64_t seed : {1, 2, 3}) {
    Scenario drawn = small();
    drawn.seed = seed;
    const OneRun first = run(drawn);
    const Scenario again = loaded(write_scenario_line(scripted(drawn, first.actions)));
    EXPECT_GT(again.workload.messages.size(), 100u);
    EXPECT_GT(again.workload.actions.size(), 5u);
    EXPECT_FALSE(again.nemesis.enabled);
    const OneRun second = run(again);
    EXPECT_EQ(second.result.events, first.result.events);
    EXPECT_EQ(second.result.messages.sent, first.result.messages.sent);
    EXPECT_EQ(second.result.messages.delivered, first.result.messages.delivered);
    EXPECT_EQ(second.result.messages.via, first.result.messages.via);
    EXPECT_EQ(second.result.frames.bytes, first.result.frames.bytes);
    EXPECT_EQ(second.actions.size(), first.actions.size());
  }
}

// User 0 is away when he should make group 0, so it never comes to be; group 1 does, later.
TEST(Recording, AGroupThatNobodyCameToMakeIsNotThere) {
  const Scenario drawn = loaded(R"({
    "duration": "20s", "warmup": "2s",
    "topology": {"nodes": 2, "users": 8, "groups": {"members": [[0, 1, 2], [3, 4, 5]]}},
    "workload": {"rate_per_user": "1/s", "group_share": 0.7, "actions": [
      {"kind": "offline", "user": 0, "at": "5s", "for": "10s"},
      {"kind": "create", "user": 0, "group": 0, "at": "8s"},
      {"kind": "create", "user": 3, "group": 1, "at": "8s"}]}
  })");
  const OneRun first = run(drawn);
  EXPECT_EQ(first.result.counters.groups_created, 1u);
  EXPECT_GT(first.result.messages.refused, 10u);
  const OneRun second = run(loaded(write_scenario_line(scripted(drawn, first.actions))));
  EXPECT_EQ(second.result.counters.groups_created, 1u);
  EXPECT_EQ(second.result.messages.refused, first.result.messages.refused);
  EXPECT_EQ(second.result.messages.delivered, first.result.messages.delivered);
}

TEST(Recording, AGroupThatTheLimitOfMessagesCutOffIsNotThere) {
  const Scenario drawn = loaded(R"({
    "duration": "20s", "warmup": "2s",
    "topology": {"nodes": 2, "users": 8, "groups": {"members": [[0, 1, 2]]}},
    "workload": {"rate_per_user": "1/s", "message_limit": 20, "actions": [
      {"kind": "create", "user": 0, "group": 0, "at": "15s"}]}
  })");
  const OneRun first = run(drawn);
  EXPECT_EQ(first.result.counters.groups_created, 0u);
  const OneRun second = run(loaded(write_scenario_line(scripted(drawn, first.actions))));
  EXPECT_EQ(second.result.messages.sent, first.result.messages.sent);
  EXPECT_EQ(second.result.counters.groups_created, 0u);
}

TEST(Recording, ALineThatWasCutIsNone) {
  const RecordedAction action{5, {UserId{1}, 0}, CommandKind::send, ConversationId::group(2), 7, 0,
                              9};
  const std::string line = recording_line(action);
  EXPECT_EQ(parse_recording(line), action);
  for (size_t length = 0; length < line.size(); ++length) {
    EXPECT_FALSE(parse_recording(line.substr(0, length))) << length;
  }
}

// ---- parts

TEST(Parts, WhateverIsLeftOutTheRestIsAScenario) {
  const Scenario whole = script();
  for (const Part* part : {&kFaultPart, &kUserPart, &kMessagePart, &kActionPart, &kGroupPart,
                           &kNodePart, &kRouterPart, &kDevicePart}) {
    const size_t count = part->count(whole);
    ASSERT_GT(count, 1u) << part->name;
    for (size_t size : {count / 2, size_t{1}}) {
      for (size_t from = 0; from + size <= count; from += std::max<size_t>(size, count / 7)) {
        const Scenario rest = part->without(whole, from, from + size);
        EXPECT_EQ(part->count(rest), count - size) << part->name;
        loaded(write_scenario_line(rest));
      }
    }
  }
}

TEST(Parts, AUserTakesItsMessagesAndItsPlaceIsClosed) {
  Scenario s = script();
  s.workload.messages.resize(3);
  s.workload.actions.clear();
  const auto message = [](uint64_t from, uint64_t to, std::optional<uint32_t> answers) {
    ScriptedMessage m;
    m.at_ns = 3 * kSecond;
    m.from = from;
    m.to = to;
    m.answers = answers;
    return m;
  };
  s.workload.messages = {message(1, 2, {}), message(5, 6, {}), message(6, 5, 1)};
  s.topology.group_members = {{0, 1, 6}, {1, 5}};
  const Scenario rest = kUserPart.without(s, 1, 2);
  ASSERT_EQ(rest.workload.messages.size(), 2u);
  EXPECT_EQ(rest.workload.messages[1].from, 5u);
  EXPECT_EQ(rest.workload.messages[1].to, 4u);
  EXPECT_EQ(rest.workload.messages[1].answers, 0u);
  EXPECT_EQ(rest.topology.group_members, (std::vector<std::vector<uint64_t>>{{0, 5}}));
  // Without its question an answer is a message of its own.
  const Scenario alone = kMessagePart.without(s, 1, 2);
  EXPECT_EQ(alone.workload.messages[1].from, 6u);
  EXPECT_EQ(alone.workload.messages[1].answers, std::nullopt);
}

TEST(Parts, FaultsFollowTheMachinesTheyHit) {
  Scenario s = script();
  s.faults.clear();
  for (const uint64_t node : {0, 1, 3}) {
    Fault f;
    f.target = {Target::Select::index, TargetKind::node, node};
    s.faults.push_back(f);
  }
  const Scenario rest = kNodePart.without(s, 1, 2);
  ASSERT_EQ(rest.faults.size(), 2u);
  EXPECT_EQ(rest.faults[0].target.index, 0u);
  EXPECT_EQ(rest.faults[1].target.index, 2u);
  EXPECT_EQ(rest.topology.node_weights, (std::vector<uint32_t>{1, 3, 4}));
}

// ---- delta debugging

// Fails while messages with all these sizes are there.
Fails needs(std::set<uint32_t> sizes) {
  return [sizes](const Scenario& s) {
    std::set<uint32_t> left = sizes;
    for (const ScriptedMessage& m : s.workload.messages) left.erase(m.bytes);
    return left.empty();
  };
}

std::set<uint32_t> sizes_of(const Scenario& s) {
  std::set<uint32_t> out;
  for (const ScriptedMessage& m : s.workload.messages) out.insert(m.bytes);
  return out;
}

Scenario numbered(size_t messages, bool backwards) {
  Scenario s = script();
  s.workload.messages.clear();
  for (size_t i = 0; i < messages; ++i) {
    ScriptedMessage m;
    m.at_ns = 3 * kSecond + static_cast<DurationNs>(i) * kMillisecond;
    m.from = i % 20;
    m.to = (i + 1) % 20;
    m.bytes = static_cast<uint32_t>(100 + (backwards ? messages - 1 - i : i));
    s.workload.messages.push_back(m);
  }
  return s;
}

TEST(Minimise, KeepsJustWhatIsNeeded) {
  for (const std::set<uint32_t>& needed :
       {std::set<uint32_t>{}, {100}, {199}, {117, 142}, {100, 101, 150, 198, 199}}) {
    Scenario s = numbered(100, false);
    std::vector<std::string> asked;
    minimise(s, kMessagePart, 0, judge(needs(needed), &asked));
    EXPECT_EQ(sizes_of(s), needed);
    EXPECT_LT(asked.size(), 120u);  // one by one it would be a hundred for each round
  }
}

TEST(Minimise, TheOrderOfTheListDoesNotMatter) {
  Scenario forwards = numbered(64, false), backwards = numbered(64, true);
  minimise(forwards, kMessagePart, 0, judge(needs({103, 130, 131})));
  minimise(backwards, kMessagePart, 0, judge(needs({103, 130, 131})));
  EXPECT_EQ(sizes_of(forwards), sizes_of(backwards));
}

TEST(Minimise, IsMinimalWherePartsStandInForEachOther) {
  // Any two of the even ones are enough, so which two stay is open; that no third stays is not.
  const Fails two_even = [](const Scenario& s) {
    size_t even = 0;
    for (const ScriptedMessage& m : s.workload.messages) even += m.bytes % 2 == 0;
    return even >= 2;
  };
  Scenario s = numbered(50, false);
  minimise(s, kMessagePart, 0, judge(two_even));
  EXPECT_EQ(s.workload.messages.size(), 2u);
}

TEST(Minimise, LeavesAtLeastSoMany) {
  Scenario s = script();
  minimise(s, kUserPart, 2, judge([](const Scenario&) { return true; }));
  EXPECT_EQ(s.topology.users, 2u);
}

TEST(Reduce, EndsWithWhatTheFailureNeedsAndAlwaysTheSame) {
  const Fails fails = [](const Scenario& s) {
    bool crash = false, to_group = false;
    for (const Fault& f : s.faults) crash |= f.kind == FaultKind::crash;
    for (const ScriptedMessage& m : s.workload.messages) to_group |= m.group.has_value();
    return crash && to_group && s.delivery.window == 8 && s.topology.nodes >= 2;
  };
  const auto never = [] { return false; };
  const auto silent = [](const Scenario&) {};
  Scenario start;
  for (uint64_t seed = 1; !fails(start); ++seed) {
    ASSERT_LT(seed, 20u);
    Scenario s = small();
    s.seed = seed;
    start = scripted(s, run(s).actions);
  }
  const Scenario end = reduce(start, judge(fails), never, silent);
  EXPECT_TRUE(fails(end));
  EXPECT_EQ(end.faults.size(), 1u);
  EXPECT_EQ(end.workload.messages.size(), 1u);
  EXPECT_TRUE(end.workload.actions.empty());
  EXPECT_EQ(end.topology.nodes, 2u);
  EXPECT_EQ(end.topology.routers, 1u);
  EXPECT_LE(end.topology.users, 3u);  // the sender need not be a member
  ASSERT_EQ(end.topology.group_members.size(), 1u);
  EXPECT_EQ(end.topology.group_members[0].size(), 2u);
  EXPECT_EQ(end.strategy, StrategyConfig{});
  EXPECT_LE(end.faults[0].for_ns, kSecond);
  EXPECT_LE(end.duration_ns, 10 * kSecond);
  EXPECT_EQ(reduce(start, judge(fails), never, silent), end);
}

// ---- settings

TEST(Settings, OnlyKeysThatSaySomethingAreWritten) {
  const Scenario s = loaded(R"({"name": "x", "topology": {"nodes": 2, "users": 5},
    "delivery": {"window": 8},
    "workload": {"rate_per_user": "0/s", "messages": [{"at": "6s", "from": 1, "to": 2}]},
    "faults": [{"kind": "crash", "target": "node:1", "at": "7s", "for": "2s"}]})");
  const std::string text = write_minimal(s);
  EXPECT_EQ(loaded(text), s);
  for (const char* silent :
       {"sessions", "network", "device", "ack_timeout", "unsynced", "expect"}) {
    EXPECT_EQ(text.find(silent), std::string::npos) << silent << "\n" << text;
  }
  for (const char* needed : {"\"window\": 8", "\"nodes\": 2", "\"0/s\"", "\"crash\""}) {
    EXPECT_NE(text.find(needed), std::string::npos) << needed << "\n" << text;
  }
}

TEST(Settings, GoBackToTheirDefaultsOneByOne) {
  Scenario s = script();
  simplify_settings(
      s, judge([](const Scenario& c) { return c.delivery.ack_timeout_ns == 700'000'000; }));
  EXPECT_EQ(s.delivery.ack_timeout_ns, 700 * kMillisecond);
  EXPECT_EQ(s.delivery.window, DeliveryConfig{}.window);
  EXPECT_EQ(s.strategy, StrategyConfig{});
  EXPECT_EQ(s.workload.rate_microhz, 0u);  // the drawn workload does not come back
  EXPECT_EQ(s.workload.reply_share_ppm, 0u);
}

// ---- times

TEST(Times, AreShortAndRound) {
  Scenario s = numbered(3, false);
  s.workload.actions.clear();
  s.faults.resize(1);
  s.faults[0].at_ns = 20 * kSecond + 123'456'789;
  s.faults[0].for_ns = 5 * kSecond;
  const FirstFailing longer_than_100ms =
      judge([](const Scenario& c) { return c.faults[0].for_ns > 100 * kMillisecond; });
  shorten(s, longer_than_100ms);
  EXPECT_GT(s.faults[0].for_ns, 100 * kMillisecond);
  EXPECT_LE(s.faults[0].for_ns, 250 * kMillisecond);
  close_gaps(s, longer_than_100ms);
  EXPECT_LT(s.faults[0].at_ns, 4 * kSecond);
  EXPECT_LT(s.duration_ns, 6 * kSecond);
  round_times(s, longer_than_100ms);
  EXPECT_EQ(s.faults[0].at_ns % (100 * kMillisecond), 0);
  EXPECT_GT(s.duration_ns, s.faults[0].at_ns);
}

}  // namespace
}  // namespace imroute
