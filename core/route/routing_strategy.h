// How a message finds its user: the decision, and nothing else. Node executes decisions (route
// attempts, acks, caches, retries), so that strategies are compared fairly. A decision is asked for
// again after each answer, with what was learned.
#pragma once

#include <cstdint>
#include <memory>

#include "core/base/ids.h"
#include "core/base/rng.h"
#include "core/model/cluster_view.h"
#include "core/model/config.h"
#include "core/model/message.h"
#include "core/placement/placement.h"

namespace imroute {

// What happened to the attempt before.
enum class LastAnswer : uint8_t {
  nothing,         // first decision of this route
  nack_with_hint,  // the receiver named where the user went
  nack,            // the receiver does not have the user
  looked_up,       // directory or router answered: `known` is fresh (empty: offline)
  lookup_failed,   // directory or router did not answer
  timeout,         // pushes were not acknowledged: unknown
};

struct RouteQuery {
  UserId user;
  LastAnswer last = LastAnswer::nothing;
  NodeSet known;  // cache hit, or the fresh answer; empty = not known
  NodeId hint = kNoNode;
  uint32_t attempts = 0;  // decisions carried out so far
  bool retried = false;   // the one retry after a timeout was used
};

enum class RouteAction : uint8_t {
  push,       // to `nodes`
  broadcast,  // to every node, over the configured bus
  lookup,     // ask the directory
  resolve,    // ask a router (`authoritative`: it must ask the directory)
  forward,    // give the message to a router
  store,      // leave it to the mailbox path; at_most_once: drop, reason no_route or offline
};

struct Decision {
  RouteAction action = RouteAction::store;
  NodeSet nodes;
  bool authoritative = false;
};

class RoutingStrategy {
 public:
  virtual ~RoutingStrategy() = default;
  virtual Decision decide(const RouteQuery& query, const ClusterView& view, Rng& rng) = 0;
  virtual bool uses_cache() const = 0;
};

// `placement` may be null (table); it must outlive the strategy.
std::unique_ptr<RoutingStrategy> make_strategy(const StrategyConfig& config,
                                               const Placement* placement);

}  // namespace imroute
