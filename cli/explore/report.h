// What an exploration tells: the summary as JSON, as JUnit XML for a build server, and on the
// terminal. All from the same records, so they agree.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/console.h"
#include "cli/explore/exploration.h"
#include "harness/explore/groups.h"

namespace imroute {

struct ExploreReport {
  std::vector<SeedRecord> records;  // of this exploration and of earlier ones beside it
  Coverage coverage;
  Requirement requirement;
  std::vector<FailureGroup> groups;  // point into `records`
  std::vector<std::string> missing;
  bool coverage_required = false;
  // Of this exploration alone.
  size_t explored = 0, scenarios = 0;
  double seconds = 0;
  unsigned jobs = 1;
  bool interrupted = false, out_of_time = false;
  std::string command;

  // A budget that was used up before the first run ended judged nothing. A shard may be empty.
  bool vacuous() const { return explored == 0 && out_of_time; }
  bool held() const {
    return groups.empty() && !vacuous() && (!coverage_required || missing.empty());
  }
  std::string run_line(const SeedRecord& record) const;
  std::string shrink_line(const SeedRecord& record) const;
};

nlohmann::ordered_json explore_json(const ExploreReport& report);
std::string explore_junit(const ExploreReport& report);
void print_explore(const ExploreReport& report, const Console& console);

}  // namespace imroute
