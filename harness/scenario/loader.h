// From scenario files to scenarios. A scenario comes out only when nothing is wrong; otherwise
// every mistake of the file comes out, with its place, so that a user fixes a file in one go. What
// comes out is complete: derived defaults are filled in, so that nobody behind the loader guesses.
//
//   const LoadedScenario loaded = load_scenario("scenarios/quickstart.json", {.overrides = sets});
//   if (!loaded.ok()) { for (auto& d : loaded.diagnostics) print(d.to_string()); exit(2); }
//   simulate(*loaded.scenario);
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/diagnostic.h"
#include "harness/scenario/scenario.h"

namespace imroute {

struct LoadOptions {
  // "/json/pointer=VALUE", applied in order before anything is checked. VALUE is JSON, else a
  // string; null removes the key. (What --set takes.)
  std::vector<std::string> overrides;
  // Apply the file's own `ci` overrides first: big files become small enough for tests.
  bool ci = false;
};

struct LoadedScenario {
  std::optional<Scenario> scenario = {};  // without `matrix`; set if and only if nothing is wrong
  bool has_matrix = false;                // `run` refuses such a file and names `compare`
  bool has_swarm = false;                 // another seed is another scenario: load anew for each
  std::vector<Diagnostic> diagnostics = {};
  bool ok() const { return scenario.has_value(); }
};

// Checks the cells of a `matrix` too. A file that cannot be read is a diagnostic without a line.
LoadedScenario load_scenario(const std::string& path, const LoadOptions& options = {});
// The same from memory; `source` stands in the diagnostics.
LoadedScenario load_scenario_text(std::string_view text, const std::string& source,
                                  const LoadOptions& options = {});

// One experiment of a comparison.
struct Cell {
  std::string strategy;  // `label`, else kind[:mode[:placement]][@bus]
  std::string balancer;  // `label`, else its kind; "placement" where a placement decides logins
  std::vector<std::pair<std::string, std::string>> axes;  // pointer -> value as JSON text
  Scenario scenario;
};

struct LoadedCells {
  std::vector<Cell> cells = {};  // empty if and only if something is wrong
  bool has_swarm = false;        // no cell stands for another seed
  std::vector<Diagnostic> diagnostics = {};
  bool ok() const { return !cells.empty(); }
};

struct CellOptions {
  LoadOptions load;
  // Names as on the command line; each list, when not empty, takes the place of the matrix's own.
  // A name of the matrix (label or not) means that entry; otherwise it is parsed. "all": every one.
  std::vector<std::string> strategies;
  std::vector<std::string> balancers;
};

// Cartesian product strategies x balancers x axes, strategies slowest, the last axis fastest. A
// file without a matrix has one cell (times the names of `options`).
LoadedCells load_cells(const std::string& path, const CellOptions& options = {});
LoadedCells load_cells_text(std::string_view text, const std::string& source,
                            const CellOptions& options = {});

}  // namespace imroute
