// Faults of the code that runs: rare branches taken more often (perturb), and machines that run
// another version for a while (version_skew). On both sides: what the world keeps of them, and what
// the driver of a plan does.
#include <algorithm>

#include "harness/fault/plan.h"
#include "sim/world/fault_driver.h"
#include "sim/world/versions.h"
#include "sim/world/world.h"

namespace imroute {

namespace {

// An upgrade sends the clients away first, but not for ever.
constexpr DurationNs kSwapDrain = 3 * kSecond;
constexpr uint32_t kSwapIn = 0, kLeave = 1;  // steps of a version_skew

}  // namespace

// ---- the world: rare branches
// ----------------------------------------------------------------------------

// Of several perturbations of one site the strongest counts.
PerturbTable World::perturb_table(Endpoint node) const {
  PerturbTable table{};
  for (const Perturbed& p : perturbed_) {
    if (p.node != node) continue;
    uint32_t& ppm = table[static_cast<size_t>(p.site)];
    ppm = std::max(ppm, p.ppm);
  }
  return table;
}

void World::set_perturb(Endpoint node, PerturbSite site) {
  if (!machines_[node].alive) return;  // its next life reads the table
  Command command;
  command.kind = CommandKind::perturb;
  command.site = site;
  command.ppm = perturb_table(node)[static_cast<size_t>(site)];
  step(node, command, mix64(static_cast<uint64_t>(site), command.ppm));
}

void World::begin_perturb(uint32_t fault, Endpoint node, PerturbSite site, uint32_t ppm) {
  const auto& machine = nodes_[layout_.index(node)];
  const uint64_t before = machine == nullptr ? 0 : machine->branches_taken(site);
  perturbed_.push_back({fault, node, site, ppm, before, false});
  set_perturb(node, site);
}

// What this life of the node has done so far; its next one counts from zero.
void World::note_branches(Endpoint node) {
  const auto& machine = nodes_[layout_.index(node)];
  for (Perturbed& p : perturbed_) {
    if (p.node != node || machine == nullptr) continue;
    p.hit |= machine->branches_taken(p.site) > p.before;
    p.before = 0;
  }
}

bool World::end_perturb(uint32_t fault) {
  bool hit = false;
  std::vector<Perturbed> ended;
  for (const Perturbed& p : perturbed_) {
    if (p.fault == fault) ended.push_back(p);
  }
  std::erase_if(perturbed_, [fault](const Perturbed& p) { return p.fault == fault; });
  for (const Perturbed& p : ended) {
    const auto& machine = nodes_[layout_.index(p.node)];
    hit |= p.hit || (machine != nullptr && machine->branches_taken(p.site) > p.before);
    set_perturb(p.node, p.site);
  }
  return hit;
}

// ---- the world: versions
// ---------------------------------------------------------------------------------

// The version that the fault which began last wants; what runs changes with the next life.
uint32_t World::version_of(Endpoint e) const {
  for (auto at = skewed_.rbegin(); at != skewed_.rend(); ++at) {
    if (at->who == e) return at->version;
  }
  return kThisVersion;
}

void World::begin_version(uint32_t fault, Endpoint e, uint32_t version) {
  skewed_.push_back({fault, e, version, network_->foreign_links(e)});
}

bool World::end_version(uint32_t fault, Endpoint e) {
  bool hit = false;
  std::erase_if(skewed_, [&](const Skewed& s) {
    if (s.fault != fault || s.who != e) return false;
    hit = network_->foreign_links(e) > s.before;
    return true;
  });
  return hit;
}

// ---- the driver
// -----------------------------------------------------------------------------------------

void FaultDriver::begin_perturb(uint32_t i) {
  const Fault& fault = plan_[i];
  State& state = states_[i];
  state.machines = endpoints(fault.target);
  state.victim = "node/";
  state.victim += kPerturbSiteTable[static_cast<size_t>(fault.site)].name;
  for (Endpoint e : state.machines) world_.begin_perturb(i, e, fault.site, fault.probability_ppm);
}

// As an upgrade does it: the clients of a node are sent away, then the process is replaced by one
// of the other version; and the same before its end, so that it is over by then.
void FaultDriver::begin_version(uint32_t i) {
  const Fault& fault = plan_[i];
  State& state = states_[i];
  state.machines = endpoints(fault.target);
  state.victim = fault_role(fault) + "/version " + std::to_string(fault.version);
  for (Endpoint e : state.machines) world_.begin_version(i, e, fault.version);
  const bool in_order = state.until - world_.now() > 3 * kSwapDrain;
  if (in_order && state.until < world_.scenario().duration_ns) {
    at(state.until - kSwapDrain, i, kFirstStep + kLeave);
  }
  if (fault.at_ns == 0) {  // it began so
    state.killed = true;
    return;
  }
  if (in_order && drain(i)) return at(world_.now() + kSwapDrain, i, kFirstStep + kSwapIn);
  version_step(i, kSwapIn);
}

// False when there is no node that would take its time.
bool FaultDriver::drain(uint32_t i) {
  bool waits = false;
  for (Endpoint e : states_[i].machines) {
    if (world_.layout().role(e) != Role::node || !world_.alive(e)) continue;
    world_.command(e, CommandKind::drain);
    waits = true;
  }
  return waits;
}

void FaultDriver::replace(uint32_t i) {
  for (Endpoint e : states_[i].machines) {
    world_.kill(e);
    world_.revive(e);
  }
}

void FaultDriver::version_step(uint32_t i, uint32_t step) {
  State& state = states_[i];
  if (step == kLeave) {
    drain(i);
  } else if (!state.killed) {
    state.killed = true;
    replace(i);
  }
}

void FaultDriver::end_version(uint32_t i) {
  State& state = states_[i];
  for (Endpoint e : state.machines) state.effective |= world_.end_version(i, e);
  replace(i);
}

}  // namespace imroute
