#include "harness/fault/plan.h"

#include <algorithm>

#include "core/base/rng.h"
#include "harness/fault/core.h"
#include "harness/scenario/names.h"

namespace imroute {

namespace {

uint64_t count_of(const Scenario& s, TargetKind kind) {
  switch (kind) {
    case TargetKind::node:
      return s.topology.nodes;
    case TargetKind::router:
      return s.topology.routers;
    case TargetKind::client:
      return s.topology.users;
    default:
      return 1;
  }
}

void resolve(const Scenario& s, Target& target, Rng& rng) {
  if (target.select != Target::Select::any) return;
  target.select = Target::Select::index;
  const uint64_t count = count_of(s, target.kind);
  target.index = count == 0 ? 0 : rng.below(count);
}

}  // namespace

std::string fault_role(const Fault& fault) {
  static constexpr const char* kRoles[] = {"none",      "node",    "router",   "client",
                                           "directory", "mailbox", "registry", "bus"};
  const auto role = [](TargetKind kind) { return std::string(kRoles[static_cast<size_t>(kind)]); };
  const auto in_order = [](TargetKind a, TargetKind b) {  // "client-node", "node-mailbox"
    return a == TargetKind::client || (a == TargetKind::node && b != TargetKind::client) || a == b;
  };
  const TargetKind a = fault.target.kind, b = fault.edge_to.kind;
  if (fault.kind == FaultKind::scale) return "node";
  if (fault.is_edge) return in_order(a, b) ? role(a) + "-" + role(b) : role(b) + "-" + role(a);
  if (a == TargetKind::none && fault.kind == FaultKind::partition) {
    return partition_shape_names()[static_cast<size_t>(fault.shape)].name;
  }
  return role(a);
}

int64_t fault_end(const Fault& fault, DurationNs duration) {
  if (fault.for_ns >= duration - fault.at_ns) return std::max(fault.at_ns, duration);
  return fault.at_ns + fault.for_ns;
}

uint32_t spare_nodes(const std::vector<Fault>& plan) {
  int64_t added = 0;
  for (const Fault& fault : plan) {
    if (fault.kind == FaultKind::scale) added += std::max(0, fault.count);
  }
  return static_cast<uint32_t>(added);
}

std::vector<Fault> materialise_plan(const Scenario& scenario) {
  std::vector<Fault> plan;
  for (size_t i = 0; i < scenario.faults.size(); ++i) {
    Fault fault = scenario.faults[i];
    Rng rng = Rng::stream(scenario.seed, "fault-target", i);
    resolve(scenario, fault.target, rng);
    resolve(scenario, fault.edge_to, rng);
    plan.push_back(std::move(fault));
  }
  if (scenario.nemesis.enabled) {
    Scenario drawn_for = scenario;
    drawn_for.seed = scenario.nemesis.seed.value_or(scenario.seed);
    for (Fault& fault : draw_nemesis(drawn_for)) plan.push_back(std::move(fault));
  }
  isolate_core(scenario, plan);
  std::stable_sort(plan.begin(), plan.end(),
                   [](const Fault& a, const Fault& b) { return a.at_ns < b.at_ns; });
  return plan;
}

}  // namespace imroute
