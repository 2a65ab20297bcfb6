#include "sim/world/world.h"

#include <algorithm>
#include <chrono>

#include "core/base/assert.h"
#include "core/base/rng.h"
#include "harness/fault/core.h"
#include "harness/fault/plan.h"
#include "harness/result/expect.h"
#include "harness/scenario/bounds.h"
#include "sim/world/digest.h"
#include "sim/world/fault_driver.h"
#include "sim/world/trace_line.h"

namespace imroute {

namespace {

constexpr DurationNs kDrainTick = 100 * kMillisecond;
constexpr DurationNs kLanding = 3 * kSecond;  // after the end of drain: what is under way lands
constexpr DurationNs kQuiet = 500 * kMillisecond;       // settled for that long is settled
constexpr DurationNs kLongestQuietWait = 60 * kSecond;  // beyond convergence
constexpr uint64_t kPhaseWarm = 0, kPhaseEndChaos = 1, kPhaseDrainTick = 2, kPhaseUntil = 3,
                   kPhaseEnd = 4, kPhaseCore = 5, kPhaseRest = 6;

// How far back a directory failover of this plan reaches.
DurationNs directory_undo(const std::vector<Fault>& plan) {
  DurationNs window = 0;
  for (const Fault& f : plan) {
    if (f.target.kind != TargetKind::directory) continue;
    window = std::max(window, f.lose_tail_ns);
    if (f.lose_unsynced) window = std::max(window, kSecond);
    if (f.kind == FaultKind::lost_fsync) window = std::max(window, f.for_ns);
  }
  return window;
}

int64_t wall_ns() {
  // allowed: for `machine` in the result, which is no function of the seed
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

}  // namespace

World::World(const Scenario& scenario, const SimulationOptions& options)
    : scenario_(scenario),
      options_(options),
      plan_(materialise_plan(scenario)),
      layout_(scenario.topology.nodes + spare_nodes(plan_), scenario.topology.routers,
              static_cast<uint32_t>(scenario.topology.users) * scenario.topology.devices_per_user),
      tally_(layout_),
      watch_latency_(scenario.network.service.latency),
      watch_draw_(Rng::stream(scenario.seed, "watch-latency").next()),
      effects_(options.trace && options.trace_sink != nullptr) {
  if (scenario.permute_ties) queue_.permute_ties(Rng::stream(scenario.seed, "ties"));
  at_most_once_ = scenario.delivery.guarantee == Guarantee::at_most_once;
  const StrategyKind kind = scenario.strategy.kind;
  pubsub_ = scenario.strategy.bus == BusKind::pubsub &&
            (kind == StrategyKind::broadcast || kind == StrategyKind::cached_broadcast);
  history_ = std::make_unique<History>(scenario, plan_);
  workload_ = std::make_unique<Workload>(scenario, scenario.seed, pool_);
  network_ = std::make_unique<Network>(layout_, scenario.network, scenario.seed, queue_,
                                       what(WorldEvent::flight, 0), pool_, *this);
  stores_ = std::make_unique<StoreLinks>(layout_, scenario.network, scenario.seed, queue_,
                                         network_->rules(), *this);
  bus_ = std::make_unique<BusLinks>(layout_, scenario.network, scenario.seed, queue_,
                                    network_->rules(), pool_, *this);
  registry_ = std::make_unique<Registry>(scenario.sessions.lease_ns);
  directory_ = std::make_unique<Directory>(directory_undo(plan_));
  MailboxSettings mailbox;
  if (scenario.mailbox.durability == Durability::async) {
    mailbox.unsynced_window_ns = scenario.mailbox.unsynced_window_ns;
  }
  mailbox.retention_ns = scenario.mailbox.retention_ns;
  mailbox_ = std::make_unique<Mailbox>(mailbox);
  faults_ = std::make_unique<FaultDriver>(*this, plan_);
  network_->report_lost(at_most_once_);
  bus_->report_lost(at_most_once_);
}

World::~World() = default;

void World::schedule(int64_t at, WorldEvent kind, uint64_t index) {
  queue_.push(at, EventPriority::normal, what(kind, index));
}

void World::seed_groups() {
  registry_->raise_epoch(mailbox_->identity());  // the first identity has epoch 1
  const std::vector<std::vector<UserId>>& groups = workload_->groups();
  for (size_t g = 0; g < groups.size(); ++g) {
    if (groups[g].empty() || workload_->created_by_user(g)) continue;
    Entry create;
    create.conversation = ConversationId::group(g);
    create.position = {1, 1};
    create.kind = EntryKind::create;
    create.sender = groups[g].front();
    create.payload = pool_.copy_list<UserId>(groups[g]);
    mailbox_->seed_group(create.conversation, groups[g], create.payload, 0);
    history_->appended(0, create);
  }
}

// Clients come online evenly over the middle of the warm-up, when servers know each other.
void World::schedule_starts() {
  const int64_t from = std::min<int64_t>(scenario_.warmup_ns / 4, kSecond);
  const int64_t to = scenario_.warmup_ns * 3 / 4;
  const uint64_t count = layout_.clients();
  for (uint32_t i = 0; i < layout_.clients(); ++i) {
    wanted_[i] = 1;
    const auto share = static_cast<unsigned __int128>(to - from) * i / std::max<uint64_t>(1, count);
    schedule(from + static_cast<int64_t>(share), WorldEvent::start_client, i);
  }
}

Result World::run() {
  const int64_t started = wall_ns();
  last_progress_wall_ns_ = started;
  seed_groups();
  machines_.resize(layout_.endpoints());
  faults_->before_start();
  build_machines();
  schedule_starts();
  queue_.push(std::min(scenario_.warmup_ns, scenario_.duration_ns), EventPriority::control,
              what(WorldEvent::phase, kPhaseWarm));
  queue_.push(scenario_.duration_ns, EventPriority::late, what(WorldEvent::phase, kPhaseEndChaos));
  if (scenario_.liveness.for_ns != 0) {
    queue_.push(chaos_end(scenario_), EventPriority::late, what(WorldEvent::phase, kPhaseCore));
  }
  if (options_.until_ns != kNever) {
    queue_.push(options_.until_ns, EventPriority::late, what(WorldEvent::phase, kPhaseUntil));
  }
  faults_->schedule();
  arm_workload();
  history_->phase(0, History::Phase::chaos);
  loop();
  Result result;
  finish(result);
  result.wall_seconds = static_cast<double>(wall_ns() - started) / 1e9;
  result.events_per_second =
      result.wall_seconds > 0 ? static_cast<double>(events_) / result.wall_seconds : 0;
  return result;
}

void World::loop() {
  uint64_t turns = 0;
  while (!done_ && !queue_.empty()) {
    const EventQueue::Entry entry = queue_.pop();
    now_ = entry.time();
    if (deferring_ != 0) {  // else whose it is need not be looked up
      const Endpoint e = destination(entry.what);
      if (e != kNoEndpoint && machines_[e].deferring && defer(e, entry.what)) continue;
    }
    dispatch(entry.what);
    if ((++turns & 0xfff) == 0) report_progress();
  }
}

// The machine whose event it is, if it is one's.
Endpoint World::destination(uint64_t event) const {
  switch (kind_of(event)) {
    case WorldEvent::flight:
      return network_->destination(index_of(event));
    case WorldEvent::op_arrive:
    case WorldEvent::op_reply:
    case WorldEvent::op_timeout:
      return stores_->destination(kind_of(event), index_of(event));
    case WorldEvent::bus:
      return bus_->destination(index_of(event));
    case WorldEvent::wake:
    case WorldEvent::watch:
      return index_of(event);
    case WorldEvent::service_timer:
      return layout_.service(Role::registry);
    default:
      return kNoEndpoint;
  }
}

void World::dispatch(uint64_t event) {
  const uint32_t index = index_of(event);
  switch (kind_of(event)) {
    case WorldEvent::flight:
      return network_->arrive(now_, index);
    case WorldEvent::wake:
      return wake(index);
    case WorldEvent::op_arrive:
    case WorldEvent::op_reply:
    case WorldEvent::op_timeout:
      return stores_->handle(now_, kind_of(event), index);
    case WorldEvent::bus:
      return bus_->handle(now_, index);
    case WorldEvent::watch: {
      const uint64_t life = (event >> 32) & 0xffffff;
      const bool same = (lives_[layout_.server_index(index)] & 0xffffff) == life;
      if (machines_[index].alive && same) step(index, ViewChanged{}, 0);
      return;
    }
    case WorldEvent::service_timer:
      // While things land nobody renews a lease, so none ends either.
      if (service_armed_ > now_ || landing_) return;
      service_armed_ = kNever;
      if (!machines_[layout_.service(Role::registry)].alive) return;  // armed again at its return
      registry_->expire_due(now_);
      return fire_watches();
    case WorldEvent::workload:
      return run_workload();
    case WorldEvent::start_client:
      if (wanted_[index] != 0) command(layout_.client(index), CommandKind::start);
      return;
    case WorldEvent::deferred:
      return run_deferred(index);
    case WorldEvent::fault:
      return faults_->handle(event & 0xff'ffff'ffff'ffffull);
    case WorldEvent::phase:
      return next_phase(index);
  }
}

void World::next_phase(uint64_t which) {
  if (which == kPhaseUntil || which == kPhaseEnd) {
    done_ = true;
    cut_short_ = which == kPhaseUntil;
    return;
  }
  if (which == kPhaseRest) {
    at_rest_.emplace();
    return read_sessions(*at_rest_);
  }
  if (landing_) return;
  if (which == kPhaseWarm) return tally_.measuring(true);
  if (which == kPhaseCore) return history_->phase(now_, History::Phase::core);
  if (which == kPhaseEndChaos) {
    workload_stopped_ = true;
    history_->phase(now_, History::Phase::drain);  // judges the core while the rest is broken
    faults_->heal_all();
    drain_since_ = now_;
  }
  // At least as long as leases, session checks and one sync take after faults.
  const DurationNs least = faults_->nothing_planned() ? 2 * kSecond : settling_bound(scenario_);
  history_->tick(now_);
  if (!history_->settled() || !routing_idle()) {
    settled_since_ = kNever;
  } else if (settled_since_ == kNever) {
    settled_since_ = now_;
  }
  const bool quiet = settled_since_ != kNever && now_ - settled_since_ >= kQuiet;
  const DurationNs drained = now_ - drain_since_;
  const DurationNs longest =
      kLongestQuietWait + convergence_bound(scenario_) + history_->most_work_ns();
  if ((quiet && drained >= least) || drained >= longest) {
    // No machine is woken any more, so nothing new begins, and what was asked is answered.
    history_->phase(now_, History::Phase::final);
    landing_ = true;
    // Who holds whom is read when messages under way have arrived, and before leases end that
    // nobody renews any more.
    queue_.push(now_ + std::min(kLanding, scenario_.sessions.lease_ns / 3), EventPriority::late,
                what(WorldEvent::phase, kPhaseRest));
    queue_.push(now_ + kLanding, EventPriority::late, what(WorldEvent::phase, kPhaseEnd));
    return;
  }
  queue_.push(now_ + kDrainTick, EventPriority::late, what(WorldEvent::phase, kPhaseDrainTick));
}

void World::report_progress() {
  if (!options_.progress && !options_.cancelled) return;
  const int64_t wall = wall_ns();
  if (wall - last_progress_wall_ns_ < 100 * kMillisecond) return;
  last_progress_wall_ns_ = wall;
  const double whole = static_cast<double>(scenario_.duration_ns);
  if (options_.progress) options_.progress(std::min(0.99, static_cast<double>(now_) / whole));
  if (options_.cancelled && options_.cancelled()) done_ = cut_short_ = true;
}

void World::trace_fault(size_t index, std::string_view kind, std::string_view happens) {
  // Faults that --until cuts short have not ended when the trace does.
  if (effects_.tracing() && !done_) write_trace(fault_line(now_, index, kind, happens));
}

// A message to somebody who is away has been accepted, and waits in the mailbox, while its sender's
// node still looks for him.
bool World::routing_idle() const {
  return std::all_of(nodes_.begin(), nodes_.end(), [](const std::unique_ptr<Node>& node) {
    if (node == nullptr) return true;
    const NodeStatus status = node->status();
    return status.routes_in_flight == 0 && status.appends_in_flight == 0;
  });
}

void World::read_sessions(FinalState& state) const {
  for (uint32_t i = 0; i < layout_.clients(); ++i) {
    if (client_online(i)) state.online.push_back(key_of(i));
  }
  // Every session on every node; in a very big world, those where their clients believe to be.
  const bool every = uint64_t{layout_.nodes()} * layout_.clients() <= 5'000'000;
  for (uint32_t n = 0; n < layout_.nodes(); ++n) {
    if (!nodes_[n]) continue;
    state.nodes.push_back(NodeId{n});
    state.sessions_by_node.push_back(nodes_[n]->status().sessions);
    for (uint32_t i = 0; every && i < layout_.clients(); ++i) {
      const uint64_t generation = nodes_[n]->session_generation(key_of(i));
      if (generation != 0) state.sessions.push_back({NodeId{n}, key_of(i), generation});
    }
  }
  for (uint32_t i = 0; !every && i < layout_.clients(); ++i) {
    const NodeId node = clients_[i]->node();
    if (node == kNoNode || !nodes_[node.value]) continue;
    const uint64_t generation = nodes_[node.value]->session_generation(key_of(i));
    if (generation != 0) state.sessions.push_back({node, key_of(i), generation});
  }
}

// What machines still hold, for the oracles of the end.
FinalState World::final_state() {
  if (!at_rest_) read_sessions(at_rest_.emplace());  // cut short
  FinalState state = std::move(*at_rest_);
  state.counters = dead_counters_;
  const auto add = [&state](const Counters& counters) {
    for (const CounterInfo& info : kCounterTable) {
      state.counters.*info.value += counters.*info.value;
    }
  };
  for (uint32_t i = 0; i < layout_.clients(); ++i) add(clients_[i]->counters());
  for (uint32_t n = 0; n < layout_.nodes(); ++n) {
    if (!nodes_[n]) continue;
    const NodeStatus status = nodes_[n]->status();
    state.routes_in_flight += status.routes_in_flight;
    state.appends_in_flight += status.appends_in_flight;
    state.operations_in_flight += status.operations_in_flight;
    state.calls_in_flight += status.calls_in_flight;
    marks_.raise(status);
    add(nodes_[n]->counters());
  }
  for (const auto& router : routers_) {
    if (router) add(router->counters());
  }
  state.cache_entries_max = marks_.cache_entries;
  state.unacked_max = marks_.unacked;
  state.route_attempts_max = marks_.route_attempts;
  state.frames = tally_.totals();
  for (const NodeId node : state.nodes) {
    state.frames_by_node.push_back(tally_.frames_by_node()[node.value]);
  }
  state.calls_by_router = tally_.calls_by_router();
  return state;
}

void World::finish(Result& result) {
  if (cut_short_) faults_->heal_all();
  const FinalState state = final_state();
  result.name = scenario_.name;
  result.seed = scenario_.seed;
  result.scenario_hash = scenario_.hash;
  result.frames = state.frames;
  result.counters = state.counters;
  result.events = events_;
  result.trace_hash = hash_.value();
  result.checkpoints = checkpoints_.finish(checkpoint());
  faults_->report(result);
  history_->finish(now_, state, result);
  if (cut_short_) {  // what was under way when the run was stopped proves nothing
    result.violations.clear();
    result.violations_total = 0;
    result.verdict = Verdict::pass;
  } else {
    judge_expectations(scenario_, result);
  }
}

}  // namespace imroute
