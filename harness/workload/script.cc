// The scripted part of a workload: messages, answers among them, and what else users do.
#include <algorithm>
#include <numeric>

#include "core/model/limits.h"
#include "harness/workload/state.h"

namespace imroute {
namespace {

// Numbers of the entries, sorted by time.
template <class Entry>
std::vector<uint32_t> in_order(const std::vector<Entry>& script) {
  std::vector<uint32_t> order(script.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&script](uint32_t a, uint32_t b) { return script[a].at_ns < script[b].at_ns; });
  return order;
}

ConversationId conversation_of(const ScriptedMessage& m) {
  return m.group ? ConversationId::group(*m.group)
                 : ConversationId::direct(UserId{m.from}, UserId{m.to.value_or(0)});
}

}  // namespace

void Workload::State::start_script() {
  script = in_order(config.messages);
  actions = in_order(config.actions);
  last_tag = config.messages.size();
  for (uint32_t i = 0; i < config.messages.size(); ++i) {
    if (!config.messages[i].answers) continue;
    answers_to.resize(config.messages.size());
    answers_to[*config.messages[i].answers].push_back(i);
  }
  answered_by_script.resize(answers_to.size());
  std::erase_if(script, [this](uint32_t i) { return config.messages[i].answers.has_value(); });
}

void Workload::State::send_scripted() {
  const uint32_t i = script[script_next];
  const ScriptedMessage& m = config.messages[i];
  push_message(m.at_ns, {UserId{m.from}, m.device}, conversation_of(m), i + 1, 0, m.bytes);
}

void Workload::State::answer_by_script(int64_t t, DeviceKey shown_to, uint64_t tag) {
  if (tag == 0 || tag > answers_to.size()) return;
  for (const uint32_t i : answers_to[tag - 1]) {
    const ScriptedMessage& m = config.messages[i];
    if (answered_by_script[i] || DeviceKey{UserId{m.from}, m.device} != shown_to) continue;
    answered_by_script[i] = true;
    const int64_t at = std::max(t, m.at_ns);
    if (at >= duration_ns) continue;
    replies.push({at, i + 1, tag, shown_to, conversation_of(m), m.bytes});
    settle();
  }
}

bool Workload::State::choose_action() {
  const ScriptedAction& a = config.actions[actions[action_next]];
  chosen_user = UserId{a.user};
  if (away(chosen_user)) return false;
  if (!a.group) return true;
  if (a.kind == ActionKind::create) {
    const std::vector<UserId>& founders = members[*a.group];
    return std::binary_search(founders.begin(), founders.end(), chosen_user);
  }
  const bool join = a.kind == ActionKind::join;
  chosen_change = {*a.group, chosen_user, join};
  const std::vector<UserId>& now = members[*a.group];
  const bool member = std::binary_search(now.begin(), now.end(), chosen_user);
  return join ? !member && now.size() < kMaxGroupSize : member && now.size() > 2;
}

void Workload::State::act(int64_t t, const ScriptedAction& a) {
  const DeviceKey device{chosen_user, a.device};
  switch (a.kind) {
    case ActionKind::relocate:
      return push_relocation(t, device);
    case ActionKind::offline:
      return go_away(t, chosen_user, a.for_ns);
    case ActionKind::join:
    case ActionKind::leave:
      return apply_group_change(t, device);
    case ActionKind::create:
      return create_group(t, device, *a.group);
  }
}

// With those who belong to it by then, as the users mean it.
void Workload::State::create_group(int64_t t, DeviceKey device, uint32_t group) {
  Action action{.at_ns = t, .device = device, .command = {}, .answers_tag = 0};
  action.command.kind = CommandKind::create;
  action.command.conversation = ConversationId::group(group);
  action.command.payload = pool.copy_list(std::span<const UserId>(members[group]));
  action.command.tag = ++last_tag;
  ready.push_back(std::move(action));
}

}  // namespace imroute
