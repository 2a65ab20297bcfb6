#include "harness/scenario/swarm.h"

#include <algorithm>
#include <initializer_list>

#include "core/base/rng.h"
#include "harness/scenario/bounds.h"
#include "harness/scenario/names.h"

namespace imroute {
namespace {

// Draws by the name of a key.
class KeyedDraw {
 public:
  explicit KeyedDraw(uint64_t seed) : seed_(seed) {}

  uint64_t between(std::string_view key, uint64_t lo, uint64_t hi) const {
    return lo + stream(key).below(hi - lo + 1);
  }
  bool chance(std::string_view key, uint64_t numerator, uint64_t denominator) const {
    return stream(key).chance(numerator, denominator);
  }
  // A value that stands twice is twice as likely.
  template <class T>
  T of(std::string_view key, std::initializer_list<T> values) const {
    return values.begin()[stream(key).below(values.size())];
  }
  template <class E>
  E word(std::string_view key, std::span<const NamedValue> words) const {
    return static_cast<E>(words[stream(key).below(words.size())].value);
  }
  Rng stream(std::string_view key) const {
    return Rng::stream(seed_, std::string("swarm ") + std::string(key));
  }

 private:
  uint64_t seed_;
};

template <class T>
bool contains(const std::vector<T>& list, const T& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

constexpr DurationNs ms(int64_t n) { return n * kMillisecond; }

BalancerConfig drawn_balancer(const std::string& at, const KeyedDraw& draw) {
  BalancerConfig b;
  b.kind = draw.word<BalancerKind>(at + "/kind", balancer_kind_names());
  if (b.kind == BalancerKind::consistent_hash) {
    b.points_per_node = draw.of(at + "/points_per_node", {8u, 160u});
    b.cim_compatible = draw.chance(at + "/cim_compatible", 1, 6);
  }
  if (b.kind == BalancerKind::least_active) b.choices = draw.of(at + "/choices", {0u, 2u});
  return b;
}

void draw_topology(Scenario& s, const KeyedDraw& draw) {
  Topology& t = s.topology;
  t.nodes = static_cast<uint32_t>(draw.between("topology/nodes", 2, 7));
  t.routers = static_cast<uint32_t>(draw.between("topology/routers", 1, 3));
  t.users = draw.between("topology/users", 20, 80);
  t.devices_per_user = static_cast<uint32_t>(draw.between("topology/devices_per_user", 1, 2));
  t.device_types = Topology{}.device_types;
  if (draw.chance("topology/device_types", 1, 2)) {
    t.device_types = {ClientType::mobile, ClientType::pad};
  }
  t.node_weights.clear();
  if (!draw.chance("topology/weighted", 1, 4)) return;
  Rng weights = draw.stream("topology/node_weights");
  for (uint32_t i = 0; i < t.nodes; ++i) {
    t.node_weights.push_back(static_cast<uint32_t>(1 + weights.below(4)));
  }
}

void draw_strategy(Scenario& s, const KeyedDraw& draw) {
  StrategyConfig c;
  c.kind = draw.word<StrategyKind>("strategy/kind", strategy_kind_names());
  if (c.kind == StrategyKind::central) {
    c.mode = draw.word<CentralMode>("strategy/mode", central_mode_names());
    c.placement.kind = draw.word<PlacementKind>("strategy/placement/kind", placement_kind_names());
    if (c.placement.kind == PlacementKind::consistent_hash) {
      c.placement.points_per_node = draw.of("strategy/placement/points_per_node", {8u, 160u});
    }
  }
  if (c.kind == StrategyKind::broadcast || c.kind == StrategyKind::cached_broadcast) {
    c.bus = draw.word<BusKind>("strategy/bus", bus_kind_names());
  }
  if (c.kind != StrategyKind::broadcast) {
    c.cache_entries = draw.of("strategy/cache_entries", {0u, 2u, 16u, 4096u, 4096u, 4096u});
    c.cache_ttl_ns = draw.of("strategy/cache_ttl", {ms(500), 5 * kSecond, 60 * kSecond, ms(0)});
    c.negative_ttl_ns = draw.of("strategy/negative_ttl", {ms(0), ms(200), ms(1000)});
    c.hints = draw.chance("strategy/hints", 3, 4);
  }
  s.strategy = c;
}

void draw_balancer(Scenario& s, const KeyedDraw& draw) {
  s.balancer = drawn_balancer("balancer", draw);
}

void draw_invocation(Scenario& s, const KeyedDraw& draw) {
  InvocationConfig i;
  i.policy = draw.word<PolicyKind>("invocation/policy", policy_kind_names());
  const bool retries = i.policy == PolicyKind::failover || i.policy == PolicyKind::failback;
  if (retries) {
    i.retries = static_cast<uint32_t>(draw.between("invocation/retries", 0, 3));
    i.retry_budget_percent = draw.of("invocation/retry_budget_percent", {20u, 100u});
  }
  if (i.policy == PolicyKind::failover) {
    i.backoff_ns = draw.of("invocation/backoff", {ms(10), ms(50), ms(200)});
  }
  if (i.policy == PolicyKind::failback) {
    i.failback_interval_ns = draw.of("invocation/failback_interval", {ms(500), ms(2000), ms(5000)});
    i.failback_queue = draw.of("invocation/failback_queue", {2u, 100u});
  }
  if (i.policy == PolicyKind::forking) {
    i.forks = static_cast<uint32_t>(draw.between("invocation/forks", 1, 3));
  }
  if (i.policy == PolicyKind::broadcast) {
    i.required_percent = draw.of("invocation/required_percent", {34u, 100u});
  }
  i.call_timeout_ns = draw.of("invocation/call_timeout", {ms(200), ms(500), ms(1000)});
  i.breaker = draw.chance("invocation/breaker", 3, 4);
  i.breaker_failures = draw.of("invocation/breaker_failures", {2u, 5u});
  i.breaker_open_ns = draw.of("invocation/breaker_open", {ms(500), ms(2000)});
  i.degraded_answer = draw.chance("invocation/degraded_answer", 1, 4);
  i.balancer = drawn_balancer("invocation/balancer", draw);
  s.invocation = i;
}

void draw_sessions(Scenario& s, const KeyedDraw& draw) {
  SessionConfig c;
  c.policy = draw.word<LoginPolicy>("sessions/policy", login_policy_names());
  c.lease_ns = draw.of("sessions/lease", {3 * kSecond, 6 * kSecond, 6 * kSecond, 10 * kSecond});
  c.heartbeat_ns = draw.of("sessions/heartbeat", {ms(300), ms(1000)});
  c.backoff_min_ns = draw.of("sessions/backoff_min", {ms(50), ms(100), ms(300)});
  c.backoff_max_ns = draw.of("sessions/backoff_max", {ms(1000), ms(3000)});
  c.admission_per_second = draw.of("sessions/admission_per_second", {20u, 200u, 5000u, 5000u});
  c.handover = draw.chance("sessions/handover", 4, 5);
  s.sessions = c;
}

void draw_delivery(Scenario& s, const KeyedDraw& draw) {
  DeliveryConfig d;
  d.guarantee = s.delivery.guarantee;
  d.order =
      draw.of("delivery/order", {Order::windowed, Order::windowed, Order::windowed, Order::windowed,
                                 Order::stop_and_wait, Order::stop_and_wait, Order::none});
  d.window = draw.of("delivery/window", {2u, 3u, 4u, 8u, 16u, 32u, 64u, 64u});
  d.window_bytes =
      draw.of("delivery/window_bytes", {uint32_t{8} << 10, uint32_t{32} << 10, kMaxWindowBytes});
  d.ack_timeout_ns = draw.of("delivery/ack_timeout", {ms(500), ms(1000), ms(2000), ms(4000)});
  d.send_timeout_ns = draw.of("delivery/send_timeout", {ms(1000), ms(2000), ms(4000)});
  d.sync_interval_ns = draw.of("delivery/sync_interval", {ms(1000), ms(2000), ms(5000), ms(8000)});
  d.gap_wait_ns = draw.of("delivery/gap_wait", {ms(50), ms(250), ms(1000)});
  d.route_deadline_ns = draw.of("delivery/route_deadline", {ms(300), ms(500), ms(1000)});
  d.store_deadline_ns = draw.of("delivery/store_deadline", {ms(500), ms(1000), ms(2000)});
  s.delivery = d;
}

void draw_mailbox(Scenario& s, const KeyedDraw& draw) {
  MailboxConfig m;
  if (draw.chance("mailbox/durability", 1, 4)) {
    m.durability = Durability::async;
    m.unsynced_window_ns = draw.of("mailbox/unsynced_window", {ms(200), ms(1000)});
  }
  m.retention_ns =
      draw.of("mailbox/retention", {ms(0), ms(0), ms(0), ms(0), 10 * kSecond, 30 * kSecond});
  s.mailbox = m;
}

void draw_network(Scenario& s, const KeyedDraw& draw) {
  const auto latency = [&](std::string_view key, Quantiles& field, Quantiles fast, Quantiles slow) {
    const uint64_t which = draw.between(key, 0, 3);
    if (which == 0) field = fast;
    if (which == 1) field = slow;
  };
  NetworkConfig n;
  n.by_value = s.network.by_value;
  latency("network/client/latency", n.client.latency, {ms(1), ms(2), 0, ms(8), ms(20)},
          {ms(20), ms(60), 0, ms(250), ms(400)});
  latency("network/peer/latency", n.peer.latency, {50'000, 100'000, 0, 400'000, ms(1)},
          {ms(1), ms(3), 0, ms(15), ms(30)});
  latency("network/service/latency", n.service.latency, {50'000, 100'000, 0, 300'000, ms(1)},
          {ms(1), ms(3), 0, ms(12), ms(30)});
  if (draw.chance("network/service/far", 1, 6)) {
    n.service.latency = {ms(10), ms(40), 0, ms(100), ms(200)};
  }
  if (draw.chance("network/client/queue", 1, 5)) n.client.queue_bytes = uint64_t{64} << 10;
  if (draw.chance("network/peer/queue", 1, 5)) n.peer.queue_bytes = uint64_t{256} << 10;
  s.network = n;
}

// In some clusters users make their groups while others write to them already. Who makes one
// belongs to it, so who belongs to them is drawn here too. One in three is made twice: who comes
// second is refused, or makes it because the first one could not.
void draw_created_groups(Scenario& s, const KeyedDraw& draw) {
  Topology& t = s.topology;
  if (!t.group_members.empty() || !s.workload.actions.empty()) return;  // the file's own
  if (t.group_count == 0 || !draw.chance("topology/groups/created", 1, 4)) return;
  Rng rng = draw.stream("topology/groups/members");
  for (uint32_t group = 0; group < t.group_count; ++group) {
    std::vector<uint64_t>& members = t.group_members.emplace_back();
    while (members.size() < std::min<uint64_t>(t.group_size, t.users)) {
      const uint64_t user = rng.below(t.users);
      if (!contains(members, user)) members.push_back(user);
    }
    const uint64_t made = rng.chance(1, 4)   ? 0
                          : rng.chance(1, 3) ? 2
                                             : 1;  // 0: there from the start
    for (uint64_t i = 0; i < made; ++i) {
      ScriptedAction create;
      create.kind = ActionKind::create;
      create.at_ns = rng.between(s.duration_ns / 20, s.duration_ns / 2) / ms(1) * ms(1);
      create.user = members[rng.below(members.size())];
      create.device = static_cast<uint32_t>(rng.below(t.devices_per_user));
      create.group = group;
      s.workload.actions.push_back(create);
    }
    std::sort(members.begin(), members.end());
  }
}

void draw_workload(Scenario& s, const KeyedDraw& draw) {
  constexpr uint64_t kPerHour = 1'000'000 / 3600;  // in 1e-6/s
  WorkloadConfig& w = s.workload;
  w.rate_microhz = draw.of("workload/rate_per_user", {100'000ull, 200'000ull, 400'000ull});
  w.reply_share_ppm = draw.of("workload/reply_share", {0u, 300'000u, 600'000u});
  w.contacts_per_user = static_cast<uint32_t>(draw.between("workload/contacts_per_user", 1, 15));
  w.contact_skew_ppm = draw.of("workload/contact_skew", {0u, 0u, 1'000'000u});
  w.relocations_microhz =
      kPerHour * draw.of("workload/relocations_per_user", {0ull, 30ull, 60ull, 240ull});
  w.offline_share_ppm = draw.of("workload/offline/share", {0u, 100'000u, 300'000u});
  w.offline_away_ns = draw.of("workload/offline/away", {2 * kSecond, 10 * kSecond, 20 * kSecond});
  w.payload = WorkloadConfig{}.payload;
  if (draw.chance("workload/payload", 1, 4)) w.payload = {100, 1000, 0, 6000, 8000};
  // Groups belong to what users do: they vary with the workload.
  Topology& t = s.topology;
  t.group_count = draw.of("topology/groups/count", {0u, 1u, 3u, 6u});
  t.group_size =
      t.group_count == 0 ? 0 : static_cast<uint32_t>(draw.between("topology/groups/size", 2, 16));
  w.group_share_ppm = draw.of("workload/group_share", {50'000u, 150'000u, 500'000u});
  w.group_changes_microhz =
      kPerHour * draw.of("workload/group_changes_per_group", {0ull, 60ull, 300ull});
  draw_created_groups(s, draw);
}

void draw_nemesis_pace(Scenario& s, const KeyedDraw& draw) {
  if (!s.nemesis.enabled) return;
  s.nemesis.mean_interval_ns =
      draw.of("nemesis/mean_interval", {ms(1000), ms(2000), ms(3000), ms(5000), ms(10'000)});
}

// Who waits for a store or a router waits for as long as one takes that is well: the settings that
// are drawn give way to those of the file.
void fit_deadlines(Scenario& s, bool network, bool delivery, bool invocation) {
  DeliveryConfig& d = s.delivery;
  InvocationConfig& i = s.invocation;
  const bool too_slow = (!delivery && d.store_deadline_ns < store_answer(s.network)) ||
                        (!invocation && i.call_timeout_ns < router_answer(s.network));
  if (network && too_slow) s.network.service.latency = NetworkConfig{}.service.latency;
  if (invocation) i.call_timeout_ns = std::max(i.call_timeout_ns, router_answer(s.network));
  if (!delivery) return;
  const DurationNs clients = 2 * slowest_trip(s.network.client);
  d.store_deadline_ns = std::max(d.store_deadline_ns, store_answer(s.network));
  d.route_deadline_ns = std::max(d.route_deadline_ns, longest_push(s.network));
  d.send_timeout_ns = std::max(d.send_timeout_ns, clients + 2 * store_answer(s.network));
}

// After everything that decides how long the protocol may take.
void draw_liveness(Scenario& s, const KeyedDraw& draw) {
  s.liveness = {};
  if (!s.nemesis.enabled || !draw.chance("liveness", 1, 3)) return;
  const DurationNs most = s.duration_ns - s.warmup_ns;
  const DurationNs wanted = settling_bound(s) + ms(6000);
  if (wanted < most) s.liveness.for_ns = wanted;
  // Now and then long enough for logins too, though that leaves less time for chaos before.
  const DurationNs longer = wanted + login_bound(s, s.topology.nodes / 2);
  if (longer < most && draw.chance("liveness/logins", 1, 2)) s.liveness.for_ns = longer;
}

void draw_schedule(Scenario& s, const KeyedDraw& draw) {
  s.permute_ties = draw.chance("permute_ties", 1, 2);
}

struct Row {
  SwarmDimension dimension;
  const char* section;
  void (*draw)(Scenario&, const KeyedDraw&);
};
constexpr Row kRows[] = {
    {SwarmDimension::topology, "topology", draw_topology},
    {SwarmDimension::strategy, "strategy", draw_strategy},
    {SwarmDimension::balancer, "balancer", draw_balancer},
    {SwarmDimension::invocation, "invocation", draw_invocation},
    {SwarmDimension::sessions, "sessions", draw_sessions},
    {SwarmDimension::delivery, "delivery", draw_delivery},
    {SwarmDimension::mailbox, "mailbox", draw_mailbox},
    {SwarmDimension::network, "network", draw_network},
    {SwarmDimension::workload, "workload", draw_workload},
    {SwarmDimension::nemesis, "nemesis", draw_nemesis_pace},
    {SwarmDimension::liveness, "liveness", draw_liveness},
    {SwarmDimension::schedule, "permute_ties", draw_schedule},
};

}  // namespace

std::string_view swarm_section(SwarmDimension dimension) {
  return kRows[static_cast<size_t>(dimension)].section;
}

void draw_swarm(Scenario& s, const std::vector<std::string>& pinned) {
  const SwarmConfig swarm = s.swarm;
  const KeyedDraw draw(swarm.seed.value_or(s.seed));
  const Topology before = s.topology;
  const std::vector<ScriptedAction> actions = s.workload.actions;
  const auto is_drawn = [&](SwarmDimension dimension) {
    return (swarm.dimensions.empty() || contains(swarm.dimensions, dimension)) &&
           !contains(pinned, std::string(swarm_section(dimension)));
  };
  for (const Row& row : kRows) {
    if (row.dimension == SwarmDimension::liveness) {
      fit_deadlines(s, is_drawn(SwarmDimension::network), is_drawn(SwarmDimension::delivery),
                    is_drawn(SwarmDimension::invocation));
    }
    if (is_drawn(row.dimension)) row.draw(s, draw);
  }
  // What is drawn must fit what is not.
  Topology& t = s.topology;
  if (contains<std::string>(pinned, "topology")) {
    t = before;
    s.workload.actions = actions;  // those drawn are of groups that are not there
  }
  t.group_size = static_cast<uint32_t>(std::min<uint64_t>(t.group_size, t.users));
  if (t.group_count == 0) s.workload.group_share_ppm = 0;
  if (t.group_count == 0) s.workload.group_changes_microhz = 0;
  if (t.nodes == 1) s.workload.relocations_microhz = 0;
  if (t.node_weights.size() != t.nodes) t.node_weights.clear();
  s.swarm = {};
}

}  // namespace imroute
