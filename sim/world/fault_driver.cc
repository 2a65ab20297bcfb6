#include "sim/world/fault_driver.h"

#include <algorithm>

#include "core/base/hash.h"
#include "core/base/rng.h"
#include "harness/fault/plan.h"
#include "harness/scenario/names.h"
#include "sim/world/trace_line.h"
#include "sim/world/world.h"

namespace imroute {

namespace {

// What one step of a slow machine costs more for each factor above one, and a slow reader for each.
constexpr DurationNs kSlowStepNs = 5 * kMillisecond;
constexpr DurationNs kSlowReadNs = 10 * kMillisecond;
constexpr DurationNs kLongestDrain = 10 * kSecond;  // then a restart does not wait any longer
constexpr uint32_t kStormTicks = 16;
constexpr DurationNs kSecondLogin = 30 * kMillisecond;  // in the middle of the first one

}  // namespace

FaultDriver::FaultDriver(World& world, const std::vector<Fault>& plan)
    : world_(world), plan_(plan), states_(plan.size()) {
  for (uint32_t i = 0; i < plan_.size(); ++i) {
    states_[i].until = fault_end(plan_[i], world_.scenario().duration_ns);
  }
  places_.assign(world_.layout().nodes(), Place::vacant);
  std::fill_n(places_.begin(), world_.scenario().topology.nodes, Place::taken);
}

void FaultDriver::schedule() {
  for (uint32_t i = 0; i < plan_.size(); ++i) {
    if (states_[i].on) continue;
    if (plan_[i].at_ns < world_.scenario().duration_ns) at(plan_[i].at_ns, i, kBegin);
  }
}

void FaultDriver::at(int64_t time, uint32_t i, uint32_t step) {
  world_.schedule(time, WorldEvent::fault, uint64_t{step} << 32 | i);
}

uint64_t FaultDriver::salt(uint32_t i) const {
  return Rng::stream(world_.scenario().seed, "fault", i).next();
}

void FaultDriver::handle(uint64_t index) {
  const auto i = static_cast<uint32_t>(index);
  const auto which = static_cast<uint32_t>(index >> 32);
  State& state = states_[i];
  if (state.over) return;
  if (which == kBegin) {
    begin(i);
  } else if (which == kEnd) {
    end(i);
  } else if (state.on) {
    step(i, which);
  }
}

void FaultDriver::begin(uint32_t i) {
  State& state = states_[i];
  state.on = true;
  world_.history().fault_started(world_.now(), i);
  world_.trace_fault(i, to_string(plan_[i].kind), "begin");
  bool ends_itself = false;
  switch (fault_info(plan_[i].kind).family) {
    case FaultFamily::crash:
      ends_itself = plan_[i].kind == FaultKind::restart || plan_[i].kind == FaultKind::scale;
      begin_machines(i);
      break;
    case FaultFamily::pause:
      begin_machines(i);
      break;
    case FaultFamily::partition:
    case FaultFamily::link:
      begin_edges(i);
      break;
    case FaultFamily::connection:
      begin_connections(i);
      break;
    case FaultFamily::clients:
      begin_clients(i);
      break;
    case FaultFamily::registry:
      begin_registry(i);
      break;
    case FaultFamily::store:
      begin_store(i);
      break;
    case FaultFamily::bus:
      state.machines = endpoints(plan_[i].target);
      state.victim = fault_role(plan_[i]);
      for (Endpoint e : state.machines) {
        const Endpoint who = world_.layout().role(e) == Role::node ? e : kNoEndpoint;
        state.effective |= world_.bus().begin_outage(world_.now(), who) != 0;
      }
      break;
    case FaultFamily::clock:
      begin_clock(i);
      break;
    case FaultFamily::version:
      begin_version(i);
      break;
    case FaultFamily::code:
      begin_perturb(i);
      break;
    case FaultFamily::count_:
      break;
  }
  // What lasts to the end of the run is healed then, after a core beside it was judged.
  if (!ends_itself && state.until < world_.scenario().duration_ns) at(state.until, i, kEnd);
}

void FaultDriver::end(uint32_t i) {
  State& state = states_[i];
  if (!state.on || state.over) return;
  state.on = false;
  state.over = true;
  state.until = world_.now();
  switch (fault_info(plan_[i].kind).family) {
    case FaultFamily::crash:
    case FaultFamily::pause:
      end_machines(i);
      break;
    case FaultFamily::clients:
      for (Endpoint e : state.machines) world_.speed_up(e, 0, kSlowReadNs * plan_[i].factor);
      break;
    case FaultFamily::registry:
      state.effective |= world_.end_registry_trouble(i);
      break;
    case FaultFamily::store:
      state.effective |= world_.stores().end_trouble(i);
      state.effective |= world_.end_disk_trouble(i);
      for (Endpoint e : state.machines) world_.revive(e);
      break;
    case FaultFamily::bus:
      for (Endpoint e : state.machines) {
        const bool node = world_.layout().role(e) == Role::node;
        world_.bus().end_outage(world_.now(), node ? e : kNoEndpoint);
      }
      break;
    case FaultFamily::clock:
      end_clock(i);
      break;
    case FaultFamily::version:
      end_version(i);
      break;
    case FaultFamily::code:
      state.effective |= world_.end_perturb(i);
      break;
    default:
      state.effective |= world_.network().rules().remove(i);
      world_.network().release_held(world_.now());
      world_.stores().release_held(world_.now());
      break;
  }
  const int64_t late_until = std::max(world_.network().late_until(), world_.stores().late_until());
  world_.history().fault_ended(world_.now(), i, state.effective, late_until);
  world_.trace_fault(i, to_string(plan_[i].kind), "end");
}

void FaultDriver::heal_all() {
  for (uint32_t i = 0; i < plan_.size(); ++i) end(i);
}

void FaultDriver::report(Result& result) const {
  for (size_t i = 0; i < plan_.size(); ++i) {
    FaultOutcome outcome;
    outcome.fault = plan_[i];
    outcome.until_ns = states_[i].until;
    outcome.effective = states_[i].effective;
    result.faults.push_back(outcome);
    if (!states_[i].effective) continue;
    ++result.coverage[std::string(to_string(plan_[i].kind))][states_[i].victim];
  }
}

// ---- who is meant
// ----------------------------------------------------------------------------------------

std::vector<Endpoint> FaultDriver::endpoints(const Target& target) const {
  const Layout& layout = world_.layout();
  std::vector<Endpoint> found;
  const bool all = target.select == Target::Select::all;
  const auto add = [&](uint32_t count, auto&& endpoint) {
    for (uint32_t k = 0; k < count; ++k) {
      if (all || k == target.index) found.push_back(endpoint(k));
    }
  };
  if (target.select == Target::Select::holder_of_user) {
    const NodeId holder = world_.holder_of(UserId{target.index});
    if (holder != kNoNode) found.push_back(layout.node(holder.value));
    return found;
  }
  const uint32_t per_user = world_.scenario().topology.devices_per_user;
  switch (target.kind) {
    case TargetKind::node:
      add(layout.nodes(), [&](uint32_t k) { return layout.node(k); });
      break;
    case TargetKind::router:
      add(layout.routers(), [&](uint32_t k) { return layout.router(k); });
      break;
    case TargetKind::client:  // a user's number: all devices
      for (uint32_t k = 0; k < layout.clients(); ++k) {
        if (all || k / per_user == target.index) found.push_back(layout.client(k));
      }
      break;
    case TargetKind::directory:
      found.push_back(layout.service(Role::directory));
      break;
    case TargetKind::mailbox:
      found.push_back(layout.service(Role::mailbox));
      break;
    case TargetKind::registry:
      found.push_back(layout.service(Role::registry));
      break;
    case TargetKind::bus:
      found.push_back(layout.service(Role::bus));
      break;
    case TargetKind::none:
      break;
  }
  return found;
}

std::string FaultDriver::phase_of(Endpoint e) const {
  const Layout& layout = world_.layout();
  switch (layout.role(e)) {
    case Role::node: {
      if (!world_.alive(e)) return "node/dead";
      const NodeStatus status = world_.node_status(layout.index(e));
      if (status.draining) return "node/draining";
      if (status.fenced) return "node/fenced";
      if (status.suspended) return "node/suspended";
      if (!status.serving) return "node/starting";
      if (status.appends_in_flight != 0) return "node/appending";
      if (status.routes_in_flight != 0) return "node/routing";
      return status.sessions != 0 ? "node/serving" : "node/idle";
    }
    case Role::router:
      return world_.alive(e) ? "router/serving" : "router/dead";
    case Role::client:
      return world_.client_online(layout.index(e)) ? "client/online" : "client/offline";
    default:
      return machine_name(layout, e);
  }
}

// ---- crash and pause
// -----------------------------------------------------------------------------------

void FaultDriver::begin_machines(uint32_t i) {
  const Fault& fault = plan_[i];
  State& state = states_[i];
  if (fault.kind == FaultKind::scale) return begin_scale(i);
  if (fault.kind == FaultKind::rolling_restart || fault.kind == FaultKind::restart ||
      fault.kind == FaultKind::drain) {
    return begin_restart(i);
  }
  state.machines = endpoints(fault.target);
  if (!state.machines.empty()) state.victim = phase_of(state.machines.front());
  for (Endpoint e : state.machines) {
    switch (fault.kind) {
      case FaultKind::crash: {
        const bool client = world_.layout().role(e) == Role::client;
        if (client && fault.wipe) world_.wipe(world_.layout().index(e));
        state.effective |= world_.kill(e, fault.lose_unsynced);
        break;
      }
      case FaultKind::pause:
        world_.pause(e);
        break;
      default:
        world_.slow_down(e, kSlowStepNs * (fault.factor - 1), 0);
        break;
    }
  }
}

void FaultDriver::begin_restart(uint32_t i) {
  const Fault& fault = plan_[i];
  State& state = states_[i];
  if (fault.kind == FaultKind::rolling_restart) {
    const uint32_t nodes = world_.layout().nodes();
    const uint32_t first = fault.target.select == Target::Select::index
                               ? static_cast<uint32_t>(fault.target.index)
                               : 0;
    const uint32_t count =
        fault.count == 0 ? nodes : std::min(static_cast<uint32_t>(fault.count), nodes);
    const DurationNs slot = (state.until - world_.now()) / std::max(1u, count);
    state.victim = "node/rolling";
    for (uint32_t k = 0; k < count; ++k) {
      state.machines.push_back(world_.layout().node((first + k) % nodes));
      const int64_t start = world_.now() + slot * k;
      at(start, i, kFirstStep + k * 3);
      at(start + slot / 2, i, kFirstStep + k * 3 + 1);
      at(start + slot * 3 / 4, i, kFirstStep + k * 3 + 2);
    }
    return;
  }
  state.machines = endpoints(fault.target);
  if (!state.machines.empty()) state.victim = phase_of(state.machines.front());
  bool waits = false;
  for (Endpoint e : state.machines) {
    state.effective |= world_.alive(e);
    if (world_.layout().role(e) != Role::node || !world_.alive(e)) continue;
    world_.command(e, CommandKind::drain);
    waits = true;
  }
  if (fault.kind == FaultKind::restart)
    at(world_.now() + (waits ? kLongestDrain : 0), i, kFirstStep);
}

void FaultDriver::on_drained(Endpoint node) {
  for (uint32_t i = 0; i < plan_.size(); ++i) {
    const State& state = states_[i];
    if (!state.on) continue;
    const auto among = [node](const std::vector<Endpoint>& list) {
      return std::find(list.begin(), list.end(), node) != list.end();
    };
    const FaultKind kind = plan_[i].kind;
    if (kind == FaultKind::scale && among(state.out)) scaled_away(i, node);
    const bool replaced = kind == FaultKind::restart || kind == FaultKind::version_skew;
    if (replaced && !state.killed && among(state.machines)) at(world_.now(), i, kFirstStep);
  }
}

// The graceful restart has drained, or waited long enough: the process ends, and is back in a
// while.
void FaultDriver::stop_drained(uint32_t i) {
  State& state = states_[i];
  if (state.killed) return;
  state.killed = true;
  for (Endpoint e : state.machines) world_.kill(e);
  at(world_.now() + std::min<DurationNs>(plan_[i].for_ns, world_.scenario().duration_ns), i, kEnd);
}

void FaultDriver::step(uint32_t i, uint32_t step) {
  if (plan_[i].kind == FaultKind::restart) return stop_drained(i);
  if (plan_[i].kind == FaultKind::scale) return scale_step(i, step - kFirstStep);
  if (plan_[i].kind == FaultKind::version_skew) return version_step(i, step - kFirstStep);
  if (plan_[i].kind == FaultKind::rolling_restart) return rolling_step(i, step - kFirstStep);
  if (plan_[i].kind == FaultKind::reconnect_storm) return storm_step(i, step - kFirstStep);
  if (plan_[i].kind == FaultKind::double_login) {
    for (uint32_t client : chosen_clients(i)) {
      if (world_.wants_online(client)) {
        world_.command(world_.layout().client(client), CommandKind::relocate);
      }
    }
  }
}

void FaultDriver::rolling_step(uint32_t i, uint32_t step) {
  State& state = states_[i];
  const Endpoint e = state.machines[step / 3];
  if (step % 3 == 0) {
    state.effective |= world_.alive(e);
    world_.command(e, CommandKind::drain);
  } else if (step % 3 == 1) {
    world_.kill(e);
    state.out.push_back(e);
  } else if (std::erase(state.out, e) != 0) {
    world_.revive(e);
  }
}

void FaultDriver::end_machines(uint32_t i) {
  const Fault& fault = plan_[i];
  State& state = states_[i];
  if (fault.kind == FaultKind::scale) return end_scale(i);
  if (fault.kind == FaultKind::rolling_restart) {
    for (Endpoint e : state.out) world_.revive(e);
    // Healed in the middle: who was only told to leave is started anew.
    for (Endpoint e : state.machines) {
      if (!world_.alive(e) || !world_.node_status(world_.layout().index(e)).draining) continue;
      world_.kill(e);
      world_.revive(e);
    }
    state.out.clear();
    return;
  }
  for (Endpoint e : state.machines) {
    switch (fault.kind) {
      case FaultKind::crash:
        world_.revive(e);
        break;
      case FaultKind::restart:
        if (!state.killed) world_.kill(e);
        world_.revive(e);
        break;
      case FaultKind::drain:
        world_.kill(e);
        world_.revive(e);
        break;
      case FaultKind::pause:
        state.effective |= world_.was_deferred(e);
        world_.resume(e);
        break;
      default:
        state.effective |= world_.was_deferred(e);
        world_.speed_up(e, kSlowStepNs * (fault.factor - 1), 0);
        break;
    }
  }
}

// ---- clients, registry, stores
// ---------------------------------------------------------------------------

std::vector<uint32_t> FaultDriver::chosen_clients(uint32_t i) const {
  const Fault& fault = plan_[i];
  const uint64_t named = salt(i);
  const uint32_t per_user = world_.scenario().topology.devices_per_user;
  std::vector<uint32_t> chosen;
  for (Endpoint e : endpoints(fault.target)) {
    const uint32_t client = world_.layout().index(e);
    if (mix64(named, client / per_user) % 1'000'000 < fault.fraction_ppm) chosen.push_back(client);
  }
  return chosen;
}

void FaultDriver::begin_clients(uint32_t i) {
  const Fault& fault = plan_[i];
  State& state = states_[i];
  state.victim = fault_role(fault);
  if (fault.kind == FaultKind::burst) {
    world_.burst(state.until, fault.fraction_ppm, fault.factor);
    state.effective = fault.fraction_ppm != 0;
    return;
  }
  if (fault.kind == FaultKind::reconnect_storm) {
    for (uint32_t tick = 0; tick < kStormTicks; ++tick) {
      at(world_.now() + (state.until - world_.now()) / kStormTicks * tick, i, kFirstStep + tick);
    }
    return;
  }
  for (uint32_t client : chosen_clients(i)) {
    const Endpoint e = world_.layout().client(client);
    if (!world_.client_online(client)) continue;
    state.effective = true;
    if (fault.kind == FaultKind::slow_reader) {
      world_.slow_down(e, 0, kSlowReadNs * fault.factor);
      state.machines.push_back(e);
    } else {
      world_.command(e, CommandKind::relocate);
    }
  }
  if (fault.kind == FaultKind::double_login && state.effective) {
    state.until = std::max(state.until, world_.now() + kSecondLogin);
    at(world_.now() + kSecondLogin, i, kFirstStep);
  }
}

void FaultDriver::storm_step(uint32_t i, uint32_t step) {
  const uint64_t named = salt(i);
  for (uint32_t client : chosen_clients(i)) {
    if (mix64(named, uint64_t{client} << 8) % kStormTicks != step) continue;
    const uint32_t broken =
        world_.network().break_all(world_.now(), world_.layout().client(client));
    states_[i].effective |= broken != 0;
  }
}

void FaultDriver::begin_registry(uint32_t i) {
  const Fault& fault = plan_[i];
  State& state = states_[i];
  const std::vector<Endpoint> targets = endpoints(fault.target);
  if (targets.empty()) return;
  const bool one = world_.layout().role(targets.front()) == Role::node;
  state.victim = phase_of(targets.front());
  if (fault.kind == FaultKind::session_expiry) {
    for (uint32_t k = 0; k < world_.layout().nodes(); ++k) {
      if (!one || world_.layout().node(k) == targets.front()) {
        state.effective |= world_.expire_session(k);
      }
    }
    return;
  }
  World::RegistryTrouble trouble;
  trouble.who = one ? targets.front() : kNoEndpoint;
  trouble.kind = fault.kind;
  trouble.delay_ns = fault.delay_ns;
  world_.begin_registry_trouble(i, trouble);
}

void FaultDriver::begin_store(uint32_t i) {
  const Fault& fault = plan_[i];
  State& state = states_[i];
  const Role role = fault.target.kind == TargetKind::directory ? Role::directory : Role::mailbox;
  state.victim = role == Role::directory ? "directory" : "mailbox";
  switch (fault.kind) {
    case FaultKind::failover:
      world_.fail_over(role, fault.lose_tail_ns);
      state.machines.push_back(world_.layout().service(role));
      world_.kill(state.machines.back());
      state.effective = true;
      return;
    case FaultKind::evict:
      state.effective = world_.evict(fault.probability_ppm, salt(i)) != 0;
      return;
    case FaultKind::error:
      return world_.stores().begin_trouble(i, role, StoreLinks::Trouble::error,
                                           fault.probability_ppm);
    case FaultKind::oom:
      return world_.stores().begin_trouble(i, role, StoreLinks::Trouble::out_of_memory,
                                           fault.probability_ppm);
    case FaultKind::disk_full:
      return world_.stores().begin_trouble(i, role, StoreLinks::Trouble::disk_full,
                                           fault.probability_ppm);
    case FaultKind::torn_write:
    case FaultKind::lost_fsync:
      return world_.begin_disk_trouble(i, role, fault.kind);
    default:
      return world_.stores().begin_trouble(i, role, StoreLinks::Trouble::lost_reply,
                                           fault.probability_ppm);
  }
}

}  // namespace imroute
