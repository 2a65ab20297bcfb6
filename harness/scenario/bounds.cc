#include "harness/scenario/bounds.h"

namespace imroute {

namespace {
// A watch that fires later than this was delayed on purpose.
constexpr DurationNs kWatchDelay = kSecond;
}  // namespace

DurationNs sync_bound(const Scenario& s) {
  const DurationNs interval = s.delivery.sync_interval_ns;
  return interval + interval / 4 + s.delivery.store_deadline_ns;
}

DurationNs convergence_bound(const Scenario& s) {
  return s.sessions.lease_ns + kWatchDelay + s.sessions.heartbeat_timeout() +
         s.sessions.backoff_max_ns + sync_bound(s);
}

DurationNs settling_bound(const Scenario& s) {
  return convergence_bound(s) + s.sessions.session_check();
}

}  // namespace imroute
