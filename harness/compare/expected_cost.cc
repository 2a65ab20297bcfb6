#include "harness/compare/expected_cost.h"

#include <algorithm>
#include <cmath>

#include "harness/scenario/cost_model.h"

namespace imroute {
namespace {

// Contacts at random nodes, everybody sending and relocating alike.
CostInput usual_input(const Scenario& s) {
  CostInput in;
  in.nodes = s.topology.nodes;
  in.remote = 1 - 1 / in.nodes;
  const double partners =
      s.workload.senders != 0 ? s.workload.senders : s.workload.contacts_per_user;
  in.sending_nodes = in.nodes * (1 - std::pow(1 - 1 / in.nodes, partners));
  if (s.workload.relocations_microhz != 0) {
    // Answers are answered too: a share r of replies makes 1 / (1 - r) messages of each.
    const double replies = std::min(0.9, static_cast<double>(s.workload.reply_share_ppm) / 1e6);
    in.messages_per_move = static_cast<double>(s.workload.rate_microhz) / (1 - replies) /
                           static_cast<double>(s.workload.relocations_microhz);
  }
  return in;
}

}  // namespace

std::optional<double> expected_frames_per_delivery(const Scenario& s) {
  if (s.topology.devices_per_user != 1 || s.topology.nodes < 2) return {};
  if (const auto exact = calibrated_cost_input(s)) {
    return modelled_frames_per_delivery(s.strategy, *exact);
  }
  CostInput in = usual_input(s);
  const double direct = modelled_frames_per_delivery(s.strategy, in);
  const double share = static_cast<double>(s.workload.group_share_ppm) / 1e6;
  if (share == 0 || s.topology.group_size < 2) return direct;
  in.group_sessions = s.topology.group_size;
  const double group = modelled_frames_per_delivery(s.strategy, in);
  const double group_deliveries = share * (in.group_sessions - 1);
  return ((1 - share) * direct + group_deliveries * group) / (1 - share + group_deliveries);
}

}  // namespace imroute
