#include "sim/simulation.h"

#include <sys/resource.h>

#include "harness/result/expect.h"
#include "sim/world/world.h"

namespace imroute {

Result simulate(const Scenario& scenario, const SimulationOptions& options) {
  World world(scenario, options);
  Result result = world.run();
  // A run stopped early has not shown what its author expects of the whole.
  const bool whole = options.until_ns == kNever && !(options.cancelled && options.cancelled());
  if (whole) judge_expectations(scenario, result);
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    result.peak_rss_bytes = static_cast<uint64_t>(usage.ru_maxrss) * 1024;
  }
  return result;
}

}  // namespace imroute
