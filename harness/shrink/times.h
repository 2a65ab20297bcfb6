// When things happen in a scenario, made small and round: how long faults and absences last, how
// long nothing happens, and the times themselves.
#pragma once

#include "harness/scenario/scenario.h"
#include "harness/shrink/attempt.h"

namespace imroute {

// Faults, absences: shorter ones.
void shorten(Scenario& scenario, const FirstFailing& first);
// Spans in which nothing begins are closed, and the end comes nearer.
void close_gaps(Scenario& scenario, const FirstFailing& first);
// Times in whole seconds, tenths, or milliseconds: all of them if that fails too, else one by one.
void round_times(Scenario& scenario, const FirstFailing& first);

}  // namespace imroute
