// validate, schema, init: what helps to write a scenario.
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/files.h"
#include "cli/load.h"
#include "cli/reproduce.h"
#include "harness/scenario/schema.h"

namespace imroute {

int validate_command(const Options& options, const Console& console) {
  size_t mistakes = 0;
  for (const std::string& file : options.scenarios) {
    const LoadedScenario loaded = load_scenario(file, load_options(options));
    for (const Diagnostic& diagnostic : loaded.diagnostics) {
      console.err << diagnostic.to_string() << '\n';
    }
    mistakes += loaded.diagnostics.size();
    if (loaded.diagnostics.empty()) console.out << file << ": ok\n";
  }
  if (mistakes == 0) return kExitHeld;
  console.err << "imroute: " << counted(mistakes, "mistake") << '\n';
  return kExitUsage;
}

int schema_command(const Options&, const Console& console) {
  console.out << scenario_schema();
  return kExitHeld;
}

int init_command(const Options& options, const Console& console) {
  const std::string file = options.topic.empty() ? "scenario.json" : options.topic;
  std::error_code ignored;
  if (std::filesystem::exists(file, ignored)) {
    throw UsageError(file +
                     " exists already and is left as it is; name another file: imroute init "
                     "FILE");
  }
  write_file(file, scenario_template());
  console.out << "wrote " << file << "\nnext: imroute run " << shell_word(file) << '\n';
  return kExitHeld;
}

}  // namespace imroute
