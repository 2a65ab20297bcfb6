// Takes one routing decision, and starts one node: the smallest uses of the core from outside.
#include <cstdio>
#include <variant>

#include "core/node/node.h"
#include "core/route/routing_strategy.h"

namespace {

using namespace imroute;

// Alice's message for user 7, whose node a cache remembers as node 3.
const char* cached_route() {
  StrategyConfig config;
  config.kind = StrategyKind::cached_broadcast;
  ClusterView view;
  for (uint32_t n = 0; n < 5; ++n) view.members.push_back({NodeId{n}, 1, n + 1, false});
  RouteQuery query;
  query.user = UserId{7};
  query.known.push_back(NodeId{3});
  Rng rng(1);
  const Decision decision = make_strategy(config, nullptr)->decide(query, view, rng);
  const bool there = decision.action == RouteAction::push && decision.nodes == query.known;
  return there ? "push to node 3" : "somewhere else";
}

// What a new node asks the world for.
const char* first_wish() {
  NodeConfig config;
  config.id = NodeId{0};
  BlobPool pool;
  Node node(config, pool);
  Effects effects;
  node.step(Now{}, Wake{}, effects);
  for (const Effect& effect : effects) {
    const auto* store = std::get_if<StoreOp>(&effect);
    if (store != nullptr && std::holds_alternative<RegistryOp>(store->op)) return "the registry";
  }
  return "nothing";
}

}  // namespace

int main() { std::printf("route: %s\nnode asks: %s\n", cached_route(), first_wish()); }
