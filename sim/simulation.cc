#include "sim/simulation.h"

#include <sys/resource.h>

#include "sim/world/world.h"

namespace imroute {

Result simulate(const Scenario& scenario, const SimulationOptions& options) {
  World world(scenario, options);
  Result result = world.run();
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    result.peak_rss_bytes = static_cast<uint64_t>(usage.ru_maxrss) * 1024;
  }
  return result;
}

}  // namespace imroute
