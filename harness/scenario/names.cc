#include "harness/scenario/names.h"

#include <algorithm>
#include <array>

#include "config/json.h"
#include "config/suggest.h"
#include "core/base/assert.h"

namespace imroute {
namespace {

template <class E>
constexpr uint8_t u8(E value) {
  return static_cast<uint8_t>(value);
}

constexpr NamedValue kDurabilities[] = {
    {"sync", u8(Durability::sync), "a failover loses nothing"},
    {"async", u8(Durability::async), "a failover may lose an acknowledged tail"}};
constexpr NamedValue kShapes[] = {
    {"halves", u8(PartitionShape::halves), "two halves"},
    {"one", u8(PartitionShape::one), "one machine alone"},
    {"minority", u8(PartitionShape::minority), "less than half alone"},
    {"ring", u8(PartitionShape::ring), "each node sees only its two neighbours"},
    {"bridge", u8(PartitionShape::bridge), "two halves that only one node still joins"},
    {"random", u8(PartitionShape::random), "each pair by the toss of a coin"}};
constexpr NamedValue kDirections[] = {
    {"both", u8(PartitionDirection::both), ""},
    {"to", u8(PartitionDirection::to), "what goes to the isolated side"},
    {"from", u8(PartitionDirection::from), "what comes from it"}};
constexpr NamedValue kDispositions[] = {
    {"drop", u8(Disposition::drop), "packets vanish"},
    {"stall", u8(Disposition::stall), "frames wait for the end"},
    {"reset", u8(Disposition::reset), "connections are reset"}};
constexpr NamedValue kFamilies[] = {{"crash", u8(FaultFamily::crash), "crash, restart, scale"},
                                    {"pause", u8(FaultFamily::pause), "pause, slow"},
                                    {"partition", u8(FaultFamily::partition), ""},
                                    {"link", u8(FaultFamily::link), "loss, delay, bandwidth"},
                                    {"connection", u8(FaultFamily::connection), "reset, half-open"},
                                    {"clients", u8(FaultFamily::clients), "storms, relocation"},
                                    {"registry", u8(FaultFamily::registry), "expiry, watches"},
                                    {"store", u8(FaultFamily::store), "failover, errors"},
                                    {"bus", u8(FaultFamily::bus), "disconnect, overflow"},
                                    {"clock", u8(FaultFamily::clock), "skew, drift, jump"},
                                    {"version", u8(FaultFamily::version), "mixed versions"},
                                    {"code", u8(FaultFamily::code), "rare branches"}};
static_assert(std::size(kFamilies) == static_cast<size_t>(FaultFamily::count_));
constexpr NamedValue kDimensions[] = {
    {"topology", u8(SwarmDimension::topology), "nodes, routers, users, devices, weights"},
    {"strategy", u8(SwarmDimension::strategy), "kind, mode, placement, bus, cache, hints"},
    {"balancer", u8(SwarmDimension::balancer), "kind and its options"},
    {"invocation", u8(SwarmDimension::invocation), "policy, retries, breaker"},
    {"sessions", u8(SwarmDimension::sessions), "login policy, leases, hand-over, admission"},
    {"delivery", u8(SwarmDimension::delivery), "order, windows, timeouts"},
    {"mailbox", u8(SwarmDimension::mailbox), "durability"},
    {"network", u8(SwarmDimension::network), "latencies, queue limits"},
    {"workload", u8(SwarmDimension::workload), "rates, groups, replies, moves, absences"},
    {"nemesis", u8(SwarmDimension::nemesis), "how often faults come"},
    {"liveness", u8(SwarmDimension::liveness), "whether a healed core has to make progress"},
    {"schedule", u8(SwarmDimension::schedule), "the order of what happens at the same instant"}};
constexpr NamedValue kActions[] = {
    {"relocate", u8(ActionKind::relocate), "log in again at another node"},
    {"offline", u8(ActionKind::offline), "go away, and come back after `for`"},
    {"join", u8(ActionKind::join), "join a group"},
    {"leave", u8(ActionKind::leave), "leave a group"},
    {"create", u8(ActionKind::create), "create a group, which is not there before"}};

constexpr uint16_t kMachines = kHitsNode | kHitsRouter;
constexpr uint16_t kStores = kHitsDirectory | kHitsMailbox;
using Family = FaultFamily;

constexpr FaultInfo kFaults[] = {
    {FaultKind::crash, "crash", Family::crash, kMachines | kHitsClient | kHitsServices, 5 * kSecond,
     "the machine loses its state and is down for `for`"},
    {FaultKind::restart, "restart", Family::crash, kMachines | kHitsServices, kSecond,
     "graceful: drains, stops, and is back after `for`"},
    {FaultKind::drain, "drain", Family::crash, kHitsNode, 10 * kSecond,
     "the node leaves the registry and sends its clients away, back after `for`"},
    {FaultKind::rolling_restart, "rolling_restart", Family::crash, kHitsNode | kHitsAllNodes,
     30 * kSecond, "`count` nodes, one after the other, spread over `for`"},
    {FaultKind::scale, "scale", Family::crash, kHitsNothing | kHitsNode, kNever,
     "`count` nodes join, or (negative) leave in order, as autoscaling does"},
    {FaultKind::pause, "pause", Family::pause, kMachines | kHitsServices, 8 * kSecond,
     "the machine stands still: longer than a lease by default"},
    {FaultKind::slow, "slow", Family::pause, kMachines | kHitsServices, 10 * kSecond,
     "a gray failure: `factor` times slower, health checks pass"},
    {FaultKind::partition, "partition", Family::partition,
     kHitsNothing | kHitsEdge | kMachines | kHitsClient | kHitsServices, 5 * kSecond,
     "machines cannot reach each other: a `shape`, a machine alone, or one edge"},
    {FaultKind::loss, "loss", Family::link, kHitsEdge, 5 * kSecond,
     "lost packets: retransmission stalls, then a reset"},
    {FaultKind::delay, "delay", Family::link, kHitsEdge, 5 * kSecond, "`latency` is added"},
    {FaultKind::bandwidth, "bandwidth", Family::link, kHitsEdge, 5 * kSecond,
     "the link has only `rate`"},
    {FaultKind::duplicate, "duplicate", Family::link, kHitsEdge | kHitsBus, 5 * kSecond,
     "frames come twice, where the product can see it"},
    {FaultKind::reorder, "reorder", Family::link, kHitsEdge | kHitsBus, 5 * kSecond,
     "frames overtake, where the product can see it"},
    {FaultKind::reset, "reset", Family::connection, kHitsEdge, 0, "connections are reset"},
    {FaultKind::half_open, "half_open", Family::connection, kHitsEdge, 5 * kSecond,
     "one end believes in a connection that the other has lost"},
    {FaultKind::stall, "stall", Family::connection, kHitsEdge, 5 * kSecond,
     "nothing moves, nothing breaks"},
    {FaultKind::connect_hang, "connect_hang", Family::connection, kHitsEdge, 5 * kSecond,
     "new connections never complete"},
    {FaultKind::reconnect_storm, "reconnect_storm", Family::clients, kHitsClient, kSecond,
     "a `fraction` of the clients loses its connection within `for`"},
    {FaultKind::relocate, "relocate", Family::clients, kHitsClient, 0,
     "clients log in again, elsewhere"},
    {FaultKind::double_login, "double_login", Family::clients, kHitsClient, 0,
     "the same device logs in a second time while the first session lives"},
    {FaultKind::slow_reader, "slow_reader", Family::clients, kHitsClient, 5 * kSecond,
     "clients read slowly"},
    {FaultKind::burst, "burst", Family::clients, kHitsClient, 5 * kSecond,
     "users send `factor` times as much"},
    {FaultKind::session_expiry, "session_expiry", Family::registry, kHitsRegistry | kHitsNode, 0,
     "the registry ends a node's session"},
    {FaultKind::late_watch, "late_watch", Family::registry, kHitsRegistry | kHitsNode, 10 * kSecond,
     "watch events come `delay` late"},
    {FaultKind::lost_watch, "lost_watch", Family::registry, kHitsRegistry | kHitsNode, 5 * kSecond,
     "watch events are lost"},
    {FaultKind::lagging_read, "lagging_read", Family::registry, kHitsRegistry | kHitsNode,
     10 * kSecond, "reads see the past, `delay` ago"},
    {FaultKind::failover, "failover", Family::store, kStores, kSecond,
     "a replica takes over; with `lose_tail` the last writes are gone"},
    {FaultKind::error, "error", Family::store, kStores, 5 * kSecond,
     "operations fail with `probability`"},
    {FaultKind::lost_reply, "lost_reply", Family::store, kStores, 5 * kSecond,
     "applied, but the reply is lost"},
    {FaultKind::evict, "evict", Family::store, kHitsDirectory, 0,
     "records are evicted with `probability`"},
    {FaultKind::oom, "oom", Family::store, kStores, 5 * kSecond, "writes are refused"},
    {FaultKind::torn_write, "torn_write", Family::store, kStores, 2 * kSecond,
     "crashes in the middle of the next write; what is half there is discarded at the return"},
    {FaultKind::lost_fsync, "lost_fsync", Family::store, kStores, 500 * kMillisecond,
     "acknowledged writes never reach the disk: the next crash, at the end at the latest, loses "
     "them"},
    {FaultKind::disk_full, "disk_full", Family::store, kStores, 5 * kSecond,
     "writes fail with `probability`, reads are answered"},
    {FaultKind::disconnect, "disconnect", Family::bus, kHitsBus | kHitsNode, 2 * kSecond,
     "subscribers lose the bus and what it carried meanwhile"},
    {FaultKind::overflow, "overflow", Family::bus, kHitsBus | kHitsNode, kSecond,
     "the output buffer of a subscriber overflows"},
    {FaultKind::skew, "skew", Family::clock, kHitsNode | kHitsClient, kNever,
     "clocks of machines that start now begin `offset` ahead; nothing may depend on it"},
    {FaultKind::drift, "drift", Family::clock, kHitsNode | kHitsClient, 30 * kSecond,
     "the monotonic clock gains `ppm` millionths (loses, when negative)"},
    {FaultKind::jump, "jump", Family::clock, kHitsNode | kHitsClient, 0,
     "the monotonic clock leaps `offset` ahead, as after a pause that nobody saw"},
    {FaultKind::version_skew, "version_skew", Family::version, kMachines | kHitsClient,
     20 * kSecond,
     "restarted into another `version`, and back: 1 the first, 3 a later one that "
     "cannot talk to this one (2)"},
    {FaultKind::perturb, "perturb", Family::code, kHitsNode | kHitsAllNodes, 20 * kSecond,
     "the rare branch `site` is taken with `probability`; `imroute list sites` names them"},
};
static_assert(std::size(kFaults) == static_cast<size_t>(FaultKind::count_));

struct TargetName {
  TargetKind kind;
  const char* name;
};
constexpr TargetName kTargetNames[] = {
    {TargetKind::node, "node"},       {TargetKind::router, "router"},
    {TargetKind::client, "client"},   {TargetKind::directory, "directory"},
    {TargetKind::mailbox, "mailbox"}, {TargetKind::registry, "registry"},
    {TargetKind::bus, "bus"}};

bool parse_index(std::string_view text, uint64_t& out) {
  if (text.empty() || text.size() > 18) return false;
  if (text.size() > 1 && text[0] == '0') return false;
  out = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    out = out * 10 + static_cast<uint64_t>(c - '0');
  }
  return true;
}

}  // namespace

std::span<const NamedValue> durability_names() { return kDurabilities; }
std::span<const NamedValue> partition_shape_names() { return kShapes; }
std::span<const NamedValue> partition_direction_names() { return kDirections; }
std::span<const NamedValue> disposition_names() { return kDispositions; }
std::span<const NamedValue> fault_family_names() { return kFamilies; }
std::span<const NamedValue> swarm_dimension_names() { return kDimensions; }
std::span<const NamedValue> action_kind_names() { return kActions; }

std::span<const NamedValue> perturb_site_names() {
  static const std::array<NamedValue, kPerturbSites> kNames = [] {
    std::array<NamedValue, kPerturbSites> names{};
    for (size_t i = 0; i < kPerturbSites; ++i) {
      const PerturbSiteInfo& site = kPerturbSiteTable[i];
      names[i] = {site.name, static_cast<uint8_t>(i), site.help};
    }
    return names;
  }();
  return kNames;
}

const FaultInfo& fault_info(FaultKind kind) {
  IM_ASSERT(kind < FaultKind::count_);
  const FaultInfo& info = kFaults[static_cast<size_t>(kind)];
  IM_ASSERT(info.kind == kind);
  return info;
}
std::span<const FaultInfo> fault_infos() { return kFaults; }
std::string_view to_string(FaultKind kind) { return fault_info(kind).name; }
std::string_view to_string(FaultFamily family) {
  IM_ASSERT(family < FaultFamily::count_);
  return kFamilies[static_cast<size_t>(family)].name;
}

std::string target_text(const Target& target) {
  std::string out;
  for (const TargetName& name : kTargetNames) {
    if (name.kind == target.kind) out = name.name;
  }
  if (target.kind != TargetKind::node && target.kind != TargetKind::router &&
      target.kind != TargetKind::client) {
    return out;
  }
  switch (target.select) {
    case Target::Select::index:
      return out + ":" + std::to_string(target.index);
    case Target::Select::all:
      return out + ":*";
    case Target::Select::any:
      return out + ":any";
    case Target::Select::holder_of_user:
      return out + ":holder-of-user:" + std::to_string(target.index);
  }
  return out;
}

std::string target_text(const Fault& fault) {
  if (fault.target.kind == TargetKind::none) return {};
  if (!fault.is_edge) return target_text(fault.target);
  return "edge:" + target_text(fault.target) + (fault.both_ways ? "-" : ">") +
         target_text(fault.edge_to);
}

std::optional<Target> parse_target(std::string_view text) {
  const size_t colon = text.find(':');
  const std::string_view head = text.substr(0, colon);
  Target out;
  for (const TargetName& name : kTargetNames) {
    if (head == name.name) out.kind = name.kind;
  }
  if (out.kind == TargetKind::none) return std::nullopt;
  const bool machine = out.kind == TargetKind::node || out.kind == TargetKind::router ||
                       out.kind == TargetKind::client;
  if (!machine) return colon == std::string_view::npos ? std::optional(out) : std::nullopt;
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view rest = text.substr(colon + 1);
  constexpr std::string_view kHolder = "holder-of-user:";
  if (rest == "*") {
    out.select = Target::Select::all;
  } else if (rest == "any") {
    if (out.kind == TargetKind::client) return std::nullopt;
    out.select = Target::Select::any;
  } else if (rest.starts_with(kHolder)) {
    if (out.kind != TargetKind::node) return std::nullopt;
    out.select = Target::Select::holder_of_user;
    if (!parse_index(rest.substr(kHolder.size()), out.index)) return std::nullopt;
  } else if (!parse_index(rest, out.index)) {
    return std::nullopt;
  }
  return out;
}

bool parse_fault_target(std::string_view text, Fault& fault) {
  constexpr std::string_view kEdge = "edge:";
  if (!text.starts_with(kEdge)) {
    const auto one = parse_target(text);
    if (!one) return false;
    fault.target = *one;
    fault.is_edge = false;
    return true;
  }
  text.remove_prefix(kEdge.size());
  // "holder-of-user" has dashes of its own, so every separator is tried.
  for (size_t i = 1; i + 1 < text.size() && text.size() < 200; ++i) {
    if (text[i] != '-' && text[i] != '>') continue;
    const auto from = parse_target(text.substr(0, i));
    const auto to = parse_target(text.substr(i + 1));
    if (!from || !to) continue;
    fault.target = *from;
    fault.edge_to = *to;
    fault.is_edge = true;
    fault.both_ways = text[i] == '-';
    return true;
  }
  return false;
}

}  // namespace imroute
