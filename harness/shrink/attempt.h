// Tries changed scenarios in a given order and takes the first that still fails. What is decided
// here is the same for every pass: how a candidate is written, which seeds it gets, who wins.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "harness/scenario/scenario.h"

namespace imroute {

// The place of the first of `count` candidates that fails the same way. `candidate` makes one, as
// text of a scenario, when its turn comes; empty: there is none at this place.
using FirstFailing = std::function<std::optional<size_t>(
    size_t count, const std::function<std::string(size_t)>& candidate)>;

// How many seeds a candidate gets whose latencies are drawn anew anyway: the smaller, the cheaper.
size_t seeds_for(const Scenario& scenario);

// The first of `count` scenarios made by `make` that fails, each with `seeds` seeds, becomes the
// scenario; its number is returned. Nothing when none does.
std::optional<size_t> take_first(Scenario& scenario, size_t count, size_t seeds,
                                 const FirstFailing& first,
                                 const std::function<Scenario(size_t)>& make);

}  // namespace imroute
