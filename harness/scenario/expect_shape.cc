// `expect`: pointers into the result, and what their values must be.
#include <algorithm>
#include <array>

#include "config/suggest.h"
#include "config/units.h"
#include "core/model/counters.h"
#include "harness/scenario/scenario_shape.h"

namespace imroute {
namespace {

struct Operator {
  const char* text;
  Expectation::Compare compare;
};
// Longer ones first.
constexpr Operator kOperators[] = {{"<=", Expectation::Compare::less_equal},
                                   {">=", Expectation::Compare::greater_equal},
                                   {"==", Expectation::Compare::equal},
                                   {"<", Expectation::Compare::less},
                                   {">", Expectation::Compare::greater}};

enum class Unit : uint8_t { plain, milliseconds };
struct ResultKey {
  const char* pointer;
  Unit unit = Unit::plain;
};

constexpr ResultKey kResultKeys[] = {{"messages/sent"},
                                     {"messages/accepted"},
                                     {"messages/refused"},
                                     {"messages/deliveries_expected"},
                                     {"messages/delivered"},
                                     {"messages/lost"},
                                     {"messages/excused"},
                                     {"messages/reset"},
                                     {"messages/undelivered_in_mailbox"},
                                     {"messages/raw_duplicates"},
                                     {"messages/visible_duplicates"},
                                     {"messages/order_violations"},
                                     {"messages/misdelivered"},
                                     {"messages/via/push"},
                                     {"messages/via/handover"},
                                     {"messages/via/sync"},
                                     {"messages/via/login"},
                                     {"latency_ms/accept/p50", Unit::milliseconds},
                                     {"latency_ms/accept/p90", Unit::milliseconds},
                                     {"latency_ms/accept/p99", Unit::milliseconds},
                                     {"latency_ms/accept/p999", Unit::milliseconds},
                                     {"latency_ms/accept/max", Unit::milliseconds},
                                     {"latency_ms/accept/count"},
                                     {"latency_ms/delivery/p50", Unit::milliseconds},
                                     {"latency_ms/delivery/p90", Unit::milliseconds},
                                     {"latency_ms/delivery/p99", Unit::milliseconds},
                                     {"latency_ms/delivery/p999", Unit::milliseconds},
                                     {"latency_ms/delivery/max", Unit::milliseconds},
                                     {"latency_ms/delivery/count"},
                                     {"frames/client"},
                                     {"frames/peer"},
                                     {"frames/bus"},
                                     {"frames/router"},
                                     {"frames/directory"},
                                     {"frames/mailbox"},
                                     {"frames/bytes"},
                                     {"frames/per_delivery"},
                                     {"route/hit_ratio"},
                                     {"route/nacks"},
                                     {"route/rebroadcasts"},
                                     {"route/cache_entries_max"},
                                     {"balance/sessions/max_over_mean"},
                                     {"balance/sessions/cv"},
                                     {"balance/frames/max_over_mean"},
                                     {"balance/frames/cv"},
                                     {"balance/routers/max_over_mean"},
                                     {"balance/routers/cv"},
                                     {"balance/moved_share"},
                                     {"recovery/converged_ms", Unit::milliseconds},
                                     {"recovery/unavailable_ms", Unit::milliseconds},
                                     {"events"}};

// Trees whose leaves are named by the run.
constexpr const char* kOpenTrees[] = {"messages/dropped/", "coverage/"};

constexpr const char* kValuePattern =
    "^(<|<=|==|>=|>) *-?(0|[1-9][0-9]*)(\\.[0-9]+)?(ns|us|ms|s|m|h)?$";

bool known_pointer(std::string_view pointer, Unit& unit) {
  unit = Unit::plain;
  for (const ResultKey& key : kResultKeys) {
    if (pointer == key.pointer) {
      unit = key.unit;
      return true;
    }
  }
  for (const char* tree : kOpenTrees) {
    if (pointer.starts_with(tree) && pointer.size() > std::string_view(tree).size()) return true;
  }
  for (const CounterInfo& counter : kCounterTable) {
    if (pointer == std::string("counters/") + counter.name) return true;
  }
  return false;
}

std::string pointer_guess(std::string_view pointer) {
  std::vector<std::string> owned;
  for (const CounterInfo& counter : kCounterTable) {
    owned.push_back(std::string("counters/") + counter.name);
  }
  std::vector<std::string_view> names;
  for (const ResultKey& key : kResultKeys) names.emplace_back(key.pointer);
  names.insert(names.end(), owned.begin(), owned.end());
  return nearest(pointer, names);
}

// "<= 10s" after its operator. Empty when it is good.
std::string read_value(std::string_view text, Unit unit, double& out) {
  if (unit == Unit::milliseconds) {
    const Parsed<int64_t> got = parse_duration(text);
    if (!got.value) return got.problem;
    out = static_cast<double>(*got.value) / 1e6;
    return {};
  }
  const auto number = parse_decimal(text);
  if (!number) return "found " + in_quotes(text) + ", expected a number without a unit";
  out = number->to_double();
  return {};
}

void read_expectation(const JsonMember& member, ShapeReader& reader,
                      std::vector<Expectation>& expect) {
  const ShapeReader::Scope scope(reader, member.key);
  Expectation out;
  out.pointer = member.key;
  Unit unit = Unit::plain;
  if (!known_pointer(member.key, unit)) {
    const std::string guess =
        pointer_guess(member.key.starts_with('/') ? member.key.substr(1) : member.key);
    reader.error(member.key_place,
                 "no such value in a result; allowed are pointers such as \"messages/lost\", "
                 "\"latency_ms/delivery/p99\" and \"counters/NAME\"" +
                     (guess.empty() ? "" : "; did you mean " + in_quotes(guess) + "?"));
    return;
  }
  const JsonValue& value = member.value;
  out.text = value.text;
  if (value.is(JsonValue::Kind::number)) {
    out.value = parse_decimal(value.text).value_or(Decimal{}).to_double();
    expect.push_back(std::move(out));
    return;
  }
  const std::string allowed =
      std::string(", expected a number, or a text with < <= == >= or > and ") +
      (unit == Unit::milliseconds ? "a duration such as \"<= 10s\"" : "a number such as \"<= 10\"");
  if (value.is(JsonValue::Kind::string)) {
    for (const Operator& op : kOperators) {
      if (!value.text.starts_with(op.text)) continue;
      std::string_view rest = std::string_view(value.text).substr(std::string_view(op.text).size());
      while (rest.starts_with(' ')) rest.remove_prefix(1);
      const std::string problem = read_value(rest, unit, out.value);
      if (!problem.empty()) return reader.error(value, problem);
      out.compare = op.compare;
      expect.push_back(std::move(out));
      return;
    }
  }
  reader.error(value, "found " + describe(value) + allowed);
}

}  // namespace

ShapeKey expect_key(std::vector<Expectation>& expect) {
  ShapeKey key;
  key.name = "expect";
  key.help =
      "what a run must fulfil, besides what its mode promises: pointers into the result without "
      "the first slash. A number means equal; a text is one of < <= == >= > and a value with its "
      "unit";
  key.read = [&expect](const JsonValue& value, ShapeReader& reader) {
    if (!value.is(JsonValue::Kind::object)) {
      return reader.error(value, "found " + describe(value) + ", expected an object");
    }
    expect.clear();
    for (const JsonMember& member : value.members) read_expectation(member, reader, expect);
  };
  key.write = [&expect] {
    if (expect.empty()) return JsonValue{};
    JsonValue out = JsonValue::make_object();
    for (const Expectation& e : expect) {
      const bool number =
          !e.text.empty() && std::string_view("<=>").find(e.text[0]) == std::string_view::npos;
      out.add(e.pointer, number ? JsonValue::make_number(e.text) : JsonValue::make_string(e.text));
    }
    return out;
  };
  key.schema = [] {
    JsonValue names = JsonValue::make_array();
    std::string open = "^(";
    for (const char* tree : kOpenTrees) open += std::string(open.size() > 2 ? "|" : "") + tree;
    JsonValue known = JsonValue::make_array();
    for (const ResultKey& k : kResultKeys) known.items.push_back(JsonValue::make_string(k.pointer));
    for (const CounterInfo& c : kCounterTable) {
      known.items.push_back(JsonValue::make_string(std::string("counters/") + c.name));
    }
    JsonValue words = JsonValue::make_object();
    words.add("enum", std::move(known));
    names.items.push_back(std::move(words));
    names.items.push_back(schema_pattern((open + ").").c_str()));
    JsonValue any = JsonValue::make_object();
    any.add("anyOf", std::move(names));
    JsonValue values = JsonValue::make_array();
    values.items.push_back(schema_type("number"));
    values.items.push_back(schema_pattern(kValuePattern));
    JsonValue one = JsonValue::make_object();
    one.add("anyOf", std::move(values));
    JsonValue out = schema_type("object");
    out.add("propertyNames", std::move(any));
    out.add("additionalProperties", std::move(one));
    return out;
  };
  return key;
}

}  // namespace imroute
