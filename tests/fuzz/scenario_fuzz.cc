// libFuzzer target: arbitrary bytes as a scenario file, as an override and as names of a matrix. A
// text is refused with at least one message, or it is a scenario whose canonical form loads back to
// itself; nothing else happens.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "harness/scenario/loader.h"
#include "harness/scenario/writer.h"

namespace {

using namespace imroute;

void require(bool condition) {
  if (!condition) std::abort();
}

void check(std::string_view text, const LoadOptions& options) {
  const LoadedScenario loaded = load_scenario_text(text, "fuzz.json", options);
  require(loaded.ok() == loaded.diagnostics.empty());
  for (const Diagnostic& d : loaded.diagnostics) require(d.to_string().size() < 4'000);
  if (!loaded.ok()) return;
  const std::string written = write_scenario(*loaded.scenario);
  const LoadedScenario again = load_scenario_text(written, "written.json");
  require(again.ok());
  require(*again.scenario == *loaded.scenario);
  require(write_scenario(*again.scenario) == written);
}

}  // namespace

// A file; after a zero byte, an override "/pointer=VALUE"; after another, a strategy name.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const size_t zero = all.find('\0');
  const std::string_view file = all.substr(0, zero);
  LoadOptions options;
  check(file, options);
  options.ci = true;
  check(file, options);
  if (zero == std::string_view::npos) return 0;
  const std::string_view rest = all.substr(zero + 1);
  const size_t second = rest.find('\0');
  options.overrides.emplace_back(rest.substr(0, second));
  check(file, options);
  check(R"({"topology":{"nodes":4,"users":50}})", options);
  CellOptions cells;
  cells.load = options;
  if (second != std::string_view::npos) {
    cells.strategies.emplace_back(rest.substr(second + 1));
    cells.balancers.emplace_back(rest.substr(second + 1));
  }
  const LoadedCells loaded = load_cells_text(file, "fuzz.json", cells);
  require(loaded.ok() == loaded.diagnostics.empty());
  return 0;
}
