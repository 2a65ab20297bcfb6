// A scenario: one experiment, as data. The loader fills it from JSON (every key has its default
// here), the simulator and the cluster testbed execute it. Durations are nanoseconds.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/model/config.h"
#include "core/model/perturb.h"

namespace imroute {

// Integer quantile table, piecewise linear between its points. p0 defaults to p50/2, p100 to 2*p99.
struct Quantiles {
  int64_t p0 = 0, p50 = 0, p90 = 0, p99 = 0, p100 = 0;
  bool has_p90 = false;
  friend bool operator==(const Quantiles&, const Quantiles&) = default;
};

struct Topology {
  uint32_t nodes = 0;
  uint32_t routers = 1;
  uint64_t users = 0;
  uint32_t devices_per_user = 1;
  std::vector<ClientType> device_types{ClientType::mobile, ClientType::pc, ClientType::web,
                                       ClientType::pad};
  uint32_t group_count = 0;
  uint32_t group_size = 0;
  // Who is in each group at the start; empty = drawn. Count and size follow from it.
  std::vector<std::vector<uint64_t>> group_members;
  std::vector<uint32_t> node_weights;  // empty = all 1
  friend bool operator==(const Topology&, const Topology&) = default;
};

enum class Durability : uint8_t { sync, async };
struct MailboxConfig {
  Durability durability = Durability::sync;
  DurationNs unsynced_window_ns = kSecond;  // async: how much acknowledged tail a failover may lose
  DurationNs retention_ns = 0;              // 0 = for ever
  friend bool operator==(const MailboxConfig&, const MailboxConfig&) = default;
};

// A connection that is not there by then is given up, as the cluster does.
inline constexpr DurationNs kConnectTimeoutNs = 2 * kSecond;

struct LinkClass {
  Quantiles latency;
  uint64_t bandwidth_bits_per_second = 0;  // 0 = unlimited
  uint64_t queue_bytes = 0;                // 0 = unlimited
  friend bool operator==(const LinkClass&, const LinkClass&) = default;
};
struct NetworkConfig {
  LinkClass client{
      {5 * kMillisecond, 20 * kMillisecond, 0, 120 * kMillisecond, 240 * kMillisecond}, 0, 0};
  LinkClass peer{{150 * kMicrosecond, 300 * kMicrosecond, 0, 2 * kMillisecond, 4 * kMillisecond},
                 1'000'000'000,
                 0};
  LinkClass service{
      {100 * kMicrosecond, 200 * kMicrosecond, 0, kMillisecond, 2 * kMillisecond}, 0, 0};
  bool by_value = false;  // wire: skip the codec
  friend bool operator==(const NetworkConfig&, const NetworkConfig&) = default;
};

struct ScriptedMessage {
  DurationNs at_ns = 0;
  uint64_t from = 0;
  std::optional<uint64_t> to;     // user ...
  std::optional<uint32_t> group;  // ... or group
  uint32_t device = 0;
  uint32_t bytes = 0;  // 0 = drawn
  // Number in the list: sent when the sender has been shown that one, and not before `at`.
  std::optional<uint32_t> answers;
  friend bool operator==(const ScriptedMessage&, const ScriptedMessage&) = default;
};

// What else a user does by script. What makes no sense at its time (a user who is away relocates, a
// member joins) is left out, as it is where it is drawn; so any part of a script is a script.
enum class ActionKind : uint8_t { relocate, offline, join, leave, create };
struct ScriptedAction {
  DurationNs at_ns = 0;
  ActionKind kind = ActionKind::relocate;
  uint64_t user = 0;
  uint32_t device = 0;               // not for offline: all go
  DurationNs for_ns = 20 * kSecond;  // offline; kNever = does not come back
  std::optional<uint32_t> group;     // join, leave; create: it does not exist before
  friend bool operator==(const ScriptedAction&, const ScriptedAction&) = default;
};

struct WorkloadConfig {
  double rate_per_user = 0.2;       // messages a second; the loader keeps it as an exact ratio too
  uint64_t rate_microhz = 200'000;  // the same in 1e-6/s; what the workload uses
  uint32_t group_share_ppm = 0;     // of sends that go to a group
  uint32_t reply_share_ppm = 300'000;         // of shown messages that are answered
  Quantiles payload{60, 120, 0, 2000, 4000};  // bytes
  uint32_t contacts_per_user = 10;
  uint32_t contact_skew_ppm = 0;     // Zipf exponent in 1e-6; 0 = uniform
  uint64_t relocations_microhz = 0;  // per user
  uint32_t offline_share_ppm = 0;    // of users who are away at any time
  DurationNs offline_away_ns = 20 * kSecond;
  uint64_t group_changes_microhz = 0;     // joins and leaves per group
  uint64_t message_limit = 0;             // stop after so many messages; 0 = none
  bool relocate_recipients_only = false;  // cost scenarios: only users that receive relocate
  uint32_t senders = 0;                   // cost scenarios: only users 0..senders-1 send; 0 = all
  std::vector<ScriptedMessage> messages;
  std::vector<ScriptedAction> actions;
  friend bool operator==(const WorkloadConfig&, const WorkloadConfig&) = default;
};

enum class FaultKind : uint8_t {
  crash,
  restart,
  drain,
  rolling_restart,
  scale,
  pause,
  slow,
  partition,
  loss,
  delay,
  bandwidth,
  duplicate,
  reorder,
  reset,
  half_open,
  stall,
  connect_hang,
  reconnect_storm,
  relocate,
  double_login,
  slow_reader,
  burst,
  session_expiry,
  late_watch,
  lost_watch,
  lagging_read,
  failover,
  error,
  lost_reply,
  evict,
  oom,
  torn_write,
  lost_fsync,
  disk_full,
  disconnect,
  overflow,
  skew,
  drift,
  jump,
  version_skew,
  perturb,
  count_
};
enum class FaultFamily : uint8_t {
  crash,
  pause,
  partition,
  link,
  connection,
  clients,
  registry,
  store,
  bus,
  clock,
  version,
  code,
  count_
};

enum class TargetKind : uint8_t { none, node, router, client, directory, mailbox, registry, bus };
// One end: a machine, all of a kind, or one chosen when the plan is materialised.
struct Target {
  enum class Select : uint8_t { index, all, any, holder_of_user } select = Select::index;
  TargetKind kind = TargetKind::none;
  uint64_t index = 0;  // machine, or user for holder_of_user
  friend bool operator==(const Target&, const Target&) = default;
};

enum class PartitionShape : uint8_t { halves, one, minority, ring, bridge, random };
enum class PartitionDirection : uint8_t { both, to, from };  // of the isolated side
enum class Disposition : uint8_t { drop, stall, reset };
enum EdgeClass : uint8_t {  // bits
  kEdgeClientNode = 1,
  kEdgeNodeNode = 2,
  kEdgeNodeDirectory = 4,
  kEdgeNodeMailbox = 8,
  kEdgeNodeRegistry = 16,
  kEdgeNodeRouter = 32,
};

// What a machine of a mixed cluster runs (version_skew): the first version, which has none of the
// optional features of the wire; this one; a later one that speaks no frame version of ours.
inline constexpr uint32_t kFirstVersion = 1, kThisVersion = 2, kLaterVersion = 3;

struct Fault {
  FaultKind kind = FaultKind::crash;
  DurationNs at_ns = 0;
  DurationNs for_ns = 0;  // kNever = "forever"
  Target target;          // the machine; or the first end of an edge
  bool is_edge = false;
  Target edge_to;         // the second end
  bool both_ways = true;  // edge:A-B; false: A>B
  // own keys
  bool lose_unsynced = false;  // crash of a service: unsynced "lose"
  bool wipe = false;           // crash of a client: reinstall
  int32_t count = 1;           // rolling_restart; scale: added, or removed when negative
  uint32_t factor = 10;        // slow, burst
  uint32_t fraction_ppm = 1'000'000;
  uint32_t probability_ppm = 1'000'000;
  PartitionShape shape = PartitionShape::halves;
  uint8_t edges = kEdgeNodeNode;  // EdgeClass bits
  PartitionDirection direction = PartitionDirection::both;
  Disposition disposition = Disposition::drop;
  DurationNs latency_ns = 0;          // delay
  uint64_t rate_bits_per_second = 0;  // bandwidth
  uint8_t sides = 3;                  // reset: 1 first end sees it, 2 second, 3 both
  DurationNs delay_ns = 0;            // registry kinds
  DurationNs lose_tail_ns = 0;        // failover
  DurationNs offset_ns = 0;           // skew, jump
  int32_t ppm = 0;                    // drift
  PerturbSite site{};                 // perturb
  uint32_t version = kThisVersion;    // version_skew
  bool from_nemesis = false;
  friend bool operator==(const Fault&, const Fault&) = default;
};

struct NemesisConfig {
  bool enabled = false;
  std::vector<FaultFamily> families;  // empty = the first nine, without kinds that came later
  DurationNs mean_interval_ns = 5 * kSecond;
  DurationNs until_ns = 0;       // 0 = 3/4 of the duration
  std::optional<uint64_t> seed;  // draws the plan in place of the scenario's
  friend bool operator==(const NemesisConfig&, const NemesisConfig&) = default;
};

// The last part of the duration: a core is healed and must make progress, the rest stays broken.
struct LivenessConfig {
  DurationNs for_ns = 0;        // 0 = no such phase
  std::vector<uint32_t> nodes;  // the core; empty = drawn from the seed, with the router
  uint32_t router = 0;
  friend bool operator==(const LivenessConfig&, const LivenessConfig&) = default;
};

// What a swarm varies. Each has a stream of its own, so a new one changes no draw of the others.
enum class SwarmDimension : uint8_t {
  topology,
  strategy,
  balancer,
  invocation,
  sessions,
  delivery,
  mailbox,
  network,
  workload,
  nemesis,
  liveness,
  schedule,
};
// Present in a file only: the loader draws, and what comes out has plain keys (swarm.h).
struct SwarmConfig {
  bool enabled = false;
  std::vector<SwarmDimension> dimensions;  // empty = all
  std::optional<uint64_t> seed;            // draws in place of the scenario's
  friend bool operator==(const SwarmConfig&, const SwarmConfig&) = default;
};

// "recovery/converged_ms": "<= 10s"
struct Expectation {
  std::string pointer;  // into the result, without the first slash
  enum class Compare : uint8_t {
    less,
    less_equal,
    equal,
    greater_equal,
    greater
  } compare = Compare::equal;
  double value = 0;  // in the result's unit (ms for *_ms)
  std::string text;  // as written
  friend bool operator==(const Expectation&, const Expectation&) = default;
};

struct Scenario {
  std::string name;
  std::string description;
  uint64_t seed = 1;
  DurationNs duration_ns = 60 * kSecond;
  DurationNs warmup_ns = 5 * kSecond;
  Topology topology;
  StrategyConfig strategy;
  BalancerConfig balancer;
  InvocationConfig invocation;
  SessionConfig sessions;
  DeliveryConfig delivery;
  MailboxConfig mailbox;
  NetworkConfig network;
  WorkloadConfig workload;
  std::vector<Fault> faults;
  NemesisConfig nemesis;
  LivenessConfig liveness;
  bool permute_ties = false;  // what happens at the same instant happens in a drawn order
  SwarmConfig swarm;
  std::vector<Expectation> expect;
  uint64_t hash = 0;  // of the canonical form, seed excluded
  friend bool operator==(const Scenario&, const Scenario&) = default;
};

}  // namespace imroute
