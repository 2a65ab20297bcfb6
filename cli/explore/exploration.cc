#include "cli/explore/exploration.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/explore/worker_pool.h"
#include "cli/files.h"
#include "cli/interrupt.h"
#include "cli/load.h"
#include "core/base/hash.h"
#include "harness/scenario/loader.h"
#include "sim/simulation.h"

namespace imroute {
namespace {

namespace fs = std::filesystem;
constexpr uint64_t kSample = 200;  // seeds that are drawn to see what can be drawn

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Found {
  std::string file;
  bool ci;
};

std::vector<Found> find_files(const Options& options) {
  std::vector<Found> found;
  for (const std::string& name : options.scenarios) {
    std::error_code error;
    if (!fs::is_directory(name, error)) {  // what it is instead is told by who reads it
      found.push_back({name, options.ci});
      continue;
    }
    std::vector<std::string> inside;
    fs::directory_iterator entries(name, error);
    if (error) throw UsageError("cannot read " + name + ": " + error.message());
    for (const auto& entry : entries) {
      const fs::path& path = entry.path();
      if (path.extension() == ".json" && path.filename() != "schema.json") {
        inside.push_back(path.string());
      }
    }
    if (inside.empty()) throw UsageError(name + " has no scenario: no .json file is in it");
    std::sort(inside.begin(), inside.end());
    for (std::string& file : inside) found.push_back({std::move(file), true});
  }
  return found;
}

std::string job_line(const ExploreJob& job) {
  return nlohmann::json{
      {"scenario", job.scenario}, {"seed", job.seed}, {"sets", job.sets}, {"twice", job.twice}}
      .dump();
}

std::vector<std::string> all_sets(const ExploredScenario& scenario,
                                  const std::vector<std::string>& more) {
  std::vector<std::string> sets = scenario.sets;
  sets.insert(sets.end(), more.begin(), more.end());
  return sets;
}

// Which file and which text of it the record is of.
SeedRecord of_scenario(const ExploredScenario& scenario, SeedRecord record) {
  record.file = scenario.file;
  record.text = hash_text(scenario.text);
  return record;
}

// What a worker does with a line.
std::string run_job(const std::vector<ExploredScenario>& scenarios, const std::string& line) {
  const nlohmann::json job = nlohmann::json::parse(line);
  const ExploredScenario& explored = scenarios[job.at("scenario").get<size_t>()];
  const auto more = job.at("sets").get<std::vector<std::string>>();
  const std::vector<std::string> sets = all_sets(explored, more);
  const Scenario scenario = scenario_of(explored, job.at("seed"), more);
  const Result result = simulate(scenario);
  SeedRecord record = record_of(result, sets, explored.ci);
  if (job.at("twice").get<bool>()) {
    const Result again = simulate(scenario);
    if (again.trace_hash != result.trace_hash || again.events != result.events ||
        again.verdict != result.verdict) {
      record = record_of_end(explored.name, scenario.seed, sets, explored.ci, "determinism",
                             "the same seed gave another trace");
      record.events = result.events;
    }
  }
  return record_line(of_scenario(explored, std::move(record)));
}

SeedRecord record_of_outcome(const ExploredScenario& scenario, const ExploreJob& job,
                             const WorkerOutcome& outcome) {
  std::string what = outcome.text;
  if (outcome.kind == WorkerOutcome::Kind::done) {
    if (auto record = parse_record(outcome.text, &what)) return *record;
  }
  return of_scenario(scenario, record_of_end(scenario.name, job.seed, all_sets(scenario, job.sets),
                                             scenario.ci, to_string(outcome.kind), what));
}

}  // namespace

Scenario scenario_of(const ExploredScenario& explored, uint64_t seed,
                     const std::vector<std::string>& sets) {
  if (explored.mutation != Mutation::swarm && sets.empty()) {
    Scenario scenario = explored.base;
    scenario.seed = seed;
    return scenario;
  }
  LoadOptions load{all_sets(explored, sets), explored.ci};
  load.overrides.push_back("/seed=" + std::to_string(seed));
  LoadedScenario loaded = load_scenario_text(explored.text, explored.file, load);
  if (!loaded.ok()) throw UsageError(loaded.diagnostics.front().to_string());
  return std::move(*loaded.scenario);
}

std::vector<ExploredScenario> find_scenarios(const Options& options, const Console& console) {
  std::vector<ExploredScenario> scenarios;
  std::vector<Diagnostic> mistakes;
  for (const Found& found : find_files(options)) {
    ExploredScenario scenario;
    scenario.file = found.file;
    scenario.text = read_file(found.file);
    LoadOptions load{options.sets, found.ci};
    const LoadedScenario loaded = load_scenario_text(scenario.text, found.file, load);
    mistakes.insert(mistakes.end(), loaded.diagnostics.begin(), loaded.diagnostics.end());
    if (!loaded.ok()) continue;
    const nlohmann::json document = nlohmann::json::parse(scenario.text);
    scenario.ci = found.ci && document.contains("ci");
    scenario.sets = options.sets;
    if (loaded.has_matrix) scenario.sets.push_back("/matrix=null");
    scenario.base = *loaded.scenario;
    scenario.name = loaded.scenario->name;
    scenario.mutation = loaded.has_swarm                   ? Mutation::swarm
                        : loaded.scenario->nemesis.enabled ? Mutation::nemesis
                                                           : Mutation::none;
    for (const ExploredScenario& other : scenarios) {
      if (other.name == scenario.name) {
        throw UsageError(other.file + " and " + scenario.file + " are both named \"" +
                         scenario.name + "\": results could not tell them apart");
      }
    }
    scenarios.push_back(std::move(scenario));
  }
  if (!mistakes.empty()) refuse_scenario(mistakes, console);
  return scenarios;
}

Exploration explore(const std::vector<ExploredScenario>& scenarios, const Options& options,
                    const ExploreProgress& progress) {
  Exploration out;
  out.jobs = options.jobs != 0 ? options.jobs : std::max(1u, std::thread::hardware_concurrency());
  std::vector<Mutation> mutations;
  for (const ExploredScenario& scenario : scenarios) mutations.push_back(scenario.mutation);
  SeedPlan plan(mutations, {options.from, options.explore_seeds, options.shard, options.shards});
  Coverage coverage;
  WorkerPool pool(
      out.jobs, [&scenarios](const std::string& line) { return run_job(scenarios, line); },
      options.seed_limit_ns);
  const double begin = wall_seconds();
  const auto stop = [&] {
    out.seconds = wall_seconds() - begin;
    progress(out.records, out.seconds);
    out.interrupted = interrupted();
    out.out_of_time =
        options.budget_ns && out.seconds * 1e9 >= static_cast<double>(*options.budget_ns);
    return out.interrupted || out.out_of_time;
  };
  bool going = true;
  while (going) {
    const std::vector<ExploreJob> round = plan.next_round();
    if (round.empty()) break;
    std::vector<std::string> lines;
    std::vector<unsigned> limits;
    for (const ExploreJob& job : round) {
      lines.push_back(job_line(job));
      limits.push_back(job.twice ? 2 : 1);
    }
    std::vector<std::optional<SeedRecord>> answers(round.size());
    const auto done = [&](size_t i, WorkerOutcome outcome) {
      answers[i] = record_of_outcome(scenarios[round[i].scenario], round[i], outcome);
      out.records.push_back(*answers[i]);
    };
    going = pool.run(lines, done, stop, limits);
    for (size_t i = 0; i < round.size(); ++i) {
      if (answers[i]) plan.learn(round[i], coverage.add(*answers[i]));
    }
  }
  out.seconds = wall_seconds() - begin;
  merge_records(out.records);
  return out;
}

Requirement requirement_of(const std::vector<ExploredScenario>& scenarios) {
  Requirement all;
  for (const ExploredScenario& scenario : scenarios) {
    Requirement one;
    for (uint64_t seed = 1; seed <= kSample; ++seed) one.add(scenario_of(scenario, seed, {}));
    all.merge(one);
  }
  return all;
}

}  // namespace imroute
