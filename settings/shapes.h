// How the core's configuration (core/model/config.h) is written in JSON: every key with its
// meaning, bounds and default, for scenarios and for the configuration of a cluster.
#pragma once

#include "config/shape.h"
#include "core/model/config.h"

namespace imroute {

Shape placement_shape(PlacementConfig& placement);
Shape strategy_shape(StrategyConfig& strategy);
Shape balancer_shape(BalancerConfig& balancer);
Shape invocation_shape(InvocationConfig& invocation);
Shape sessions_shape(SessionConfig& sessions);
Shape delivery_shape(DeliveryConfig& delivery);

// Fills in what is derived from other keys: after it every field means what it says.
void complete(SessionConfig& sessions);

}  // namespace imroute
