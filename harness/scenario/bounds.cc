#include "harness/scenario/bounds.h"

#include <algorithm>

namespace imroute {

namespace {
// A watch that fires later than this was delayed on purpose.
constexpr DurationNs kWatchDelay = kSecond;
}  // namespace

DurationNs slowest_trip(const LinkClass& link) {
  const uint64_t rate = link.bandwidth_bits_per_second;
  const uint64_t ahead = rate == 0 ? 0 : uint64_t{kMaxPayloadBytes} * 8 * kSecond / rate;
  return link.latency.p100 + static_cast<DurationNs>(ahead);
}

DurationNs store_answer(const NetworkConfig& network) { return 2 * slowest_trip(network.service); }

DurationNs router_answer(const NetworkConfig& network) {
  return 2 * slowest_trip(network.peer) + store_answer(network);
}

DurationNs longest_push(const NetworkConfig& network) {
  return 5 * slowest_trip(network.peer) + 4 * slowest_trip(network.service) +
         slowest_trip(network.client);
}

DurationNs sync_bound(const Scenario& s) {
  const DurationNs interval = s.delivery.sync_interval_ns;
  return interval + interval / 4 + s.delivery.store_deadline_ns;
}

DurationNs convergence_bound(const Scenario& s) {
  // Who did not hear of a session looks it up once a session check has told so.
  return std::max(s.sessions.lease_ns, s.sessions.session_check()) + kWatchDelay +
         s.sessions.heartbeat_timeout() + kConnectTimeoutNs + s.sessions.backoff_max_ns +
         sync_bound(s);
}

DurationNs login_bound(const Scenario& s, uint32_t lost_nodes) {
  const int64_t failures = int64_t{std::max(s.topology.routers, 1u)} - 1 + lost_nodes;
  const uint64_t devices = s.topology.users * s.topology.devices_per_user;
  const auto seconds =
      static_cast<int64_t>(devices / std::max(s.sessions.admission_per_second, 1u));
  return failures * (s.delivery.send_timeout_ns + s.sessions.backoff_max_ns) + seconds * kSecond;
}

DurationNs delivery_round(const Scenario& s) {
  return 2 * slowest_trip(s.network.client) + 2 * slowest_trip(s.network.service) +
         s.delivery.gap_wait_ns;
}

DurationNs settling_bound(const Scenario& s) {
  return convergence_bound(s) + s.sessions.session_check();
}

}  // namespace imroute
