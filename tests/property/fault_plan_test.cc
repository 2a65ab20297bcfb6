// Whatever breaks, in whatever combination, what was promised is kept: lists of faults generated
// against small clusters, run in the simulator, judged by the oracles of the mode. A failure
// shrinks to the few faults that matter and prints the scenario file that shows it.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

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

RC_GTEST_PROP(FaultPlans, BreakNoPromise, ()) {
  Scenario s = cluster();
  s.faults = *fault_lists(s);
  const std::string file = write_scenario(s);
  const Result result = simulate(load_or_fail(file));
  RC_CLASSIFY(result.verdict == Verdict::vacuous, "vacuous");
  RC_CLASSIFY(s.faults.size() >= 5, "five faults and more");
  if (result.verdict == Verdict::fail) RC_FAIL(told(result) + "the scenario:\n" + file);
}

}  // namespace
}  // namespace imroute
