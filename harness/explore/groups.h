// A thousand failing seeds are a handful of bugs: failures with the same first fingerprint are one
// group, shown by the seed that fails soonest.
#pragma once

#include <vector>

#include "harness/explore/record.h"

namespace imroute {

struct FailureGroup {
  Fingerprint print;
  // Fewest events first; a run that did not end (0 events) after those that did.
  std::vector<const SeedRecord*> records;
};

// The group whose best seed has the fewest events first. Points into `records`.
std::vector<FailureGroup> group_failures(const std::vector<SeedRecord>& records);

}  // namespace imroute
