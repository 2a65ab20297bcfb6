#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/comparison_table.h"
#include "cli/embedded.h"
#include "cli/files.h"
#include "cli/interrupt.h"
#include "cli/load.h"
#include "cli/parallel.h"
#include "cli/report/compare_report.h"
#include "cli/reproduce.h"
#include "harness/compare/comparison.h"
#include "harness/compare/expected_cost.h"
#include "harness/result/result_json.h"
#include "harness/scenario/writer.h"
#include "sim/simulation.h"

namespace imroute {
namespace {

using Json = nlohmann::ordered_json;

struct PlannedCell {
  std::string file;
  Cell cell;
  std::vector<std::string> reproduce_sets;
};

// The overrides that make the cell out of its file: strategy, balancer and axes, whole.
std::vector<std::string> sets_of(const Cell& cell, const Options& options) {
  std::vector<std::string> sets = options.sets;
  const Json canonical = Json::parse(write_scenario(cell.scenario));
  sets.push_back("/matrix=null");
  for (const char* key : {"strategy", "balancer"}) {
    if (canonical.contains(key))
      sets.push_back(std::string("/") + key + "=" + canonical[key].dump());
  }
  for (const auto& [pointer, value] : cell.axes) sets.push_back(pointer + "=" + value);
  return sets;
}

std::vector<PlannedCell> plan_cells(const Options& options, const Console& console) {
  CellOptions cells;
  cells.load = load_options(options);
  cells.strategies = options.strategies;
  cells.balancers = options.balancers;
  std::vector<PlannedCell> planned;
  std::vector<Diagnostic> mistakes;
  for (const std::string& file : options.scenarios) {
    LoadedCells loaded = load_cells(file, cells);
    mistakes.insert(mistakes.end(), loaded.diagnostics.begin(), loaded.diagnostics.end());
    if (loaded.has_swarm) {
      throw UsageError(file +
                       " has a swarm: each seed is another cluster, so there is nothing to " +
                       "compare; use: imroute explore " + shell_word(file));
    }
    for (Cell& cell : loaded.cells) {
      std::vector<std::string> sets = sets_of(cell, options);
      planned.push_back({file, std::move(cell), std::move(sets)});
    }
  }
  if (!mistakes.empty()) refuse_scenario(mistakes, console);
  return planned;
}

RunRecord run_once(const PlannedCell& planned, uint64_t seed, bool ci) {
  Scenario scenario = planned.cell.scenario;
  scenario.seed = seed;
  const CurrentRun current(reproducing_line(planned.file, seed, planned.reproduce_sets, ci));
  SimulationOptions options;
  options.cancelled = [] { return interrupted(); };
  const Result result = simulate(scenario, options);
  RunRecord record;
  record.seed = seed;
  record.held = result.verdict == Verdict::pass;
  record.metrics = flatten_metrics(Json::parse(write_result_json(result)));
  record.delivery_ns = result.delivery_ns;
  for (const FaultOutcome& fault : result.faults) {
    ++record.faults;
    if (fault.effective) ++record.faults_effective;
  }
  if (!result.violations.empty()) {
    record.first_violation =
        result.violations.front().property + ": " + result.violations.front().witness;
  } else if (!record.held) {
    record.first_violation = "vacuous: nothing was judged";
  }
  return record;
}

std::map<std::string, double> facts_of(const Scenario& s) {
  return {{"nodes", s.topology.nodes},
          {"routers", s.topology.routers},
          {"users", static_cast<double>(s.topology.users)},
          {"devices_per_user", s.topology.devices_per_user},
          {"groups", s.topology.group_count},
          {"messages_per_user_second", static_cast<double>(s.workload.rate_microhz) / 1e6},
          {"relocations_per_user_hour",
           static_cast<double>(s.workload.relocations_microhz) * 3600 / 1e6},
          {"faults", static_cast<double>(s.faults.size())},
          {"nemesis", s.nemesis.enabled ? 1.0 : 0.0}};
}

ComparedCell compared(const PlannedCell& planned, const std::vector<RunRecord>& runs) {
  ComparedCell cell;
  cell.scenario = planned.cell.scenario.name;
  cell.strategy = planned.cell.strategy;
  cell.balancer = planned.cell.balancer;
  cell.axes = Json::object();
  for (const auto& [pointer, value] : planned.cell.axes) cell.axes[pointer] = Json::parse(value);
  cell.facts = facts_of(planned.cell.scenario);
  cell.model_frames_per_delivery = expected_frames_per_delivery(planned.cell.scenario);
  reduce_cell(cell, runs);
  return cell;
}

struct Outcome {
  Comparison comparison;
  bool complete = false;
};

Outcome run_all(const std::vector<PlannedCell>& planned, const Options& options,
                const Console& console) {
  const size_t seeds = options.seeds;
  std::vector<std::vector<RunRecord>> records(planned.size(), std::vector<RunRecord>(seeds));
  Outcome outcome;
  {
    Progress progress(console, "comparing");
    const size_t total = planned.size() * seeds;
    // Seeds slowest: an early look at the bar has seen every cell.
    outcome.complete = run_parallel(
        total, options.jobs,
        [&](size_t i) {
          const size_t cell = i % planned.size(), k = i / planned.size();
          records[cell][k] =
              run_once(planned[cell], planned[cell].cell.scenario.seed + k, options.ci);
        },
        [&](size_t done) {
          progress.show(static_cast<double>(done) / static_cast<double>(total),
                        std::to_string(done) + " of " + std::to_string(total) + " runs");
        },
        [] { return interrupted(); });
  }
  if (!outcome.complete) return outcome;
  Comparison& comparison = outcome.comparison;
  comparison.version = build_version();
  comparison.commit = build_commit();
  comparison.title = planned.front().cell.scenario.name;
  comparison.description = planned.front().cell.scenario.description;
  if (options.scenarios.size() > 1) {
    comparison.title += " and " + std::to_string(options.scenarios.size() - 1) + " more";
    comparison.description.clear();
  }
  for (size_t i = 0; i < planned.size(); ++i) {
    comparison.cells.push_back(compared(planned[i], records[i]));
  }
  return outcome;
}

void print_failures(const Comparison& comparison, const std::vector<PlannedCell>& planned,
                    const Options& options, const Console& console) {
  constexpr size_t kShown = 3;
  size_t shown = 0;
  for (size_t i = 0; i < planned.size(); ++i) {
    const ComparedCell& cell = comparison.cells[i];
    if (cell.failing_seeds.empty() || ++shown > kShown) continue;
    console.out << console.painted(Paint::red, "broken") << "  " << cell.strategy << " · "
                << cell.balancer << ", " << counted(cell.failing_seeds.size(), "seed") << " of "
                << cell.seeds.size() << ": " << cell.first_violation << "\n  reproduce: "
                << reproducing_line(planned[i].file, cell.failing_seeds.front(),
                                    planned[i].reproduce_sets, options.ci)
                << '\n';
  }
  if (shown > kShown) console.out << "and " << shown - kShown << " more broken combinations\n";
}

}  // namespace

int compare_command(const Options& options, const Console& console) {
  const std::vector<PlannedCell> planned = plan_cells(options, console);
  const std::filesystem::path out = options.out;
  if (!options.out.empty()) prepare_directory(out);
  if (console.err_terminal) {
    console.err << counted(planned.size(), "combination") << ", " << counted(options.seeds, "seed")
                << " each\n";
  }
  const Outcome outcome = run_all(planned, options, console);
  if (!outcome.complete) {
    console.err << "imroute: interrupted, no file written\n";
    return kExitInterrupted;
  }
  const Comparison& comparison = outcome.comparison;
  const std::string json = to_json(comparison).dump(2) + "\n";
  // Told before it is written: a full disk does not take it away.
  if (options.json) {
    console.out << json;
  } else {
    print_comparison(comparison, console);
    print_failures(comparison, planned, options, console);
  }
  if (!options.out.empty()) {
    write_file(out / "compare.json", json);
    write_file(out / "report.html", render_compare_report(comparison, json));
  }
  if (!options.json) {
    console.out << (options.out.empty() ? "add --out DIR for compare.json and report.html"
                                        : "report: " + (out / "report.html").string())
                << '\n';
  }
  return comparison.all_held() ? kExitHeld : kExitViolated;
}

}  // namespace imroute
