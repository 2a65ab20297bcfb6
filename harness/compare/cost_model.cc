#include "harness/compare/cost_model.h"

#include <cmath>

namespace imroute {
namespace {

// login, login_ok, and request + reply of reserve, bind and the unbind of the session left behind.
constexpr double kLoginFrames = 8;

// Cached answers become stale when the recipient moves; the share of messages that find a fresh
// one, with sending and moving as Poisson processes.
double fresh_share(const CostInputs& in) {
  if (in.messages_per_relocation <= 0) return 1;
  return in.messages_per_relocation / (in.messages_per_relocation + in.senders);
}

// The publishing itself, without the holder's ROUTE_ACK: a push to each other node; or one publish
// and N copies of it.
double broadcast_frames(const StrategyConfig& strategy, double nodes) {
  return strategy.bus == BusKind::pubsub ? 1 + nodes : nodes - 1;
}

}  // namespace

double expected_frames(const StrategyConfig& strategy, const CostInputs& in) {
  const double q = 1 - 1 / in.nodes;  // the recipient is elsewhere
  const double h = fresh_share(in);
  // Out-of-date knowledge is a stale entry, unless the user had been local (then there is none).
  const double stale = in.nodes > 1 ? (in.nodes - 2) / (in.nodes - 1) : 0;
  // A hit costs push and ROUTE_ACK; a miss a stale push and its NACK, then `miss`.
  auto cached = [&](double miss) { return 2 * q * h + q * (1 - h) * (miss + 2 * stale); };
  const bool table = strategy.placement.kind == PlacementKind::table;
  double frames = 0;
  switch (strategy.kind) {
    case StrategyKind::broadcast:
      frames = broadcast_frames(strategy, in.nodes) + q;
      break;
    case StrategyKind::cached_broadcast:
      frames = cached(broadcast_frames(strategy, in.nodes) + 1);
      break;
    case StrategyKind::central:
      if (strategy.mode == CentralMode::forward) {
        frames = table ? 5 * q : 3 * q;  // FORWARD, look-up of the table, push, ROUTE_ACK
      } else {
        frames = table ? cached(6) : 2 * q;  // RESOLVE, look-up, RESOLVED, push, ROUTE_ACK
      }
      break;
    case StrategyKind::mesh_directory:
      frames = cached(4);  // look-up, push, ROUTE_ACK
      break;
  }
  if (in.messages_per_relocation > 0) frames += kLoginFrames / in.messages_per_relocation;
  return frames;
}

double expected_nodes_reached(double nodes, double members) {
  return nodes * (1 - std::pow(1 - 1 / nodes, members));
}

CostInputs cost_inputs(const Scenario& scenario) {
  CostInputs in;
  in.nodes = scenario.topology.nodes;
  double partners = scenario.workload.contacts_per_user;
  if (scenario.workload.senders != 0) partners = scenario.workload.senders;
  in.senders = expected_nodes_reached(in.nodes, partners);
  if (scenario.workload.relocations_microhz != 0) {
    in.messages_per_relocation = static_cast<double>(scenario.workload.rate_microhz) /
                                 static_cast<double>(scenario.workload.relocations_microhz);
  }
  return in;
}

std::optional<double> expected_frames_per_delivery(const Scenario& scenario) {
  if (scenario.topology.devices_per_user != 1 || scenario.topology.nodes < 2) return {};
  const CostInputs in = cost_inputs(scenario);
  const double direct = expected_frames(scenario.strategy, in);
  const double share = static_cast<double>(scenario.workload.group_share_ppm) / 1e6;
  if (share == 0 || scenario.topology.group_size < 2) return direct;
  // A group message goes once to each node that holds members; a broadcast goes to all anyway.
  const double members = scenario.topology.group_size;
  const double away = (expected_nodes_reached(in.nodes, members)) * (1 - 1 / in.nodes);
  const bool broadcast = scenario.strategy.kind == StrategyKind::broadcast;
  const bool forward = scenario.strategy.kind == StrategyKind::central &&
                       scenario.strategy.mode == CentralMode::forward;
  double group = broadcast ? (in.nodes - 1) + away : 2 * away;
  if (forward) group += 1;
  const double deliveries = (1 - share) + share * (members - 1);
  return ((1 - share) * direct + share * group) / deliveries;
}

}  // namespace imroute
