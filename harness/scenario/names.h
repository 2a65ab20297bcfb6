// The words of the scenario language beside those of settings/names.h: enum <-> text, fault kinds
// with what each may hit, targets. One table each, read by the loader, the writer, the schema,
// `imroute list` and the reports, so that a word is spelt in one place.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/named_value.h"
#include "harness/scenario/scenario.h"
#include "settings/names.h"

namespace imroute {

// Index = value, for every enum of the language.
std::span<const NamedValue> durability_names();
std::span<const NamedValue> partition_shape_names();
std::span<const NamedValue> partition_direction_names();
std::span<const NamedValue> disposition_names();
std::span<const NamedValue> fault_family_names();
std::span<const NamedValue> swarm_dimension_names();
std::span<const NamedValue> action_kind_names();
std::span<const NamedValue> perturb_site_names();

// What a fault kind may hit: bits.
enum FaultTarget : uint16_t {
  kHitsNode = 1,
  kHitsRouter = 2,
  kHitsClient = 4,
  kHitsDirectory = 8,
  kHitsMailbox = 16,
  kHitsRegistry = 32,
  kHitsBus = 64,
  kHitsEdge = 128,
  kHitsAllNodes = 256,  // "node:*" outside an edge
  kHitsNothing = 512,   // `target` may be left out
  kHitsServices = kHitsDirectory | kHitsMailbox | kHitsRegistry | kHitsBus,
};

struct FaultInfo {
  FaultKind kind;
  const char* name;
  FaultFamily family;
  uint16_t targets;
  DurationNs default_for;  // when `for` is left out
  const char* help;
};
const FaultInfo& fault_info(FaultKind kind);
std::span<const FaultInfo> fault_infos();  // by value of FaultKind
std::string_view to_string(FaultKind kind);
std::string_view to_string(FaultFamily family);

// "node:3", "node:any", "node:holder-of-user:7", "router:0", "client:*", "directory", ...
std::string target_text(const Target& target);
// The whole target of a fault: the above, or "edge:A>B", "edge:A-B"; "" when it has none.
std::string target_text(const Fault& fault);
// One end. Nothing when it is not one.
std::optional<Target> parse_target(std::string_view text);
// Fills target, is_edge, edge_to, both_ways. False when the text is not a target.
bool parse_fault_target(std::string_view text, Fault& fault);

}  // namespace imroute
