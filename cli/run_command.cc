#include <deque>
#include <memory>

#include "cli/commands.h"
#include "cli/embedded.h"
#include "cli/files.h"
#include "cli/interrupt.h"
#include "cli/load.h"
#include "cli/report/run_report.h"
#include "cli/reproduce.h"
#include "cli/summary.h"
#include "cli/timeline.h"
#include "harness/result/result_json.h"
#include "harness/scenario/writer.h"
#include "sim/simulation.h"

namespace imroute {
namespace {

// The files that grow while the run goes on.
struct LiveFiles {
  std::unique_ptr<FileWriter> trace;
  std::unique_ptr<Timeline> timeline;

  explicit LiveFiles(const Options& options) {
    if (options.out.empty()) return;
    const std::filesystem::path out = options.out;
    prepare_directory(out);
    timeline = std::make_unique<Timeline>(out / "timeline.json");
    if (options.trace) trace = std::make_unique<FileWriter>(out / "trace.jsonl");
  }
  void line(const std::string& json_line) {
    trace->line(json_line);
    timeline->add_trace_line(json_line);
  }
};

// All files or none: a full disk leaves what an earlier run wrote, and no mixture.
void write_results(const Options& options, const Result& result, const std::string& effective,
                   const std::string& json, LiveFiles& live) {
  const std::filesystem::path out = options.out;
  live.timeline->finish(result);
  if (live.trace != nullptr) live.trace->close();
  std::deque<FileWriter> files;
  const auto add = [&](const char* name, const std::string& text) {
    FileWriter& file = files.emplace_back(out / name);
    file.append(text);
    file.close();
  };
  add("effective.json", effective);
  add("checkpoints.jsonl", write_checkpoints(result.checkpoints));
  add("result.json", json);
  add("report.html", render_run_report(result, json));

  // What an earlier command left would not belong to this result.
  std::error_code ignored;
  std::filesystem::remove(out / "compare.json", ignored);
  if (live.trace == nullptr) std::filesystem::remove(out / "trace.jsonl", ignored);
  live.timeline->commit();
  if (live.trace != nullptr) live.trace->commit();
  for (FileWriter& file : files) file.commit();
}

}  // namespace

int run_command(const Options& options, const Console& console) {
  const std::string& path = options.scenarios.front();
  const LoadedScenario loaded = load_scenario(path, load_options(options));
  if (!loaded.ok()) refuse_scenario(loaded.diagnostics, console);
  if (loaded.has_matrix) {
    throw UsageError(path +
                     " has a matrix of combinations, which run does not take; use: imroute "
                     "compare " +
                     shell_word(path));
  }
  const Scenario& scenario = *loaded.scenario;
  const std::string reproduce = reproducing_line(path, scenario.seed, options.sets, options.ci);
  LiveFiles live(options);

  Result result;
  {
    const CurrentRun current(reproduce);
    Progress progress(console, scenario.name);
    SimulationOptions simulation;
    simulation.trace = options.trace;
    if (options.trace) simulation.trace_sink = [&](const std::string& line) { live.line(line); };
    simulation.until_ns = options.until_ns;
    simulation.progress = [&](double done) { progress.show(done); };
    simulation.cancelled = [] { return interrupted(); };
    result = simulate(scenario, simulation);
  }
  if (interrupted()) {
    console.err << "imroute: interrupted, no file written\n";
    return kExitInterrupted;
  }
  result.version = build_version();
  result.commit = build_commit();
  result.command = command_text(options);
  const bool stopped =
      !result.checkpoints.empty() && result.checkpoints.back().t_ns == options.until_ns;
  if (stopped) result.stopped_at_ns = options.until_ns;
  const std::string json = write_result_json(result);
  // Told before it is written: a full disk does not take it away.
  if (options.json) {
    console.out << json;
  } else {
    print_summary(result, reproduce, console);
  }
  if (!options.out.empty()) {
    const std::string effective = write_effective(scenario, materialise_plan(scenario));
    write_results(options, result, effective, json, live);
    if (!options.json) {
      console.out << "  report      "
                  << (std::filesystem::path(options.out) / "report.html").string() << '\n';
    }
  }
  return result.verdict == Verdict::pass ? kExitHeld : kExitViolated;
}

}  // namespace imroute
