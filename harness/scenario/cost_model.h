// The formulas of docs/cost-model.md as code, for the report that draws them beside what was
// measured and for the tests that hold one to the other. Derived from the protocol, never fitted.
#pragma once

#include <optional>

#include "harness/scenario/scenario.h"

namespace imroute {

struct CostInput {
  double nodes = 1;              // N
  double remote = 0;             // q: the recipient is not on the sender's node
  double sending_nodes = 1;      // S: distinct nodes that send to one user, equally often
  double messages_per_move = 0;  // rho: messages to a user for each relocation; 0 = nobody moves
  double group_sessions = 0;     // k: sessions of a group; 0 = direct messages
};

// Frames per delivery that the cost model counts, logins included.
double modelled_frames_per_delivery(const StrategyConfig& strategy, const CostInput& input);

// The input that a scenario means, when it is one of the calibrated kind: one device a user, no
// faults, nobody away, no replies, senders that stay, an unbounded cache, no hints; or groups only,
// with nobody moving. Nothing otherwise: the formulas do not apply.
std::optional<CostInput> calibrated_cost_input(const Scenario& scenario);

// Of a message to a user that moved at random between N nodes while this node sent to it at a
// fixed rate: it finds the location known (hit), known wrongly (stale), or not known (cold, because
// the user was this node's own in between). Given that the user is elsewhere now.
struct CacheOdds {
  double hit = 1, stale = 0, cold = 0;
};
CacheOdds cache_odds(double nodes, double sending_nodes, double messages_per_move);

}  // namespace imroute
