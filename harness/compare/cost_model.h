// What a strategy should cost: expected logical frames per delivery, from the size of the cluster
// and the churn, for a cluster without faults (the formulas of docs/cost-model.md). The
// reports draw it beside what was measured: what lies above the mark is the price of faults,
// several devices, bounded caches.
#pragma once

#include <optional>

#include "core/model/config.h"
#include "harness/scenario/scenario.h"

namespace imroute {

struct CostInputs {
  double nodes = 1;                    // N
  double senders = 1;                  // S: distinct nodes that send to one recipient
  double messages_per_relocation = 0;  // rho; 0 = nobody relocates
};

// Frames of one direct message to a user with one device, logins included.
double expected_frames(const StrategyConfig& strategy, const CostInputs& inputs);

// Nodes that hold at least one of `members` sessions placed at random: N(1-(1-1/N)^k).
double expected_nodes_reached(double nodes, double members);

// S and rho of a scenario: contacts at random nodes, every user relocating alike.
CostInputs cost_inputs(const Scenario& scenario);

// Over the scenario's mix of direct and group messages. Nothing where the model does not apply:
// several devices a user, or a single node.
std::optional<double> expected_frames_per_delivery(const Scenario& scenario);

}  // namespace imroute
