#include "core/route/routing_strategy.h"

#include "core/base/assert.h"
#include "core/base/planted.h"
#include "core/model/limits.h"

namespace imroute {
namespace {

Decision store() { return {}; }

Decision ask(RouteAction action, bool authoritative) {
  Decision decision;
  decision.action = action;
  decision.authoritative = authoritative;
  return decision;
}

Decision push(const NodeSet& nodes) {
  Decision decision;
  decision.action = RouteAction::push;
  decision.nodes = nodes;
  return decision;
}

Decision push(NodeId node) {
  NodeSet nodes;
  nodes.push_back(node);
  return push(nodes);
}

// A cache may name nodes that died since: pushing to them would only wait for a timeout.
NodeSet living(const NodeSet& nodes, const ClusterView& view) {
  NodeSet out;
  for (const NodeId node : nodes) {
    if (view.find(node) != nullptr) out.push_back(node);
  }
  return out;
}

// Every chain ends here at the latest, whatever the answers were.
bool exhausted(const RouteQuery& query) {
  return query.attempts >= kMaxRouteAttempts * (IM_PLANTED(hint_loop) ? 10 : 1);
}

class Broadcast : public RoutingStrategy {
 public:
  Decision decide(const RouteQuery& query, const ClusterView&, Rng&) override {
    if (exhausted(query)) return store();
    const bool first = query.last == LastAnswer::nothing;
    const bool retry = query.last == LastAnswer::timeout && !query.retried;
    return first || retry ? ask(RouteAction::broadcast, false) : store();
  }
  bool uses_cache() const override { return false; }
};

class CachedBroadcast : public RoutingStrategy {
 public:
  explicit CachedBroadcast(const StrategyConfig& config)
      : cache_(config.cache_entries > 0), hints_(config.hints) {}

  Decision decide(const RouteQuery& query, const ClusterView& view, Rng&) override {
    if (exhausted(query)) return store();
    const Decision broadcast = ask(RouteAction::broadcast, false);
    switch (query.last) {
      case LastAnswer::nothing: {
        const NodeSet known = living(query.known, view);
        return known.empty() ? broadcast : push(known);
      }
      case LastAnswer::nack_with_hint:
        return hints_ && view.find(query.hint) != nullptr ? push(query.hint) : broadcast;
      case LastAnswer::nack:
        return broadcast;
      case LastAnswer::looked_up:  // never asked for; an answer is welcome all the same
        return query.known.empty() ? broadcast : push(query.known);
      case LastAnswer::lookup_failed:
      case LastAnswer::timeout:
        return query.retried ? store() : broadcast;
    }
    return store();
  }
  bool uses_cache() const override { return cache_; }

 private:
  const bool cache_;
  const bool hints_;
};

// Somebody knows: a router asked (resolve), a router given the message (forward), or the directory
// itself (lookup). With a computed placement and `resolve`, the first guess costs no question: the
// owner is pushed to, and the question is asked only when the guess was wrong.
class Directed : public RoutingStrategy {
 public:
  Directed(const StrategyConfig& config, RouteAction question, const Placement* guess)
      : question_(question),
        guess_(guess),
        cache_(config.cache_entries > 0 && question != RouteAction::forward),
        hints_(config.hints) {}

  Decision decide(const RouteQuery& query, const ClusterView& view, Rng&) override {
    if (exhausted(query)) return store();
    switch (query.last) {
      case LastAnswer::nothing:
        return first(query, view);
      case LastAnswer::nack_with_hint:
        if (hints_ && view.find(query.hint) != nullptr) return push(query.hint);
        return after_nack(query, view);
      case LastAnswer::nack:
        return after_nack(query, view);
      case LastAnswer::looked_up:
        // Whoever answered has filtered by its view, which may be newer than ours.
        return query.known.empty() ? store() : push(query.known);
      case LastAnswer::lookup_failed:
      case LastAnswer::timeout:
        return query.retried ? store() : ask(question_, true);
    }
    return store();
  }
  bool uses_cache() const override { return cache_; }

 private:
  Decision first(const RouteQuery& query, const ClusterView& view) const {
    if (cache_) {
      const NodeSet known = living(query.known, view);
      if (!known.empty()) return push(known);
    }
    if (guess_ != nullptr) {
      const NodeId owner = guess_->owner(query.user);
      if (owner != kNoNode) return push(owner);
    }
    return ask(question_, false);
  }

  // After a resize sessions stay where they were: the owner before is the second guess, once.
  Decision after_nack(const RouteQuery& query, const ClusterView& view) const {
    if (guess_ != nullptr && query.attempts <= 1) {
      const NodeId before = guess_->previous_owner(query.user);
      if (before != guess_->owner(query.user) && view.find(before) != nullptr) return push(before);
    }
    return ask(question_, true);
  }

  const RouteAction question_;
  const Placement* const guess_;
  const bool cache_;
  const bool hints_;
};

}  // namespace

std::unique_ptr<RoutingStrategy> make_strategy(const StrategyConfig& config,
                                               const Placement* placement) {
  switch (config.kind) {
    case StrategyKind::broadcast:
      return std::make_unique<Broadcast>();
    case StrategyKind::cached_broadcast:
      return std::make_unique<CachedBroadcast>(config);
    case StrategyKind::central:
      // In forward mode the router computes or looks up, never the node.
      if (config.mode == CentralMode::forward) {
        return std::make_unique<Directed>(config, RouteAction::forward, nullptr);
      }
      return std::make_unique<Directed>(config, RouteAction::resolve, placement);
    case StrategyKind::mesh_directory:
      return std::make_unique<Directed>(config, RouteAction::lookup, nullptr);
  }
  assert_failed("unknown strategy kind", __FILE__, __LINE__);
}

}  // namespace imroute
