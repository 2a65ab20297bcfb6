#include "cli/load.h"

#include "cli/files.h"
#include "cli/reproduce.h"
#include "config/units.h"

namespace imroute {

LoadOptions load_options(const Options& options) {
  LoadOptions load{options.sets, options.ci};
  if (options.seed) load.overrides.push_back("/seed=" + std::to_string(*options.seed));
  return load;
}

void refuse_scenario(const std::vector<Diagnostic>& diagnostics, const Console& console) {
  for (const Diagnostic& diagnostic : diagnostics) console.err << diagnostic.to_string() << '\n';
  throw UsageError(counted(diagnostics.size(), "mistake") + ", nothing was run");
}

std::string command_text(const Options& options) {
  std::string text = program_call(options.command);
  for (const std::string& file : options.scenarios) text += " " + shell_word(file);
  if (options.seed) text += " --seed " + std::to_string(*options.seed);
  if (options.ci) text += " --ci";
  for (const std::string& set : options.sets) text += " --set " + shell_word(set);
  if (options.until_ns != kNever) text += " --until " + format_duration(options.until_ns);
  return text;
}

}  // namespace imroute
