// Invariant 16: whatever answers come, a chain of routing decisions ends in delivery or the
// mailbox, and no decision names a node that is not in the view. Answers, views and hints are
// generated; a counter-example shrinks to the shortest list of answers that keeps a chain going.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>
#include <algorithm>
#include <vector>

#include "core/base/rng.h"
#include "core/model/limits.h"
#include "core/placement/placement.h"
#include "core/route/routing_strategy.h"

namespace imroute {
namespace {

ClusterView generated_view() {
  ClusterView view;
  view.version = 1;
  const auto nodes = *rc::gen::inRange<uint32_t>(1, 9);
  for (uint32_t n = 0; n < nodes; ++n) {
    if (*rc::gen::arbitrary<bool>()) view.members.push_back({NodeId{n}, 1, 1, false});
  }
  return view;
}

StrategyConfig generated_strategy() {
  StrategyConfig config;
  config.kind = *rc::gen::element(StrategyKind::broadcast, StrategyKind::cached_broadcast,
                                  StrategyKind::central, StrategyKind::mesh_directory);
  config.mode = *rc::gen::element(CentralMode::resolve, CentralMode::forward);
  config.placement.kind = *rc::gen::element(PlacementKind::table, PlacementKind::hash,
                                            PlacementKind::consistent_hash, PlacementKind::range);
  config.hints = *rc::gen::arbitrary<bool>();
  config.cache_entries = *rc::gen::element(0u, 16u);
  return config;
}

NodeSet generated_nodes() {
  NodeSet nodes;
  const auto count = *rc::gen::inRange<uint32_t>(0, 4);
  for (uint32_t i = 0; i < count; ++i) nodes.insert(NodeId{*rc::gen::inRange<uint32_t>(0, 9)});
  return nodes;
}

// The answers that a decision of this kind can get.
void answer(const Decision& decision, RouteQuery& query) {
  query.known.clear();
  query.hint = kNoNode;
  switch (decision.action) {
    case RouteAction::push:
    case RouteAction::forward:
      query.last =
          *rc::gen::element(LastAnswer::nack, LastAnswer::nack_with_hint, LastAnswer::timeout);
      if (query.last == LastAnswer::nack_with_hint) {
        query.hint = NodeId{*rc::gen::inRange<uint32_t>(0, 9)};
      }
      break;
    case RouteAction::lookup:
    case RouteAction::resolve:
      query.last = *rc::gen::element(LastAnswer::looked_up, LastAnswer::lookup_failed);
      if (query.last == LastAnswer::looked_up) query.known = generated_nodes();
      break;
    default:
      query.last = LastAnswer::timeout;
  }
}

RC_GTEST_PROP(RouteChain, EndsWhateverIsAnswered, ()) {
  const StrategyConfig config = generated_strategy();
  const ClusterView view = generated_view();
  const auto placement = make_placement(config.placement);
  if (placement) placement->update(view);
  const auto strategy =
      make_strategy(config, config.kind == StrategyKind::central ? placement.get() : nullptr);
  Rng rng(1);
  RouteQuery query;
  query.user = UserId{*rc::gen::arbitrary<uint64_t>()};
  query.known = generated_nodes();

  uint32_t decisions = 0;
  bool ended = false;
  while (!ended) {
    const Decision decision = strategy->decide(query, view, rng);
    RC_ASSERT(++decisions <= kMaxRouteAttempts + 1);  // the last one stores
    ended = decision.action == RouteAction::store;
    if (decision.action == RouteAction::push) {
      RC_ASSERT(!decision.nodes.empty());
      // An answer's own nodes are taken as they are: who answered had the newer view.
      if (query.last != LastAnswer::looked_up) {
        for (const NodeId node : decision.nodes) RC_ASSERT(view.find(node) != nullptr);
      }
    }
    ++query.attempts;
    const bool retry = query.last == LastAnswer::timeout;
    if (!ended) answer(decision, query);
    query.retried = query.retried || retry;
  }
}

RC_GTEST_PROP(RouteChain, TheSameQuestionHasTheSameAnswer, ()) {
  const StrategyConfig config = generated_strategy();
  const ClusterView view = generated_view();
  const auto placement = make_placement(config.placement);
  if (placement) placement->update(view);
  const Placement* computed = config.kind == StrategyKind::central ? placement.get() : nullptr;
  const auto one = make_strategy(config, computed), other = make_strategy(config, computed);
  RouteQuery query;
  query.user = UserId{*rc::gen::arbitrary<uint64_t>()};
  query.known = generated_nodes();
  query.attempts = *rc::gen::inRange<uint32_t>(0, kMaxRouteAttempts);
  Rng a(7), b(7);
  const Decision x = one->decide(query, view, a), y = other->decide(query, view, b);
  RC_ASSERT(x.action == y.action);
  RC_ASSERT(x.authoritative == y.authoritative);
  RC_ASSERT(std::equal(x.nodes.begin(), x.nodes.end(), y.nodes.begin(), y.nodes.end()));
}

// A member that leaves moves only the keys it owned.
RC_GTEST_PROP(Placement, ConsistentHashMovesOnlyWhatItMust, ()) {
  PlacementConfig config;
  config.kind = PlacementKind::consistent_hash;
  ClusterView all;
  all.version = 1;
  const auto nodes = *rc::gen::inRange<uint32_t>(2, 12);
  for (uint32_t n = 0; n < nodes; ++n) all.members.push_back({NodeId{n}, 1, 1, false});
  const NodeId gone{*rc::gen::inRange<uint32_t>(0, nodes)};
  ClusterView rest = all;
  rest.version = 2;
  std::erase_if(rest.members, [&](const Member& m) { return m.node == gone; });

  const auto before = make_placement(config), after = make_placement(config);
  before->update(all);
  after->update(rest);
  for (uint64_t user = 0; user < 500; ++user) {
    const NodeId was = before->owner(UserId{user}), is = after->owner(UserId{user});
    RC_ASSERT(is != gone);
    RC_ASSERT(was == gone || was == is);
  }
}

}  // namespace
}  // namespace imroute
