// Oracle 9: balancers count what is there, a ring moves only what it must, and nobody is placed on
// a node that is known to be down.
#include <algorithm>
#include <map>

#include "core/balance/load_balancer.h"
#include "core/base/rng.h"
#include "harness/history/state.h"

namespace imroute {
namespace {

constexpr uint64_t kKeys = 256;  // users looked at

std::vector<Backend> backends_without(const History::State& s, uint32_t out) {
  std::vector<Backend> backends;
  for (uint32_t n = 0; n < s.topology.nodes; ++n) {
    const uint32_t weight = n < s.topology.node_weights.size() ? s.topology.node_weights[n] : 1;
    if (n != out) backends.push_back({n, weight, 0, true});
  }
  return backends;
}

// The node that each of the first users would be placed on, by a balancer made for these nodes.
std::vector<uint64_t> picks_of(LoadBalancer& balancer, const std::vector<Backend>& backends) {
  balancer.update(backends);
  Rng rng = Rng::stream(0, "oracle-ring");
  std::vector<uint64_t> picks;
  for (uint64_t key = 0; key < kKeys; ++key) {
    const uint32_t at = balancer.pick(key, backends, rng);
    picks.push_back(at < backends.size() ? backends[at].id : ~uint64_t{0});
  }
  return picks;
}

// A node leaves: users of the others stay where they are, whether the ring was changed or made anew
// (a router that restarts).
void judge_ring(History::State& s, int64_t t) {
  if (s.balancer.kind != BalancerKind::consistent_hash || s.topology.nodes < 2) return;
  const auto whole = make_balancer(s.balancer, 0);
  const std::vector<uint64_t> before =
      picks_of(*whole, backends_without(s, static_cast<uint32_t>(~0u)));
  for (const uint32_t out : {0u, s.topology.nodes / 2}) {
    const auto changed = make_balancer(s.balancer, 0);
    picks_of(*changed, backends_without(s, static_cast<uint32_t>(~0u)));
    const auto anew = make_balancer(s.balancer, 0);
    for (LoadBalancer* balancer : {changed.get(), anew.get()}) {
      const std::vector<uint64_t> after = picks_of(*balancer, backends_without(s, out));
      for (uint64_t key = 0; key < kKeys; ++key) {
        const bool right = before[key] == out ? after[key] != out : after[key] == before[key];
        if (right) continue;
        s.violate(Property::balancer, t,
                  "without node " + std::to_string(out) + " the ring places user " +
                      std::to_string(key) + " on node " + std::to_string(after[key]) +
                      ", with it on node " + std::to_string(before[key]));
        return;
      }
    }
  }
}

// What nodes report as their load is what they hold.
void judge_counts(History::State& s, int64_t t, const FinalState& state) {
  std::map<NodeId, uint64_t> held_by_node;
  for (const FinalSession& session : state.sessions) ++held_by_node[session.node];
  for (size_t i = 0; i < state.nodes.size(); ++i) {
    const NodeId node = state.nodes[i];
    const uint64_t held = held_by_node[node];
    if (held == state.sessions_by_node[i]) continue;
    s.violate(Property::balancer, t,
              "node " + std::to_string(node.value) + " counts " +
                  std::to_string(state.sessions_by_node[i]) + " sessions and holds " +
                  std::to_string(held));
  }
}

}  // namespace

void judge_balancers(History::State& s, int64_t t, const FinalState& state) {
  s.judge(Property::balancer);
  judge_counts(s, t, state);
  judge_ring(s, t);
  if (state.calls_in_flight > 0 && state.routes_in_flight == 0) {
    s.violate(Property::balancer, t,
              "routers are taken to have " + std::to_string(state.calls_in_flight) +
                  " calls in flight, though no route waits for any");
  }
}

void judge_placed(History::State& s, int64_t t, uint32_t router, NodeId node, int64_t since) {
  s.violate(Property::balancer, t,
            "router " + std::to_string(router) + " placed a login on node " +
                std::to_string(node.value) + ", which has been down for " +
                std::to_string((t - since) / 1'000'000) + " ms");
}

}  // namespace imroute
