#include "harness/fault/core.h"

#include <algorithm>

#include "core/base/rng.h"

namespace imroute {

namespace {

class Core {
 public:
  explicit Core(LivenessConfig settled) : core_(std::move(settled)) {}

  bool has_node(uint64_t node) const {
    return std::find(core_.nodes.begin(), core_.nodes.end(), node) != core_.nodes.end();
  }
  bool has_router(uint64_t router) const { return core_.router == router; }

  // Some machine that the target names belongs to the core.
  bool touches(const Target& target) const {
    if (target.kind != TargetKind::node && target.kind != TargetKind::router) return true;
    if (target.select != Target::Select::index) return true;
    return target.kind == TargetKind::node ? has_node(target.index) : has_router(target.index);
  }
  bool touches(const Fault& fault) const {
    // More nodes are no trouble; who is removed may belong to the core.
    if (fault.kind == FaultKind::scale) return fault.count < 0;
    if (fault.is_edge) return touches(fault.target) && touches(fault.edge_to);
    return touches(fault.target);  // a partition without a target runs through everybody
  }

 private:
  const LivenessConfig core_;
};

// A core of mixed versions must make progress too: what the first one lacks can be done without.
// Except that its clients and routers do not say, or do not hear, which nodes a client cannot
// reach: a placement goes on sending it there.
bool is_no_trouble(const Fault& fault, const StrategyConfig& strategy) {
  return fault.kind == FaultKind::version_skew && fault.version == kFirstVersion &&
         (fault.target.kind == TargetKind::node || !strategy.places_logins());
}

bool may_take_logins(const Topology& topology, uint32_t node) {
  return topology.node_weights.empty() || topology.node_weights[node] > 0;
}

Fault outside(FaultKind kind, TargetKind who, uint64_t index, int64_t at, DurationNs duration) {
  Fault fault;
  fault.kind = kind;
  fault.at_ns = at;
  fault.for_ns = duration;
  fault.target.kind = who;
  fault.target.index = index;
  fault.from_nemesis = true;
  if (kind == FaultKind::partition) {
    fault.edges = kEdgeClientNode | kEdgeNodeNode | kEdgeNodeDirectory | kEdgeNodeMailbox |
                  kEdgeNodeRegistry | kEdgeNodeRouter;
  }
  return fault;
}

}  // namespace

int64_t chaos_end(const Scenario& scenario) {
  return scenario.duration_ns - scenario.liveness.for_ns;
}

LivenessConfig settle_core(const Scenario& scenario) {
  LivenessConfig core = scenario.liveness;
  const Topology& t = scenario.topology;
  if (core.for_ns == 0 || !core.nodes.empty() || t.nodes == 0) return core;
  Rng rng = Rng::stream(scenario.seed, "core");
  const uint32_t least = std::min<uint32_t>(2, t.nodes);
  const auto size = static_cast<uint32_t>(rng.between(least, std::max(least, t.nodes - 1)));
  std::vector<uint32_t> left;
  for (uint32_t n = 0; n < t.nodes; ++n) left.push_back(n);
  while (core.nodes.size() < size) {
    const auto at = static_cast<std::ptrdiff_t>(rng.below(left.size()));
    core.nodes.push_back(left[static_cast<size_t>(at)]);
    left.erase(left.begin() + at);
  }
  const auto takes = [&t](uint32_t n) { return may_take_logins(t, n); };
  if (std::none_of(core.nodes.begin(), core.nodes.end(), takes)) {
    const auto other = std::find_if(left.begin(), left.end(), takes);
    if (other != left.end()) core.nodes.push_back(*other);
  }
  std::sort(core.nodes.begin(), core.nodes.end());
  core.router = static_cast<uint32_t>(rng.below(std::max<uint32_t>(1, t.routers)));
  return core;
}

void isolate_core(const Scenario& scenario, std::vector<Fault>& plan) {
  if (scenario.liveness.for_ns == 0) return;
  const Core core(settle_core(scenario));
  const int64_t heal = chaos_end(scenario);
  for (Fault& fault : plan) {
    const bool in_force = fault.at_ns < heal && fault.for_ns >= heal - fault.at_ns;
    const bool ends = core.touches(fault) && !is_no_trouble(fault, scenario.strategy);
    if (in_force) fault.for_ns = (ends ? heal : scenario.duration_ns) - fault.at_ns;
  }
  if (!scenario.liveness.nodes.empty()) return;  // not drawn: what is outside stays as scripted
  Rng rng = Rng::stream(scenario.seed, "outside-core");
  const auto breaks = [&](TargetKind who, uint64_t index) {
    static constexpr FaultKind kKinds[] = {FaultKind::crash, FaultKind::pause,
                                           FaultKind::partition};
    const uint64_t how = rng.below(who == TargetKind::node ? 4 : 3);
    if (how == 0) return;  // keeps what it has
    const FaultKind kind = kKinds[how - 1];
    plan.push_back(outside(kind, who, index, heal, scenario.liveness.for_ns));
  };
  for (uint32_t n = 0; n < scenario.topology.nodes; ++n) {
    if (!core.has_node(n)) breaks(TargetKind::node, n);
  }
  for (uint32_t r = 0; r < scenario.topology.routers; ++r) {
    if (!core.has_router(r)) breaks(TargetKind::router, r);
  }
}

}  // namespace imroute
