// Faults: which keys each kind has, which targets it may hit, what it does when nothing is said.
#include <algorithm>
#include <iterator>

#include "config/suggest.h"
#include "config/units.h"
#include "harness/scenario/names.h"
#include "harness/scenario/scenario_shape.h"

namespace imroute {
namespace {

constexpr NamedValue kUnsynced[] = {{"keep", 0, ""}, {"lose", 1, ""}};
constexpr NamedValue kSideNames[] = {
    {"first", 1, "only the first end"}, {"second", 2, "only the second end"}, {"both", 3, ""}};
constexpr NamedValue kEdges[] = {
    {"client-node", kEdgeClientNode, ""},       {"node-node", kEdgeNodeNode, ""},
    {"node-directory", kEdgeNodeDirectory, ""}, {"node-mailbox", kEdgeNodeMailbox, ""},
    {"node-registry", kEdgeNodeRegistry, ""},   {"node-router", kEdgeNodeRouter, ""}};

// The kinds, as words of the key `kind`.
std::span<const NamedValue> kind_words() {
  static const std::vector<NamedValue> kWords = [] {
    std::vector<NamedValue> words;
    for (const FaultInfo& info : fault_infos()) {
      words.push_back({info.name, static_cast<uint8_t>(info.kind), info.help});
    }
    return words;
  }();
  return kWords;
}

std::vector<std::string> kinds(std::initializer_list<FaultKind> list) {
  std::vector<std::string> out;
  for (const FaultKind kind : list) out.emplace_back(to_string(kind));
  return out;
}

// What a fault of this kind is when only `kind` and `at` are said.
void set_kind(Fault& fault, FaultKind kind) {
  const FaultInfo& info = fault_info(kind);
  fault.kind = kind;
  fault.for_ns = info.default_for;
  if (kind == FaultKind::delay) fault.latency_ns = 100 * kMillisecond;
  if (kind == FaultKind::bandwidth) fault.rate_bits_per_second = 1'000'000;
  if (kind == FaultKind::late_watch || kind == FaultKind::lagging_read) {
    fault.delay_ns = 2 * kSecond;
  }
  if (kind == FaultKind::skew) fault.offset_ns = 3600 * kSecond;
  if (kind == FaultKind::jump) fault.offset_ns = 5 * kSecond;
  if (kind == FaultKind::drift) fault.ppm = 5000;
  if (kind == FaultKind::version_skew) fault.version = kFirstVersion;
  if (kind == FaultKind::perturb) fault.probability_ppm = 100'000;
  if (kind == FaultKind::rolling_restart) fault.count = 0;  // all nodes; `complete` knows how many
  Target& target = fault.target;
  if (kind == FaultKind::rolling_restart) {
    target = {Target::Select::all, TargetKind::node, 0};
  } else if ((info.targets & kHitsNothing) != 0) {
    target = {};
  } else if (info.targets == kHitsClient) {
    target = {Target::Select::all, TargetKind::client, 0};
  } else if ((info.targets & kHitsEdge) != 0) {
    target = fault.edge_to = {Target::Select::all, TargetKind::node, 0};
    fault.is_edge = true;
  } else if (info.family == FaultFamily::registry) {
    target = {Target::Select::index, TargetKind::registry, 0};
  } else if (info.family == FaultFamily::bus) {
    target = {Target::Select::index, TargetKind::bus, 0};
  } else if (info.family == FaultFamily::store) {
    const bool directory = (info.targets & kHitsMailbox) == 0;
    target = {Target::Select::index, directory ? TargetKind::directory : TargetKind::mailbox, 0};
  } else {
    target = {Target::Select::any, TargetKind::node, 0};
  }
}

uint16_t target_bit(const Fault& fault) {
  if (fault.is_edge) return kHitsEdge;
  const bool all = fault.target.select == Target::Select::all;
  switch (fault.target.kind) {
    case TargetKind::none:
      return kHitsNothing;
    case TargetKind::node:
      return all ? kHitsAllNodes : kHitsNode;
    case TargetKind::router:
      return static_cast<uint16_t>(all ? 0 : kHitsRouter);
    case TargetKind::client:
      return kHitsClient;
    case TargetKind::directory:
      return kHitsDirectory;
    case TargetKind::mailbox:
      return kHitsMailbox;
    case TargetKind::registry:
      return kHitsRegistry;
    case TargetKind::bus:
      return kHitsBus;
  }
  return 0;
}

struct TargetForm {
  uint16_t bit;
  const char* text;     // for people
  const char* pattern;  // for the schema
};
constexpr TargetForm kForms[] = {
    {kHitsNode, "node:I, node:any, node:holder-of-user:U",
     "node:(any|(holder-of-user:)?(0|[1-9][0-9]*))"},
    {kHitsAllNodes, "node:*", "node:\\*"},
    {kHitsRouter, "router:I, router:any", "router:(any|0|[1-9][0-9]*)"},
    {kHitsClient, "client:U, client:*", "client:(\\*|0|[1-9][0-9]*)"},
    {kHitsDirectory, "directory", "directory"},
    {kHitsMailbox, "mailbox", "mailbox"},
    {kHitsRegistry, "registry", "registry"},
    {kHitsBus, "bus", "bus"},
    {kHitsEdge, "edge:A>B (one way), edge:A-B", ""},
};
#define IMROUTE_END                                                                              \
  "(node:(\\*|any|(holder-of-user:)?(0|[1-9][0-9]*))|router:(\\*|any|0|[1-9][0-9]*)|client:(\\*" \
  "|0|[1-9][0-9]*)|directory|mailbox|registry|bus)"
constexpr const char* kEdgePattern = "edge:" IMROUTE_END "[->]" IMROUTE_END;
#undef IMROUTE_END

std::string allowed_targets(uint16_t targets) {
  std::string out;
  for (const TargetForm& form : kForms) {
    if ((targets & form.bit) != 0) out += (out.empty() ? "" : ", ") + std::string(form.text);
  }
  return out;
}

std::string target_pattern(uint16_t targets) {
  std::string out;
  for (const TargetForm& form : kForms) {
    if ((targets & form.bit) == 0) continue;
    if (!out.empty()) out += "|";
    out += form.bit == kHitsEdge ? kEdgePattern : form.pattern;
  }
  return "^(" + out + ")$";
}

// The word nearest to a mistyped target, when the mistake is in its head.
std::string target_guess(const std::string& text, uint16_t targets) {
  std::vector<std::string_view> heads;
  if ((targets & kHitsNode) != 0) heads.emplace_back("node");
  if ((targets & kHitsRouter) != 0) heads.emplace_back("router");
  if ((targets & kHitsClient) != 0) heads.emplace_back("client");
  if ((targets & kHitsDirectory) != 0) heads.emplace_back("directory");
  if ((targets & kHitsMailbox) != 0) heads.emplace_back("mailbox");
  if ((targets & kHitsRegistry) != 0) heads.emplace_back("registry");
  if ((targets & kHitsBus) != 0) heads.emplace_back("bus");
  const size_t colon = text.find(':');
  const std::string head = nearest(text.substr(0, colon), heads);
  if (head.empty()) return {};
  const std::string whole = colon == std::string::npos ? head : head + text.substr(colon);
  Fault probe;
  return whole != text && parse_fault_target(whole, probe) ? whole : std::string{};
}

ShapeKey target_key(Fault& fault) {
  ShapeKey key;
  key.name = "target";
  key.help = "what it hits: " + allowed_targets(0xFFFF);
  key.read = [&fault](const JsonValue& value, ShapeReader& reader) {
    const uint16_t targets = fault_info(fault.kind).targets;
    const std::string allowed =
        ", allowed for " + std::string(to_string(fault.kind)) + " are " + allowed_targets(targets);
    if (!value.is(JsonValue::Kind::string)) {
      return reader.error(value, "found " + describe(value) + allowed);
    }
    Fault got = fault;
    if (parse_fault_target(value.text, got) && (target_bit(got) & targets) != 0) {
      fault = got;
      return;
    }
    const std::string guess = target_guess(value.text, targets);
    reader.error(value, "found " + describe(value) + allowed +
                            (guess.empty() ? "" : ", did you mean " + in_quotes(guess) + "?"));
  };
  key.write = [&fault] {
    const std::string text = target_text(fault);
    return text.empty() ? JsonValue{} : JsonValue::make_string(text);
  };
  key.schema = [] { return schema_type("string"); };
  return key;
}

// Kinds that may hit the same things share one pattern.
std::vector<JsonValue> target_schemas() {
  std::vector<JsonValue> out;
  std::vector<uint16_t> seen;
  for (const FaultInfo& first : fault_infos()) {
    if (std::find(seen.begin(), seen.end(), first.targets) != seen.end()) continue;
    seen.push_back(first.targets);
    JsonValue words = JsonValue::make_array();
    for (const FaultInfo& info : fault_infos()) {
      if (info.targets == first.targets) {
        words.items.push_back(JsonValue::make_string(info.name));
      }
    }
    const auto one = [](const char* name, JsonValue value) {
      JsonValue object = JsonValue::make_object();
      object.add(name, std::move(value));
      return object;
    };
    JsonValue entry = JsonValue::make_object();
    entry.add("if", one("properties", one("kind", one("enum", std::move(words)))));
    entry.add("then", one("properties",
                          one("target", schema_pattern(target_pattern(first.targets).c_str()))));
    out.push_back(std::move(entry));
  }
  return out;
}

ShapeKey kind_key(Fault& fault) {
  ShapeKey key = choice_key(
      "kind", kind_words(), [&fault] { return static_cast<uint8_t>(fault.kind); },
      [&fault](uint8_t v) { set_kind(fault, static_cast<FaultKind>(v)); }, "what happens");
  return std::move(key).require();
}

// Writes the key only where the target gives it a meaning.
ShapeKey written_if(ShapeKey key, std::function<bool()> meant) {
  key.write = [write = key.write, meant = std::move(meant)] {
    return meant() ? write() : JsonValue{};
  };
  return key;
}

bool loses_writes(const Fault& f) {
  return f.target.kind == TargetKind::directory || f.target.kind == TargetKind::mailbox;
}

void add_partition_keys(Shape& shape, Fault& f) {
  const std::vector<std::string> partition = kinds({FaultKind::partition});
  const auto add = [&](ShapeKey key) {
    shape.add(written_if(std::move(key), [&f] { return !f.is_edge; }).when("kind", partition));
  };
  add(choice_key("shape", f.shape, partition_shape_names(), "who is cut off from whom"));
  add(choice_list_key(
      "edges", kEdges, false,
      [&f] {
        std::vector<uint8_t> out;
        for (const NamedValue& edge : kEdges) {
          if ((f.edges & edge.value) != 0) out.push_back(edge.value);
        }
        return out;
      },
      [&f](std::vector<uint8_t> values) {
        f.edges = 0;
        for (const uint8_t v : values) f.edges = static_cast<uint8_t>(f.edges | v);
      },
      "classes of links that are cut"));
  add(choice_key("direction", f.direction, partition_direction_names(),
                 "seen from the isolated side"));
  shape.add(choice_key("disposition", f.disposition, disposition_names(), "what becomes of frames")
                .when("kind", partition));
}

// An integer that may be negative.
ShapeKey signed_key(const char* name, int32_t& field, int32_t least, int32_t most,
                    const char* help) {
  ShapeKey key;
  key.name = name;
  key.help = help;
  key.read = [&field, least, most](const JsonValue& value, ShapeReader& reader) {
    const auto number =
        value.is(JsonValue::Kind::number) ? parse_decimal(value.text) : std::optional<Decimal>{};
    if (number && number->is_integer()) {
      Decimal size = *number;
      size.negative = false;
      const int64_t bound = number->negative ? -int64_t{least} : int64_t{most};
      if (const auto got = size.scaled(1, 1, static_cast<uint64_t>(bound))) {
        field = static_cast<int32_t>(*got) * (number->negative ? -1 : 1);
        return;
      }
    }
    reader.error(value, "found " + describe(value) + ", expected an integer from " +
                            std::to_string(least) + " to " + std::to_string(most));
  };
  key.write = [&field] { return JsonValue::make_number(std::to_string(field)); };
  key.schema = [least, most] {
    JsonValue out = schema_type("integer");
    out.add("minimum", JsonValue::make_number(std::to_string(least)));
    out.add("maximum", JsonValue::make_number(std::to_string(most)));
    return out;
  };
  return key;
}

void add_clock_keys(Shape& shape, Fault& f) {
  shape.add(duration_key("offset", f.offset_ns, "how far ahead; default 1h for skew, 5s for jump")
                .when("kind", kinds({FaultKind::skew, FaultKind::jump})));
  constexpr int32_t kMost = 400'000;  // as sessions.max_drift_ppm
  shape.add(signed_key("ppm", f.ppm, -kMost, kMost,
                       "millionths that the clock gains, negative: loses; default 5000")
                .when("kind", kinds({FaultKind::drift})));
}

ShapeKey count_of_nodes(Fault& f) {
  constexpr int32_t kMost = 10'000;
  ShapeKey key = signed_key("count", f.count, -kMost, kMost,
                            "nodes to restart (default all), to add, or, negative, to remove");
  key.read = [&f, read = key.read](const JsonValue& value, ShapeReader& reader) {
    const size_t before = reader.errors();
    read(value, reader);
    if (reader.errors() != before) return;
    if (f.count == 0 || (f.count < 0 && f.kind == FaultKind::rolling_restart)) {
      reader.error(value, "found " + describe(value) + ", expected " +
                              (f.kind == FaultKind::scale ? "nodes to add, or (negative) to remove"
                                                          : "a number of nodes, 1 or more"));
    }
  };
  key.write = [&f, write = key.write] { return f.count == 0 ? JsonValue{} : write(); };
  return key;
}

void add_code_keys(Shape& shape, Fault& f) {
  shape.add(choice_key("site", f.site, perturb_site_names(), "which rare branch")
                .when("kind", kinds({FaultKind::perturb})));
  shape.add(count_key("version", f.version, kFirstVersion, kLaterVersion,
                      "1: the first, without the optional features of the wire; 2: this one; "
                      "3: a later one, which speaks no frame version of ours; default 1")
                .when("kind", kinds({FaultKind::version_skew})));
}

void add_own_keys(Shape& shape, Fault& f) {
  using K = FaultKind;
  ShapeKey unsynced = choice_key(
      "unsynced", kUnsynced, [&f] { return static_cast<uint8_t>(f.lose_unsynced); },
      [&f](uint8_t v) { f.lose_unsynced = v == 1; },
      "crash of a store: what it had not yet made durable");
  shape.add(written_if(std::move(unsynced), [&f] {
              return loses_writes(f);
            }).when("kind", kinds({K::crash})));
  ShapeKey wipe = flag_key("wipe", f.wipe, "crash of a client: reinstalled, it remembers nothing");
  shape.add(written_if(std::move(wipe), [&f] {
              return f.target.kind == TargetKind::client;
            }).when("kind", kinds({K::crash})));
  shape.add(count_of_nodes(f).when("kind", kinds({K::rolling_restart, K::scale})));
  shape.add(count_key("factor", f.factor, 2, 1'000'000, "how many times slower, or more")
                .when("kind", kinds({K::slow, K::slow_reader, K::burst})));
  shape.add(millionths_key("fraction", f.fraction_ppm, kWhole, "of the clients")
                .when("kind", kinds({K::reconnect_storm, K::relocate, K::double_login,
                                     K::slow_reader, K::burst})));
  shape.add(millionths_key("probability", f.probability_ppm, kWhole,
                           "of each frame, link, operation or branch")
                .when("kind", kinds({K::loss, K::duplicate, K::reorder, K::reset, K::half_open,
                                     K::stall, K::connect_hang, K::error, K::lost_reply, K::evict,
                                     K::disk_full, K::perturb})));
  add_partition_keys(shape, f);
  shape.add(duration_key("latency", f.latency_ns, "added to every frame; default 100ms")
                .when("kind", kinds({K::delay})));
  shape.add(bandwidth_key("rate", f.rate_bits_per_second, "what is left; default 1Mbit/s")
                .when("kind", kinds({K::bandwidth})));
  shape.add(choice_key(
                "sides", kSideNames, [&f] { return f.sides; }, [&f](uint8_t v) { f.sides = v; },
                "which end of the edge notices")
                .when("kind", kinds({K::reset, K::half_open})));
  shape.add(duration_key("delay", f.delay_ns, "how late; default 2s")
                .when("kind", kinds({K::late_watch, K::lagging_read})));
  shape.add(
      duration_key("lose_tail", f.lose_tail_ns, "writes younger than this are lost", {.zero = true})
          .when("kind", kinds({K::failover})));
}

// What the keys of one fault say together.
void check_fault(const Fault& f, const JsonValue& value, ShapeReader& reader) {
  const auto misplaced = [&](const char* name, const std::string& why) {
    for (const JsonMember& member : value.members) {
      if (member.key != name) continue;
      const ShapeReader::Scope scope(reader, name);
      reader.error(member.key_place, why + ": remove it");
    }
  };
  if (f.kind == FaultKind::crash) {
    if (!loses_writes(f)) {
      misplaced("unsynced", "valid only when the target is directory or mailbox");
    }
    if (f.target.kind != TargetKind::client)
      misplaced("wipe", "valid only when the target is a client");
  }
  const auto given = [&](const char* name) {
    return std::any_of(value.members.begin(), value.members.end(),
                       [&](const JsonMember& member) { return member.key == name; });
  };
  if (f.kind == FaultKind::perturb && !given("site")) {
    reader.error(value, "a perturb fault needs \"site\": `imroute list sites` names them");
  }
  if (f.kind == FaultKind::scale && f.count > 0) {
    misplaced("target",
              "valid only when nodes are removed (a negative count); added ones follow "
              "those of the topology");
  }
  if (f.kind == FaultKind::partition && f.is_edge) {
    for (const char* name : {"shape", "edges", "direction"}) {
      misplaced(name, "the target is one edge already (\"edge:A>B\" is one way)");
    }
  }
}

}  // namespace

Shape fault_shape(Fault& f) {
  Shape shape;
  shape.add(kind_key(f));
  shape.add(target_key(f));
  shape.add(duration_key("at", f.at_ns, "when it starts", {.zero = true}).require());
  shape.add(duration_key("for", f.for_ns, "how long, or \"forever\"; the default depends on kind",
                         {.zero = true, .word = "forever", .word_value = kNever}));
  add_own_keys(shape, f);
  add_clock_keys(shape, f);
  add_code_keys(shape, f);
  ShapeKey drawn = flag_key("from_nemesis", f.from_nemesis, "nemesis drew it (effective.json)");
  shape.add(written_if(std::move(drawn), [&f] { return f.from_nemesis; }));
  shape.check = [&f](const JsonValue& value, ShapeReader& reader) {
    check_fault(f, value, reader);
  };
  shape.more_schema = target_schemas();
  return shape;
}

}  // namespace imroute
