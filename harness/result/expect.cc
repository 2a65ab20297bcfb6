#include "harness/result/expect.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "harness/result/result_json.h"

namespace imroute {
namespace {

std::optional<double> number_at(const nlohmann::json& document, const std::string& pointer) {
  try {
    const nlohmann::json& value = document.at(nlohmann::json::json_pointer("/" + pointer));
    if (value.is_number()) return value.get<double>();
    if (value.is_boolean()) return value.get<bool>() ? 1 : 0;
    if (value.is_array()) return static_cast<double>(value.size());
  } catch (const nlohmann::json::exception&) {
    // A cause or counter that never occurred has no key: it counts 0.
    if (pointer.starts_with("messages/dropped/") || pointer.starts_with("coverage/")) return 0;
  }
  return std::nullopt;
}

bool holds(double found, const Expectation& e) {
  switch (e.compare) {
    case Expectation::Compare::less:
      return found < e.value;
    case Expectation::Compare::less_equal:
      return found <= e.value;
    case Expectation::Compare::equal:
      return found == e.value;
    case Expectation::Compare::greater_equal:
      return found >= e.value;
    case Expectation::Compare::greater:
      return found > e.value;
  }
  return false;
}

}  // namespace

void judge_expectations(const Scenario& scenario, Result& result) {
  if (scenario.expect.empty()) return;
  const nlohmann::json document = nlohmann::json::parse(write_result_json(result));
  for (const Expectation& e : scenario.expect) {
    const std::optional<double> found = number_at(document, e.pointer);
    if (found && holds(*found, e)) continue;
    ++result.violations_total;
    if (result.verdict == Verdict::pass) result.verdict = Verdict::fail;
    // What the author asked for by name comes first, before any number of other witnesses.
    const std::string witness =
        found ? e.pointer + " is " + format_number(*found) + ", expected " + e.text
              : e.pointer + " names no number in the result";
    result.violations.insert(result.violations.begin(), {.property = "expect:" + e.pointer,
                                                         .phase = "final",
                                                         .at_ns = scenario.duration_ns,
                                                         .witness = witness,
                                                         .faults_in_force = {},
                                                         .excused = {}});
  }
  if (result.violations.size() > 100) result.violations.resize(100);
}

}  // namespace imroute
