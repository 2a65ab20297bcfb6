// Runs that once broke a promise, one line each in regressions.jsonl: scenario, seed, overrides,
// and what was wrong. Each must pass now. The small test of each cause stands with the machine that
// had it; this is the whole of it, as it was found. A seed draws another run once what it draws
// from changes: it then is one more run that must pass, and its small test still guards the cause.
#include <gtest/gtest.h>

#include <cctype>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "config/json.h"
#include "harness/scenario/loader.h"
#include "sim/simulation.h"

namespace imroute {
namespace {

struct Regression {
  std::string scenario, was;
  std::string seed;
  std::vector<std::string> sets;
};

void PrintTo(const Regression& r, std::ostream* out) { *out << r.scenario << " seed " << r.seed; }

std::vector<Regression> regressions() {
  std::ifstream file(IMROUTE_SOURCE_DIR "/tests/swarm/regressions.jsonl");
  std::vector<Regression> found;
  for (std::string line; std::getline(file, line);) {
    const ParsedJson parsed = parse_json(line);
    if (!parsed.value.has_value()) throw std::runtime_error("not JSON: " + line);
    const auto text = [&](const char* key) {
      const JsonValue* value = parsed.value->find(key);
      if (value == nullptr) throw std::runtime_error(std::string("no ") + key + ": " + line);
      return value->text;
    };
    Regression r{text("scenario"), text("was"), text("seed"), {}};
    for (const JsonValue& set : parsed.value->find("sets")->items) r.sets.push_back(set.text);
    found.push_back(std::move(r));
  }
  return found;
}

class Regressions : public ::testing::TestWithParam<Regression> {};

TEST_P(Regressions, StaysFixed) {
  const Regression& r = GetParam();
  std::vector<std::string> sets = {"/seed=" + r.seed};
  sets.insert(sets.end(), r.sets.begin(), r.sets.end());
  const LoadedScenario loaded =
      load_scenario(IMROUTE_SOURCE_DIR "/" + r.scenario, {.overrides = sets});
  for (const Diagnostic& d : loaded.diagnostics) ADD_FAILURE() << d.to_string();
  ASSERT_TRUE(loaded.ok());
  const Result result = simulate(*loaded.scenario);
  EXPECT_EQ(result.verdict, Verdict::pass) << "it was: " << r.was;
  for (const Violation& v : result.violations) {
    if (v.excused.empty()) ADD_FAILURE() << v.property << ": " << v.witness;
  }
}

std::string name_of(const ::testing::TestParamInfo<Regression>& run) {
  const std::string& path = run.param.scenario;
  const size_t from = path.rfind('/') + 1;
  std::string name = path.substr(from, path.rfind('.') - from);
  for (char& c : name) c = std::isalnum(c) != 0 ? c : '_';
  return name + "_" + run.param.seed + "_" + std::to_string(run.index);
}

INSTANTIATE_TEST_SUITE_P(Swarm, Regressions, ::testing::ValuesIn(regressions()), name_of);

}  // namespace
}  // namespace imroute
