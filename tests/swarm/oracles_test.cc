// Oracles that see nothing would pass everything. Each test lets go of one promise, end to end in
// the simulator, and expects its oracle to say so; and to say nothing of the same run with the
// promise kept. (The bugs that are no setting are planted: tests/swarm/planted.py.)
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "harness/scenario/names.h"
#include "sim/simulation.h"

namespace imroute {
namespace {

Scenario busy(uint64_t seed) {
  Scenario s;
  s.name = "busy";
  s.seed = seed;
  s.topology.nodes = 4;
  s.topology.routers = 2;
  s.topology.users = 20;
  s.topology.devices_per_user = 2;
  s.topology.group_count = 2;
  s.topology.group_size = 8;
  s.duration_ns = 30 * kSecond;
  s.warmup_ns = 5 * kSecond;
  s.workload.rate_microhz = 2'000'000;
  s.workload.group_share_ppm = 300'000;
  return s;
}

Fault fault(FaultKind kind, const char* target, int64_t at_s, int64_t for_s) {
  Fault f;
  f.kind = kind;
  EXPECT_TRUE(parse_fault_target(target, f)) << target;
  f.at_ns = at_s * kSecond;
  f.for_ns = for_s * kSecond;
  f.latency_ns = kSecond;
  return f;
}

void expect_zero(Scenario& s, const char* pointer) {
  Expectation e;
  e.pointer = pointer;
  e.compare = Expectation::Compare::equal;
  e.value = 0;
  s.expect = {e};
}

std::string properties(const Result& r) {
  std::string text;
  for (const Violation& v : r.violations) text += v.property + ": " + v.witness + "\n";
  return text;
}

TEST(Oracles, AtMostOnceUnderCrashesReportsLossesByNamedCause) {
  Scenario s = busy(1);
  s.delivery.guarantee = Guarantee::at_most_once;
  s.faults = {fault(FaultKind::crash, "node:1", 12, 4), fault(FaultKind::crash, "node:2", 18, 3)};
  const Result r = simulate(s);
  EXPECT_EQ(r.verdict, Verdict::pass) << properties(r);
  ASSERT_TRUE(r.messages.dropped.contains("crash")) << r.messages.dropped.size();
  EXPECT_GT(r.messages.dropped.at("crash"), 0u);
  EXPECT_FALSE(r.messages.dropped.contains("unaccounted"));
  uint64_t dropped = 0;
  for (const auto& [cause, count] : r.messages.dropped) dropped += count;
  EXPECT_EQ(r.messages.delivered + dropped, r.messages.deliveries_expected);
  s.faults.clear();
  EXPECT_FALSE(simulate(s).messages.dropped.contains("crash"));
}

TEST(Oracles, OrderNoneUnderRelocationIsOutOfOrderAndFailsWhenThatIsExpectedNotToBe) {
  Scenario s = busy(2);
  s.workload.relocations_microhz = 100'000;
  s.delivery.order = Order::windowed;
  expect_zero(s, "messages/order_violations");
  EXPECT_EQ(simulate(s).messages.order_violations, 0u);
  s.delivery.order = Order::none;
  const Result r = simulate(s);
  EXPECT_GT(r.messages.order_violations, 0u);
  EXPECT_EQ(r.messages.lost, 0u);
  ASSERT_EQ(r.verdict, Verdict::fail);
  EXPECT_EQ(r.violations.front().property, "expect:messages/order_violations") << properties(r);
  s.expect.clear();
  const Result counted = simulate(s);  // not promised: counted, no more
  EXPECT_EQ(counted.verdict, Verdict::pass) << properties(counted);
  EXPECT_GT(counted.messages.order_violations, 0u);
}

TEST(Oracles, DedupSwitchedOffShowsDuplicates) {
  Scenario s = busy(3);
  s.faults = {fault(FaultKind::delay, "edge:client:*-node:1", 12, 4),
              fault(FaultKind::delay, "edge:client:*-node:2", 18, 4)};
  expect_zero(s, "messages/visible_duplicates");
  const Result hidden = simulate(s);
  EXPECT_EQ(hidden.messages.visible_duplicates, 0u);
  EXPECT_GT(hidden.messages.raw_duplicates, 0u);  // the client had something to hide
  s.delivery.dedup = false;
  const Result r = simulate(s);
  EXPECT_GT(r.messages.visible_duplicates, 0u);
  ASSERT_EQ(r.verdict, Verdict::fail);
  EXPECT_EQ(r.violations.front().property, "expect:messages/visible_duplicates") << properties(r);
}

TEST(Oracles, ARunThatAcceptsNothingIsVacuous) {
  Scenario s = busy(4);
  s.workload.rate_microhz = 0;
  s.workload.reply_share_ppm = 0;
  const Result r = simulate(s);
  EXPECT_EQ(r.verdict, Verdict::vacuous);
  ASSERT_EQ(r.violations.size(), 1u) << properties(r);
  EXPECT_EQ(r.violations.front().property, "vacuous");
}

}  // namespace
}  // namespace imroute
