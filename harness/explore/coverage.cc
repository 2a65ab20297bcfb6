#include "harness/explore/coverage.h"

#include "harness/explore/sites.h"
#include "harness/fault/plan.h"
#include "harness/scenario/names.h"

namespace imroute {
namespace {

std::string role_of_place(const std::string& place) { return place.substr(0, place.find('/')); }

// Somebody is there whom the fault can hit.
bool has_victims(const Scenario& s, const Fault& fault, const std::string& role) {
  const bool broadcasts = s.strategy.kind == StrategyKind::broadcast ||
                          s.strategy.kind == StrategyKind::cached_broadcast;
  const bool bus = broadcasts && s.strategy.bus == BusKind::pubsub;
  if (role == "bus" || role == "node-bus" || fault_info(fault.kind).family == FaultFamily::bus) {
    return bus;
  }
  // Servers ask stores and registry with single requests: no connection is there to break.
  const bool service =
      role == "node-directory" || role == "node-mailbox" || role == "node-registry";
  const bool breaks = fault.kind == FaultKind::reset || fault.kind == FaultKind::half_open ||
                      fault.kind == FaultKind::connect_hang;
  return !(service && breaks);
}

}  // namespace

bool Coverage::add(const SeedRecord& record) {
  bool novel = false;
  for (const auto& [kind, places] : record.coverage) {
    for (const auto& [place, hits] : places) {
      uint64_t& have = cells_[kind][place];
      novel |= have == 0;
      have += hits;
    }
  }
  for (const auto& [site, hits] : record.sites) novel |= ++sites_[site] == 1;
  ++records_;
  return novel;
}

uint64_t Coverage::hits(const std::string& kind, const std::string& role) const {
  uint64_t sum = 0;
  if (const auto found = cells_.find(kind); found != cells_.end()) {
    for (const auto& [place, hits] : found->second) {
      if (role_of_place(place) == role) sum += hits;
    }
  }
  return sum;
}

void Requirement::add(const Scenario& scenario) {
  ++samples_;
  std::set<FaultCell> drawn;
  for (const Fault& fault : materialise_plan(scenario)) {
    std::string role = fault_role(fault);
    if (has_victims(scenario, fault, role)) {
      drawn.insert({std::string(to_string(fault.kind)), std::move(role)});
    }
  }
  for (const FaultCell& cell : drawn) ++drawn_[cell];
  for (const Site& site : all_sites()) {
    if (site.reachable(scenario)) ++reachable_[site.name];
  }
}

void Requirement::merge(const Requirement& other) {
  merged_cells_.merge(other.cells());
  merged_sites_.merge(other.sites());
}

std::set<FaultCell> Requirement::cells() const {
  std::set<FaultCell> required = merged_cells_;
  for (const auto& [cell, times] : drawn_) {
    if (times * kRare > samples_) required.insert(cell);
  }
  return required;
}

std::set<std::string> Requirement::sites() const {
  std::set<std::string> required = merged_sites_;
  for (const auto& [site, times] : reachable_) {
    if (times * kRare > samples_) required.insert(site);
  }
  return required;
}

std::vector<std::string> missing(const Requirement& requirement, const Coverage& coverage) {
  std::vector<std::string> out;
  for (const FaultCell& cell : requirement.cells()) {
    if (coverage.hits(cell.kind, cell.role) == 0) {
      out.push_back("fault " + cell.kind + " on " + cell.role);
    }
  }
  for (const std::string& site : requirement.sites()) {
    if (!coverage.sites().contains(site)) out.push_back("site " + site);
  }
  return out;
}

}  // namespace imroute
