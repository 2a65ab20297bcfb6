#include "settings/names.h"

#include "config/json.h"
#include "config/suggest.h"

namespace imroute {
namespace {

template <class E>
constexpr uint8_t u8(E value) {
  return static_cast<uint8_t>(value);
}

constexpr NamedValue kStrategyKinds[] = {
    {"broadcast", u8(StrategyKind::broadcast), "publish to every node; no state"},
    {"cached_broadcast", u8(StrategyKind::cached_broadcast),
     "broadcast once, learn where the user is, then go straight there"},
    {"central", u8(StrategyKind::central), "a router knows, or a placement computes"},
    {"mesh_directory", u8(StrategyKind::mesh_directory), "each node reads the directory itself"}};
constexpr NamedValue kCentralModes[] = {
    {"resolve", u8(CentralMode::resolve), "ask the router where, then go there directly"},
    {"forward", u8(CentralMode::forward), "the message goes through the router"}};
constexpr NamedValue kPlacementKinds[] = {
    {"table", u8(PlacementKind::table), "the directory knows"},
    {"hash", u8(PlacementKind::hash), "hash of the user modulo the nodes"},
    {"consistent_hash", u8(PlacementKind::consistent_hash),
     "a ring: only a dead node's users move"},
    {"range", u8(PlacementKind::range), "equal ranges of user ids"}};
constexpr NamedValue kBusKinds[] = {
    {"mesh", u8(BusKind::mesh), "one frame to every peer"},
    {"pubsub", u8(BusKind::pubsub), "one publish, the channel copies it to every node"}};
constexpr NamedValue kBalancerKinds[] = {
    {"consistent_hash", u8(BalancerKind::consistent_hash), "the same key goes to the same node"},
    {"least_active", u8(BalancerKind::least_active), "the node that reports the least load"},
    {"random", u8(BalancerKind::random), "weighted at random"},
    {"round_robin", u8(BalancerKind::round_robin), "smooth weighted turns"}};
constexpr NamedValue kPolicies[] = {
    {"failover", u8(PolicyKind::failover), "retry on another target"},
    {"failfast", u8(PolicyKind::failfast), "one attempt"},
    {"failsafe", u8(PolicyKind::failsafe), "a failure is counted and passed over"},
    {"failback", u8(PolicyKind::failback), "retry later in the background"},
    {"forking", u8(PolicyKind::forking), "several in parallel, the first success wins"},
    {"broadcast", u8(PolicyKind::broadcast), "all in parallel, a share must succeed"},
    {"available", u8(PolicyKind::available), "the first target that is up"}};
constexpr NamedValue kLoginPolicies[] = {
    {"single", u8(LoginPolicy::single), "one device in all"},
    {"one_per_type", u8(LoginPolicy::one_per_type), "one device of each type"},
    {"mobile_desktop_web", u8(LoginPolicy::mobile_desktop_web),
     "one of mobile and pad, one pc, one web"},
    {"all", u8(LoginPolicy::all), "any"}};
constexpr NamedValue kClientTypes[] = {{"mobile", u8(ClientType::mobile), ""},
                                       {"pc", u8(ClientType::pc), ""},
                                       {"web", u8(ClientType::web), ""},
                                       {"pad", u8(ClientType::pad), ""}};
constexpr NamedValue kGuarantees[] = {
    {"at_most_once", u8(Guarantee::at_most_once), "no store, losses are counted by cause"},
    {"at_least_once", u8(Guarantee::at_least_once), "stored before it is accepted, shown once"}};
constexpr NamedValue kOrders[] = {
    {"none", u8(Order::none), "as it comes, a group in sequence"},
    {"stop_and_wait", u8(Order::stop_and_wait), "the next only after the ack"},
    {"windowed", u8(Order::windowed), "in sequence, a window in flight"}};

}  // namespace

std::span<const NamedValue> strategy_kind_names() { return kStrategyKinds; }
std::span<const NamedValue> central_mode_names() { return kCentralModes; }
std::span<const NamedValue> placement_kind_names() { return kPlacementKinds; }
std::span<const NamedValue> bus_kind_names() { return kBusKinds; }
std::span<const NamedValue> balancer_kind_names() { return kBalancerKinds; }
std::span<const NamedValue> policy_kind_names() { return kPolicies; }
std::span<const NamedValue> login_policy_names() { return kLoginPolicies; }
std::span<const NamedValue> client_type_names() { return kClientTypes; }
std::span<const NamedValue> guarantee_names() { return kGuarantees; }
std::span<const NamedValue> order_names() { return kOrders; }

namespace {

bool has_bus(StrategyKind kind) {
  return kind == StrategyKind::broadcast || kind == StrategyKind::cached_broadcast;
}

std::string allowed_words(std::span<const NamedValue> words, std::string_view found) {
  std::vector<std::string_view> names;
  for (const NamedValue& word : words) names.emplace_back(word.name);
  std::string out = "allowed are " + join_or(names);
  const std::string guess = nearest(found, names);
  if (!guess.empty()) out += "; did you mean " + in_quotes(guess) + "?";
  return out;
}

const NamedValue* word_named(std::span<const NamedValue> words, std::string_view name) {
  for (const NamedValue& word : words) {
    if (name == word.name) return &word;
  }
  return nullptr;
}

// Takes the next part off `rest`. False when there is none.
bool next_part(std::string_view& rest, std::string_view& part) {
  if (rest.empty()) return false;
  const size_t colon = rest.find(':');
  part = rest.substr(0, colon);
  rest = colon == std::string_view::npos ? std::string_view{} : rest.substr(colon + 1);
  return true;
}

}  // namespace

std::string strategy_name(const StrategyConfig& strategy) {
  std::string out = kStrategyKinds[u8(strategy.kind)].name;
  if (strategy.kind == StrategyKind::central) {
    out += std::string(":") + kCentralModes[u8(strategy.mode)].name + ":" +
           kPlacementKinds[u8(strategy.placement.kind)].name;
  }
  if (has_bus(strategy.kind)) out += std::string("@") + kBusKinds[u8(strategy.bus)].name;
  return out;
}

std::string balancer_name(const BalancerConfig& balancer) {
  std::string out = kBalancerKinds[u8(balancer.kind)].name;
  if (balancer.kind == BalancerKind::consistent_hash && balancer.cim_compatible) out += ":cim";
  return out;
}

std::optional<StrategyConfig> parse_strategy_name(std::string_view name, const StrategyConfig& base,
                                                  std::string* problem) {
  const auto fail = [&](std::string message) -> std::optional<StrategyConfig> {
    if (problem != nullptr) *problem = "strategy " + in_quotes(name) + ": " + std::move(message);
    return std::nullopt;
  };
  StrategyConfig out = base;
  out.mode = CentralMode::resolve;
  out.placement = PlacementConfig{};
  out.bus = BusKind::mesh;
  std::string_view rest = name;
  std::string_view bus;
  if (const size_t at = rest.find('@'); at != std::string_view::npos) {
    bus = rest.substr(at + 1);
    rest = rest.substr(0, at);
    if (bus.empty()) return fail("the bus after @ is missing, " + allowed_words(kBusKinds, ""));
  }
  std::string_view part;
  if (!next_part(rest, part)) return fail("it is empty, " + allowed_words(kStrategyKinds, ""));
  const NamedValue* kind = word_named(kStrategyKinds, part);
  if (kind == nullptr) return fail("unknown kind, " + allowed_words(kStrategyKinds, part));
  out.kind = static_cast<StrategyKind>(kind->value);
  if (next_part(rest, part)) {
    if (out.kind != StrategyKind::central) return fail("only central has a mode and a placement");
    const NamedValue* mode = word_named(kCentralModes, part);
    if (mode == nullptr) return fail("unknown mode, " + allowed_words(kCentralModes, part));
    out.mode = static_cast<CentralMode>(mode->value);
  }
  if (next_part(rest, part)) {
    const NamedValue* placement = word_named(kPlacementKinds, part);
    if (placement == nullptr) {
      return fail("unknown placement, " + allowed_words(kPlacementKinds, part));
    }
    out.placement.kind = static_cast<PlacementKind>(placement->value);
  }
  if (!rest.empty()) return fail("too many parts, at most kind:mode:placement@bus");
  if (!bus.empty()) {
    if (!has_bus(out.kind)) return fail("only broadcast and cached_broadcast have a bus");
    const NamedValue* word = word_named(kBusKinds, bus);
    if (word == nullptr) return fail("unknown bus, " + allowed_words(kBusKinds, bus));
    out.bus = static_cast<BusKind>(word->value);
  }
  return out;
}

std::optional<BalancerConfig> parse_balancer_name(std::string_view name, const BalancerConfig& base,
                                                  std::string* problem) {
  BalancerConfig out = base;
  out.cim_compatible = false;
  constexpr std::string_view kCim = "consistent_hash:cim";
  const NamedValue* kind = word_named(kBalancerKinds, name == kCim ? "consistent_hash" : name);
  if (kind == nullptr) {
    if (problem != nullptr) {
      *problem = "balancer " + in_quotes(name) + ": " + allowed_words(kBalancerKinds, name);
    }
    return std::nullopt;
  }
  out.kind = static_cast<BalancerKind>(kind->value);
  out.cim_compatible = name == kCim;
  return out;
}

std::vector<std::string> all_strategy_names() {
  std::vector<std::string> out;
  for (const NamedValue& kind : kStrategyKinds) {
    StrategyConfig config;
    config.kind = static_cast<StrategyKind>(kind.value);
    if (config.kind == StrategyKind::central) {
      for (const NamedValue& mode : kCentralModes) {
        for (const NamedValue& placement : kPlacementKinds) {
          config.mode = static_cast<CentralMode>(mode.value);
          config.placement.kind = static_cast<PlacementKind>(placement.value);
          out.push_back(strategy_name(config));
        }
      }
    } else if (has_bus(config.kind)) {
      for (const NamedValue& bus : kBusKinds) {
        config.bus = static_cast<BusKind>(bus.value);
        out.push_back(strategy_name(config));
      }
    } else {
      out.push_back(strategy_name(config));
    }
  }
  return out;
}

std::vector<std::string> all_balancer_names() {
  std::vector<std::string> out;
  for (const NamedValue& kind : kBalancerKinds) out.emplace_back(kind.name);
  return out;
}

}  // namespace imroute
