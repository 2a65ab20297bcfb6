#include "harness/scenario/writer.h"

#include <algorithm>

#include "core/base/hash.h"
#include "harness/fault/core.h"
#include "harness/scenario/scenario_shape.h"

namespace imroute {

std::string write_scenario(const Scenario& scenario) {
  Scenario copy = scenario;
  return json_text(write_shape(scenario_shape(copy))) + "\n";
}

std::string write_scenario_line(const Scenario& scenario) {
  Scenario copy = scenario;
  return json_line(write_shape(scenario_shape(copy)));
}

std::string write_effective(const Scenario& scenario, const std::vector<Fault>& plan) {
  Scenario copy = scenario;
  copy.faults = plan;
  copy.nemesis = NemesisConfig{};
  copy.liveness = settle_core(scenario);
  return json_text(write_shape(scenario_shape(copy))) + "\n";
}

uint64_t scenario_hash(const Scenario& scenario) {
  Scenario copy = scenario;
  JsonValue tree = write_shape(scenario_shape(copy));
  std::erase_if(tree.members, [](const JsonMember& member) { return member.key == "seed"; });
  return hash_text(json_line(tree));
}

}  // namespace imroute
