#include "harness/shrink/recording.h"

#include <algorithm>
#include <map>
#include <sstream>

#include "core/base/payload.h"
#include "harness/fault/core.h"
#include "harness/fault/plan.h"

namespace imroute {
namespace {

std::vector<std::vector<uint64_t>> groups_of(const Scenario& scenario) {
  BlobPool pool;
  const Workload workload(scenario, scenario.seed, pool);
  std::vector<std::vector<uint64_t>> groups;
  for (const std::vector<UserId>& group : workload.groups()) {
    std::vector<uint64_t>& users = groups.emplace_back();
    for (const UserId user : group) users.push_back(user.value);
  }
  return groups;
}

// Writes down one action after the other.
class Script {
 public:
  explicit Script(WorkloadConfig& out) : out_(out) {}

  void add(const RecordedAction& a) {
    switch (a.kind) {
      case CommandKind::send:
        return message(a);
      case CommandKind::stop:  // of all devices at once; one stands for them
        if (a.device.device != 0) return;
        left_[a.device.user.value] = out_.actions.size();
        return action(a, ActionKind::offline);
      case CommandKind::start:
        return back(a);
      case CommandKind::relocate:
        return action(a, ActionKind::relocate);
      case CommandKind::join:
        return action(a, ActionKind::join);
      case CommandKind::leave:
        return action(a, ActionKind::leave);
      case CommandKind::create:
        return action(a, ActionKind::create);
      case CommandKind::drain:  // of operators and faults, not of users
      case CommandKind::perturb:
        return;
    }
  }

 private:
  void message(const RecordedAction& a) {
    ScriptedMessage m;
    m.at_ns = a.at_ns;
    m.from = a.device.user.value;
    m.device = a.device.device;
    m.bytes = a.bytes;
    if (a.conversation.is_group()) {
      m.group = static_cast<uint32_t>(a.conversation.lo);
    } else {
      m.to = a.conversation.other(a.device.user).value;
    }
    if (const auto question = by_tag_.find(a.answers_tag); question != by_tag_.end()) {
      m.answers = question->second;
    }
    by_tag_[a.tag] = static_cast<uint32_t>(out_.messages.size());
    out_.messages.push_back(m);
  }

  void action(const RecordedAction& a, ActionKind kind) {
    ScriptedAction s;
    s.at_ns = a.at_ns;
    s.kind = kind;
    s.user = a.device.user.value;
    if (kind == ActionKind::offline) {
      s.for_ns = kNever;
    } else {
      s.device = a.device.device;
    }
    if (kind == ActionKind::join || kind == ActionKind::leave || kind == ActionKind::create) {
      s.group = static_cast<uint32_t>(a.conversation.lo);
    }
    out_.actions.push_back(s);
  }

  void back(const RecordedAction& a) {
    const auto left = left_.find(a.device.user.value);
    if (left == left_.end()) return;
    ScriptedAction& absence = out_.actions[left->second];
    absence.for_ns = a.at_ns - absence.at_ns;
    left_.erase(left);
  }

  WorkloadConfig& out_;
  std::map<uint64_t, uint32_t> by_tag_;
  std::map<uint64_t, size_t> left_;  // user -> absence that has not ended
};

}  // namespace

RecordedAction recorded(const Action& action) {
  const Command& c = action.command;
  return {action.at_ns,
          action.device,
          c.kind,
          c.conversation,
          c.tag,
          action.answers_tag,
          static_cast<uint32_t>(c.payload.size())};
}

std::string recording_line(const RecordedAction& a) {
  std::ostringstream line;
  line << a.at_ns << ' ' << a.device.user.value << ' ' << a.device.device << ' '
       << static_cast<int>(a.kind) << ' ' << a.conversation.hi << ' ' << a.conversation.lo << ' '
       << a.tag << ' ' << a.answers_tag << ' ' << a.bytes << " .";
  return line.str();
}

std::optional<RecordedAction> parse_recording(const std::string& line) {
  std::istringstream in(line);
  RecordedAction a;
  int kind = 0;
  std::string end;
  in >> a.at_ns >> a.device.user.value >> a.device.device >> kind >> a.conversation.hi >>
      a.conversation.lo >> a.tag >> a.answers_tag >> a.bytes >> end;
  if (!in || end != "." || kind < 0 || kind > static_cast<int>(CommandKind::create)) return {};
  a.kind = static_cast<CommandKind>(kind);
  return a;
}

Scenario scripted(const Scenario& scenario, const std::vector<RecordedAction>& actions) {
  Scenario out = scenario;
  out.faults = materialise_plan(scenario);
  out.nemesis = {};
  out.liveness = settle_core(scenario);
  out.topology.group_members = groups_of(scenario);
  out.workload = {};
  out.workload.rate_microhz = 0;
  out.workload.rate_per_user = 0;
  out.workload.reply_share_ppm = 0;
  out.workload.payload = scenario.workload.payload;
  out.workload.contacts_per_user = scenario.workload.contacts_per_user;  // fewer than its users
  Script script(out.workload);
  for (const RecordedAction& action : actions) script.add(action);
  // A group that nobody came to make, who should have, is not there in the script either.
  for (const ScriptedAction& wanted : scenario.workload.actions) {
    if (wanted.kind != ActionKind::create) continue;
    std::vector<ScriptedAction>& done = out.workload.actions;
    const bool made = std::any_of(done.begin(), done.end(), [&wanted](const ScriptedAction& a) {
      return a.kind == ActionKind::create && a.group == wanted.group;
    });
    if (made) continue;
    done.push_back(wanted);
    out.workload.message_limit = scenario.workload.message_limit;  // it may be why nobody came
  }
  return out;
}

}  // namespace imroute
