// Scaling: nodes that are added while the cluster runs, and nodes that leave in order (drain, then
// the process ends), for a while or for good, as autoscaling does it. Which nodes exist is kept
// here: the topology's at the start, then what scaling made of them. A node that does not exist is
// held dead, so other faults on it find nobody and cannot bring it to life.
#include <algorithm>

#include "sim/world/fault_driver.h"
#include "sim/world/world.h"

namespace imroute {

namespace {

constexpr DurationNs kLongestLeave = 10 * kSecond;  // then who leaves does not wait any longer
constexpr uint32_t kStopAll = 0, kLeaveAgain = 1, kStopOne = 2;  // steps; the last: + node

}  // namespace

bool FaultDriver::for_good(uint32_t i) const {
  return plan_[i].for_ns >= world_.scenario().duration_ns - plan_[i].at_ns;
}

void FaultDriver::begin_scale(uint32_t i) {
  State& state = states_[i];
  if (plan_[i].count < 0) return begin_removal(i);
  state.victim = "node/added";
  for (uint32_t k = 0; k < places_.size(); ++k) {
    if (state.machines.size() == static_cast<size_t>(plan_[i].count)) break;
    if (places_[k] != Place::vacant) continue;
    places_[k] = Place::taken;
    state.machines.push_back(world_.layout().node(k));
    state.effective |= world_.revive(state.machines.back());
  }
  if (for_good(i)) return at(world_.now(), i, kEnd);
  const DurationNs stay = state.until - world_.now();
  at(state.until - std::min(kLongestLeave, stay / 2), i, kFirstStep + kLeaveAgain);
  at(state.until, i, kEnd);
}

// Who was added last goes first, or the one that is named; somebody who takes logins must stay.
void FaultDriver::begin_removal(uint32_t i) {
  const Fault& fault = plan_[i];
  State& state = states_[i];
  state.victim = "node/removed";
  const std::vector<uint32_t>& weights = world_.scenario().topology.node_weights;
  const auto takes = [&](uint32_t k) { return k >= weights.size() || weights[k] != 0; };
  uint32_t takers = 0;
  for (uint32_t k = 0; k < places_.size(); ++k)
    takers += places_[k] == Place::taken && takes(k) ? 1 : 0;
  const bool named = fault.target.kind == TargetKind::node;
  const auto count = static_cast<uint32_t>(places_.size());
  const auto last = named ? static_cast<uint32_t>(fault.target.index) : count - 1;
  for (uint32_t n = 0; n < count && state.machines.size() < static_cast<size_t>(-fault.count);
       ++n) {
    const uint32_t k = (last + count - n) % count;
    if (places_[k] != Place::taken || (takes(k) && takers == 1)) continue;
    takers -= takes(k) ? 1 : 0;
    places_[k] = Place::leaving;
    state.machines.push_back(world_.layout().node(k));
    state.effective |= world_.alive(state.machines.back());
  }
  state.out = state.machines;
  leave(i);
  if (!for_good(i)) {
    at(state.until, i, kEnd);
  } else if (state.out.empty()) {
    at(world_.now(), i, kEnd);
  }
}

// Those of `out` are told to go; each stops when it has drained, and all after a while.
void FaultDriver::leave(uint32_t i) {
  const std::vector<Endpoint> leaving = states_[i].out;
  for (Endpoint e : leaving) {
    if (world_.alive(e)) {
      world_.command(e, CommandKind::drain);
    } else {
      stop_one(i, e);
    }
  }
  at(world_.now() + kLongestLeave, i, kFirstStep + kStopAll);
}

void FaultDriver::stop_one(uint32_t i, Endpoint e) {
  State& state = states_[i];
  if (std::erase(state.out, e) == 0) return;
  world_.kill(e);
  const bool removal = plan_[i].count < 0;
  if (!removal || for_good(i)) places_[world_.layout().index(e)] = Place::vacant;
  if (state.out.empty() && removal && for_good(i)) at(world_.now(), i, kEnd);
}

// It has drained: its process ends, as soon as its step is over.
void FaultDriver::scaled_away(uint32_t i, Endpoint e) {
  at(world_.now(), i, kFirstStep + kStopOne + world_.layout().index(e));
}

void FaultDriver::scale_step(uint32_t i, uint32_t step) {
  State& state = states_[i];
  if (step >= kStopOne) return stop_one(i, world_.layout().node(step - kStopOne));
  if (step == kLeaveAgain) {
    for (Endpoint e : state.machines) {
      Place& place = places_[world_.layout().index(e)];
      if (place != Place::taken) continue;  // removed meanwhile
      place = Place::leaving;
      state.out.push_back(e);
    }
    return leave(i);
  }
  const std::vector<Endpoint> leaving = state.out;
  for (Endpoint e : leaving) stop_one(i, e);
}

void FaultDriver::end_scale(uint32_t i) {
  State& state = states_[i];
  const std::vector<Endpoint> leaving = state.out;
  for (Endpoint e : leaving) stop_one(i, e);
  if (plan_[i].count > 0 || for_good(i)) return;
  for (Endpoint e : state.machines) {  // they come back
    places_[world_.layout().index(e)] = Place::taken;
    world_.revive(e);
  }
}

}  // namespace imroute
