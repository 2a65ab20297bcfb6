// Faults of clocks, on both sides: what the driver of a plan asks for, and the world whose machines
// then live by clocks of their own. The world's time stays the true one: it orders events, names
// them in traces and judges; a machine sees only its own.
#include <algorithm>

#include "core/base/assert.h"
#include "harness/fault/plan.h"
#include "sim/world/fault_driver.h"
#include "sim/world/world.h"

namespace imroute {

// ---- the world
// ------------------------------------------------------------------------------------------

World::OwnClock& World::clock_of(Endpoint e) {
  machines_[e].own_clock = true;
  const auto [at, made] = clocks_.try_emplace(e);
  if (made) at->second.clock.begin(now_, now_);
  return at->second;
}

MonoTime World::local_time(Endpoint e) const {
  return machines_[e].own_clock ? clocks_.at(e).clock.reads(now_) : now_;
}

int64_t World::true_time(Endpoint e, MonoTime local) const {
  return machines_[e].own_clock ? clocks_.at(e).clock.when(local) : local;
}

// A server's clock begins with its process, anywhere; a client's object outlives its processes and
// never sees time go back.
void World::begin_clock(Endpoint e) {
  if (!machines_[e].own_clock) return;
  OwnClock& own = clocks_.at(e);
  int64_t origin = now_;
  for (const auto& [fault, offset] : own.origins) origin += offset;
  if (layout_.role(e) == Role::client) origin = std::max(origin, own.clock.reads(now_));
  own.clock.begin(now_, origin);
  own.origin_used = own.origin_used || !own.origins.empty();
}

void World::begin_skew(uint32_t fault, Endpoint e, DurationNs offset) {
  OwnClock& own = clock_of(e);
  own.origins[fault] = offset;
  own.origin_used = false;
}

bool World::end_skew(uint32_t fault, Endpoint e) {
  OwnClock& own = clocks_.at(e);
  own.origins.erase(fault);
  return own.origin_used;
}

// Drifts add up, but no clock is worse than what the protocol states.
void World::drift(Endpoint e, int32_t ppm) {
  OwnClock& own = clock_of(e);
  own.drift_ppm += ppm;
  const auto most = static_cast<int32_t>(scenario_.sessions.max_drift_ppm);
  own.clock.run_at(now_, std::clamp(own.drift_ppm, -most, most));
  clock_changed(e);
}

void World::leap(Endpoint e, DurationNs by) {
  clock_of(e).clock.leap(now_, by);
  if (layout_.is_server(e)) stores_->leap(now_, e, by);
  clock_changed(e);
}

// Its next deadline is at another moment now.
void World::clock_changed(Endpoint e) {
  if (machines_[e].alive) arm(e, machines_[e].want);
}

// ---- the driver
// -----------------------------------------------------------------------------------------

// Skews from the very start: clocks that began somewhere else, machines that began as another
// version.
void FaultDriver::before_start() {
  for (uint32_t i = 0; i < plan_.size(); ++i) {
    const bool skewed =
        plan_[i].kind == FaultKind::skew || plan_[i].kind == FaultKind::version_skew;
    if (skewed && plan_[i].at_ns == 0) begin(i);
  }
}

void FaultDriver::begin_clock(uint32_t i) {
  const Fault& fault = plan_[i];
  State& state = states_[i];
  state.machines = endpoints(fault.target);
  state.victim = fault_role(fault);
  for (Endpoint e : state.machines) {
    switch (fault.kind) {
      case FaultKind::skew:
        world_.begin_skew(i, e, fault.offset_ns);
        break;
      case FaultKind::drift:
        state.effective |= world_.alive(e) && fault.ppm != 0;
        world_.drift(e, fault.ppm);
        break;
      default:
        state.effective |= world_.alive(e) && fault.offset_ns != 0;
        world_.leap(e, fault.offset_ns);
        break;
    }
  }
}

void FaultDriver::end_clock(uint32_t i) {
  const Fault& fault = plan_[i];
  State& state = states_[i];
  for (Endpoint e : state.machines) {
    if (fault.kind == FaultKind::skew) state.effective |= world_.end_skew(i, e);
    if (fault.kind == FaultKind::drift) world_.drift(e, -fault.ppm);
  }
}

}  // namespace imroute
