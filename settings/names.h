// The words for the core's configuration: enum <-> text, names of strategies and balancers. One
// table each, read by whoever reads, writes or lists them, so that a word is spelt in one place.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/named_value.h"
#include "core/model/config.h"

namespace imroute {

// Index = value, for every enum of the language.
std::span<const NamedValue> strategy_kind_names();
std::span<const NamedValue> central_mode_names();
std::span<const NamedValue> placement_kind_names();
std::span<const NamedValue> bus_kind_names();
std::span<const NamedValue> balancer_kind_names();
std::span<const NamedValue> policy_kind_names();
std::span<const NamedValue> login_policy_names();
std::span<const NamedValue> client_type_names();
std::span<const NamedValue> guarantee_names();
std::span<const NamedValue> order_names();

// kind[:mode[:placement]][@bus], every part that has a meaning for the kind:
// "cached_broadcast@mesh", "central:resolve:table", "mesh_directory".
std::string strategy_name(const StrategyConfig& strategy);
std::string balancer_name(const BalancerConfig& balancer);

// Sets kind, mode, placement and bus of `base` from a name; parts left out get their defaults.
// On failure `problem` says what is allowed and what was probably meant.
std::optional<StrategyConfig> parse_strategy_name(std::string_view name, const StrategyConfig& base,
                                                  std::string* problem);
std::optional<BalancerConfig> parse_balancer_name(std::string_view name, const BalancerConfig& base,
                                                  std::string* problem);
// What "all" means: every strategy with every mode, placement and bus; every balancer.
std::vector<std::string> all_strategy_names();
std::vector<std::string> all_balancer_names();

}  // namespace imroute
