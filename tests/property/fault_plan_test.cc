// Whatever breaks, in whatever combination, what was promised is kept: lists of faults generated
// against small clusters, run in the simulator, judged by the oracles of the mode. A failure
// shrinks to the few faults that matter and prints the scenario file that shows it.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>
#include <optional>

#include "sim/simulation.h"
#include "tests/property/fault_plans.h"

namespace imroute {
namespace {

constexpr const char* kCluster = R"({
  "name": "generated", "duration": "8s", "warmup": "2s",
  "topology": {"nodes": 3, "routers": 2, "users": 6, "groups": {"count": 1, "size": 4}},
  "sessions": {"lease": "3s"},
  "workload": {"kind": "chat", "rate_per_user": "1/s", "group_share": 0.2, "reply_share": 0.3,
               "relocations_per_user": "60/h"}
})";

std::string told(const Result& result) {
  std::string text;
  for (const Violation& v : result.violations) text += v.property + ": " + v.witness + "\n";
  return text;
}

Scenario cluster() {
  Scenario s = load_or_fail(kCluster);
  s.seed = *rc::gen::inRange<uint64_t>(1, 1000);
  const std::string strategy = *rc::gen::elementOf(all_strategy_names());
  std::string problem;
  s.strategy = parse_strategy_name(strategy, s.strategy, &problem).value();
  s.delivery.guarantee = *rc::gen::weightedElement<Guarantee>(
      {{4, Guarantee::at_least_once}, {1, Guarantee::at_most_once}});
  s.mailbox.durability =
      *rc::gen::weightedElement<Durability>({{3, Durability::sync}, {1, Durability::async}});
  s.permute_ties = *rc::gen::arbitrary<bool>();
  return s;
}

// At most about `size` faults; none: more from case to case, as RapidCheck has it.
Scenario with_faults(Scenario s, std::optional<int> size = {}) {
  s.faults = *(size ? rc::gen::resize(*size, fault_lists(s)) : fault_lists(s));
  return s;
}

RC_GTEST_PROP(FaultPlans, BreakNoPromise, ()) {
  const Scenario s = with_faults(cluster());
  const std::string file = write_scenario(s);
  const Result result = simulate(load_or_fail(file));
  RC_CLASSIFY(s.faults.size() >= 5, "five faults and more");
  if (result.verdict != Verdict::pass) RC_FAIL(told(result) + "the scenario:\n" + file);
}

// The search is not blind: clients that do not look for duplicates are found out by the faults that
// make them, and what is left of the list is what it takes.
TEST(FaultPlans, ThatFindABugShrinkToWhatShowsIt) {
  Scenario left;
  const bool held = rc::check("clients without dedup show nothing twice", [&left] {
    Scenario careless = load_or_fail(kCluster);
    careless.delivery.dedup = false;
    careless.workload.relocations_microhz = 0;  // without faults nothing comes twice
    careless.workload.rate_microhz = 3'000'000;
    const Scenario s = with_faults(careless, 100);
    if (simulate(load_or_fail(write_scenario(s))).messages.visible_duplicates == 0) return;
    left = s;  // RapidCheck goes on from each that fails: the last is the smallest
    RC_FAIL("shown twice");
  });
  EXPECT_FALSE(held);
  EXPECT_GE(left.faults.size(), 1u);
  // Of up to a hundred; mostly one, but shrinking ends where no single step leads on.
  EXPECT_LE(left.faults.size(), 6u);
  // The file alone shows it, and without its faults it does not.
  Scenario alone = *load_scenario_text(write_scenario(left), "left.json").scenario;
  EXPECT_GT(simulate(alone).messages.visible_duplicates, 0u);
  alone.faults.clear();
  EXPECT_EQ(simulate(alone).messages.visible_duplicates, 0u);
}

}  // namespace
}  // namespace imroute
