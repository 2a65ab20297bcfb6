// Faults of the edges between machines: which pairs a fault names, and the rules that hold there
// while it lasts.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/base/hash.h"
#include "harness/fault/plan.h"
#include "harness/scenario/names.h"
#include "sim/world/fault_driver.h"
#include "sim/world/world.h"

namespace imroute {

EdgeMatch FaultDriver::edge_match(uint32_t i) const {
  const Fault& fault = plan_[i];
  EdgeMatch match;
  match.side.assign(world_.layout().endpoints(), 0);
  match.both_ways = fault.both_ways;
  const auto mark = [&match](const std::vector<Endpoint>& ends, uint8_t bit) {
    for (Endpoint e : ends) match.side[e] = static_cast<uint8_t>(match.side[e] | bit);
  };
  if (fault.is_edge) {
    mark(endpoints(fault.target), 1);
    mark(endpoints(fault.edge_to), 2);
  } else {  // a service alone: every server's line to it
    mark(endpoints(fault.target), 1);
    for (uint32_t k = 0; k < world_.layout().nodes(); ++k) match.side[world_.layout().node(k)] |= 2;
  }
  return match;
}

EdgeMatch FaultDriver::partition_match(uint32_t i) const {
  const Fault& fault = plan_[i];
  const Layout& layout = world_.layout();
  const uint64_t named = salt(i);
  EdgeMatch match;
  match.shape = EdgeMatch::Shape::split;
  match.classes = fault.edges;
  match.direction = fault.direction;
  match.salt = named;
  match.side.assign(layout.endpoints(), 0);
  if (fault.target.kind != TargetKind::none) {  // these machines are cut off
    for (Endpoint e : endpoints(fault.target)) {
      match.side[e] = 1;
      const Endpoint other = layout.nodes() == 0 ? e : layout.node(0);
      if (layout.role(e) != Role::node) match.classes |= layout.edge_class(e, other);
    }
    return match;
  }
  std::vector<std::pair<uint64_t, uint32_t>> order;
  for (uint32_t k = 0; k < layout.nodes(); ++k) order.emplace_back(mix64(named, k), k);
  std::sort(order.begin(), order.end());
  const auto isolate = [&](uint32_t count) {
    for (uint32_t k = 0; k < count && k < order.size(); ++k) {
      match.side[layout.node(order[k].second)] = 1;
    }
  };
  const uint32_t n = layout.nodes();
  switch (fault.shape) {
    case PartitionShape::one:
      isolate(1);
      break;
    case PartitionShape::minority:
      isolate(std::max(1u, (n - 1) / 2));
      break;
    case PartitionShape::ring:
      match.shape = EdgeMatch::Shape::ring;
      break;
    case PartitionShape::random:
      match.shape = EdgeMatch::Shape::random;
      break;
    case PartitionShape::bridge:
    case PartitionShape::halves:
      isolate(std::max(1u, n / 2));
      for (uint32_t k = 0; k < layout.clients(); ++k) {
        match.side[layout.client(k)] = mix64(named, uint64_t{k} << 20) & 1;
      }
      if (fault.shape == PartitionShape::bridge && n > 2) {
        match.side[layout.node(order[n - 1].second)] = 2;
      }
      break;
  }
  return match;
}

void FaultDriver::add_rule(uint32_t i, EdgeAction action, const EdgeMatch& match) {
  const Fault& fault = plan_[i];
  EdgeRule rule;
  rule.fault = i;
  rule.action = action;
  rule.match = match;
  rule.disposition = action == EdgeAction::freeze ? Disposition::stall : fault.disposition;
  rule.delay_ns = fault.latency_ns;
  rule.rate_bits_per_second = fault.rate_bits_per_second;
  rule.probability_ppm = fault.probability_ppm;
  world_.network().rules().add(std::move(rule));
}

void FaultDriver::begin_edges(uint32_t i) {
  const Fault& fault = plan_[i];
  State& state = states_[i];
  state.victim = fault_role(fault);
  if (fault.kind == FaultKind::partition) {
    state.victim += "/";
    state.victim += disposition_names()[static_cast<size_t>(fault.disposition)].name;
    const EdgeMatch match = fault.is_edge ? edge_match(i) : partition_match(i);
    add_rule(i, EdgeAction::block, match);
    if (fault.disposition == Disposition::reset) {
      const uint32_t broken =
          world_.network().break_matching(world_.now(), match, 1'000'000, 3, salt(i));
      state.effective |= broken != 0;
    }
    return;
  }
  const EdgeMatch match = edge_match(i);
  switch (fault.kind) {
    case FaultKind::loss:
      return add_rule(i, EdgeAction::loss, match);
    case FaultKind::delay:
      return add_rule(i, EdgeAction::delay, match);
    case FaultKind::bandwidth:
      return add_rule(i, EdgeAction::rate, match);
    default:
      break;
  }
  // Within a connection nothing doubles or overtakes; across two of them it does.
  const bool doubles = fault.kind == FaultKind::duplicate;
  add_rule(i, doubles ? EdgeAction::duplicate : EdgeAction::reorder, match);
  const uint64_t named = salt(i);
  const DurationNs late =
      200 * kMillisecond + static_cast<DurationNs>(mix64(named, 1) % (2 * kSecond));
  const uint32_t split =
      world_.network().split_matching(world_.now(), match, fault.probability_ppm, late, named);
  state.effective |= split != 0;
}

void FaultDriver::begin_connections(uint32_t i) {
  const Fault& fault = plan_[i];
  State& state = states_[i];
  state.victim = fault_role(fault);
  const EdgeMatch match = edge_match(i);
  Network& network = world_.network();
  switch (fault.kind) {
    case FaultKind::stall:
      return add_rule(i, EdgeAction::freeze, match);
    case FaultKind::connect_hang:
      return add_rule(i, EdgeAction::hang, match);
    case FaultKind::half_open:
      // Nobody notices, or one end does and the other learns it from its own next frame.
      if (fault.sides == 3) {
        state.effective |= network.swallow_matching(match, fault.probability_ppm, salt(i)) != 0;
        return;
      }
      [[fallthrough]];
    default:
      state.effective |= network.break_matching(world_.now(), match, fault.probability_ppm,
                                                fault.sides, salt(i)) != 0;
  }
}

}  // namespace imroute
