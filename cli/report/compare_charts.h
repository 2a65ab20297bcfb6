// The charts of the comparison page, one function each; each answers HTML for one setting, or
// nothing when the runs have no data for it. Strategies keep their colour and balancers their shape
// on the whole page.
#pragma once

#include <string>
#include <vector>

#include "harness/compare/comparison.h"
#include "harness/compare/verdict.h"

namespace imroute {

class CompareCharts {
 public:
  explicit CompareCharts(const Comparison& comparison);

  int strategy_key(const std::string& strategy) const;
  int balancer_shape(const std::string& balancer) const;
  const std::vector<std::string>& strategies() const { return strategies_; }
  const std::vector<std::string>& balancers() const { return balancers_; }
  std::string strategy_label(const std::string& strategy) const;  // swatch and name

  std::string legend(const Setting& setting, bool strategies, bool balancers) const;
  std::string frames(const Setting& setting) const;
  std::string frames_against_nodes(const std::vector<Setting>& settings) const;
  std::string latency_curve(const Setting& setting) const;
  std::string latency_strips(const Setting& setting) const;
  std::string outcome_matrix(const Setting& setting) const;
  std::string raw_duplicates(const Setting& setting) const;
  std::string recovery(const Setting& setting) const;
  std::string balance(const Setting& setting) const;

 private:
  // Rows = strategies; a bar for the mean over balancers, a marker for each.
  std::string metric_rows(const Setting& setting, const std::string& metric, bool milliseconds,
                          bool with_model) const;
  std::vector<std::string> strategies_, balancers_;
};

// "2.41 ± 0.03"; the interval only when there is one.
std::string with_interval(const ComparedCell& cell, const std::string& metric, bool milliseconds);

}  // namespace imroute
