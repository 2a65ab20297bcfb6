#include "core/node/node.h"

#include <algorithm>

#include "core/node/state.h"

namespace imroute {

Node::Node(const NodeConfig& config, BlobPool& pool)
    : state_(std::make_unique<State>(config, pool)) {}
Node::~Node() = default;

void Node::step(Now now, const Event& event, Effects& out) noexcept {
  state_->step(now.mono_ns, event, out);
}
MonoTime Node::next_deadline() const {
  if (!state_->started_) return 0;
  return std::min(state_->timers_.next_deadline(), state_->caller_.next_deadline());
}
uint64_t Node::digest() const { return state_->digest(); }
const Counters& Node::counters() const { return state_->counters_; }
const Durations& Node::route_times() const { return state_->route_times_; }

NodeStatus Node::status() const {
  const State& s = *state_;
  NodeStatus status;
  status.sessions = 0;
  s.by_device_.for_each([&](const DeviceKey&, uint32_t index) {
    if (s.sessions_[index].phase == Session::Phase::live) ++status.sessions;
  });
  status.routes_in_flight = s.routes_.size();
  s.operations_.for_each([&](OpId, const Pending& p) {
    if (p.kind == PendingKind::append) ++status.appends_in_flight;
  });
  status.appends_in_flight += static_cast<uint32_t>(s.waiting_appends_.size());
  status.operations_in_flight = s.operations_.size();
  status.cache_entries = s.cache_.size();
  status.cache_entries_max = s.cache_.size_max();
  for (uint32_t r = 0; r < s.config_.routers; ++r) status.calls_in_flight += s.caller_.in_flight(r);
  status.unacked_max = s.unacked_max_;
  status.route_attempts_max = s.route_attempts_max_;
  status.view_version = s.view_->version;
  status.serving = s.serving_;
  status.fenced = s.fenced_;
  status.suspended = s.suspended_;
  status.fence_cause = s.fence_cause_;
  status.draining = s.draining_;
  status.drained = s.drained_;
  return status;
}

uint64_t Node::session_generation(DeviceKey key) const {
  const uint32_t* index = state_->by_device_.find(key);
  if (index == nullptr) return 0;
  const Session& session = state_->sessions_[*index];
  return session.phase == Session::Phase::live ? session.generation : 0;
}

uint64_t Node::branches_taken(PerturbSite site) const {
  return state_->branches_taken_[static_cast<size_t>(site)];
}

Node::State::State(const NodeConfig& config, BlobPool& pool)
    : config_(config),
      pool_(pool),
      rng_(Rng::stream(config.seed, "node", config.id.value)),
      salt_(Rng::stream(config.seed, "tables", config.id.value).next()),
      sessions_(config.capacity.sessions, static_cast<uint32_t>(rng_.below(1u << 20)) + 1),
      by_device_(1u << 30, salt_),
      users_(1u << 30, salt_),
      chases_(4096),
      followed_(config.capacity.conversations),
      follow_index_(config.capacity.conversations, salt_),
      groups_(config.capacity.groups, salt_),
      unacked_(config.capacity.sessions * kMaxWindow),
      early_(kMaxEarly),
      placement_(make_placement(config.strategy.placement)),
      strategy_(make_strategy(config.strategy, placement_.get())),
      routes_(config.capacity.routes, static_cast<uint32_t>(rng_.below(1u << 30)) + 1),
      cache_(strategy_->uses_cache() ? config.strategy.cache_entries : 0,
             config.strategy.cache_ttl_ns, config.strategy.negative_ttl_ns, salt_),
      moved_(config.strategy.hints ? 4096 : 0, 60 * kSecond, kSecond, salt_),
      pointers_(config.strategy.places_logins() ? 65'536 : 0, 0, kSecond, salt_),
      leaders_(1u << 30, salt_),
      caller_(config.invocation, mix64(config.seed, config.id.value), config.capacity.routes),
      // Reads and appends stop at capacity.operations. The rest, of which a session, a route or
      // this node has one or two at a time, must find room: nobody repeats what was not asked.
      operations_(config.capacity.operations + 4 * config.capacity.sessions +
                  2 * config.capacity.routes + 1024),
      view_(std::make_shared<ClusterView>()) {
  next_op_ = (rng_.next() >> 24) << 24 | 1;
}

void Node::State::step(MonoTime now, const Event& event, Effects& out) {
  IM_ASSERT(now >= now_);
  now_ = now;
  out_ = &out;
  ++counters_.steps;
  if (!started_) {
    started_ = true;
    last_compare_ = now_;  // there is nothing to compare yet, wherever this clock began
    timers_.set(now_, TimerKind::scan);
    timers_.set(now_, TimerKind::beacon);
    timers_.set(now_ + config_.sessions.session_check(), TimerKind::check);
    if (at_least_once()) {
      timers_.set(now_ + config_.delivery.sync_interval_ns, TimerKind::compare, 1);
      timers_.set(now_ + kCursorInterval, TimerKind::cursors);
    }
    open_calls();
    open_registry();
  }
  check_lease();
  std::visit(
      [this](const auto& e) {
        using T = std::decay_t<decltype(e)>;
        if constexpr (std::is_same_v<T, ClientUp>) on_client_up(e.link);
        if constexpr (std::is_same_v<T, ClientFrame>) on_client_frame(e.link, e.frame);
        if constexpr (std::is_same_v<T, ClientDown>) on_client_down(e.link);
        if constexpr (std::is_same_v<T, PeerUp>) on_peer_up(e.peer);
        if constexpr (std::is_same_v<T, PeerFrame>) on_peer_frame(e.peer, e.frame);
        if constexpr (std::is_same_v<T, PeerDown>) on_peer_down(e.peer);
        if constexpr (std::is_same_v<T, BusFrame>) on_bus_frame(e.frame);
        if constexpr (std::is_same_v<T, Reply>) on_reply(e);
        if constexpr (std::is_same_v<T, ViewChanged>) on_view_changed();
        if constexpr (std::is_same_v<T, Wake>) on_wake();
        if constexpr (std::is_same_v<T, Command>) {
          if (e.kind == CommandKind::drain) start_drain();
          if (e.kind == CommandKind::perturb && e.site < PerturbSite::count_) {
            config_.perturb[static_cast<size_t>(e.site)] = e.ppm;
          }
        }
      },
      event);
  out_ = nullptr;
}

uint64_t Node::State::digest() const {
  Digest digest;
  digest.add(static_cast<uint64_t>(now_));
  for (const CounterInfo& info : kCounterTable) digest.add(counters_.*info.value);
  for (uint32_t i = 0; i < sessions_.slots(); ++i) {
    if (!sessions_.used(i)) continue;
    const Session& s = sessions_[i];
    digest.add(mix64(s.key.user.value, s.key.device));
    digest.add(mix64(s.generation, s.next_number));
    digest.add(s.unacked_count);
  }
  for (uint32_t i = 0; i < followed_.slots(); ++i) {
    if (!followed_.used(i)) continue;
    const Followed& f = followed_[i];
    digest.add(mix64(mix64(f.id.hi, f.id.lo), mix64(f.at.epoch, f.at.seq)));
    digest.add(f.head.seq);
  }
  digest.add(cache_.digest());
  digest.add(routes_.size());
  return digest.value();
}

bool Node::State::take_branch(PerturbSite site, uint32_t ppm) {
  if (!rng_.chance(ppm, 1'000'000)) return false;
  ++branches_taken_[static_cast<size_t>(site)];
  ++counters_.perturbed;
  return true;
}

OpId Node::State::directory(DirectoryOp&& op, const Pending& pending) {
  op.id = OpId{next_op_++};
  op.deadline = now_ + config_.delivery.store_deadline_ns;
  const OpId id = op.id;
  if (Pending* slot = operations_.insert(id)) {
    *slot = pending;
    out_->push(StoreOp{std::move(op)});
  }
  return id;
}

OpId Node::State::mailbox(MailboxOp&& op, const Pending& pending) {
  op.id = OpId{next_op_++};
  op.deadline = now_ + config_.delivery.store_deadline_ns;
  const OpId id = op.id;
  if (Pending* slot = operations_.insert(id)) {
    *slot = pending;
    out_->push(StoreOp{std::move(op)});
  }
  return id;
}

OpId Node::State::registry(RegistryOp&& op, const Pending& pending) {
  op.id = OpId{next_op_++};
  op.deadline = now_ + config_.delivery.store_deadline_ns;
  op.session = registry_session_;
  op.weight = config_.weight;
  const OpId id = op.id;
  if (Pending* slot = operations_.insert(id)) {
    *slot = pending;
    out_->push(StoreOp{op});
  }
  return id;
}

void Node::State::trace(TraceKind kind, const Entry& entry, UserId user, uint32_t device,
                        uint64_t route, NodeId node, uint64_t value, Reason reason) {
  if (!out_->tracing()) return;
  TraceRecord record;
  record.kind = kind;
  record.reason = reason;
  record.node = node;
  record.user = user;
  record.device = device;
  record.conversation = entry.conversation;
  record.position = entry.position;
  record.sender = entry.sender;
  record.client_seq = entry.client_seq;
  record.route = route;
  record.value = value;
  out_->trace(record);
}

}  // namespace imroute
