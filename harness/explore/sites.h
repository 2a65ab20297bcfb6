// Named places in the core that a good exploration reaches sometimes: the second-best branch of a
// protocol, taken only when something went wrong at the right moment. A seed that passes without
// reaching any proves little; a site that no seed reaches is untested code. Derived from the
// counters of a run, so naming one costs the core nothing; each says which scenarios can reach it.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "core/model/counters.h"
#include "harness/scenario/scenario.h"

namespace imroute {

struct Site {
  const char* name;
  const char* help;
  uint64_t Counters::* counter;
  // Something in the scenario can lead there; whether it does is for many seeds to show.
  bool (*reachable)(const Scenario&);
};

std::span<const Site> all_sites();
// Those that the run reached, with how often.
std::map<std::string, uint64_t> sites_hit(const Counters& counters);

}  // namespace imroute
