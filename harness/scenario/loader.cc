#include "harness/scenario/loader.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "config/suggest.h"
#include "config/units.h"
#include "harness/scenario/matrix.h"
#include "harness/scenario/scenario_shape.h"
#include "harness/scenario/swarm.h"
#include "harness/scenario/writer.h"

namespace imroute {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

// The whole file; nothing when it cannot be read, and errno says why.
std::optional<std::string> file_text(const std::string& path) {
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rb"));
  if (file == nullptr) return std::nullopt;
  std::string out;
  char buffer[65536];
  while (true) {
    const size_t got = std::fread(buffer, 1, sizeof buffer, file.get());
    if (got == 0) break;
    out.append(buffer, got);
    if (out.size() > kMaxJsonBytes) break;  // the parser says so
  }
  if (std::ferror(file.get()) != 0) return std::nullopt;
  return out;
}

std::string stem(std::string_view path) {
  if (const size_t slash = path.rfind('/'); slash != std::string_view::npos) {
    path.remove_prefix(slash + 1);
  }
  if (path.ends_with(".json")) path.remove_suffix(5);
  return std::string(path);
}

std::vector<Diagnostic> unreadable(const std::string& path) {
  return {{path, 0, 0, "", std::string("cannot be read: ") + std::strerror(errno)}};
}

// A document after its overrides.
struct Document {
  std::string source;
  JsonValue root;
  Diagnostics diagnostics;
  bool readable = false;            // false: nothing further can be said
  std::vector<std::string> pinned;  // top-level keys that overrides change: a swarm leaves them
};

std::vector<std::string> sources_of(const std::string& source, const LoadOptions& options) {
  std::vector<std::string> out{source};
  for (const std::string& text : options.overrides) out.push_back("--set " + text);
  return out;
}

void apply_ci(Document& d) {
  const JsonValue* found = d.root.find("ci");
  if (found == nullptr || !found->is(JsonValue::Kind::object)) return;
  const JsonValue ci = *found;
  for (const JsonMember& member : ci.members) {
    set_at(d.root, member.key, member.value, member.key_place, d.diagnostics);
  }
}

// Names and overrides go into results, which are JSON.
void check_utf8(Document& d, const LoadOptions& options) {
  const auto check = [&](const std::string& text, uint32_t source, const char* message) {
    if (parse_json(json_line(JsonValue::make_string(text))).value) return;
    d.diagnostics.add({source, 0, 0}, "", message);
  };
  check(d.source, 0, "the path is not UTF-8, and results could not name it: rename the file");
  for (size_t i = 0; i < options.overrides.size(); ++i) {
    check(options.overrides[i], static_cast<uint32_t>(i + 1), "is not UTF-8");
  }
}

void apply_overrides(Document& d, const LoadOptions& options) {
  for (size_t i = 0; i < options.overrides.size(); ++i) {
    const auto source = static_cast<uint32_t>(i + 1);
    const std::string& text = options.overrides[i];
    const size_t equals = text.find('=');
    if (equals == std::string::npos || text.empty() || text[0] != '/') {
      d.diagnostics.add({source, 0, 0}, "",
                        "expected /json/pointer=VALUE, such as /topology/nodes=16");
      continue;
    }
    const JsonValue value = override_value(std::string_view(text).substr(equals + 1), source);
    d.pinned.push_back(text.substr(1, text.find_first_of("/=", 1) - 1));
    set_at(d.root, text.substr(0, equals), value, {source, 0, 0}, d.diagnostics);
  }
}

Document open_document(std::string_view text, const std::string& source,
                       const LoadOptions& options) {
  Document d{source, {}, Diagnostics(sources_of(source, options)), false, {}};
  check_utf8(d, options);
  if (d.diagnostics.size() != 0) return d;
  ParsedJson parsed = parse_json(text);
  for (JsonProblem& problem : parsed.problems) {
    d.diagnostics.add(problem.place, std::move(problem.pointer), std::move(problem.message));
  }
  if (!parsed.value) return d;
  d.root = std::move(*parsed.value);
  if (!d.root.is(JsonValue::Kind::object)) {
    d.diagnostics.add(d.root.place, "",
                      "found " + describe(d.root) + ", expected an object: a scenario");
    return d;
  }
  if (options.ci) apply_ci(d);
  apply_overrides(d, options);
  d.readable = d.root.is(JsonValue::Kind::object);
  return d;
}

// A swarm has no use for what names machines or users that another seed does not have.
void check_swarm(const Scenario& s, const JsonValue& root, Diagnostics& diagnostics) {
  const SwarmConfig& swarm = s.swarm;
  const auto varies = [&](SwarmDimension dimension) {
    return swarm.dimensions.empty() || std::find(swarm.dimensions.begin(), swarm.dimensions.end(),
                                                 dimension) != swarm.dimensions.end();
  };
  const Place place = root.find("swarm")->place;
  if (root.find("matrix") != nullptr) {
    diagnostics.add(place, "/swarm", "stands beside a matrix, which fixes what it draws: keep one");
  }
  if (!varies(SwarmDimension::topology)) return;
  for (const auto& [key, given] :
       {std::pair("/faults", !s.faults.empty()),
        std::pair("/workload/messages", !s.workload.messages.empty()),
        std::pair("/workload/actions", !s.workload.actions.empty()),
        std::pair("/topology/groups/members", !s.topology.group_members.empty())}) {
    if (!given) continue;
    diagnostics.add(place, "/swarm",
                    "draws the topology, but " + std::string(key) +
                        " names machines or users that may not be there: leave it out, or "
                        "topology out of \"dimensions\"");
  }
}

// One experiment: `root` without matrix and ci.
std::optional<Scenario> read_scenario(const JsonValue& root, Document& d) {
  Diagnostics& diagnostics = d.diagnostics;
  const size_t before = diagnostics.size();
  Scenario scenario;
  ShapeReader reader(diagnostics);
  read_shape(document_shape(scenario), root, reader);
  if (scenario.swarm.enabled && diagnostics.size() == before) {
    check_swarm(scenario, d.root, diagnostics);
    if (diagnostics.size() == before) draw_swarm(scenario, d.pinned);
  }
  complete(scenario);
  check_scenario(scenario, root, diagnostics);
  if (diagnostics.size() != before) return std::nullopt;
  if (scenario.name.empty()) scenario.name = stem(d.source);
  scenario.hash = scenario_hash(scenario);
  return scenario;
}

// Reads the cells one by one. Mistakes of several cells at one place are said once.
std::vector<Cell> read_cells(const std::vector<CellTree>& trees, Document& d) {
  std::vector<Cell> cells;
  for (const CellTree& tree : trees) {
    std::optional<Scenario> scenario = read_scenario(tree.root, d);
    if (!scenario) continue;
    Cell cell;
    cell.strategy = tree.strategy;
    cell.balancer = tree.balancer;
    cell.axes = tree.axes;
    cell.scenario = std::move(*scenario);
    cells.push_back(std::move(cell));
  }
  return finish_cells(std::move(cells));
}

}  // namespace

LoadedScenario load_scenario_text(std::string_view text, const std::string& source,
                                  const LoadOptions& options) {
  LoadedScenario out;
  Document d = open_document(text, source, options);
  if (d.readable) {
    out.has_matrix = d.root.find("matrix") != nullptr;
    out.has_swarm = d.root.find("swarm") != nullptr;
    JsonValue base = d.root;
    const Matrix matrix = take_matrix(base, d.diagnostics);
    // The parts of a matrix are checked by themselves, the base too, and then every cell, because
    // contradictions may come from the combination. Of a bad base one cell is enough: the others
    // would repeat its mistakes.
    const bool good_parts = d.diagnostics.size() == 0;
    std::optional<Scenario> scenario = read_scenario(base, d);
    if (out.has_matrix && good_parts) {
      std::vector<CellTree> trees =
          cell_trees(base, scenario.value_or(Scenario{}), matrix, {}, {}, d.diagnostics);
      if (!scenario && !trees.empty()) trees.resize(1);
      read_cells(trees, d);
    }
    if (d.diagnostics.size() == 0) out.scenario = std::move(scenario);
  }
  out.diagnostics = d.diagnostics.take();
  // What `ci` makes of the file must be right too, or nobody notices until the tests run.
  if (d.readable && !options.ci && d.root.find("ci") != nullptr) {
    LoadOptions with_ci = options;
    with_ci.ci = true;
    for (Diagnostic& more : load_scenario_text(text, source, with_ci).diagnostics) {
      const auto& known = out.diagnostics;
      if (std::find(known.begin(), known.end(), more) != known.end()) continue;
      out.diagnostics.push_back(std::move(more));
    }
    if (!out.diagnostics.empty()) out.scenario.reset();
  }
  return out;
}

LoadedCells load_cells_text(std::string_view text, const std::string& source,
                            const CellOptions& options) {
  LoadedCells out;
  Document d = open_document(text, source, options.load);
  if (d.readable) {
    JsonValue base = d.root;
    out.has_swarm = base.find("swarm") != nullptr;
    const Matrix matrix = take_matrix(base, d.diagnostics);
    const std::optional<Scenario> scenario = read_scenario(base, d);
    if (d.diagnostics.size() == 0) {
      const std::vector<CellTree> trees =
          cell_trees(base, *scenario, matrix, options.strategies, options.balancers, d.diagnostics);
      out.cells = read_cells(trees, d);
    }
  }
  out.diagnostics = d.diagnostics.take();
  if (!out.diagnostics.empty()) out.cells.clear();
  return out;
}

LoadedScenario load_scenario(const std::string& path, const LoadOptions& options) {
  const std::optional<std::string> text = file_text(path);
  if (!text) return {.diagnostics = unreadable(path)};
  return load_scenario_text(*text, path, options);
}

LoadedCells load_cells(const std::string& path, const CellOptions& options) {
  const std::optional<std::string> text = file_text(path);
  if (!text) return {.diagnostics = unreadable(path)};
  return load_cells_text(*text, path, options);
}

}  // namespace imroute
