// From a run to its script. The workload of a scenario is drawn, and what is drawn cannot be made
// smaller piece by piece: another number of users is another chat. So a run is recorded, action by
// action, and written down: a scenario without a draw left in it, but for latencies, that does the
// same. Lines, because the run that is recorded may end its process.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/scenario/scenario.h"
#include "harness/workload/workload.h"

namespace imroute {

struct RecordedAction {
  int64_t at_ns = 0;
  DeviceKey device;
  CommandKind kind = CommandKind::start;
  ConversationId conversation;
  uint64_t tag = 0, answers_tag = 0;
  uint32_t bytes = 0;
  friend bool operator==(const RecordedAction&, const RecordedAction&) = default;
};

RecordedAction recorded(const Action& action);
// One line without its end.
std::string recording_line(const RecordedAction& action);
// Nothing when it is not one, as the last of a process that was ended.
std::optional<RecordedAction> parse_recording(const std::string& line);

// The scenario with the plan of its faults, its groups and all that users did written out; without
// nemesis and drawn workload.
Scenario scripted(const Scenario& scenario, const std::vector<RecordedAction>& actions);

}  // namespace imroute
