#include "settings/shapes.h"

#include <string>
#include <vector>

#include "settings/names.h"

namespace imroute {

Shape placement_shape(PlacementConfig& p) {
  Shape shape;
  shape.add(choice_key("kind", p.kind, placement_kind_names(), "which node should hold a user"));
  shape.add(count_key("points_per_node", p.points_per_node, 1, 10'000, "points on the ring")
                .when("kind", {"consistent_hash"}));
  ShapeKey space = count_key("key_space", p.key_space, 1, UINT64_MAX,
                             "user ids are below it; default topology.users")
                       .when("kind", {"range"});
  space.write = [&p] {  // 0: not known yet
    return p.key_space == 0 ? JsonValue{} : JsonValue::make_number(p.key_space);
  };
  shape.add(std::move(space));
  return shape;
}

Shape strategy_shape(StrategyConfig& s) {
  const std::vector<std::string> caching{"cached_broadcast", "central", "mesh_directory"};
  Shape shape;
  shape.add(choice_key("kind", s.kind, strategy_kind_names(), "how a message finds its user"));
  shape.add(choice_key("mode", s.mode, central_mode_names(), "what the router does")
                .when("kind", {"central"}));
  shape.add(object_key("placement", placement_shape(s.placement), "where users are put")
                .when("kind", {"central"}));
  shape.add(choice_key("bus", s.bus, bus_kind_names(), "what carries a broadcast")
                .when("kind", {"broadcast", "cached_broadcast"}));
  shape.add(count_key("cache_entries", s.cache_entries, 0, 100'000'000,
                      "locations that a node remembers; 0: none")
                .when("kind", caching));
  shape.add(duration_key("cache_ttl", s.cache_ttl_ns, "a location is forgotten after it; 0s: never",
                         {.zero = true})
                .when("kind", caching));
  shape.add(duration_key("negative_ttl", s.negative_ttl_ns,
                         "\"offline\" is remembered so long; 0s: not at all, at most 1s",
                         {.zero = true})
                .when("kind", caching));
  shape.add(
      flag_key("hints", s.hints, "a NACK may tell where the user went").when("kind", caching));
  return shape;
}

Shape balancer_shape(BalancerConfig& b) {
  Shape shape;
  shape.add(choice_key("kind", b.kind, balancer_kind_names(), "how one of several is chosen"));
  shape.add(count_key("points_per_node", b.points_per_node, 1, 10'000,
                      "points on the ring for a weight of 1")
                .when("kind", {"consistent_hash"}));
  shape.add(flag_key("cim_compatible", b.cim_compatible, "the ring of CIM exactly")
                .when("kind", {"consistent_hash"}));
  shape.add(
      count_key("choices", b.choices, 0, 1'000, "look only at so many, drawn at random; 0: at all")
          .when("kind", {"least_active"}));
  return shape;
}

Shape invocation_shape(InvocationConfig& i) {
  Shape shape;
  shape.add(choice_key("policy", i.policy, policy_kind_names(),
                       "what a call between node and router does about failures"));
  shape.add(count_key("retries", i.retries, 0, 100, "attempts after the first")
                .when("policy", {"failover", "failback"}));
  shape.add(count_key("forks", i.forks, 1, 16, "calls in parallel").when("policy", {"forking"}));
  shape.add(count_key("required_percent", i.required_percent, 1, 100, "share that must succeed")
                .when("policy", {"broadcast"}));
  shape.add(duration_key("call_timeout", i.call_timeout_ns, "a call without answer has failed"));
  shape.add(duration_key("backoff", i.backoff_ns, "before the second retry, then doubling")
                .when("policy", {"failover"}));
  shape.add(duration_key("failback_interval", i.failback_interval_ns, "between background retries")
                .when("policy", {"failback"}));
  shape.add(count_key("failback_queue", i.failback_queue, 1, 1'000'000, "calls that may wait")
                .when("policy", {"failback"}));
  shape.add(count_key("retry_budget_percent", i.retry_budget_percent, 0, 1'000,
                      "retries per hundred calls of the last ten seconds")
                .when("policy", {"failover", "failback"}));
  shape.add(flag_key("breaker", i.breaker, "stop calling a target that keeps failing"));
  shape.add(count_key("breaker_failures", i.breaker_failures, 1, 1'000'000,
                      "consecutive failures that open the circuit"));
  shape.add(duration_key("breaker_open", i.breaker_open_ns, "then one call may try again"));
  shape.add(flag_key("degraded_answer", i.degraded_answer,
                     "when all fails, answer from the cache, marked stale"));
  shape.add(object_key("balancer", balancer_shape(i.balancer), "chooses among the routers"));
  return shape;
}

Shape sessions_shape(SessionConfig& s) {
  const DurationRule derived{.derived = true};
  Shape shape;
  shape.add(choice_key("policy", s.policy, login_policy_names(),
                       "which devices of a user may be online together"));
  shape.add(duration_key("lease", s.lease_ns,
                         "of a node in the registry: silent for so long, it is dead"));
  shape.add(duration_key("client_lease", s.client_lease_ns,
                         "a client without an answered ping for so long shows nothing more; below "
                         "lease, default 3/4 of it",
                         derived));
  shape.add(duration_key("session_check", s.session_check_ns,
                         "a node compares its sessions with the directory; default lease/2",
                         derived));
  shape.add(duration_key("heartbeat", s.heartbeat_ns, "between servers"));
  shape.add(duration_key("heartbeat_timeout", s.heartbeat_timeout_ns,
                         "a silent server is taken for dead; default 3 heartbeats", derived));
  shape.add(duration_key("client_heartbeat", s.client_heartbeat_ns,
                         "ping of a client; default client_lease/3", derived));
  shape.add(count_key("max_drift_ppm", s.max_drift_ppm, 0, 400'000,
                      "clocks drift at most so many parts per million"));
  shape.add(duration_key("backoff_min", s.backoff_min_ns, "first pause before a reconnect"));
  shape.add(duration_key("backoff_max", s.backoff_max_ns, "longest pause before a reconnect"));
  shape.add(count_key("admission_per_second", s.admission_per_second, 1, 1'000'000'000,
                      "logins that a node takes on"));
  shape.add(flag_key("handover", s.handover,
                     "the old node passes on what was not acknowledged when a device moves"));
  return shape;
}

Shape delivery_shape(DeliveryConfig& d) {
  Shape shape;
  shape.add(choice_key("guarantee", d.guarantee, guarantee_names(), "reliability"));
  shape.add(choice_key("order", d.order, order_names(), "inside one conversation"));
  shape.add(count_key("window", d.window, 1, kMaxWindow, "unacknowledged deliveries of a session"));
  shape.add(size_key("window_bytes", d.window_bytes, 1, kMaxWindowBytes, "and their bytes"));
  shape.add(flag_key("dedup", d.dedup, "clients hide what they have shown before"));
  shape.add(duration_key("ack_timeout", d.ack_timeout_ns, "first redelivery, then adaptive"));
  shape.add(duration_key("send_timeout", d.send_timeout_ns, "a client repeats an unanswered send"));
  shape.add(duration_key("sync_interval", d.sync_interval_ns,
                         "a node compares its sessions with the mailbox"));
  shape.add(duration_key("gap_wait", d.gap_wait_ns,
                         "an early message waits so long for the one before it"));
  shape.add(duration_key("route_deadline", d.route_deadline_ns,
                         "no answer to a push for so long: unknown"));
  shape.add(duration_key("store_deadline", d.store_deadline_ns, "of one store operation"));
  return shape;
}

void complete(SessionConfig& s) {
  s.client_lease_ns = s.client_lease();
  s.session_check_ns = s.session_check();
  s.heartbeat_timeout_ns = s.heartbeat_timeout();
  s.client_heartbeat_ns = s.client_heartbeat();
}

}  // namespace imroute
