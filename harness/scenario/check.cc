// Contradictions between keys of a scenario. Each is said at the key that a user would change.
#include <algorithm>

#include "config/units.h"
#include "core/model/limits.h"
#include "harness/fault/plan.h"
#include "harness/scenario/bounds.h"
#include "harness/scenario/names.h"
#include "harness/scenario/scenario_shape.h"

namespace imroute {
namespace {

class Checker {
 public:
  Checker(const Scenario& scenario, const JsonValue& root, Diagnostics& out)
      : s_(scenario), root_(root), out_(out), before_(out) {}

  void run() {
    topology();
    times();
    deadlines();
    liveness();
    sessions();
    strategy();
    workload();
    for (size_t i = 0; i < s_.workload.messages.size(); ++i) message(i);
    for (size_t i = 0; i < s_.workload.actions.size(); ++i) action(i);
    for (size_t i = 0; i < s_.faults.size(); ++i) fault(s_.faults[i], i);
    if (s_.nemesis.enabled && s_.nemesis.until_ns > s_.duration_ns) {
      say("/nemesis/until",
          "is after the end of the run (duration " + format_duration(s_.duration_ns) + ")",
          "/duration");
    }
  }

 private:
  // At the value the pointer names, or the nearest thing around it that the file has. Silent when
  // it, or the `other` value that it contradicts, could not be read.
  void say(const std::string& pointer, std::string message, const char* other = nullptr) {
    if (before_.touches(pointer) || (other != nullptr && before_.touches(other))) return;
    const JsonValue* at = &root_;
    const auto parts = pointer_parts(pointer);
    for (const std::string& part : *parts) {
      const JsonValue* next = at->find(part);
      if (next == nullptr && at->is(JsonValue::Kind::array)) {
        const auto index = parse_decimal(part);
        const uint64_t i = index ? index->digits : UINT64_MAX;
        if (i < at->items.size()) next = &at->items[static_cast<size_t>(i)];
      }
      if (next == nullptr) break;
      at = next;
    }
    out_.add(at->place, pointer, std::move(message));
  }

  static std::string n(uint64_t value) { return std::to_string(value); }

  void topology() {
    const Topology& t = s_.topology;
    if (!t.node_weights.empty() && t.node_weights.size() != t.nodes) {
      say("/topology/node_weights",
          "has " + n(t.node_weights.size()) + " weights for " + n(t.nodes) +
              " nodes: give one each, or leave it out",
          "/topology/nodes");
    } else if (!t.node_weights.empty() && std::all_of(t.node_weights.begin(), t.node_weights.end(),
                                                      [](uint32_t w) { return w == 0; })) {
      say("/topology/node_weights", "all weights are 0: no node may take a login");
    }
    if (t.group_count > 0 && t.group_size < 2) {
      say("/topology/groups",
          "groups of " + n(t.group_size) + " members: give \"size\" 2 or more, or \"count\" 0",
          "/topology/groups/size");
    }
    if (t.group_size > t.users) {
      say("/topology/groups/size",
          "groups of " + n(t.group_size) + " members, but only " + n(t.users) +
              " users: make it smaller or add users",
          "/topology/users");
    }
    if (t.group_count == 0 && t.group_size > 0) {
      say("/topology/groups/size", "a size without groups: give \"count\", or leave it out");
    }
    for (size_t g = 0; g < t.group_members.size(); ++g) members(g);
  }

  void members(size_t group) {
    std::vector<uint64_t> users = s_.topology.group_members[group];
    const std::string at = "/topology/groups/members/" + n(group);
    if (users.size() < 2 || users.size() > kMaxGroupSize) {
      say(at, "a group of " + n(users.size()) + " members: give 2 to " + n(kMaxGroupSize));
    }
    for (size_t i = 0; i < users.size(); ++i) user(at + "/" + n(i), users[i]);
    std::sort(users.begin(), users.end());
    const auto twice = std::adjacent_find(users.begin(), users.end());
    if (twice != users.end()) say(at, "user " + n(*twice) + " is in it twice");
  }

  void times() {
    if (s_.warmup_ns >= s_.duration_ns) {
      say("/warmup",
          format_duration(s_.warmup_ns) + " leaves nothing to measure of a duration of " +
              format_duration(s_.duration_ns) + ": make it shorter",
          "/duration");
    }
  }

  // What ends without an answer though nothing failed is nothing that an oracle could judge.
  void deadlines() {
    const auto too_short = [this](const char* key, DurationNs value, const char* who,
                                  DurationNs answer) {
      if (value >= answer) return;
      const DurationNs least = (answer / kMillisecond + 1) * kMillisecond;
      say(key,
          format_duration(value) + " is shorter than " + who + " may take to answer over this " +
              "network: give it at least " + format_duration(least) +
              ", or make /network/service faster",
          "/network");
    };
    too_short("/delivery/store_deadline", s_.delivery.store_deadline_ns, "a store",
              store_answer(s_.network));
    if (s_.strategy.kind != StrategyKind::central) return;
    too_short("/invocation/call_timeout", s_.invocation.call_timeout_ns,
              "a router that asks the directory", router_answer(s_.network));
  }

  void liveness() {
    const LivenessConfig& c = s_.liveness;
    if (c.for_ns == 0) return;
    const DurationNs least = settling_bound(s_) + 5 * kSecond;
    if (c.for_ns < least) {
      say("/liveness/for",
          format_duration(c.for_ns) + " is too short to tell a stall from a delay: " +
              "leases, timeouts and one sync of these settings take " +
              format_duration(settling_bound(s_)) + ", give it at least " + format_duration(least));
    }
    if (c.for_ns > s_.duration_ns - s_.warmup_ns) {
      say("/liveness/for",
          format_duration(c.for_ns) +
              " leaves no time for chaos before it: make it shorter, or the "
              "duration (" +
              format_duration(s_.duration_ns) + ") longer",
          "/duration");
    }
    for (size_t i = 0; i < c.nodes.size(); ++i) {
      if (c.nodes[i] < s_.topology.nodes) continue;
      say("/liveness/nodes/" + n(i),
          "there is no node " + n(c.nodes[i]) + ": nodes are 0 to " + n(s_.topology.nodes - 1) +
              " (topology.nodes is " + n(s_.topology.nodes) + ")",
          "/topology/nodes");
    }
    if (c.router >= s_.topology.routers) {
      say("/liveness/router",
          "there is no router " + n(c.router) + ": routers are 0 to " + n(s_.topology.routers - 1) +
              " (topology.routers is " + n(s_.topology.routers) + ")",
          "/topology/routers");
    }
  }

  void below(const char* key, int64_t value, const char* limit_key, int64_t limit) {
    if (value < limit) return;
    if (before_.touches(std::string("/sessions/") + limit_key)) return;
    say(std::string("/sessions/") + key, format_duration(value) + " must be below sessions." +
                                             limit_key + " (" + format_duration(limit) + ")");
  }

  void sessions() {
    const SessionConfig& c = s_.sessions;
    below("client_lease", c.client_lease_ns, "lease", c.lease_ns);
    below("heartbeat", c.heartbeat_ns, "heartbeat_timeout", c.heartbeat_timeout_ns);
    below("heartbeat", c.heartbeat_ns, "lease", c.lease_ns);
    below("client_heartbeat", c.client_heartbeat_ns, "client_lease", c.client_lease_ns);
    if (c.backoff_min_ns > c.backoff_max_ns) {
      say("/sessions/backoff_min",
          format_duration(c.backoff_min_ns) + " is more than sessions.backoff_max (" +
              format_duration(c.backoff_max_ns) + ")",
          "/sessions/backoff_max");
    }
  }

  void strategy() {
    const StrategyConfig& c = s_.strategy;
    if (c.negative_ttl_ns > kSecond) {
      say("/strategy/negative_ttl", "found " + format_duration(c.negative_ttl_ns) +
                                        ", allowed is at most 1s: a login must "
                                        "not stay unseen for longer");
    }
    if (c.kind == StrategyKind::central && c.placement.kind == PlacementKind::range &&
        c.placement.key_space < s_.topology.users) {
      say("/strategy/placement/key_space",
          n(c.placement.key_space) + " leaves out users: there are " + n(s_.topology.users),
          "/topology/users");
    }
  }

  void workload() {
    const WorkloadConfig& w = s_.workload;
    const Topology& t = s_.topology;
    if (t.group_count == 0) {
      if (w.group_share_ppm > 0) {
        say("/workload/group_share", "messages go to groups, but topology.groups.count is 0",
            "/topology/groups");
      }
      if (w.group_changes_microhz > 0) {
        say("/workload/group_changes_per_group",
            "members come and go, but topology.groups.count is 0", "/topology/groups");
      }
    }
    if (t.nodes == 1 && w.relocations_microhz > 0) {
      say("/workload/relocations_per_user",
          "users relocate to another node, but topology.nodes is 1", "/topology/nodes");
    }
    const JsonValue* section = root_.find("workload");
    const JsonValue* given = section == nullptr ? nullptr : section->find("contacts_per_user");
    if (given != nullptr && given->is(JsonValue::Kind::number)) {  // the default adapts itself
      const auto contacts = parse_decimal(given->text);
      if (contacts && contacts->scaled(1).value_or(0) >= t.users) {
        say("/workload/contacts_per_user",
            given->text + " contacts, but there are only " + n(t.users) + " users",
            "/topology/users");
      }
    }
    if (w.senders > t.users) {
      say("/workload/senders", n(w.senders) + " senders, but only " + n(t.users) + " users",
          "/topology/users");
    }
  }

  void user(const std::string& pointer, uint64_t index) {
    if (index < s_.topology.users) return;
    say(pointer,
        "there is no user " + n(index) + ": users are 0 to " + n(s_.topology.users - 1) +
            " (topology.users is " + n(s_.topology.users) + ")",
        "/topology/users");
  }

  void in_time(const std::string& at, DurationNs when) {
    if (when < s_.duration_ns) return;
    say(at + "/at",
        format_duration(when) + " is after the end of the run (duration " +
            format_duration(s_.duration_ns) + ")",
        "/duration");
  }

  void device(const std::string& at, uint32_t index) {
    if (index < s_.topology.devices_per_user) return;
    say(at + "/device",
        "there is no device " + n(index) + ": topology.devices_per_user is " +
            n(s_.topology.devices_per_user),
        "/topology/devices_per_user");
  }

  void group(const std::string& at, uint32_t index) {
    if (index < s_.topology.group_count) return;
    say(at + "/group",
        "there is no group " + n(index) + ": topology.groups.count is " +
            n(s_.topology.group_count),
        "/topology/groups");
  }

  void message(size_t i) {
    const ScriptedMessage& m = s_.workload.messages[i];
    const std::string at = "/workload/messages/" + n(i);
    in_time(at, m.at_ns);
    user(at + "/from", m.from);
    if (m.to) user(at + "/to", *m.to);
    if (m.to && *m.to == m.from) say(at + "/to", "a user does not write to itself");
    if (m.group) group(at, *m.group);
    device(at, m.device);
    if (!m.answers) return;
    if (*m.answers >= i) {
      say(at + "/answers", n(*m.answers) + " is not before it: this is message " + n(i));
      return;
    }
    const ScriptedMessage& question = s_.workload.messages[*m.answers];
    const bool there = m.group ? question.group == m.group
                               : question.to && ((question.from == m.from && question.to == m.to) ||
                                                 (question.from == m.to && *question.to == m.from));
    if (!there) {
      say(at + "/answers", "message " + n(*m.answers) + " is of another conversation");
    }
  }

  void action(size_t i) {
    const ScriptedAction& a = s_.workload.actions[i];
    const std::string at = "/workload/actions/" + n(i);
    in_time(at, a.at_ns);
    user(at + "/user", a.user);
    device(at, a.device);
    if (a.group) group(at, *a.group);
    if (a.kind == ActionKind::relocate && s_.topology.nodes == 1) {
      say(at, "there is only one node: nowhere to go", "/topology/nodes");
    }
  }

  void fault_end(const std::string& pointer, const Target& target) {
    const bool holder = target.select == Target::Select::holder_of_user;
    if (target.select != Target::Select::index && !holder) return;
    if (target.kind == TargetKind::client || holder) return user(pointer, target.index);
    const bool node = target.kind == TargetKind::node;
    if (!node && target.kind != TargetKind::router) return;
    const uint64_t have = node ? s_.topology.nodes + spare_nodes(s_.faults) : s_.topology.routers;
    if (target.index < have) return;
    const std::string what = node ? "node" : "router";
    say(pointer,
        "there is no " + what + " " + n(target.index) + ": " + what + "s are 0 to " + n(have - 1) +
            " (topology." + what + "s is " + n(node ? s_.topology.nodes : have) + ")",
        node ? "/topology/nodes" : "/topology/routers");
  }

  // Who talks to whom.
  static bool connected(const Target& a, const Target& b) {
    const auto pair = [&](TargetKind x, TargetKind y) {
      return (a.kind == x && b.kind == y) || (a.kind == y && b.kind == x);
    };
    using T = TargetKind;
    if (pair(T::node, T::node)) {
      return a.select != Target::Select::index || b.select != Target::Select::index ||
             a.index != b.index;
    }
    for (const T other : {T::client, T::router, T::directory, T::mailbox, T::registry, T::bus}) {
      if (pair(T::node, other)) return true;
    }
    return pair(T::router, T::client) || pair(T::router, T::directory) ||
           pair(T::router, T::registry);
  }

  void fault(const Fault& f, size_t index) {
    const std::string at = "/faults/" + n(index);
    if (before_.touches(at)) return;
    if (f.at_ns >= s_.duration_ns) {
      say(at + "/at",
          format_duration(f.at_ns) + " is after the end of the run (duration " +
              format_duration(s_.duration_ns) + "): it would never happen",
          "/duration");
    }
    fault_end(at + "/target", f.target);
    if (f.is_edge) {
      fault_end(at + "/target", f.edge_to);
      if (!connected(f.target, f.edge_to) && !f.from_nemesis) {
        say(at + "/target",
            "there is no link between " + target_text(f.target) + " and " + target_text(f.edge_to));
      }
    }
    if (s_.topology.nodes == 1 && !f.from_nemesis) {  // what is drawn may turn out to hit nothing
      const bool mesh =
          f.is_edge && f.target.kind == TargetKind::node && f.edge_to.kind == TargetKind::node;
      const bool shaped = f.kind == FaultKind::partition && !f.is_edge && f.edges == kEdgeNodeNode;
      if (mesh || shaped)
        say(at, "there is only one node: no links between nodes to cut", "/topology/nodes");
      if (f.kind == FaultKind::relocate)
        say(at, "there is only one node: nowhere to go", "/topology/nodes");
    }
    const uint64_t count = static_cast<uint64_t>(f.count < 0 ? -int64_t{f.count} : f.count);
    if (f.kind == FaultKind::scale && f.count < 0 && count >= s_.topology.nodes) {
      say(at + "/count",
          n(count) + " nodes to remove, but topology.nodes is " + n(s_.topology.nodes) +
              ": at least one must stay",
          "/topology/nodes");
    }
    if (f.kind == FaultKind::rolling_restart && count > s_.topology.nodes) {
      say(at + "/count",
          n(count) + " nodes to restart, but topology.nodes is " + n(s_.topology.nodes),
          "/topology/nodes");
    }
    const int64_t drift = f.ppm < 0 ? -int64_t{f.ppm} : f.ppm;
    if (f.kind == FaultKind::drift && drift > s_.sessions.max_drift_ppm) {
      say(at + "/ppm",
          n(static_cast<uint64_t>(drift)) + " millionths is more than sessions.max_drift_ppm (" +
              n(s_.sessions.max_drift_ppm) + "): beyond it nothing is promised",
          "/sessions/max_drift_ppm");
    }
    const bool sync = s_.mailbox.durability == Durability::sync;
    if (sync && f.target.kind == TargetKind::mailbox && f.lose_tail_ns > 0) {
      say(at + "/lose_tail",
          "a mailbox with durability \"sync\" loses nothing: set "
          "mailbox.durability to \"async\", or leave it out",
          "/mailbox");
    }
    if (f.kind == FaultKind::lost_fsync && f.target.kind == TargetKind::mailbox) {
      if (sync) {
        say(at + "/kind",
            "a mailbox with durability \"sync\" loses nothing: set "
            "mailbox.durability to \"async\", or take the directory",
            "/mailbox");
      } else if (f.for_ns > s_.mailbox.unsynced_window_ns) {
        say(at + "/for",
            format_duration(f.for_ns) + " of writes, but the mailbox promises to lose at most " +
                format_duration(s_.mailbox.unsynced_window_ns) + " (mailbox.unsynced_window)",
            "/mailbox/unsynced_window");
      }
    }
    if (sync && f.target.kind == TargetKind::mailbox && f.lose_unsynced) {
      say(at + "/unsynced",
          "a mailbox with durability \"sync\" loses nothing: set "
          "mailbox.durability to \"async\", or leave it out",
          "/mailbox");
    }
  }

  const Scenario& s_;
  const JsonValue& root_;
  Diagnostics& out_;
  const Diagnostics before_;  // mistakes of single keys
};

}  // namespace

void check_scenario(const Scenario& scenario, const JsonValue& root, Diagnostics& out) {
  Checker(scenario, root, out).run();
}

}  // namespace imroute
