// Runs a load and makes JSON of what was seen: the same figures for whatever is under it.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>

#include "cli/bench/load.h"

namespace imroute::bench {

using Json = nlohmann::ordered_json;
using ProcessorTime = std::function<DurationNs()>;  // of all servers so far

// The standard shapes. `messages` is of the largest; what is slower gets a share of it.
Shape routed_shape(uint64_t messages);                // as fast as windows of 64 let
Shape paced_shape(uint64_t messages, uint64_t rate);  // batches by the clock
Shape round_trip_shape(uint64_t messages);            // one at a time, of one pair
inline constexpr size_t kRoutedPairs = 16;

// A tenth of it unmeasured first.
Json figure_of(Load& load, const Shape& shape, const ProcessorTime& used);

}  // namespace imroute::bench
