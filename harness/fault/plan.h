// A fault plan is settled before it runs: targets named ("any" drawn), nemesis' draws written out,
// in order of time. So a plan can be recorded, replayed from effective.json to the same trace, and
// shrunk by leaving faults out.
//
// Every drawn fault has a stream of its own, named by its number, and no draw looks at the
// strategy: all strategies of a comparison meet the same faults.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/scenario/scenario.h"

namespace imroute {

// Scripted faults with `any` resolved, then nemesis', sorted by start (stable).
// "holder of user" stays: who that is shows when the fault starts.
std::vector<Fault> materialise_plan(const Scenario& scenario);

// What nemesis draws for the scenario's seed, swarm style: about half of the families are off, the
// magnitudes of the others differ from seed to seed. Everything ends by `until`
// but nodes that were added or removed for good. Tail loss is drawn
// only where the mailbox promises no more (durability async).
std::vector<Fault> draw_nemesis(const Scenario& scenario);

// Machines that do not exist at the start but may be added; their numbers follow the topology's.
uint32_t spare_nodes(const std::vector<Fault>& plan);

// Whom a fault hits, for coverage: "node", "router", "client", a service, "node-mailbox" for links,
// or the shape of a partition.
std::string fault_role(const Fault& fault);

// End of a fault on the run's clock; "forever" and what is longer than the run end with it.
int64_t fault_end(const Fault& fault, DurationNs duration);

}  // namespace imroute
