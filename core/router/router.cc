#include "core/router/router.h"

#include "core/router/state.h"

namespace imroute {

Router::Router(const RouterConfig& config, BlobPool& pool)
    : state_(std::make_unique<State>(config, pool)) {}
Router::~Router() = default;
void Router::step(Now now, const Event& event, Effects& out) noexcept {
  state_->step(now.mono_ns, event, out);
}
MonoTime Router::next_deadline() const {
  return state_->started_ ? state_->timers_.next_deadline() : 0;
}
const Counters& Router::counters() const { return state_->counters_; }
uint64_t Router::users_at(NodeId node) const {
  const auto& nodes = state_->nodes_;
  return node.value < nodes.size() && nodes[node.value].up ? nodes[node.value].load : 0;
}

uint64_t Router::digest() const {
  Digest digest;
  digest.add(static_cast<uint64_t>(state_->now_));
  for (const CounterInfo& info : kCounterTable) digest.add(state_->counters_.*info.value);
  for (const NodeHealth& node : state_->nodes_)
    digest.add(mix64(node.load, node.placed) ^ node.flags);
  digest.add(state_->view_->version);
  digest.add(state_->calls_.size());
  return digest.value();
}

Router::State::State(const RouterConfig& config, BlobPool& pool)
    : config_(config),
      pool_(pool),
      rng_(Rng::stream(config.seed, "router", config.id.value)),
      balancer_(make_balancer(config.balancer, config.id.value)),
      placement_(make_placement(config.strategy.placement)),
      view_(std::make_shared<ClusterView>()),
      calls_(config.calls),
      operations_(config.calls + 16) {
  next_op_ = (rng_.next() >> 24) << 24 | 1;
}

void Router::State::step(MonoTime now, const Event& event, Effects& out) {
  IM_ASSERT(now >= now_);
  now_ = now;
  out_ = &out;
  ++counters_.steps;
  if (!started_) {
    started_ = true;
    timers_.set(now_, RouterTimer::list);
    timers_.set(now_, RouterTimer::beacon);
  }
  std::visit(
      [this](const auto& e) {
        using T = std::decay_t<decltype(e)>;
        if constexpr (std::is_same_v<T, ClientFrame>) on_client_frame(e.link, e.frame);
        if constexpr (std::is_same_v<T, PeerFrame>) on_peer_frame(e.peer, e.frame);
        if constexpr (std::is_same_v<T, PeerUp>) {
          // A new connection is a sign of life like a beacon, which follows within a heartbeat.
          NodeHealth* node = health_at(e.peer);
          if (node != nullptr) *node = NodeHealth{true, now_, 0, 0, 0, node->new_until};
        }
        if constexpr (std::is_same_v<T, PeerDown>) {
          NodeHealth* node = health_at(e.peer);
          if (node != nullptr) node->up = false;
        }
        if constexpr (std::is_same_v<T, Reply>) on_reply(e);
        if constexpr (std::is_same_v<T, ViewChanged>) {
          list_again_ = listing_;
          list_nodes();
        }
        if constexpr (std::is_same_v<T, Wake>) on_wake();
      },
      event);
  out_ = nullptr;
}

NodeHealth* Router::State::health_at(Address peer) {
  return peer.kind == PeerKind::node ? health_of(peer.index) : nullptr;
}

NodeHealth* Router::State::health_of(uint32_t index) {
  if (index > (1u << 20)) return nullptr;
  if (index >= nodes_.size()) nodes_.resize(index + 1);
  return &nodes_[index];
}

}  // namespace imroute
