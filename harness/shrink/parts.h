// The parts that a scripted scenario is made of, and how it is without some of them. What is taken
// away takes along what cannot be without it (a user its messages, a node the faults that hit it);
// those that stay are numbered anew from 0, so that the scenario stays one that the loader accepts
// and a reader likes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "harness/scenario/scenario.h"

namespace imroute {

struct Part {
  const char* name;
  // Everything behind it is drawn again (other numbers are other streams of latencies), so a
  // candidate that does not fail is worth another seed.
  bool renumbers;
  size_t (*count)(const Scenario&);
  // The scenario without parts from .. to-1. REQUIRES: from < to <= count.
  Scenario (*without)(const Scenario&, size_t from, size_t to);
};

extern const Part kFaultPart, kUserPart, kMessagePart, kActionPart, kGroupPart, kMemberPart,
    kNodePart, kRouterPart, kDevicePart;

// The scenario cut off at `duration`: what would begin later is left out.
Scenario cut_at(const Scenario& scenario, DurationNs duration);

}  // namespace imroute
