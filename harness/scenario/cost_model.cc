#include "harness/scenario/cost_model.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "core/placement/placement.h"

namespace imroute {
namespace {

constexpr double kLoginFrames = 8;  // LOGIN, LOGIN_OK; reserve, bind, unbind: two each

// Mean number of nodes that `k` sessions placed at random stand on.
double nodes_reached(double nodes, double k) {
  double missed = 1;  // multiplied out: the same on every mathematics library
  for (double i = 1; i <= k; ++i) missed *= 1 - 1 / nodes;
  return nodes * (1 - missed);
}

double group_frames(const StrategyConfig& s, const CostInput& in) {
  const double others = nodes_reached(in.nodes, in.group_sessions) - 1;
  switch (s.kind) {
    case StrategyKind::broadcast:
    case StrategyKind::cached_broadcast:  // learns from answers to direct messages only
      return s.bus == BusKind::pubsub ? 1 + in.nodes : in.nodes - 1;
    case StrategyKind::central:
      if (s.mode == CentralMode::forward) {
        return (s.placement.kind == PlacementKind::table ? 3 : 1) + 2 * others;
      }
      return 2 * others;
    case StrategyKind::mesh_directory:
      return 2 * others;
  }
  return 0;
}

double direct_frames(const StrategyConfig& s, const CostInput& in) {
  const double n = in.nodes;
  const double told = s.bus == BusKind::pubsub ? 1 + n : n - 1;  // one broadcast
  const double q = in.remote;
  const CacheOdds odds = cache_odds(n, in.sending_nodes, in.messages_per_move);
  // A stale entry costs its push and NACK on top of what finding the user costs.
  const auto cached = [&](double find) {
    return q * (2 * odds.hit + odds.stale * (2 + find) + odds.cold * find);
  };
  switch (s.kind) {
    case StrategyKind::broadcast:
      return told + q;
    case StrategyKind::cached_broadcast:
      return cached(told + 1);
    case StrategyKind::central:
      if (s.mode == CentralMode::forward) {
        return (s.placement.kind == PlacementKind::table ? 5 : 3) * q;
      }
      return s.placement.kind == PlacementKind::table ? cached(6) : 2 * q;
    case StrategyKind::mesh_directory:
      return cached(4);
  }
  return 0;
}

// How likely a recipient and a sender have the same owner, when the owner is computed.
double computed_overlap(const Scenario& s, uint64_t senders) {
  const std::unique_ptr<Placement> placement = make_placement(s.strategy.placement);
  ClusterView view;
  view.version = 1;
  for (uint32_t i = 0; i < s.topology.nodes; ++i) {
    const uint32_t weight = s.topology.node_weights.empty() ? 1 : s.topology.node_weights[i];
    view.members.push_back({NodeId{i}, weight, 1, false});
  }
  placement->update(view);
  std::vector<double> sending(s.topology.nodes), receiving(s.topology.nodes);
  for (uint64_t u = 0; u < s.topology.users; ++u) {
    ++(u < senders ? sending : receiving)[placement->owner(UserId{u}).value];
  }
  double together = 0;
  for (uint32_t i = 0; i < s.topology.nodes; ++i) together += sending[i] * receiving[i];
  return together / static_cast<double>(senders) / static_cast<double>(s.topology.users - senders);
}

bool quiet(const Scenario& s) {
  return s.faults.empty() && !s.nemesis.enabled && s.topology.devices_per_user == 1 &&
         s.topology.node_weights.empty() && s.workload.reply_share_ppm == 0 &&
         s.workload.offline_share_ppm == 0 && s.workload.group_changes_microhz == 0 &&
         s.workload.messages.empty();
}

bool remembers_for_ever(const StrategyConfig& s, uint64_t users) {
  if (s.kind == StrategyKind::broadcast) return true;
  return s.cache_entries >= users && s.cache_ttl_ns == 0 && !s.hints;
}

}  // namespace

CacheOdds cache_odds(double nodes, double sending_nodes, double messages_per_move) {
  if (messages_per_move == 0 || nodes < 3) return {};
  // Between two messages of this node: a move comes first with probability a; it leads to one
  // certain other node with probability m.
  const double a = sending_nodes / (messages_per_move + sending_nodes);
  const double m = 1 / (nodes - 1);
  // Chain over {entry right, entry wrong, user is here (the entry goes), no entry}; a message ends
  // it.
  const double wrong_stays = 1 - a * (1 - 2 * m);
  const double shared = wrong_stays - a * a * m * (1 - m);
  CacheOdds out;
  out.hit = (1 - a) * wrong_stays / shared;
  out.stale = a * (1 - m) * (1 - a) / shared;
  out.cold = 1 - out.hit - out.stale;
  return out;
}

double modelled_frames_per_delivery(const StrategyConfig& strategy, const CostInput& in) {
  if (in.group_sessions > 0) return group_frames(strategy, in) / (in.group_sessions - 1);
  const double logins = in.messages_per_move > 0 ? kLoginFrames / in.messages_per_move : 0;
  return direct_frames(strategy, in) + logins;
}

std::optional<CostInput> calibrated_cost_input(const Scenario& s) {
  const WorkloadConfig& w = s.workload;
  const uint64_t users = s.topology.users;
  if (!quiet(s) || !remembers_for_ever(s.strategy, users)) return std::nullopt;
  CostInput in;
  in.nodes = s.topology.nodes;
  in.sending_nodes = in.nodes;
  in.remote = 1 - 1 / in.nodes;
  if (w.group_share_ppm == 1'000'000) {
    if (w.relocations_microhz > 0 || s.topology.group_size < 2) return std::nullopt;
    in.group_sessions = s.topology.group_size;
    return in;
  }
  const bool split = w.senders > 0 && w.senders < users && w.relocate_recipients_only;
  if (!split || w.group_share_ppm > 0) return std::nullopt;
  const auto senders = static_cast<double>(w.senders);
  const double recipients = static_cast<double>(users) - senders;
  if (w.relocations_microhz > 0) {
    in.messages_per_move = static_cast<double>(w.rate_microhz) * senders / recipients /
                           static_cast<double>(w.relocations_microhz);
  }
  const double senders_of_one = senders * w.contacts_per_user / recipients;
  // Turns spread the senders evenly; otherwise they stand where chance put them.
  in.sending_nodes = s.balancer.kind == BalancerKind::round_robin
                         ? std::min(in.nodes, senders_of_one)
                         : nodes_reached(in.nodes, senders_of_one);
  if (s.strategy.places_logins()) in.remote = 1 - computed_overlap(s, w.senders);
  return in;
}

}  // namespace imroute
