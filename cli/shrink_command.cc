#include <algorithm>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/commands.h"
#include "cli/embedded.h"
#include "cli/files.h"
#include "cli/interrupt.h"
#include "cli/load.h"
#include "cli/reproduce.h"
#include "cli/shrink/explanation.h"
#include "cli/shrink/judge.h"
#include "harness/scenario/loader.h"
#include "harness/scenario/writer.h"
#include "harness/shrink/reduce.h"
#include "harness/shrink/settings.h"

namespace imroute {
namespace {

using Json = nlohmann::ordered_json;
constexpr DurationNs kBudget = 10 * 60 * kSecond;
constexpr uint64_t kSeedsTried = 32;  // when the script alone does not fail

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Sizes {
  size_t faults = 0, users = 0, messages = 0, actions = 0, groups = 0, nodes = 0, routers = 0;
  DurationNs duration_ns = 0;
};

Sizes sizes_of(const Scenario& s) {
  return {s.faults.size(),           s.topology.users,       s.workload.messages.size(),
          s.workload.actions.size(), s.topology.group_count, s.topology.nodes,
          s.topology.routers,        s.duration_ns};
}

std::string in_words(const Sizes& s) {
  std::string text = counted(s.nodes, "node") + ", " + counted(s.users, "user") + ", " +
                     counted(s.messages, "message") + ", " + counted(s.faults, "fault");
  if (s.groups != 0) text += ", " + counted(s.groups, "group");
  if (s.actions != 0) text += ", " + counted(s.actions, "action");
  return text + ", " + human_ns(s.duration_ns);
}

Json sizes_json(const Sizes& s) {
  return {{"faults", s.faults},     {"users", s.users},
          {"messages", s.messages}, {"actions", s.actions},
          {"groups", s.groups},     {"nodes", s.nodes},
          {"routers", s.routers},   {"duration_ms", static_cast<double>(s.duration_ns) / 1e6}};
}

Json print_json(const Fingerprint& print) {
  return {{"property", print.property}, {"phase", print.phase}, {"kind", print.kind}};
}

// Which of the ways in which the run failed is followed.
Fingerprint choose(const std::vector<Fingerprint>& prints, const std::string& wanted) {
  if (wanted.empty()) return prints.front();
  for (const Fingerprint& print : prints) {
    if (print.property == wanted) return print;
  }
  for (const Fingerprint& print : prints) {
    if (print.text().find(wanted) != std::string::npos) return print;
  }
  std::string have;
  for (const Fingerprint& print : prints) have += "\n  " + print.text();
  throw UsageError("this seed does not fail as --fingerprint says; it fails as" + have);
}

struct Shrunk {
  Fingerprint target;
  Scenario scenario;
  Sizes before, after;
  bool by_script = true;  // else the drawn workload had to stay
  bool whole = true;      // nothing more could go; else time was up, or Ctrl-C came
  bool cut_short = false;
  uint64_t runs = 0;
  double seconds = 0;
};

// The script of the run, if it fails like the run: with its own seed, or with other latencies.
bool start_from_script(Scenario script, Judge& judge, Scenario& out) {
  const uint64_t seed = script.seed;
  const auto candidate = [&](size_t i) {
    script.seed = i == 0 ? seed : i - 1;
    return write_scenario_line(script);
  };
  const std::optional<size_t> found = judge.first_failing(1 + kSeedsTried, candidate);
  if (!found) return false;
  script.seed = *found == 0 ? seed : *found - 1;
  out = script;
  return true;
}

Scenario base_of(const Scenario& scenario, const Recording& recording, const Fingerprint& target) {
  Scenario script = scripted(scenario, recording.actions);
  // What the author expected is dropped, unless just that is what fails.
  std::erase_if(script.expect,
                [&](const Expectation& e) { return "expect:" + e.pointer != target.property; });
  return script;
}

Shrunk shrink(const Scenario& scenario, const Options& options, const Console& console,
              const RunScenario& run) {
  Shrunk out;
  const double begin = wall_seconds();
  const Recording recording = record_run(scenario, run, options.seed_limit_ns);
  if (recording.prints.empty()) {
    throw UsageError("seed " + std::to_string(scenario.seed) + " of " + scenario.name +
                     " does not fail: there is nothing to shrink (imroute explore finds seeds "
                     "that do)");
  }
  out.target = choose(recording.prints, options.fingerprint);
  Scenario current = base_of(scenario, recording, out.target);
  out.before = sizes_of(current);
  const double budget = static_cast<double>(options.budget_ns.value_or(kBudget)) / 1e9;
  const unsigned jobs =
      options.jobs != 0 ? options.jobs : std::max(1u, std::thread::hardware_concurrency());
  Progress bar(console, "shrinking");
  Judge* counts = nullptr;
  std::string note = in_words(out.before);
  const auto stop = [&] {
    const double seconds = wall_seconds() - begin;
    bar.show(std::min(0.99, seconds / budget),
             note + "; " + grouped(counts == nullptr ? 0 : counts->runs()) + " runs");
    return interrupted() || seconds > budget;
  };
  Judge judge(jobs, recording, out.target, run, options.seed_limit_ns, stop);
  counts = &judge;
  const Scenario script = current;
  out.by_script = start_from_script(script, judge, current);
  if (!out.by_script) {
    current.workload = scenario.workload;
    current.topology.group_members = scenario.topology.group_members;
  }
  out.scenario = reduce(
      std::move(current),
      [&](size_t count, const std::function<std::string(size_t)>& candidate) {
        return judge.first_failing(count, candidate);
      },
      [&] { return judge.stopped(); }, [&](const Scenario& s) { note = in_words(sizes_of(s)); });
  out.after = sizes_of(out.scenario);
  out.whole = !judge.stopped();
  out.cut_short = interrupted();
  out.runs = judge.runs();
  out.seconds = wall_seconds() - begin;
  return out;
}

// "small.json" -> "small.md"
std::string beside(const std::string& file) {
  return std::filesystem::path(file).replace_extension(".md").string();
}

// Before all the work, which a mistyped path would lose.
void check_outputs(const std::string& file) {
  if (beside(file) == file) {
    throw UsageError(file + " would hold the explanation: name the scenario --out NAME.json");
  }
  for (const std::string& path : {file, beside(file)}) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) {
      throw UsageError(path + " is a directory, a file is needed");
    }
  }
}

void print_shrunk(const Shrunk& shrunk, const Console& console) {
  console.out << console.painted(Paint::red, shrunk.target.text()) << '\n'
              << "  before      " << in_words(shrunk.before) << '\n'
              << "  after       " << in_words(shrunk.after) << "  (" << grouped(shrunk.runs)
              << " runs, " << human_ms(shrunk.seconds * 1000) << ")\n";
  if (!shrunk.by_script) {
    console.out << "  note        written out, what users do failed no more; it stays drawn\n";
  }
  if (shrunk.cut_short) {
    console.out << "  note        interrupted; given more time it may become smaller\n";
  } else if (!shrunk.whole) {
    console.out << "  note        time was up; with a longer --budget it may become smaller\n";
  }
}

std::string document(const Shrunk& shrunk, const std::string& file, const std::string& repro,
                     bool explained) {
  return Json{{"format", 1},
              {"imroute", {{"version", build_version()}, {"commit", build_commit()}}},
              {"file", file},
              {"explanation", explained ? Json(beside(file)) : Json(nullptr)},
              {"fingerprint", print_json(shrunk.target)},
              {"before", sizes_json(shrunk.before)},
              {"after", sizes_json(shrunk.after)},
              {"scripted", shrunk.by_script},
              {"smallest", shrunk.whole},
              {"runs", shrunk.runs},
              {"repro", repro},
              {"machine", {{"seconds", shrunk.seconds}}}}
             .dump(2, ' ', false, Json::error_handler_t::replace) +
         "\n";
}

}  // namespace

int shrink_command(const Options& options, const Console& console) {
  return shrink_command(options, console, simulate);
}

int shrink_command(const Options& options, const Console& console, const RunScenario& run) {
  const std::string& path = options.scenarios.front();
  const LoadedScenario loaded = load_scenario(path, load_options(options));
  if (!loaded.ok()) refuse_scenario(loaded.diagnostics, console);
  if (loaded.has_matrix) {
    throw UsageError(path +
                     " has a matrix of combinations; choose one of them with --set, and "
                     "leave the others out with --set /matrix=null");
  }
  const Scenario& scenario = *loaded.scenario;
  const std::string name = scenario.name + "-" + std::to_string(scenario.seed);
  const std::string file = options.out.empty() ? name + ".json" : options.out;
  check_outputs(file);
  FileWriter writer(file);
  Shrunk shrunk = shrink(scenario, options, console, run);
  shrunk.scenario.name = name;
  shrunk.scenario.description = shrunk.target.text();
  writer.append(write_minimal(shrunk.scenario));
  writer.commit();
  const std::string repro = reproducing_line(file, shrunk.scenario.seed, {});
  // A run that does not end of itself tells nothing more than how it ended.
  std::optional<Explained> explained;
  if (shrunk.target.phase != "run") {
    explained = explain_failure(shrunk.scenario, shrunk.target);
    write_file(beside(file), explanation_markdown(*explained, repro));
  }
  if (options.json) {
    console.out << document(shrunk, file, repro, explained.has_value());
  } else {
    print_shrunk(shrunk, console);
    if (explained) print_explanation(*explained, console);
    console.out << "\n  scenario    " << file << '\n';
    if (explained) console.out << "  explained   " << beside(file) << '\n';
    console.out << "  reproduce   " << repro << '\n';
  }
  return interrupted() ? kExitInterrupted : kExitHeld;
}

}  // namespace imroute
