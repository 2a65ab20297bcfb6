// Everything a machine can be told at start-up. Plain values with their defaults; JSON is read
// elsewhere. Durations in nanoseconds.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/ids.h"
#include "core/base/time.h"
#include "core/model/limits.h"
#include "core/model/perturb.h"
#include "core/model/session.h"

namespace imroute {

enum class StrategyKind : uint8_t { broadcast, cached_broadcast, central, mesh_directory };
enum class CentralMode : uint8_t { resolve, forward };
enum class PlacementKind : uint8_t { table, hash, consistent_hash, range };
enum class BusKind : uint8_t { mesh, pubsub };

struct PlacementConfig {
  PlacementKind kind = PlacementKind::table;
  uint32_t points_per_node = 160;  // consistent_hash
  uint64_t key_space = 0;          // range: user ids are below it; 0 = the full 64 bits
  friend bool operator==(const PlacementConfig&, const PlacementConfig&) = default;
};

struct StrategyConfig {
  StrategyKind kind = StrategyKind::central;
  CentralMode mode = CentralMode::resolve;  // central only
  PlacementConfig placement;                // central only
  BusKind bus = BusKind::mesh;              // broadcast kinds only
  uint32_t cache_entries = 4096;            // 0 = no cache
  DurationNs cache_ttl_ns = 60 * kSecond;   // 0 = entries do not age
  DurationNs negative_ttl_ns = kSecond;     // at most one second
  bool hints = true;                        // NACK may carry where the user went

  // Login is decided by the placement (then `balancer` is not asked).
  bool places_logins() const {
    return kind == StrategyKind::central && placement.kind != PlacementKind::table;
  }
  friend bool operator==(const StrategyConfig&, const StrategyConfig&) = default;
};

enum class BalancerKind : uint8_t { consistent_hash, least_active, random, round_robin };

struct BalancerConfig {
  BalancerKind kind = BalancerKind::consistent_hash;
  uint32_t points_per_node = 160;  // consistent_hash
  bool cim_compatible = false;     // consistent_hash: CIM's ring exactly
  uint32_t choices = 0;            // least_active: look at this many drawn at random; 0 = all
  friend bool operator==(const BalancerConfig&, const BalancerConfig&) = default;
};

enum class PolicyKind : uint8_t {
  failover,
  failfast,
  failsafe,
  failback,
  forking,
  broadcast,
  available
};

struct InvocationConfig {
  PolicyKind policy = PolicyKind::failover;
  uint32_t retries = 2;  // failover: attempts after the first; failback: background attempts
  uint32_t forks = 2;    // forking: calls in parallel
  uint32_t required_percent = 100;  // broadcast: share that must succeed
  DurationNs call_timeout_ns = 500 * kMillisecond;
  DurationNs backoff_ns = 50 * kMillisecond;  // failover: before the second retry, doubling
  DurationNs failback_interval_ns = 5 * kSecond;
  uint32_t failback_queue = 100;
  uint32_t retry_budget_percent = 20;  // retries per call over the last 10 s, at least 10 calls
  bool breaker = true;
  uint32_t breaker_failures = 5;             // consecutive failures that open the circuit
  DurationNs breaker_open_ns = 2 * kSecond;  // then one half-open probe
  bool degraded_answer = false;              // answer from the cache, marked stale, when all fails
  BalancerConfig balancer{.kind = BalancerKind::random};
  friend bool operator==(const InvocationConfig&, const InvocationConfig&) = default;
};

enum class Guarantee : uint8_t { at_most_once, at_least_once };
enum class Order : uint8_t { none, stop_and_wait, windowed };

struct DeliveryConfig {
  Guarantee guarantee = Guarantee::at_least_once;
  Order order = Order::windowed;
  uint32_t window = kMaxWindow;
  uint32_t window_bytes = kMaxWindowBytes;
  bool dedup = true;                         // client: hide what was shown before
  DurationNs ack_timeout_ns = 2 * kSecond;   // first redelivery timeout, then adaptive
  DurationNs send_timeout_ns = 2 * kSecond;  // client: repeats an unanswered SEND
  DurationNs sync_interval_ns = 5 * kSecond;
  DurationNs gap_wait_ns =
      250 * kMillisecond;  // an early entry waits this long for its predecessor
  DurationNs route_deadline_ns = 500 * kMillisecond;  // no ROUTE_ACK for that long means unknown
  DurationNs store_deadline_ns = kSecond;             // per store operation

  uint32_t effective_window() const { return order == Order::stop_and_wait ? 1 : window; }
  friend bool operator==(const DeliveryConfig&, const DeliveryConfig&) = default;
};

struct SessionConfig {
  LoginPolicy policy = LoginPolicy::all;
  DurationNs lease_ns = 6 * kSecond;               // node's lease in the registry
  DurationNs client_lease_ns = 0;                  // 0 = 3/4 of lease_ns; must be below it
  DurationNs session_check_ns = 0;                 // 0 = lease / 2
  DurationNs heartbeat_ns = kSecond;               // beacons between servers
  DurationNs heartbeat_timeout_ns = 0;             // 0 = 3 heartbeats
  DurationNs client_heartbeat_ns = 0;              // 0 = client_lease / 3
  uint32_t max_drift_ppm = 10'000;                 // monotonic clocks drift at most 1 %
  DurationNs backoff_min_ns = 100 * kMillisecond;  // reconnect, doubling, jittered
  DurationNs backoff_max_ns = 3 * kSecond;
  uint32_t admission_per_second = 5000;  // binds a node takes on
  bool handover = true;

  DurationNs client_lease() const {
    return client_lease_ns != 0 ? client_lease_ns : lease_ns * 3 / 4;
  }
  DurationNs session_check() const {
    return session_check_ns != 0 ? session_check_ns : lease_ns / 2;
  }
  DurationNs heartbeat_timeout() const {
    return heartbeat_timeout_ns != 0 ? heartbeat_timeout_ns : 3 * heartbeat_ns;
  }
  DurationNs client_heartbeat() const {
    return client_heartbeat_ns != 0 ? client_heartbeat_ns : client_lease() / 3;
  }
  friend bool operator==(const SessionConfig&, const SessionConfig&) = default;
};

// Memory a node may use: counts of things, all at most what the driver can afford.
struct NodeCapacity {
  uint32_t sessions = 20'000;
  uint32_t conversations = 400'000;  // (session, conversation) pairs followed
  uint32_t routes = 65'536;          // routes in flight
  uint32_t operations = 65'536;      // store operations in flight
  uint32_t appends = 65'536;         // sends being appended
  uint32_t groups = 65'536;          // groups whose members are cached
};

struct NodeConfig {
  NodeId id;
  uint32_t weight = 1;
  uint64_t seed = 0;
  uint32_t routers = 0;  // routers 0 .. routers-1 exist
  StrategyConfig strategy;
  InvocationConfig invocation;
  DeliveryConfig delivery;
  SessionConfig sessions;
  NodeCapacity capacity;
  PerturbTable perturb{};  // all zero in production
};

struct RouterConfig {
  RouterId id;
  uint64_t seed = 0;
  StrategyConfig strategy;
  BalancerConfig balancer;  // places logins
  DeliveryConfig delivery;  // store deadline
  SessionConfig sessions;
  uint32_t calls = 65'536;  // in flight
};

struct ClientConfig {
  DeviceKey key;
  ClientType client_type = ClientType::mobile;
  uint64_t seed = 0;
  uint32_t routers = 1;
  DeliveryConfig delivery;
  SessionConfig sessions;
  uint32_t outbox = 256;  // entries waiting to be accepted, all conversations
};

}  // namespace imroute
