#include <filesystem>
#include <system_error>

#include "cli/commands.h"
#include "cli/embedded.h"
#include "cli/explore/exploration.h"
#include "cli/explore/report.h"
#include "cli/files.h"
#include "cli/interrupt.h"
#include "cli/load.h"
#include "core/base/hash.h"

namespace imroute {
namespace {

namespace fs = std::filesystem;

// Which build wrote the summary of an exploration.
std::string commit_of(const fs::path& summary) {
  try {
    return nlohmann::json::parse(read_file(summary)).at("imroute").at("commit").get<std::string>();
  } catch (const nlohmann::json::exception& error) {
    throw UsageError(summary.string() + " is no summary of an exploration (" + error.what() +
                     "): remove it, or name another directory");
  }
}

// What earlier explorations left in the directory, if this very build made it.
std::vector<SeedRecord> earlier_records(const fs::path& out, const Console& console) {
  std::vector<SeedRecord> records;
  const fs::path lines = out / "explore.jsonl", summary = out / "explore.json";
  if (!fs::exists(lines)) return records;
  if (fs::exists(summary) && commit_of(summary) != build_commit()) {
    console.err << "imroute: " << lines.string() << " is of another build and is replaced\n";
    return records;
  }
  const std::string text = read_file(lines);
  size_t number = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    ++number;
    std::string problem;
    auto record = parse_record(std::string_view(text).substr(at, end - at), &problem);
    if (!record) {
      throw UsageError(lines.string() + ":" + std::to_string(number) +
                       ": is no line of an exploration (" + problem + "): remove it, or name " +
                       "another directory");
    }
    records.push_back(std::move(*record));
    at = end + 1;
  }
  return records;
}

// What another text of the same file showed says nothing of this one.
void forget_other_texts(std::vector<SeedRecord>& records,
                        const std::vector<ExploredScenario>& scenarios, const Console& console) {
  for (const ExploredScenario& scenario : scenarios) {
    const size_t gone = std::erase_if(records, [&](const SeedRecord& record) {
      return record.file == scenario.file && record.text != hash_text(scenario.text);
    });
    if (gone == 0) continue;
    console.err << "imroute: " << scenario.file << " was changed: " << counted(gone, "run")
                << " of what it was are left out\n";
  }
}

void write_results(const fs::path& out, const ExploreReport& report, const std::string& json) {
  std::string lines;
  for (const SeedRecord& record : report.records) lines += record_line(record) + "\n";
  write_file(out / "explore.jsonl", lines);
  write_file(out / "explore.json", json);
  write_file(out / "junit.xml", explore_junit(report));
}

std::string progress_note(const std::vector<SeedRecord>& so_far, double seconds) {
  size_t failing = 0;
  for (const SeedRecord& record : so_far) failing += record.passed() ? 0 : 1;
  const double rate = seconds > 0 ? static_cast<double>(so_far.size()) / seconds : 0;
  return grouped(so_far.size()) + " runs, " + human_number(rate) + "/s, " + grouped(failing) +
         " failing";
}

// Of what was asked for, by seeds or by time, whichever is nearer to its end.
double share_done(const Options& options, size_t scenarios, size_t runs, double seconds) {
  double share = 0;
  if (options.explore_seeds) {
    const double all = static_cast<double>(*options.explore_seeds) *
                       static_cast<double>(scenarios) / static_cast<double>(options.shards);
    share = static_cast<double>(runs) / std::max(1.0, all);
  }
  if (options.budget_ns) share = std::max(share, seconds * 1e9 / double(*options.budget_ns));
  return std::min(share, 1.0);
}

std::string command_line(const Options& options) {
  std::string text = command_text(options) + " --from " + std::to_string(options.from);
  if (options.explore_seeds) text += " --seeds " + std::to_string(*options.explore_seeds);
  if (options.shards > 1) {
    text += " --shard " + std::to_string(options.shard) + "/" + std::to_string(options.shards);
  }
  return text;
}

}  // namespace

int explore_command(const Options& options, const Console& console) {
  const std::vector<ExploredScenario> scenarios = find_scenarios(options, console);
  ExploreReport report;
  if (!options.out.empty()) {
    prepare_directory(options.out);
    report.records = earlier_records(options.out, console);
    forget_other_texts(report.records, scenarios, console);
  }
  Exploration found;
  {
    Progress progress(console, "exploring");
    found = explore(scenarios, options, [&](const std::vector<SeedRecord>& so_far, double seconds) {
      progress.show(share_done(options, scenarios.size(), so_far.size(), seconds),
                    progress_note(so_far, seconds));
    });
  }
  report.explored = found.records.size();
  report.records.insert(report.records.end(), found.records.begin(), found.records.end());
  merge_records(report.records);
  report.scenarios = scenarios.size();
  for (const SeedRecord& record : report.records) report.coverage.add(record);
  report.requirement = requirement_of(scenarios);
  report.groups = group_failures(report.records);
  report.missing = missing(report.requirement, report.coverage);
  report.coverage_required = options.require_coverage;
  report.seconds = found.seconds;
  report.jobs = found.jobs;
  report.interrupted = found.interrupted;
  report.out_of_time = found.out_of_time;
  report.command = command_line(options);
  const std::string json = explore_json(report).dump(2) + "\n";
  // Told before it is written: a full disk does not take it away.
  if (options.json) {
    console.out << json;
  } else {
    print_explore(report, console);
  }
  if (!options.out.empty()) write_results(options.out, report, json);
  if (found.interrupted) return kExitInterrupted;
  return report.held() ? kExitHeld : kExitViolated;
}

}  // namespace imroute
