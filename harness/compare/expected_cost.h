// What the cost model says of any scenario, for the mark that a report draws beside the measured
// cost. On the calibrated scenarios it is exact; on others it is what the same cluster would cost
// once its caches are warm, without faults, hints and bounds: what lies off the mark has a name.
#pragma once

#include <optional>

#include "harness/scenario/scenario.h"

namespace imroute {

// Over the scenario's mix of direct and group messages. Nothing where no formula comes near:
// several devices a user, or a single node.
std::optional<double> expected_frames_per_delivery(const Scenario& scenario);

}  // namespace imroute
