#include "harness/scenario/schema.h"

#include "harness/scenario/matrix.h"

namespace imroute {

std::string scenario_schema() {
  Scenario example;
  JsonValue out = JsonValue::make_object();
  out.add("$schema", JsonValue::make_string("http://json-schema.org/draft-07/schema#"));
  out.add("title", JsonValue::make_string("imroute scenario"));
  out.add(
      "description",
      JsonValue::make_string(
          "One experiment: a cluster, its users, what they do, what breaks, and what must hold. "
          "Quantities are texts with units: \"250ms\", \"6/h\", \"64KiB\", \"1Gbit/s\"."));
  JsonValue shape = schema_of(document_shape(example));
  for (JsonMember& member : shape.members) out.members.push_back(std::move(member));
  return json_text(out) + "\n";
}

std::string scenario_template() {
  return R"({
  "$schema": "schema.json",
  "name": "my-scenario",
  "description": "4 nodes, 200 users; one node crashes while they chat",
  "seed": 1,
  "duration": "30s",
  "warmup": "5s",
  "topology": { "nodes": 4, "routers": 1, "users": 200, "devices_per_user": 1 },
  "strategy": { "kind": "central", "mode": "resolve", "placement": { "kind": "table" } },
  "balancer": { "kind": "consistent_hash" },
  "delivery": { "guarantee": "at_least_once", "order": "windowed" },
  "workload": {
    "kind": "chat",
    "rate_per_user": "0.2/s",
    "reply_share": 0.3,
    "contacts_per_user": 10,
    "relocations_per_user": "20/h"
  },
  "faults": [
    { "kind": "crash", "target": "node:2", "at": "12s", "for": "5s" }
  ],
  "expect": {
    "messages/lost": 0,
    "messages/visible_duplicates": 0,
    "recovery/converged_ms": "<= 20s"
  }
}
)";
}

}  // namespace imroute
