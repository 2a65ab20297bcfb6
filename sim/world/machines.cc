// Machines: how they come to life, what an event does to one, and how they die, stand still or
// crawl.
#include <algorithm>
#include <type_traits>

#include "core/base/assert.h"
#include "core/base/rng.h"
#include "core/node/pump.h"
#include "sim/world/digest.h"
#include "sim/world/sink.h"
#include "sim/world/versions.h"
#include "sim/world/world.h"

namespace imroute {

namespace {

// A machine that asks to be woken again and again at one moment makes no progress.
constexpr uint64_t kMostSpins = 100'000;

Command plain(CommandKind kind) {
  Command command;
  command.kind = kind;
  return command;
}

NodeCapacity capacity_for(const Scenario& s) {
  NodeCapacity capacity;
  const uint64_t clients = s.topology.users * s.topology.devices_per_user;
  const uint64_t share = clients / std::max<uint64_t>(1, s.topology.nodes);
  // Room for everybody in a small world, for four times the share in a big one.
  const uint64_t wanted = std::max<uint64_t>(20'000, share * 4);
  capacity.sessions = static_cast<uint32_t>(std::min<uint64_t>(wanted, 1u << 20));
  return capacity;
}

}  // namespace

void World::build_machines() {
  nodes_.resize(layout_.nodes());
  routers_.resize(layout_.routers());
  clients_.resize(layout_.clients());
  wanted_.assign(layout_.clients(), 0);
  wipe_pending_.assign(layout_.clients(), 0);
  lives_.assign(layout_.servers(), 0);
  for (Endpoint e = 0; e < kServices; ++e) machines_[e].alive = true;
  for (uint32_t i = 0; i < layout_.clients(); ++i) {
    start_client_object(i);
    begin_clock(layout_.client(i));
    network_->set_hello(layout_.client(i), hello_of(version_of(layout_.client(i))));
    machines_[layout_.client(i)].alive = true;
  }
  for (uint32_t i = 0; i < layout_.nodes(); ++i) {
    const bool exists = i < scenario_.topology.nodes;
    if (exists) begin_life(layout_.node(i));
    if (!exists) machines_[layout_.node(i)].holds = 1;  // until it is added
  }
  for (uint32_t i = 0; i < layout_.routers(); ++i) begin_life(layout_.router(i));
}

DeviceKey World::key_of(uint32_t client) const {
  const uint32_t per_user = scenario_.topology.devices_per_user;
  return {UserId{client / per_user}, client % per_user};
}

uint32_t World::client_number(DeviceKey key) const {
  return static_cast<uint32_t>(key.user.value) * scenario_.topology.devices_per_user + key.device;
}

void World::start_node(uint32_t i) {
  NodeConfig config;
  config.id = NodeId{i};
  if (i < scenario_.topology.node_weights.size()) {
    config.weight = scenario_.topology.node_weights[i];
  }
  const uint64_t life = lives_[layout_.server_index(layout_.node(i))]++;
  config.seed = Rng::stream(scenario_.seed, "node", uint64_t{i} << 32 | life).next();
  config.routers = layout_.routers();
  config.strategy = scenario_.strategy;
  config.invocation = scenario_.invocation;
  config.delivery = scenario_.delivery;
  config.sessions = scenario_.sessions;
  config.capacity = capacity_for(scenario_);
  config.perturb = perturb_table(layout_.node(i));
  nodes_[i] = std::make_unique<Node>(config, pool_);
}

void World::start_router(uint32_t i) {
  RouterConfig config;
  config.id = RouterId{i};
  const uint64_t life = lives_[layout_.server_index(layout_.router(i))]++;
  config.seed = Rng::stream(scenario_.seed, "router", uint64_t{i} << 32 | life).next();
  config.strategy = scenario_.strategy;
  config.balancer = scenario_.balancer;
  config.delivery = scenario_.delivery;
  config.sessions = scenario_.sessions;
  routers_[i] = std::make_unique<Router>(config, pool_);
}

void World::start_client_object(uint32_t i) {
  ClientConfig config;
  config.key = key_of(i);
  const std::vector<ClientType>& types = scenario_.topology.device_types;
  config.client_type = types.empty() ? ClientType::mobile : types[config.key.device % types.size()];
  const auto wiped = wiped_.find(i);
  const uint64_t installation = wiped == wiped_.end() ? 0 : wiped->second;
  config.seed = Rng::stream(scenario_.seed, "client", uint64_t{i} << 16 | installation).next();
  config.routers = layout_.routers();
  config.delivery = scenario_.delivery;
  config.sessions = scenario_.sessions;
  clients_[i].emplace(config, pool_);
}

// A server starts with nothing but its configuration; a client with what it kept on disk.
void World::begin_life(Endpoint e) {
  Machine& m = machines_[e];
  m.alive = true;
  m.armed = m.want = kNever;
  begin_clock(e);
  network_->set_hello(e, hello_of(version_of(e)));
  const Role role = layout_.role(e);
  const uint32_t i = layout_.index(e);
  switch (role) {
    case Role::node:
      start_node(i);
      network_->set_listening(e, true);
      if (pubsub_ && version_of(e) != kLaterVersion) bus_->start(now_, e);
      break;
    case Role::router:
      start_router(i);
      network_->set_listening(e, true);
      break;
    case Role::client:
      if (wipe_pending_[i] != 0) {
        wipe_pending_[i] = 0;
        ++wiped_[i];
        start_client_object(i);
        history_->wiped(now_, key_of(i));
      }
      // Its process begins without connections. What the old one had are gone: it hears so.
      if (wanted_[i] != 0) command(e, CommandKind::start);
      return arm(e, clients_[i]->next_deadline());
    case Role::registry:
      registry_->restart_leases(now_);
      return arm_service_timer();
    case Role::bus:
      bus_->set_alive(true);
      bus_->end_outage(now_, kNoEndpoint);
      return;
    default:
      return;
  }
  step(e, Wake{}, 0);
}

void World::end_life(Endpoint e, bool lose_unsynced) {
  Machine& m = machines_[e];
  const Role role = layout_.role(e);
  const uint32_t i = layout_.index(e);
  m.alive = false;
  m.died_at = now_;
  m.armed = m.want = kNever;
  switch (role) {
    case Role::node:
      add_counters(nodes_[i]->counters());
      marks_.raise(nodes_[i]->status());
      note_branches(e);
      nodes_[i].reset();
      network_->process_died(now_, e);
      stores_->machine_died(e);
      if (pubsub_) bus_->machine_died(e);
      break;
    case Role::router:
      add_counters(routers_[i]->counters());
      routers_[i].reset();
      network_->process_died(now_, e);
      stores_->machine_died(e);
      break;
    case Role::client: {
      // The disk is the Client object; what only the process knew must go: it learns that every
      // connection is down, offline, before it is started again.
      network_->process_died(now_, e);
      pump_machine(e, *clients_[i], plain(CommandKind::stop));
      network_->process_died(now_, e);
      machines_[e].armed = machines_[e].want = kNever;
      break;
    }
    case Role::directory:
    case Role::mailbox:
      lose_on_crash(role, lose_unsynced);
      break;
    case Role::bus:
      bus_->set_alive(false);
      bus_->begin_outage(now_, kNoEndpoint);
      break;
    case Role::registry:
      break;
  }
  const auto held = deferrals_.find(e);
  if (held == deferrals_.end()) return;
  // What waited for the dead process goes nowhere; each carrier knows what to do with it.
  std::deque<std::pair<int64_t, uint64_t>> waiting = std::move(held->second.waiting);
  held->second.waiting.clear();
  for (const auto& [due, event] : waiting) dispatch(event);
}

bool World::kill(Endpoint e, bool lose_unsynced) {
  if (machines_[e].holds++ != 0 || !machines_[e].alive) return false;
  end_life(e, lose_unsynced);
  return true;
}

bool World::revive(Endpoint e) {
  IM_ASSERT(machines_[e].holds > 0);
  if (--machines_[e].holds != 0) return false;
  begin_life(e);
  return true;
}

void World::wipe(uint32_t client) { wipe_pending_[client] = 1; }

// ---- events into machines
// ----------------------------------------------------------------------------

template <class M>
void World::pump_machine(Endpoint e, M& machine, const Event& event) {
  const Endpoint outer = stepping_;
  stepping_ = e;
  shown_ = false;
  Sink sink{*this, e};
  pump(machine, sink, Now{local_time(e)}, event, effects_);
  stepping_ = outer;
}

Checkpoint World::checkpoint() const {
  return {events_, now_, hash_.value(), written_.lines, written_.bytes, written_.hash};
}

// `digest`: of what the event carries.
void World::step(Endpoint e, const Event& event, uint64_t digest) {
  IM_ASSERT(stepping_ == kNoEndpoint);  // machines answer through the queue, never at once
  ++events_;
  hash_.add(mix64(static_cast<uint64_t>(now_) ^ (uint64_t{e} << 40), digest + event.index()));
  if (checkpoints_.due(events_)) checkpoints_.add(checkpoint());
  const uint32_t i = layout_.index(e);
  switch (layout_.role(e)) {
    case Role::node:
      pump_machine(e, *nodes_[i], event);
      break;
    case Role::router:
      pump_machine(e, *routers_[i], event);
      break;
    default:
      pump_machine(e, *clients_[i], event);
      break;
  }
}

void World::arm(Endpoint e, MonoTime deadline) {
  Machine& m = machines_[e];
  m.want = deadline;
  const int64_t due = true_time(e, deadline);
  if (due >= m.armed || !m.alive) return;
  m.armed = std::max(due, now_);
  schedule(m.armed, WorldEvent::wake, e);
}

// A wake event that is not the armed one is stale; one that comes too early is set again.
void World::wake(Endpoint e) {
  Machine& m = machines_[e];
  if (!m.alive || m.armed > now_ || landing_) return;
  m.armed = kNever;
  if (m.want > local_time(e)) return arm(e, m.want);
  spins_ = spun_at_ == now_ ? spins_ + 1 : 0;
  spun_at_ = now_;
  IM_ASSERT(spins_ < kMostSpins);
  step(e, Wake{}, 0);
}

void World::command(Endpoint e, CommandKind kind) {
  if (!machines_[e].alive) return;
  const bool starts = kind == CommandKind::start || kind == CommandKind::relocate;
  if (starts) history_->started(now_, key_of(layout_.index(e)));
  step(e, plain(kind), static_cast<uint64_t>(kind));
}

NodeStatus World::node_status(uint32_t node) const {
  return nodes_[node] ? nodes_[node]->status() : NodeStatus{};
}

bool World::client_online(uint32_t client) const {
  return machines_[layout_.client(client)].alive && clients_[client]->online();
}

NodeId World::holder_of(UserId user) const {
  for (uint32_t d = 0; d < scenario_.topology.devices_per_user; ++d) {
    const uint32_t client = client_number({user, d});
    if (client < clients_.size() && client_online(client)) return clients_[client]->node();
  }
  return kNoNode;
}

void World::HighWater::raise(const NodeStatus& status) {
  cache_entries = std::max(cache_entries, status.cache_entries_max);
  unacked = std::max(unacked, status.unacked_max);
  route_attempts = std::max(route_attempts, status.route_attempts_max);
}

void World::add_counters(const Counters& counters) {
  for (const CounterInfo& info : kCounterTable) {
    dead_counters_.*info.value += counters.*info.value;
  }
}

// ---- machines that stand still or crawl
// ----------------------------------------------------------------

void World::hold_up(Endpoint e) {
  deferring_ += machines_[e].deferring ? 0 : 1;
  machines_[e].deferring = true;
}

void World::pause(Endpoint e) {
  ++deferrals_[e].pauses;
  hold_up(e);
}

void World::resume(Endpoint e) {
  Deferral& d = deferrals_[e];
  if (--d.pauses != 0) return;
  if (layout_.role(e) == Role::registry) registry_->restart_leases(now_);
  for (auto& [due, event] : d.waiting) due = std::min(due, now_);
  d.last_due = now_;
  run_deferred(e);
}

void World::slow_down(Endpoint e, DurationNs extra, DurationNs serial) {
  Deferral& d = deferrals_[e];
  d.extra += extra;
  d.serial += serial;
  hold_up(e);
}

void World::speed_up(Endpoint e, DurationNs extra, DurationNs serial) {
  Deferral& d = deferrals_[e];
  d.extra -= extra;
  d.serial -= serial;
  if (d.extra == 0 && d.serial == 0) {
    for (auto& [due, event] : d.waiting) due = std::min(due, now_);
    d.last_due = now_;
  }
  run_deferred(e);
}

bool World::was_deferred(Endpoint e) const {
  const auto at = deferrals_.find(e);
  return at != deferrals_.end() && at->second.used;
}

// True when the event must wait; it is kept.
bool World::defer(Endpoint e, uint64_t event) {
  Deferral& d = deferrals_[e];
  const bool held_up = d.pauses != 0 || d.extra != 0 || d.serial != 0 || !d.waiting.empty();
  if (!held_up) return false;
  d.used = true;
  const bool first = d.waiting.empty();
  const int64_t due = std::max(now_ + d.extra, d.last_due + d.serial);
  d.last_due = due;
  d.waiting.emplace_back(due, event);
  if (first && d.pauses == 0) schedule(due, WorldEvent::deferred, e);
  return true;
}

void World::run_deferred(Endpoint e) {
  Deferral& d = deferrals_[e];
  if (d.pauses != 0) return;
  while (!d.waiting.empty() && d.waiting.front().first <= now_) {
    const uint64_t event = d.waiting.front().second;
    d.waiting.pop_front();
    dispatch(event);
  }
  if (!d.waiting.empty()) return schedule(d.waiting.front().first, WorldEvent::deferred, e);
  if (d.extra == 0 && d.serial == 0) {
    deferring_ -= machines_[e].deferring ? 1 : 0;
    machines_[e].deferring = false;
    d.used = false;
  }
}

}  // namespace imroute
