#include "harness/scenario/scenario_shape.h"

#include <algorithm>
#include <memory>

#include "config/suggest.h"
#include "config/units.h"
#include "harness/scenario/names.h"

namespace imroute {
namespace {

constexpr uint64_t kMostNodes = 10'000;
constexpr int64_t kNotGiven = -1;

constexpr NamedValue kWires[] = {{"bytes", 0, "every frame is encoded and decoded"},
                                 {"by_value", 1, "the codec is skipped, same trace, faster"}};
constexpr NamedValue kWorkloads[] = {{"chat", 0, "users talk to contacts and groups"}};

// ---- quantile tables ---------------------------------------------------------------------------

// What a file gives of a table; the rest follows from p50 and p99.
struct GivenQuantiles {
  int64_t p0 = kNotGiven, p50 = kNotGiven, p90 = kNotGiven, p99 = kNotGiven, p100 = kNotGiven;
};

Quantiles completed(const GivenQuantiles& given, int64_t most) {
  Quantiles out;
  out.p50 = given.p50;
  out.p0 = given.p0 == kNotGiven ? given.p50 / 2 : given.p0;
  out.p99 = given.p99 == kNotGiven ? std::min(given.p50 * 2, most) : given.p99;
  out.p100 = given.p100 == kNotGiven ? std::max(out.p99, std::min(out.p99 * 2, most)) : given.p100;
  out.has_p90 = given.p90 != kNotGiven;
  out.p90 = out.has_p90 ? given.p90 : 0;
  return out;
}

bool rises(const Quantiles& q) {
  return q.p0 <= q.p50 && q.p50 <= (q.has_p90 ? q.p90 : q.p50) &&
         (q.has_p90 ? q.p90 : q.p50) <= q.p99 && q.p99 <= q.p100;
}

using PointKey = ShapeKey (*)(const char* name, int64_t& field, const char* help);

Shape quantiles_shape(GivenQuantiles& given, PointKey point) {
  Shape shape;
  shape.add(point("p0", given.p0, "smallest; default half of p50"));
  shape.add(point("p50", given.p50, "median").require());
  shape.add(point("p90", given.p90, "nine of ten are at most this; default: on the line"));
  shape.add(point("p99", given.p99, "99 of 100 are at most this; default twice p50"));
  shape.add(point("p100", given.p100, "largest; default twice p99"));
  return shape;
}

ShapeKey quantiles_key(const char* name, Quantiles& field, PointKey point, int64_t most,
                       const char* help) {
  ShapeKey key;
  key.name = name;
  key.help = help;
  key.read = [&field, point, most](const JsonValue& value, ShapeReader& reader) {
    GivenQuantiles given;
    const size_t errors = reader.errors();
    read_shape(quantiles_shape(given, point), value, reader);
    if (reader.errors() != errors) return;
    const Quantiles got = completed(given, most);
    if (!rises(got)) {
      reader.error(value,
                   "the points do not rise: p0 <= p50 <= p90 <= p99 <= p100 must hold "
                   "(p0 defaults to p50/2, p99 to 2*p50, p100 to 2*p99)");
      return;
    }
    field = got;
  };
  key.write = [&field, point] {
    GivenQuantiles given{field.p0, field.p50, field.has_p90 ? field.p90 : kNotGiven, field.p99,
                         field.p100};
    return write_shape(quantiles_shape(given, point));
  };
  key.schema = [point] {
    GivenQuantiles given;
    return schema_of(quantiles_shape(given, point));
  };
  return key;
}

ShapeKey latency_point(const char* name, int64_t& field, const char* help) {
  return duration_key(name, field, help, {.zero = true, .absent_value = kNotGiven});
}

ShapeKey payload_point(const char* name, int64_t& field, const char* help) {
  ShapeKey key;
  key.name = name;
  key.help = help;
  // The first eight bytes hold the message's number.
  const auto bytes = std::make_shared<uint64_t>(field < 0 ? 0 : static_cast<uint64_t>(field));
  const ShapeKey inner = size_key(name, *bytes, 8, kMaxPayloadBytes, help);
  key.read = [&field, bytes, inner](const JsonValue& value, ShapeReader& reader) {
    const size_t errors = reader.errors();
    inner.read(value, reader);
    if (reader.errors() == errors) field = static_cast<int64_t>(*bytes);
  };
  key.write = [&field, inner] { return field == kNotGiven ? JsonValue{} : inner.write(); };
  key.schema = inner.schema;
  return key;
}

// ---- sections ----------------------------------------------------------------------------------

template <class E>
ShapeKey enum_list_key(const char* name, std::vector<E>& field, std::span<const NamedValue> words,
                       bool empty, const char* help) {
  return choice_list_key(
      name, words, empty,
      [&field] {
        std::vector<uint8_t> out;
        for (const E e : field) out.push_back(static_cast<uint8_t>(e));
        return out;
      },
      [&field](std::vector<uint8_t> values) {
        field.clear();
        for (const uint8_t v : values) field.push_back(static_cast<E>(v));
      },
      help);
}

Shape topology_shape(Topology& t) {
  Shape shape;
  shape.add(
      count_key("nodes", t.nodes, 1, kMostNodes, "IM servers that hold connections").require());
  shape.add(count_key("routers", t.routers, 1, 1'000, "routers: place logins, know locations"));
  shape.add(count_key("users", t.users, 2, kMostUsers, "accounts, numbered from 0").require());
  shape.add(count_key("devices_per_user", t.devices_per_user, 1, kMaxDevicesPerUser,
                      "terminals of each user, numbered from 0"));
  shape.add(enum_list_key("device_types", t.device_types, client_type_names(), false,
                          "type of device 0, 1, ..., repeated from the start when it is shorter"));
  shape.add(object_key("groups", groups_shape(t), "group conversations"));
  shape.add(count_list_key("node_weights", t.node_weights, 1'000'000,
                           "relative capacity of each node, one number a node; default all 1"));
  return shape;
}

Shape mailbox_shape(MailboxConfig& m) {
  Shape shape;
  shape.add(choice_key("durability", m.durability, durability_names(), "of acknowledged messages"));
  shape.add(duration_key("unsynced_window", m.unsynced_window_ns,
                         "how old a write is, at most, that a failover loses")
                .when("durability", {"async"}));
  shape.add(duration_key("retention", m.retention_ns, "messages are kept so long",
                         {.word = "forever", .word_value = 0}));
  return shape;
}

Shape link_shape(LinkClass& l) {
  Shape shape;
  shape.add(quantiles_key("latency", l.latency, latency_point, INT64_MAX / 4,
                          "one way, as quantiles; linear between the points"));
  shape.add(
      bandwidth_key("bandwidth", l.bandwidth_bits_per_second, "bits a second, or \"unlimited\""));
  ShapeKey queue = size_key("queue", l.queue_bytes, 1, uint64_t{1} << 40,
                            "bytes that may wait; a connection that needs more is reset; default "
                            "unlimited");
  queue.write = [&l] {
    return l.queue_bytes == 0 ? JsonValue{} : JsonValue::make_string(format_size(l.queue_bytes));
  };
  shape.add(std::move(queue));
  return shape;
}

Shape network_shape(NetworkConfig& n) {
  Shape shape;
  shape.add(object_key("client", link_shape(n.client), "clients to servers"));
  shape.add(object_key("peer", link_shape(n.peer), "servers among each other"));
  shape.add(object_key("service", link_shape(n.service), "servers to registry and stores"));
  shape.add(choice_key(
      "wire", kWires, [&n] { return static_cast<uint8_t>(n.by_value ? 1 : 0); },
      [&n](uint8_t v) { n.by_value = v == 1; }, "what travels"));
  return shape;
}

Shape workload_shape(WorkloadConfig& w) {
  Shape offline;
  offline.add(millionths_key("share", w.offline_share_ppm, 900'000,
                             "of the users who are away at any time"));
  offline.add(duration_key("away", w.offline_away_ns, "mean time that a user stays away"));
  Shape shape;
  shape.add(
      choice_key("kind", kWorkloads, [] { return uint8_t{0}; }, [](uint8_t) {}, "what users do"));
  shape.add(rate_key("rate_per_user", w.rate_microhz, "messages that each user starts (Poisson)"));
  shape.add(millionths_key("group_share", w.group_share_ppm, kWhole, "of messages go to a group"));
  shape.add(
      millionths_key("reply_share", w.reply_share_ppm, kWhole, "of shown messages are answered"));
  shape.add(quantiles_key("payload", w.payload, payload_point, kMaxPayloadBytes,
                          "bytes of a message, as quantiles"));
  shape.add(count_key("contacts_per_user", w.contacts_per_user, 1, 10'000,
                      "users whom a user writes to"));
  shape.add(millionths_key("contact_skew", w.contact_skew_ppm, 10 * kWhole,
                           "Zipf exponent of popularity; 0: all alike"));
  shape.add(rate_key("relocations_per_user", w.relocations_microhz,
                     "moves of each user to another node"));
  shape.add(object_key("offline", std::move(offline), "users who are away and come back"));
  shape.add(rate_key("group_changes_per_group", w.group_changes_microhz, "joins and leaves"));
  ShapeKey limit = count_key("message_limit", w.message_limit, 1, 1'000'000'000'000,
                             "stop sending after so many messages; default none");
  limit.write = [&w] {
    return w.message_limit == 0 ? JsonValue{} : JsonValue::make_number(w.message_limit);
  };
  shape.add(std::move(limit));
  shape.add(flag_key("relocate_recipients_only", w.relocate_recipients_only,
                     "only users that receive relocate (cost scenarios)"));
  ShapeKey senders = count_key("senders", w.senders, 1, kMostUsers,
                               "only users 0 .. senders-1 send (cost scenarios); default all");
  senders.write = [&w] {
    return w.senders == 0 ? JsonValue{} : JsonValue::make_number(uint64_t{w.senders});
  };
  shape.add(std::move(senders));
  shape.add(object_list_key("messages", w.messages, message_shape, "scripted messages"));
  ShapeKey actions =
      object_list_key("actions", w.actions, action_shape,
                      "what else users do by script: relocate, go offline, join, leave");
  actions.write = [&w, write = actions.write] { return w.actions.empty() ? JsonValue{} : write(); };
  shape.add(std::move(actions));
  return shape;
}

// Present means on.
ShapeKey swarm_key(SwarmConfig& swarm) {
  Shape inner;
  inner.add(enum_list_key("dimensions", swarm.dimensions, swarm_dimension_names(), true,
                          "what varies; empty: all"));
  inner.add(
      optional_count_key("seed", swarm.seed, UINT64_MAX, "draws in place of the scenario's seed"));
  ShapeKey key = object_key("swarm", std::move(inner),
                            "draws the scenario itself from the seed; a section that --set changes "
                            "stays as it is");
  key.read = [&swarm, read = key.read](const JsonValue& value, ShapeReader& reader) {
    swarm.enabled = true;
    read(value, reader);
  };
  key.write = [&swarm, write = key.write] { return swarm.enabled ? write() : JsonValue{}; };
  return key;
}

// Present means on.
ShapeKey nemesis_key(NemesisConfig& n) {
  Shape inner;
  inner.add(enum_list_key("families", n.families, fault_family_names(), true,
                          "fault families to draw from; empty: all"));
  inner.add(duration_key("mean_interval", n.mean_interval_ns, "between faults"));
  inner.add(duration_key("until", n.until_ns, "no fault starts later; default 3/4 of the duration",
                         {.derived = true}));
  inner.add(optional_count_key("seed", n.seed, UINT64_MAX,
                               "draws the plan in place of the scenario's seed"));
  ShapeKey key = object_key("nemesis", std::move(inner), "draws a fault plan from the seed");
  key.read = [&n, read = key.read](const JsonValue& value, ShapeReader& reader) {
    n.enabled = true;
    read(value, reader);
  };
  key.write = [&n, write = key.write] { return n.enabled ? write() : JsonValue{}; };
  return key;
}

// Present means on.
ShapeKey liveness_key(LivenessConfig& l) {
  Shape inner;
  inner.add(duration_key("for", l.for_ns, "how long, at the end of the duration").require());
  inner.add(count_list_key("nodes", l.nodes, 9'999, "the core; default: drawn, and others broken"));
  inner.add(count_key("router", l.router, 0, 999, "of the core"));
  ShapeKey key = object_key("liveness", std::move(inner),
                            "a core is healed, the rest stays broken: the core must make progress");
  key.write = [&l, write = key.write] { return l.for_ns != 0 ? write() : JsonValue{}; };
  return key;
}

}  // namespace

Shape scenario_shape(Scenario& s) {
  Shape shape;
  ShapeKey schema;
  schema.name = "$schema";
  schema.help = "for editors: schema.json";
  schema.read = [](const JsonValue& value, ShapeReader& reader) {
    if (!value.is(JsonValue::Kind::string)) {
      reader.error(value, "found " + describe(value) + ", expected text");
    }
  };
  schema.write = [] { return JsonValue{}; };
  schema.schema = [] { return schema_type("string"); };
  shape.add(std::move(schema));
  shape.add(text_key("name", s.name, "short name; default the name of the file"));
  shape.add(text_key("description", s.description, "what the scenario teaches"));
  shape.add(count_key("seed", s.seed, 0, UINT64_MAX, "of every random draw"));
  shape.add(duration_key("duration", s.duration_ns, "simulated time until healing and draining"));
  shape.add(duration_key("warmup", s.warmup_ns, "at the start, not measured", {.zero = true}));
  shape.add(object_key("topology", topology_shape(s.topology), "machines and users").require());
  shape.add(object_key("strategy", strategy_shape(s.strategy), "routing strategy"));
  shape.add(object_key("balancer", balancer_shape(s.balancer), "chooses the node of a login"));
  shape.add(object_key("invocation", invocation_shape(s.invocation), "calls to routers"));
  shape.add(object_key("sessions", sessions_shape(s.sessions), "logins, leases, heartbeats"));
  shape.add(object_key("delivery", delivery_shape(s.delivery), "reliability and order"));
  shape.add(object_key("mailbox", mailbox_shape(s.mailbox), "the store of messages"));
  shape.add(object_key("network", network_shape(s.network), "links"));
  shape.add(object_key("workload", workload_shape(s.workload), "what users do"));
  shape.add(object_list_key("faults", s.faults, fault_shape, "what breaks, and when"));
  shape.add(nemesis_key(s.nemesis));
  shape.add(liveness_key(s.liveness));
  ShapeKey ties = flag_key("permute_ties", s.permute_ties,
                           "what happens at the same instant happens in an order of the seed's");
  ties.write = [&s] { return s.permute_ties ? JsonValue::make_bool(true) : JsonValue{}; };
  shape.add(std::move(ties));
  shape.add(swarm_key(s.swarm));
  shape.add(expect_key(s.expect));
  return shape;
}

void complete(Scenario& s) {
  complete(s.sessions);
  PlacementConfig& placement = s.strategy.placement;
  if (s.strategy.kind == StrategyKind::central && placement.kind == PlacementKind::range &&
      placement.key_space == 0) {
    placement.key_space = s.topology.users;
  }
  Topology& t = s.topology;
  if (!t.group_members.empty()) {
    t.group_count = static_cast<uint32_t>(t.group_members.size());
    t.group_size = 0;
    for (const std::vector<uint64_t>& group : t.group_members) {
      t.group_size = std::max(t.group_size, static_cast<uint32_t>(group.size()));
    }
  }
  s.workload.rate_per_user = static_cast<double>(s.workload.rate_microhz) / 1e6;
  if (s.nemesis.enabled && s.nemesis.until_ns == 0) {
    s.nemesis.until_ns = s.duration_ns - s.duration_ns / 4;
  }
  if (s.topology.users != 0 && s.workload.contacts_per_user >= s.topology.users) {
    s.workload.contacts_per_user = static_cast<uint32_t>(s.topology.users - 1);
  }
  for (Fault& fault : s.faults) {
    if (fault.kind == FaultKind::rolling_restart && fault.count == 0)
      fault.count = static_cast<int32_t>(s.topology.nodes);
  }
}

}  // namespace imroute
