// From one document to many: overrides at JSON pointers, and the cells of a `matrix`. Works on
// trees, before anything is read, so that a cell is checked like a file written by hand and its
// mistakes keep their places.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/set_at.h"
#include "config/shape.h"
#include "harness/scenario/loader.h"

namespace imroute {

struct Matrix {
  struct Entry {
    std::string name;  // label, else the canonical name
    bool label = false;
    JsonValue value;  // without the label
  };
  struct Axis {
    std::string pointer;
    Place place;
    std::vector<JsonValue> values;
  };
  std::vector<Entry> strategies;
  std::vector<Entry> balancers;
  std::vector<Axis> axes;
};

// Takes `matrix` and `ci` out of a document and checks the matrix's parts.
Matrix take_matrix(JsonValue& root, Diagnostics& diagnostics);

struct CellTree {
  JsonValue root;
  std::string strategy;  // empty: named by what comes out
  std::string balancer;
  std::vector<std::pair<std::string, std::string>> axes;
};
// `base` is what the document says without a matrix; names as in CellOptions.
std::vector<CellTree> cell_trees(const JsonValue& root, const Scenario& base, const Matrix& matrix,
                                 const std::vector<std::string>& strategies,
                                 const std::vector<std::string>& balancers,
                                 Diagnostics& diagnostics);

// Names what has no name yet, and keeps one cell of those that differ only in a balancer that is
// never asked.
std::vector<Cell> finish_cells(std::vector<Cell> cells);

// A whole file: the scenario, `matrix` and `ci`.
Shape document_shape(Scenario& scenario);

}  // namespace imroute
