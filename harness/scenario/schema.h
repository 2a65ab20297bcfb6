// The JSON Schema of scenario files, generated from the same description that the loader reads by,
// so that what an editor accepts is what a run accepts. scenarios/schema.json holds a copy, and a
// test holds that copy to this.
#pragma once

#include <string>

namespace imroute {

std::string scenario_schema();

// A starting point for `imroute init`: small, valid, quick to run.
std::string scenario_template();

}  // namespace imroute
