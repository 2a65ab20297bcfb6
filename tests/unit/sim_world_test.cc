// The simulated world as a whole: small runs, judged by the oracles, and what the world itself
// promises: the same run for the same seed, real bytes or not, and faults that hit what they name.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "harness/fault/plan.h"
#include "harness/scenario/names.h"
#include "sim/simulation.h"

namespace imroute {
namespace {

Scenario small(uint64_t seed = 1) {
  Scenario s;
  s.name = "small";
  s.seed = seed;
  s.topology.nodes = 4;
  s.topology.routers = 2;
  s.topology.users = 24;
  s.duration_ns = 25 * kSecond;
  s.warmup_ns = 5 * kSecond;
  s.workload.rate_microhz = 500'000;
  return s;
}

std::string first_violation(const Result& r) {
  return r.violations.empty() ? ""
                              : r.violations.front().property + ": " + r.violations.front().witness;
}

Fault fault(const char* kind, const char* target, int64_t at_s, int64_t for_ms) {
  Fault f;
  for (const FaultInfo& info : fault_infos()) {
    if (std::string(info.name) == kind) f.kind = info.kind;
  }
  EXPECT_TRUE(*target == '\0' || parse_fault_target(target, f)) << target;
  f.at_ns = at_s * kSecond;
  f.for_ns = for_ms * kMillisecond;
  f.delay_ns = kSecond;
  f.latency_ns = 50 * kMillisecond;
  f.rate_bits_per_second = 200'000;
  f.offset_ns = 8 * kSecond;
  f.ppm = -10'000;
  return f;
}

TEST(World, DeliversEverythingInQuietTime) {
  const Result r = simulate(small());
  EXPECT_EQ(r.verdict, Verdict::pass) << first_violation(r);
  EXPECT_GT(r.messages.accepted, 150u);
  EXPECT_EQ(r.messages.delivered, r.messages.deliveries_expected);
  EXPECT_EQ(r.messages.lost, 0u);
  EXPECT_GT(r.frames.counted, 0u);
  EXPECT_GT(r.events, 1000u);
}

TEST(World, TheSameSeedIsTheSameRunAndAnotherIsNot) {
  Scenario s = small(7);
  s.nemesis.enabled = true;
  s.nemesis.mean_interval_ns = 2 * kSecond;
  const Result a = simulate(s), b = simulate(s);
  EXPECT_EQ(a.trace_hash, b.trace_hash);
  EXPECT_EQ(a.events, b.events);
  s.seed = 8;
  EXPECT_NE(simulate(s).trace_hash, a.trace_hash);
}

TEST(World, BytesOrValuesTheTraceIsTheSame) {
  Scenario s = small(3);
  s.topology.group_count = 2;
  s.topology.group_size = 6;
  s.workload.group_share_ppm = 200'000;
  s.nemesis.enabled = true;
  s.nemesis.mean_interval_ns = 2 * kSecond;
  const Result bytes = simulate(s);
  s.network.by_value = true;
  const Result values = simulate(s);
  EXPECT_EQ(bytes.trace_hash, values.trace_hash);
  EXPECT_EQ(bytes.frames.bytes, values.frames.bytes);
}

TEST(World, AMaterialisedPlanGivesTheSameTrace) {
  Scenario s = small(5);
  s.nemesis.enabled = true;
  s.nemesis.mean_interval_ns = 2 * kSecond;
  const Result drawn = simulate(s);
  s.faults = materialise_plan(s);
  s.nemesis.enabled = false;
  EXPECT_EQ(simulate(s).trace_hash, drawn.trace_hash);
}

TEST(World, TracingDoesNotChangeTheRun) {
  const Scenario s = small(4);
  SimulationOptions options;
  options.trace = true;
  uint64_t lines = 0;
  options.trace_sink = [&lines](const std::string&) { ++lines; };
  EXPECT_EQ(simulate(s, options).trace_hash, simulate(s).trace_hash);
  EXPECT_GT(lines, 500u);
}

// At the end nobody is woken while things land: longer than this lease, which must not end then.
TEST(World, AShortLeaseOutlivesTheEndOfTheRun) {
  Scenario s = small();
  s.sessions.lease_ns = 1500 * kMillisecond;
  s.sessions.client_lease_ns = kSecond;
  s.sessions.client_heartbeat_ns = 300 * kMillisecond;
  SimulationOptions options;
  options.trace = true;
  std::string fenced;
  options.trace_sink = [&](const std::string& line) {
    if (line.find("\"kind\":\"fenced\"") != std::string::npos) fenced += line + "\n";
  };
  const Result r = simulate(s, options);
  EXPECT_EQ(r.verdict, Verdict::pass) << first_violation(r);
  EXPECT_EQ(fenced, "");
}

TEST(World, StopsWhereItIsTold) {
  SimulationOptions options;
  options.until_ns = 8 * kSecond;
  const Result r = simulate(small(), options);
  EXPECT_LT(r.events, simulate(small()).events / 2);
  EXPECT_TRUE(r.violations.empty());
}

struct Case {
  const char* kind;
  const char* target;
  int64_t for_ms;
};

class EveryFault : public ::testing::TestWithParam<Case> {};

TEST_P(EveryFault, HitsSomebodyAndHeals) {
  Scenario s = small(11);
  const Case& c = GetParam();
  const std::string kind = c.kind;
  if (kind == "disconnect" || kind == "overflow" ||
      std::string(c.target).find("bus") != std::string::npos) {
    s.strategy.kind = StrategyKind::broadcast;
    s.strategy.bus = BusKind::pubsub;
  }
  s.faults = {fault(c.kind, c.target, 10, c.for_ms)};
  if (kind == "lost_watch" || kind == "late_watch" || kind == "lagging_read") {
    s.faults.push_back(fault("crash", "node:2", 11, 2000));  // something to watch
  }
  const bool disk = kind == "lost_fsync" || kind == "torn_write" || kind == "disk_full";
  if (disk) s.faults.push_back(fault("relocate", "client:*", 10, 0));          // something to write
  if (kind == "skew") s.faults.push_back(fault("crash", "node:1", 11, 1000));  // clocks begin anew
  if (kind == "connect_hang") s.faults.push_back(fault("reset", c.target, 11, 0));
  if (kind == "partition") s.faults[0].edges = 63;
  const Result r = simulate(s);
  EXPECT_TRUE(r.faults[0].effective);
  EXPECT_EQ(r.coverage.count(kind), 1u);
  EXPECT_EQ(r.verdict, Verdict::pass) << first_violation(r);
  EXPECT_EQ(r.messages.lost, 0u);
  EXPECT_GT(r.messages.delivered, 100u);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, EveryFault,
    ::testing::Values(
        Case{"crash", "node:1", 4000}, Case{"crash", "router:0", 4000},
        Case{"crash", "client:3", 4000}, Case{"crash", "directory", 3000},
        Case{"crash", "mailbox", 3000}, Case{"crash", "registry", 3000}, Case{"crash", "bus", 3000},
        Case{"crash", "node:holder-of-user:4", 3000}, Case{"restart", "node:1", 1000},
        Case{"drain", "node:1", 4000}, Case{"rolling_restart", "node:*", 8000},
        Case{"pause", "node:1", 8000}, Case{"pause", "mailbox", 3000},
        Case{"pause", "registry", 3000}, Case{"slow", "node:1", 5000},
        Case{"slow", "directory", 5000}, Case{"partition", "", 4000},
        Case{"partition", "edge:node:0>node:1", 4000}, Case{"partition", "node:1", 4000},
        Case{"loss", "edge:node:*-node:*", 5000}, Case{"delay", "edge:client:*-node:*", 5000},
        Case{"bandwidth", "edge:node:*-node:*", 5000},
        Case{"duplicate", "edge:client:*-node:1", 5000}, Case{"duplicate", "edge:node:*-bus", 5000},
        Case{"reorder", "edge:node:*-mailbox", 5000}, Case{"reset", "edge:client:*-node:*", 0},
        Case{"half_open", "edge:node:*-node:1", 0}, Case{"stall", "edge:client:*-node:1", 3000},
        Case{"connect_hang", "edge:client:*-node:1", 4000},
        Case{"reconnect_storm", "client:*", 1000}, Case{"relocate", "client:*", 0},
        Case{"double_login", "client:*", 0}, Case{"slow_reader", "client:*", 3000},
        Case{"burst", "client:*", 3000}, Case{"session_expiry", "node:1", 0},
        Case{"late_watch", "registry", 8000}, Case{"lost_watch", "registry", 8000},
        Case{"lagging_read", "registry", 8000}, Case{"failover", "mailbox", 1000},
        Case{"failover", "directory", 1000}, Case{"error", "mailbox", 3000},
        Case{"lost_reply", "mailbox", 3000}, Case{"lost_reply", "directory", 3000},
        Case{"evict", "directory", 0}, Case{"oom", "mailbox", 3000},
        Case{"disconnect", "bus", 2000}, Case{"overflow", "node:1", 2000},
        Case{"torn_write", "mailbox", 2000}, Case{"torn_write", "directory", 2000},
        Case{"disk_full", "mailbox", 3000}, Case{"disk_full", "directory", 3000},
        Case{"lost_fsync", "directory", 900}, Case{"skew", "node:1", 8000},
        Case{"drift", "node:1", 12'000}, Case{"drift", "client:3", 12'000},
        Case{"jump", "node:1", 0}, Case{"jump", "client:3", 0}),
    [](const ::testing::TestParamInfo<Case>& one) {
      return std::string(one.param.kind) + "_" + std::to_string(one.index);
    });

TEST(World, AFaultThatMeetsNobodyIsMarked) {
  Scenario s = small(2);
  s.faults = {fault("disconnect", "bus", 10, 1000)};  // no bus in use
  const Result r = simulate(s);
  EXPECT_FALSE(r.faults[0].effective);
  EXPECT_TRUE(r.coverage.empty());
}

TEST(World, OverlappingCrashesKeepTheNodeDownUntilTheLastEnds) {
  Scenario s = small(2);
  s.faults = {fault("crash", "node:1", 10, 4000), fault("crash", "node:1", 12, 6000)};
  const Result r = simulate(s);
  EXPECT_TRUE(r.faults[0].effective);
  EXPECT_FALSE(r.faults[1].effective);  // it was dead already
  EXPECT_EQ(r.verdict, Verdict::pass) << first_violation(r);
}

TEST(World, AFailoverThatLosesItsTailIsExcusedNotLost) {
  Scenario s = small(6);
  s.mailbox.durability = Durability::async;
  s.workload.rate_microhz = 2'000'000;
  s.faults = {fault("failover", "mailbox", 12, 500)};
  s.faults[0].lose_tail_ns = 800 * kMillisecond;
  const Result r = simulate(s);
  EXPECT_EQ(r.messages.lost, 0u) << first_violation(r);
  EXPECT_GT(r.messages.excused, 0u);
}

TEST(World, AtMostOnceCountsWhatACrashDrops) {
  Scenario s = small(9);
  s.delivery.guarantee = Guarantee::at_most_once;
  s.workload.rate_microhz = 2'000'000;
  s.faults = {fault("crash", "node:1", 12, 4000)};
  const Result r = simulate(s);
  uint64_t drops = 0;
  for (const auto& [cause, n] : r.messages.dropped) drops += n;
  EXPECT_GT(drops, 0u);
  EXPECT_LT(r.messages.delivered, r.messages.deliveries_expected);
}

TEST(World, WhatAnFsyncLostIsExcusedAndTheRestIsThere) {
  Scenario s = small(6);
  s.mailbox.durability = Durability::async;
  s.workload.rate_microhz = 2'000'000;
  s.faults = {fault("lost_fsync", "mailbox", 12, 900)};
  const Result r = simulate(s);
  EXPECT_TRUE(r.faults[0].effective);
  EXPECT_EQ(r.verdict, Verdict::pass) << first_violation(r);
  EXPECT_EQ(r.messages.lost, 0u);
  EXPECT_GT(r.messages.excused, 0u);    // lost before everybody had seen it
  EXPECT_LT(r.messages.excused, 100u);  // 0.9 s of 48 messages a second
}

TEST(World, ACrashWhileTheDiskLiesShowsIt) {
  Scenario s = small(6);
  s.mailbox.durability = Durability::async;
  s.workload.rate_microhz = 2'000'000;
  s.faults = {fault("crash", "mailbox", 12, 500)};
  EXPECT_EQ(simulate(s).messages.excused, 0u);
  s.faults.push_back(fault("lost_fsync", "mailbox", 11, 1000));
  s.faults[1].at_ns += 500 * kMillisecond;
  const Result r = simulate(s);
  EXPECT_TRUE(r.faults[1].effective);
  EXPECT_EQ(r.verdict, Verdict::pass) << first_violation(r);
  EXPECT_GT(r.messages.excused, 0u);
}

TEST(World, ATornWriteTakesItsStoreDownAtThatWrite) {
  Scenario s = small(6);
  s.faults = {fault("torn_write", "mailbox", 12, 3000)};
  const Result r = simulate(s);
  EXPECT_EQ(r.verdict, Verdict::pass) << first_violation(r);
  EXPECT_EQ(r.messages.excused, 0u);  // it had acknowledged nothing of it
  EXPECT_GT(r.unavailable_ns, kSecond);
}

TEST(World, WhereAClockBeginsMeansNothing) {
  Scenario s = small(13);
  s.topology.group_count = 2;
  s.topology.group_size = 6;
  s.workload.group_share_ppm = 200'000;
  s.workload.relocations_microhz = 20'000;
  s.faults = {fault("crash", "node:2", 12, 3000), fault("restart", "node:0", 16, 1000)};
  for (const StrategyKind kind : {StrategyKind::cached_broadcast, StrategyKind::central}) {
    s.strategy.kind = kind;
    Scenario skewed = s;
    for (const char* who : {"node:0", "node:1", "node:2", "client:3", "client:8"}) {
      skewed.faults.push_back(fault("skew", who, 0, 25'000));
      skewed.faults.back().offset_ns = 123'456'789'123 * static_cast<int64_t>(skewed.faults.size());
    }
    const Result plain = simulate(s), other = simulate(skewed);
    EXPECT_EQ(plain.trace_hash, other.trace_hash);
    for (const FaultOutcome& outcome : other.faults) EXPECT_TRUE(outcome.effective);
  }
}

TEST(World, AClockThatLeapsBeyondTheLeaseFencesItsNode) {
  Scenario s = small(2);
  s.faults = {fault("jump", "node:1", 12, 0)};
  const Result leapt = simulate(s);
  EXPECT_EQ(leapt.counters.fences, 1u);
  EXPECT_EQ(leapt.verdict, Verdict::pass) << first_violation(leapt);
  s.faults[0].offset_ns = kSecond;  // well within
  EXPECT_EQ(simulate(s).counters.fences, 0u);
}

TEST(World, ADriftingClockKeepsItsOwnTime) {
  Scenario s = small(2);
  s.faults = {fault("drift", "node:1", 0, 25'000)};
  const Result slow = simulate(s);
  s.faults[0].ppm = 10'000;
  const Result fast = simulate(s);
  s.faults.clear();
  const Result exact = simulate(s);
  EXPECT_NE(slow.trace_hash, fast.trace_hash);
  EXPECT_NE(slow.trace_hash, exact.trace_hash);
  for (const Result* r : {&slow, &fast}) {
    EXPECT_EQ(r->verdict, Verdict::pass) << first_violation(*r);
    EXPECT_EQ(r->counters.fences, 0u);
  }
}

}  // namespace
}  // namespace imroute
