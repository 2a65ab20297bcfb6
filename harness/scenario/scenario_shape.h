// The description of scenario files (config/shape.h): every key with its meaning, bounds and
// default. The loader reads by it, the writer writes by it, the schema is made from it.
#pragma once

#include "config/shape.h"
#include "harness/scenario/scenario.h"
#include "settings/shapes.h"

namespace imroute {

inline constexpr uint64_t kMostUsers = 100'000'000;

Shape scenario_shape(Scenario& scenario);  // without `matrix` and `ci`, which are the loader's
Shape fault_shape(Fault& fault);
// script_shape.cc
Shape groups_shape(Topology& topology);
Shape message_shape(ScriptedMessage& message);
Shape action_shape(ScriptedAction& action);
ShapeKey expect_key(std::vector<Expectation>& expect);

// Fills in what is derived from other keys. After it every field means what it says.
void complete(Scenario& scenario);

// What no single key can tell: contradictions between keys. `root` gives the places. Values that
// could not be read are left out of it, so one mistake is not said twice.
void check_scenario(const Scenario& scenario, const JsonValue& root, Diagnostics& out);

}  // namespace imroute
