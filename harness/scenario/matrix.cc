#include "harness/scenario/matrix.h"

#include <algorithm>
#include <memory>

#include "config/suggest.h"
#include "config/units.h"
#include "harness/scenario/names.h"
#include "harness/scenario/scenario_shape.h"

namespace imroute {
namespace {

constexpr size_t kMostCells = 2'000;

// ---- the parts of a matrix ---------------------------------------------------------------------

void remove_member(JsonValue& object, std::string_view key) {
  std::erase_if(object.members, [&](const JsonMember& m) { return m.key == key; });
}

template <class Config>
using ConfigShape = Shape (*)(Config&);

// An entry's own shape and its label.
template <class Config>
Shape entry_shape(Config& config, std::string& label, ConfigShape<Config> shape_of) {
  Shape shape = shape_of(config);
  shape.add(text_key("label", label, "name of this entry in tables"));
  return shape;
}

template <class Config>
std::vector<Matrix::Entry> read_entries(const JsonValue& list, ConfigShape<Config> shape_of,
                                        std::string (*name_of)(const Config&),
                                        ShapeReader& reader) {
  std::vector<Matrix::Entry> out;
  if (!list.is(JsonValue::Kind::array) || list.items.empty()) {
    reader.error(list, "found " + describe(list) + ", expected an array with at least one object");
    return out;
  }
  for (size_t i = 0; i < list.items.size(); ++i) {
    const ShapeReader::Scope scope(reader, std::to_string(i));
    Config config;
    std::string label;
    const size_t errors = reader.errors();
    read_shape(entry_shape(config, label, shape_of), list.items[i], reader);
    if (reader.errors() != errors) continue;
    Matrix::Entry entry{label.empty() ? name_of(config) : label, !label.empty(), list.items[i]};
    remove_member(entry.value, "label");
    for (const Matrix::Entry& other : out) {
      if (other.name != entry.name) continue;
      reader.error(list.items[i], "a second entry named " + in_quotes(entry.name) +
                                      ": give each its own \"label\"");
      break;
    }
    out.push_back(std::move(entry));
  }
  return out;
}

std::vector<Matrix::Axis> read_axes(const JsonValue& axes, ShapeReader& reader) {
  std::vector<Matrix::Axis> out;
  if (!axes.is(JsonValue::Kind::object)) {
    reader.error(axes, "found " + describe(axes) +
                           ", expected an object such as {\"/topology/nodes\": [8, 64]}");
    return out;
  }
  for (const JsonMember& member : axes.members) {
    const ShapeReader::Scope scope(reader, member.key.substr(0, 200));
    const auto parts = pointer_parts(member.key);
    if (!parts || parts->empty()) {
      reader.error(member.key_place, "found " + in_quotes(member.key) +
                                         ", expected a JSON pointer such as \"/topology/nodes\"");
      continue;
    }
    // These are no part of a cell: they are gone when an axis is set.
    static constexpr std::string_view kOutside[] = {"matrix", "ci", "swarm"};
    if (std::find(std::begin(kOutside), std::end(kOutside), parts->front()) != std::end(kOutside)) {
      reader.error(member.key_place, "found " + in_quotes(member.key) +
                                         ", but what a matrix varies is one experiment: "
                                         "matrix, ci and swarm cannot be an axis");
      continue;
    }
    if (!member.value.is(JsonValue::Kind::array) || member.value.items.empty()) {
      reader.error(member.value, "found " + describe(member.value) +
                                     ", expected an array with at least one value");
      continue;
    }
    out.push_back({member.key, member.key_place, member.value.items});
  }
  return out;
}

}  // namespace

Matrix take_matrix(JsonValue& root, Diagnostics& diagnostics) {
  Matrix out;
  ShapeReader reader(diagnostics);
  if (const JsonValue* ci = root.find("ci"); ci != nullptr) {
    const ShapeReader::Scope scope(reader, "ci");
    if (!ci->is(JsonValue::Kind::object)) {
      reader.error(*ci, "found " + describe(*ci) +
                            ", expected an object such as {\"/topology/users\": 200}");
    }
    remove_member(root, "ci");
  }
  const JsonValue* found = root.find("matrix");
  if (found == nullptr) return out;
  const JsonValue matrix = *found;
  remove_member(root, "matrix");
  const ShapeReader::Scope scope(reader, "matrix");
  if (!matrix.is(JsonValue::Kind::object)) {
    reader.error(matrix, "found " + describe(matrix) +
                             ", expected an object with strategies, balancers or axes");
    return out;
  }
  static constexpr std::string_view kKeys[] = {"strategies", "balancers", "axes"};
  for (const JsonMember& member : matrix.members) {
    const ShapeReader::Scope inner(reader, member.key.substr(0, 200));
    if (member.key == "strategies") {
      out.strategies =
          read_entries<StrategyConfig>(member.value, strategy_shape, strategy_name, reader);
    } else if (member.key == "balancers") {
      out.balancers =
          read_entries<BalancerConfig>(member.value, balancer_shape, balancer_name, reader);
    } else if (member.key == "axes") {
      out.axes = read_axes(member.value, reader);
    } else {
      const std::string guess = nearest(member.key, kKeys);
      reader.error(member.key_place,
                   "unknown key " + in_quotes(member.key) + ", allowed are " + join_or(kKeys) +
                       (guess.empty() ? "" : "; did you mean " + in_quotes(guess) + "?"));
    }
  }
  return out;
}

namespace {

// ---- names given on the command line -----------------------------------------------------------

template <class Config>
using ParseName = std::optional<Config> (*)(std::string_view, const Config&, std::string*);

template <class Config>
std::vector<Matrix::Entry> named_entries(const std::vector<std::string>& names,
                                         const std::vector<Matrix::Entry>& known,
                                         const std::vector<std::string>& all, const Config& base,
                                         ParseName<Config> parse, ConfigShape<Config> shape_of,
                                         std::string (*name_of)(const Config&), const char* option,
                                         Diagnostics& diagnostics) {
  std::vector<std::string> wanted;
  for (const std::string& name : names) {
    if (name == "all") {
      wanted.insert(wanted.end(), all.begin(), all.end());
    } else {
      wanted.push_back(name);
    }
  }
  std::vector<Matrix::Entry> out;
  for (const std::string& name : wanted) {
    Matrix::Entry entry;
    const auto match = std::find_if(known.begin(), known.end(),
                                    [&](const Matrix::Entry& e) { return e.name == name; });
    if (match != known.end()) {
      entry = *match;
    } else {
      std::string problem;
      std::optional<Config> config = parse(name, base, &problem);
      if (!config) {
        diagnostics.add_from(option, std::move(problem));
        continue;
      }
      entry.name = name_of(*config);
      entry.value = write_shape(shape_of(*config));
    }
    const bool twice = std::any_of(out.begin(), out.end(),
                                   [&](const Matrix::Entry& e) { return e.name == entry.name; });
    if (!twice) out.push_back(std::move(entry));
  }
  return out;
}

void add_axes(std::vector<CellTree>& cells, const std::vector<Matrix::Axis>& axes,
              Diagnostics& diagnostics) {
  for (const Matrix::Axis& axis : axes) {
    std::vector<CellTree> wider;
    for (const CellTree& cell : cells) {
      for (const JsonValue& value : axis.values) {
        CellTree& next = wider.emplace_back(cell);
        next.axes.emplace_back(axis.pointer, json_line(value));
        set_at(next.root, axis.pointer, value, axis.place, diagnostics);
      }
    }
    cells = std::move(wider);
  }
}

}  // namespace

std::vector<CellTree> cell_trees(const JsonValue& root, const Scenario& base, const Matrix& matrix,
                                 const std::vector<std::string>& strategies,
                                 const std::vector<std::string>& balancers,
                                 Diagnostics& diagnostics) {
  const size_t before = diagnostics.size();
  std::vector<Matrix::Entry> columns = matrix.strategies;
  if (!strategies.empty()) {
    StrategyConfig plain = base.strategy;
    plain.placement.key_space = 0;  // derived anew
    columns = named_entries<StrategyConfig>(strategies, matrix.strategies, all_strategy_names(),
                                            plain, parse_strategy_name, strategy_shape,
                                            strategy_name, "--strategies", diagnostics);
  }
  std::vector<Matrix::Entry> rows = matrix.balancers;
  if (!balancers.empty()) {
    rows = named_entries<BalancerConfig>(balancers, matrix.balancers, all_balancer_names(),
                                         base.balancer, parse_balancer_name, balancer_shape,
                                         balancer_name, "--balancers", diagnostics);
  }
  if (diagnostics.size() != before) return {};
  size_t cells = std::max<size_t>(1, columns.size()) * std::max<size_t>(1, rows.size());
  for (const Matrix::Axis& axis : matrix.axes) {
    cells = std::min(cells, kMostCells + 1) * std::min(axis.values.size(), kMostCells + 1);
  }
  if (cells > kMostCells) {
    diagnostics.add(root.place, "/matrix",
                    "has more than " + std::to_string(kMostCells) + " cells: split the file");
    return {};
  }
  // An empty list is one entry that changes nothing.
  if (columns.empty()) columns.emplace_back();
  if (rows.empty()) rows.emplace_back();
  std::vector<CellTree> out;
  for (const Matrix::Entry& strategy : columns) {
    for (const Matrix::Entry& balancer : rows) {
      CellTree& cell = out.emplace_back();
      cell.root = root;
      if (!strategy.name.empty()) set_at(cell.root, "/strategy", strategy.value, {}, diagnostics);
      if (!balancer.name.empty()) set_at(cell.root, "/balancer", balancer.value, {}, diagnostics);
      if (strategy.label) cell.strategy = strategy.name;
      if (balancer.label) cell.balancer = balancer.name;
    }
  }
  add_axes(out, matrix.axes, diagnostics);
  return out;
}

std::vector<Cell> finish_cells(std::vector<Cell> cells) {
  std::vector<Cell> out;
  for (Cell& cell : cells) {
    if (cell.strategy.empty()) cell.strategy = strategy_name(cell.scenario.strategy);
    if (cell.balancer.empty()) cell.balancer = balancer_name(cell.scenario.balancer);
    if (cell.scenario.strategy.places_logins()) {
      cell.balancer = "placement";
      const bool have = std::any_of(out.begin(), out.end(), [&](const Cell& other) {
        return other.strategy == cell.strategy && other.balancer == "placement" &&
               other.axes == cell.axes;
      });
      if (have) continue;
    }
    out.push_back(std::move(cell));
  }
  return out;
}

namespace {

// A key that the loader takes out before a scenario is read; known here for its name and schema.
ShapeKey taken_key(const char* name, const char* help, std::function<JsonValue()> schema) {
  ShapeKey key;
  key.name = name;
  key.help = help;
  key.read = [](const JsonValue&, ShapeReader&) {};
  key.write = [] { return JsonValue{}; };
  key.schema = std::move(schema);
  return key;
}

template <class Config>
JsonValue entries_schema(ConfigShape<Config> shape_of, const char* help) {
  Config example;
  std::string label;
  JsonValue out = schema_type("array");
  out.add("description", JsonValue::make_string(help));
  out.add("minItems", JsonValue::make_number(uint64_t{1}));
  out.add("items", schema_of(entry_shape(example, label, shape_of)));
  return out;
}

// An object whose keys are pointers.
JsonValue pointers_schema(JsonValue values) {
  JsonValue out = schema_type("object");
  out.add("propertyNames", schema_pattern("^(/([^/~]|~[01])*)+$"));
  out.add("additionalProperties", std::move(values));
  return out;
}

JsonValue matrix_schema() {
  JsonValue list = schema_type("array");
  list.add("minItems", JsonValue::make_number(uint64_t{1}));
  JsonValue axes = pointers_schema(std::move(list));
  axes.add("description", JsonValue::make_string("JSON pointer -> the values it takes"));
  JsonValue properties = JsonValue::make_object();
  properties.add("strategies", entries_schema<StrategyConfig>(strategy_shape,
                                                              "whole strategies, each with an "
                                                              "optional label"));
  properties.add("balancers", entries_schema<BalancerConfig>(balancer_shape,
                                                             "whole balancers, each with an "
                                                             "optional label"));
  properties.add("axes", std::move(axes));
  JsonValue out = schema_type("object");
  out.add("properties", std::move(properties));
  out.add("additionalProperties", JsonValue::make_bool(false));
  return out;
}

}  // namespace

Shape document_shape(Scenario& scenario) {
  Shape shape = scenario_shape(scenario);
  shape.add(taken_key("matrix", "what `compare` runs: every strategy with every balancer and axis",
                      matrix_schema));
  shape.add(taken_key("ci", "JSON pointer -> value: makes a big file small enough for tests",
                      [] { return pointers_schema(JsonValue::make_bool(true)); }));
  return shape;
}

}  // namespace imroute
