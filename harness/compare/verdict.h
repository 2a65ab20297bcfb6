// What a comparison says in plain words: which combination to pick for this many nodes and this
// churn, what the others cost, what failed. Rules, not taste: stated in verdict.cc beside each
// sentence, so that a reader may disagree with the rule and still trust the numbers.
#pragma once

#include <string>
#include <vector>

#include "harness/compare/comparison.h"

namespace imroute {

// Cells that differ only in strategy and balancer: what may be compared with each other.
struct Setting {
  std::string scenario;
  nlohmann::ordered_json axes;
  std::vector<const ComparedCell*> cells;  // in the comparison's order
};
// In order of first appearance. The cells belong to `comparison`.
std::vector<Setting> settings_of(const Comparison& comparison);

// "8 nodes, 2,000 users, 6 relocations a user and hour, 3 faults".
std::string describe(const Setting& setting);

struct PlainVerdict {
  std::string headline;                // one sentence
  std::vector<std::string> sentences;  // the reasons, most useful first
  const ComparedCell* pick = nullptr;  // null when nothing held
};
PlainVerdict verdict_of(const Setting& setting);

}  // namespace imroute
