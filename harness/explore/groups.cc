#include "harness/explore/groups.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace imroute {
namespace {

auto order(const SeedRecord& r) {
  return std::tuple(r.events == 0, r.events, r.scenario, r.seed, r.sets, r.file);
}

}  // namespace

std::vector<FailureGroup> group_failures(const std::vector<SeedRecord>& records) {
  std::map<Fingerprint, FailureGroup> by_print;
  for (const SeedRecord& record : records) {
    if (record.passed()) continue;
    const Fingerprint print = record.fingerprints.empty() ? Fingerprint{record.verdict, "", ""}
                                                          : record.fingerprints.front();
    FailureGroup& group = by_print[print];
    group.print = print;
    group.records.push_back(&record);
  }
  std::vector<FailureGroup> groups;
  for (auto& [print, group] : by_print) {
    std::sort(group.records.begin(), group.records.end(),
              [](const SeedRecord* a, const SeedRecord* b) { return order(*a) < order(*b); });
    groups.push_back(std::move(group));
  }
  std::stable_sort(groups.begin(), groups.end(), [](const FailureGroup& a, const FailureGroup& b) {
    return order(*a.records.front()) < order(*b.records.front());
  });
  return groups;
}

}  // namespace imroute
