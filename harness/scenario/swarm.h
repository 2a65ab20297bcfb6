// Swarm drawing: one file stands for thousands of clusters. What a `swarm` names is drawn from the
// seed when the scenario is loaded, before anything else looks at it, so everybody behind the
// loader (nemesis, simulator, effective.json) sees plain keys and `--seed N` alone repeats a run.
//
// Each dimension fills one section, and each key has a stream of its own, named by the key: a new
// key or dimension leaves what older seeds drew as it was. To add one: a value of SwarmDimension,
// its word in names.cc, a function here and its row in the table of swarm.cc.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/scenario/scenario.h"

namespace imroute {

// The top-level key whose contents the dimension draws.
std::string_view swarm_section(SwarmDimension dimension);

// Draws every dimension that `scenario.swarm` names, but for sections in `pinned`, and takes
// `swarm` away. REQUIRES: scenario.swarm.enabled.
void draw_swarm(Scenario& scenario, const std::vector<std::string>& pinned = {});

}  // namespace imroute
