#include "harness/shrink/parts.h"

#include <algorithm>
#include <optional>

namespace imroute {
namespace {

// Old numbers to new ones when [from, to) goes.
struct Renumbering {
  uint64_t from, to;
  bool gone(uint64_t n) const { return n >= from && n < to; }
  uint64_t operator()(uint64_t n) const { return n >= to ? n - (to - from) : n; }
};

template <class T>
void erase_span(std::vector<T>& list, size_t from, size_t to) {
  const auto at = [&list](size_t i) { return list.begin() + static_cast<std::ptrdiff_t>(i); };
  list.erase(at(from), at(to));
}

// Keeps the messages for which `stays`; an answer to one that goes is sent by itself.
template <class Stays>
void filter_messages(std::vector<ScriptedMessage>& messages, Stays stays) {
  std::vector<std::optional<uint32_t>> place(messages.size());
  std::vector<ScriptedMessage> kept;
  for (size_t i = 0; i < messages.size(); ++i) {
    if (!stays(messages[i], i)) continue;
    place[i] = static_cast<uint32_t>(kept.size());
    ScriptedMessage m = messages[i];
    if (m.answers) m.answers = place[*m.answers];
    kept.push_back(m);
  }
  messages = std::move(kept);
}

// Whether the end is one of the machines that go; else it gets its new number.
bool loses(Target& target, TargetKind kind, const Renumbering& numbers) {
  const bool user = target.select == Target::Select::holder_of_user && kind == TargetKind::client;
  const bool machine = target.select == Target::Select::index && target.kind == kind;
  if (!user && !machine) return false;
  if (numbers.gone(target.index)) return true;
  target.index = numbers(target.index);
  return false;
}

void drop_faults_of(Scenario& s, TargetKind kind, const Renumbering& numbers) {
  std::erase_if(s.faults, [&](Fault& f) {
    if (loses(f.target, kind, numbers)) return true;
    return f.is_edge && loses(f.edge_to, kind, numbers);
  });
}

void drop_groups(Scenario& s, const std::vector<bool>& gone) {
  std::vector<uint32_t> number;
  uint32_t next = 0;
  for (const bool g : gone) number.push_back(g ? next : next++);
  std::vector<std::vector<uint64_t>> kept;
  for (size_t g = 0; g < gone.size(); ++g) {
    if (!gone[g]) kept.push_back(s.topology.group_members[g]);
  }
  s.topology.group_members = std::move(kept);
  if (s.topology.group_members.empty()) s.topology.group_count = s.topology.group_size = 0;
  filter_messages(s.workload.messages,
                  [&](const ScriptedMessage& m, size_t) { return !m.group || !gone[*m.group]; });
  std::erase_if(s.workload.actions,
                [&](const ScriptedAction& a) { return a.group && gone[*a.group]; });
  for (ScriptedMessage& m : s.workload.messages) {
    if (m.group) m.group = number[*m.group];
  }
  for (ScriptedAction& a : s.workload.actions) {
    if (a.group) a.group = number[*a.group];
  }
}

// ---- the parts

size_t count_faults(const Scenario& s) { return s.faults.size(); }
Scenario without_faults(const Scenario& s, size_t from, size_t to) {
  Scenario out = s;
  erase_span(out.faults, from, to);
  return out;
}

size_t count_messages(const Scenario& s) { return s.workload.messages.size(); }
Scenario without_messages(const Scenario& s, size_t from, size_t to) {
  Scenario out = s;
  filter_messages(out.workload.messages,
                  [&](const ScriptedMessage&, size_t i) { return i < from || i >= to; });
  return out;
}

size_t count_actions(const Scenario& s) { return s.workload.actions.size(); }
Scenario without_actions(const Scenario& s, size_t from, size_t to) {
  Scenario out = s;
  erase_span(out.workload.actions, from, to);
  return out;
}

size_t count_users(const Scenario& s) { return s.topology.users; }
Scenario without_users(const Scenario& s, size_t from, size_t to) {
  const Renumbering numbers{from, to};
  Scenario out = s;
  Topology& t = out.topology;
  t.users -= to - from;
  filter_messages(out.workload.messages, [&](const ScriptedMessage& m, size_t) {
    return !numbers.gone(m.from) && !(m.to && numbers.gone(*m.to));
  });
  for (ScriptedMessage& m : out.workload.messages) {
    m.from = numbers(m.from);
    if (m.to) m.to = numbers(*m.to);
  }
  std::erase_if(out.workload.actions,
                [&](const ScriptedAction& a) { return numbers.gone(a.user); });
  for (ScriptedAction& a : out.workload.actions) a.user = numbers(a.user);
  drop_faults_of(out, TargetKind::client, numbers);
  std::vector<bool> gone;
  for (std::vector<uint64_t>& group : t.group_members) {
    std::erase_if(group, [&](uint64_t user) { return numbers.gone(user); });
    for (uint64_t& user : group) user = numbers(user);
    gone.push_back(group.size() < 2);
  }
  drop_groups(out, gone);
  // What is counted in users must not be more than there are.
  uint32_t& contacts = out.workload.contacts_per_user;
  contacts = std::max(1u, static_cast<uint32_t>(std::min<uint64_t>(contacts, t.users - 1)));
  t.group_size = static_cast<uint32_t>(std::min<uint64_t>(t.group_size, t.users));
  return out;
}

size_t count_groups(const Scenario& s) { return s.topology.group_members.size(); }
Scenario without_groups(const Scenario& s, size_t from, size_t to) {
  Scenario out = s;
  std::vector<bool> gone(s.topology.group_members.size());
  for (size_t g = from; g < to; ++g) gone[g] = true;
  drop_groups(out, gone);
  return out;
}

// Members beyond the two that a group has at least.
size_t count_members(const Scenario& s) {
  size_t count = 0;
  for (const auto& group : s.topology.group_members) count += group.size();
  return count;
}
Scenario without_members(const Scenario& s, size_t from, size_t to) {
  Scenario out = s;
  size_t at = 0;
  for (std::vector<uint64_t>& group : out.topology.group_members) {
    std::vector<uint64_t> kept;
    for (const uint64_t user : group) {
      if (at < from || at >= to) kept.push_back(user);
      ++at;
    }
    group = std::move(kept);
  }
  return out;
}

size_t count_nodes(const Scenario& s) { return s.topology.nodes; }
Scenario without_nodes(const Scenario& s, size_t from, size_t to) {
  const Renumbering numbers{from, to};
  Scenario out = s;
  out.topology.nodes -= static_cast<uint32_t>(to - from);
  if (!out.topology.node_weights.empty()) erase_span(out.topology.node_weights, from, to);
  drop_faults_of(out, TargetKind::node, numbers);
  std::erase_if(out.liveness.nodes, [&](uint32_t n) { return numbers.gone(n); });
  for (uint32_t& n : out.liveness.nodes) n = static_cast<uint32_t>(numbers(n));
  if (out.topology.nodes == 1) {
    std::erase_if(out.workload.actions,
                  [](const ScriptedAction& a) { return a.kind == ActionKind::relocate; });
  }
  return out;
}

size_t count_routers(const Scenario& s) { return s.topology.routers; }
Scenario without_routers(const Scenario& s, size_t from, size_t to) {
  const Renumbering numbers{from, to};
  Scenario out = s;
  out.topology.routers -= static_cast<uint32_t>(to - from);
  drop_faults_of(out, TargetKind::router, numbers);
  if (numbers.gone(out.liveness.router)) out.liveness.router = 0;
  out.liveness.router = static_cast<uint32_t>(numbers(out.liveness.router));
  return out;
}

size_t count_devices(const Scenario& s) { return s.topology.devices_per_user; }
Scenario without_devices(const Scenario& s, size_t from, size_t to) {
  const Renumbering numbers{from, to};
  Scenario out = s;
  out.topology.devices_per_user -= static_cast<uint32_t>(to - from);
  // Those that stay keep their types.
  std::vector<ClientType>& types = out.topology.device_types;
  if (types.size() >= to) erase_span(types, from, to);
  filter_messages(out.workload.messages,
                  [&](const ScriptedMessage& m, size_t) { return !numbers.gone(m.device); });
  std::erase_if(out.workload.actions,
                [&](const ScriptedAction& a) { return numbers.gone(a.device); });
  for (ScriptedMessage& m : out.workload.messages) {
    m.device = static_cast<uint32_t>(numbers(m.device));
  }
  for (ScriptedAction& a : out.workload.actions) {
    a.device = static_cast<uint32_t>(numbers(a.device));
  }
  return out;
}

}  // namespace

const Part kFaultPart{"fault", false, count_faults, without_faults};
const Part kUserPart{"user", true, count_users, without_users};
const Part kMessagePart{"message", false, count_messages, without_messages};
const Part kActionPart{"action", false, count_actions, without_actions};
const Part kGroupPart{"group", false, count_groups, without_groups};
const Part kMemberPart{"member", false, count_members, without_members};
const Part kNodePart{"node", true, count_nodes, without_nodes};
const Part kRouterPart{"router", true, count_routers, without_routers};
const Part kDevicePart{"device", true, count_devices, without_devices};

Scenario cut_at(const Scenario& scenario, DurationNs duration) {
  Scenario out = scenario;
  out.duration_ns = duration;
  const auto late = [duration](const auto& item) { return item.at_ns >= duration; };
  std::erase_if(out.faults, late);
  std::erase_if(out.workload.actions, late);
  filter_messages(out.workload.messages,
                  [&](const ScriptedMessage& m, size_t) { return !late(m); });
  return out;
}

}  // namespace imroute
