// Good and bad scenario files. Every bad one has the messages that a user must see beside it, in
// NAME.expected; IMROUTE_REWRITE=1 writes them anew, and the diff is reviewed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "harness/scenario/loader.h"
#include "harness/scenario/schema.h"
#include "harness/scenario/writer.h"

namespace imroute {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::vector<fs::path> files_in(const char* folder) {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(fs::path(IMROUTE_SOURCE_DIR) / folder)) {
    if (entry.path().extension() == ".json") out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

bool rewriting() { return std::getenv("IMROUTE_REWRITE") != nullptr; }

void expect_refused(const char* folder) {
  const std::vector<fs::path> files = files_in(folder);
  EXPECT_GE(files.size(), 15u);
  for (const fs::path& path : files) {
    const LoadedScenario loaded = load_scenario_text(text_of(path), path.filename().string());
    EXPECT_FALSE(loaded.ok()) << path;
    EXPECT_FALSE(load_cells_text(text_of(path), "x").ok() && path.stem() != "ci_contradicts")
        << path;
    std::string said;
    for (const Diagnostic& d : loaded.diagnostics) said += d.to_string() + "\n";
    fs::path golden = path;
    golden.replace_extension(".expected");
    if (rewriting()) std::ofstream(golden, std::ios::binary) << said;
    EXPECT_EQ(said, text_of(golden)) << path;
  }
}

TEST(ScenarioCorpus, BadFilesAreRefusedWithTheirMessages) {
  expect_refused("tests/data/scenarios/bad");
}
TEST(ScenarioCorpus, MistakesBeyondTheSchemaAreRefusedToo) {
  expect_refused("tests/data/scenarios/bad_beyond_schema");
}

// Canonical text is a fixed point, and what it loads to is what was loaded.
void expect_round_trip(const Scenario& scenario, const fs::path& path) {
  const std::string text = write_scenario(scenario);
  const LoadedScenario again = load_scenario_text(text, path.string());
  ASSERT_TRUE(again.ok()) << path << "\n"
                          << (again.diagnostics.empty() ? "" : again.diagnostics[0].to_string());
  EXPECT_EQ(*again.scenario, scenario) << path;
  EXPECT_EQ(write_scenario(*again.scenario), text) << path;
  EXPECT_EQ(again.scenario->hash, scenario.hash) << path;
}

TEST(ScenarioCorpus, GoodFilesLoadAndRoundTrip) {
  const std::vector<fs::path> files = files_in("tests/data/scenarios/good");
  EXPECT_GE(files.size(), 15u);
  for (const fs::path& path : files) {
    const LoadedScenario loaded = load_scenario(path.string());
    ASSERT_TRUE(loaded.ok()) << loaded.diagnostics[0].to_string();
    expect_round_trip(*loaded.scenario, path);
  }
}

TEST(ScenarioLibrary, LoadsWithAndWithoutCiAndTeachesSomething) {
  size_t seen = 0;
  for (const fs::path& path : files_in("scenarios")) {
    if (path.filename() == "schema.json") continue;
    ++seen;
    for (const bool ci : {false, true}) {
      LoadOptions options;
      options.ci = ci;
      const LoadedScenario loaded = load_scenario(path.string(), options);
      ASSERT_TRUE(loaded.ok()) << loaded.diagnostics[0].to_string();
      EXPECT_GE(loaded.scenario->description.size(), 40u) << path;
      EXPECT_EQ(loaded.scenario->name, path.stem().string());
      expect_round_trip(*loaded.scenario, path);
      CellOptions cells;
      cells.load = options;
      const LoadedCells matrix = load_cells(path.string(), cells);
      ASSERT_TRUE(matrix.ok()) << matrix.diagnostics[0].to_string();
      for (const Cell& cell : matrix.cells) expect_round_trip(cell.scenario, path);
    }
  }
  EXPECT_GE(seen, 16u);
}

TEST(ScenarioSchema, TheCheckedInCopyIsTheGeneratedOne) {
  const fs::path path = fs::path(IMROUTE_SOURCE_DIR) / "scenarios/schema.json";
  if (rewriting()) std::ofstream(path, std::ios::binary) << scenario_schema();
  EXPECT_EQ(text_of(path), scenario_schema()) << "IMROUTE_REWRITE=1 refreshes it";
}

TEST(ScenarioTemplate, Loads) {
  const LoadedScenario loaded = load_scenario_text(scenario_template(), "template");
  ASSERT_TRUE(loaded.ok()) << loaded.diagnostics[0].to_string();
  EXPECT_FALSE(loaded.scenario->faults.empty());
}

}  // namespace
}  // namespace imroute
