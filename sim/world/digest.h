// Folds what happens into the run's trace hash: every event that reaches a machine, with what it
// carries. Fields, not bytes, so that by_value gives the same hash. A frame's fields are mixed
// independently and joined once: this runs for every event of every run.
#pragma once

#include <cstdint>

#include "core/base/hash.h"
#include "core/event/event.h"
#include "core/event/stores.h"

namespace imroute {

uint64_t digest_of(const Frame& frame);
uint64_t digest_of(const Reply& reply);

}  // namespace imroute
