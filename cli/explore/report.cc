#include "cli/explore/report.h"

#include <algorithm>
#include <map>
#include <set>

#include "cli/embedded.h"
#include "cli/reproduce.h"
#include "config/units.h"
#include "core/base/hash.h"
#include "harness/explore/sites.h"

namespace imroute {
namespace {

using Json = nlohmann::ordered_json;
constexpr size_t kSeedsListed = 20;

std::string xml(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (static_cast<unsigned char>(c) >= 0x20 || c == '\n') {
      out += c;
    }
  }
  return out;
}

Json group_json(const ExploreReport& report, const FailureGroup& group) {
  const SeedRecord& best = *group.records.front();
  Json seeds = Json::array();
  for (const SeedRecord* record : group.records) {
    if (seeds.size() < kSeedsListed) {
      seeds.push_back(
          {{"scenario", record->scenario}, {"file", record->file}, {"seed", record->seed}});
    }
  }
  return {{"property", group.print.property}, {"phase", group.print.phase},
          {"kind", group.print.kind},         {"runs", group.records.size()},
          {"first", std::move(seeds)},        {"events", best.events},
          {"repro", report.run_line(best)},   {"shrink", report.shrink_line(best)}};
}

std::map<std::string, uint64_t> counts(const std::vector<SeedRecord>& records) {
  std::map<std::string, uint64_t> seeds;
  for (const SeedRecord& record : records) ++seeds[record.scenario];
  return seeds;
}

Json coverage_json(const ExploreReport& report) {
  Json faults = Json::object();
  for (const auto& [kind, places] : report.coverage.cells()) faults[kind] = places;
  Json sites = Json::object();
  for (const Site& site : all_sites()) {
    const auto found = report.coverage.sites().find(site.name);
    sites[site.name] = found == report.coverage.sites().end() ? 0 : found->second;
  }
  Json cells = Json::array();
  for (const FaultCell& cell : report.requirement.cells())
    cells.push_back(cell.kind + " " + cell.role);
  return {{"faults", std::move(faults)},
          {"sites", std::move(sites)},
          {"required", {{"faults", std::move(cells)}, {"sites", report.requirement.sites()}}},
          {"missing", report.missing}};
}

// "crash  node 12  router 3": a line a kind, what is required and was not hit as 0.
void print_faults(const ExploreReport& report, const Console& console) {
  std::map<std::string, std::set<std::string>> roles;
  for (const auto& [kind, places] : report.coverage.cells()) {
    for (const auto& [place, hits] : places) roles[kind].insert(place.substr(0, place.find('/')));
  }
  for (const FaultCell& cell : report.requirement.cells()) roles[cell.kind].insert(cell.role);
  Table table({{"fault", false}, {"effective hits", false}});
  for (const auto& [kind, of_kind] : roles) {
    std::string hits;
    bool gap = false;
    for (const std::string& role : of_kind) {
      const uint64_t n = report.coverage.hits(kind, role);
      gap |= n == 0;
      hits += (hits.empty() ? "" : "  ") + role + " " + grouped(n);
    }
    table.add_row({{kind}, {hits, gap ? Paint::yellow : Paint::plain}});
  }
  table.print(console, "  ");
}

void print_sites(const ExploreReport& report, const Console& console) {
  std::string line, text;
  for (const Site& site : all_sites()) {
    const auto found = report.coverage.sites().find(site.name);
    const uint64_t seeds = found == report.coverage.sites().end() ? 0 : found->second;
    if (seeds == 0 && !report.requirement.sites().contains(site.name)) continue;
    const std::string item = std::string(site.name) + " " + grouped(seeds);
    if (line.size() + item.size() > 92) {
      text += "  " + line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " · ") + item;
  }
  if (!line.empty()) text += "  " + line + "\n";
  console.out << "sites, in how many runs\n" << text;
}

void print_groups(const ExploreReport& report, const Console& console) {
  constexpr size_t kShown = 20;
  for (size_t i = 0; i < report.groups.size() && i < kShown; ++i) {
    const FailureGroup& group = report.groups[i];
    const SeedRecord& best = *group.records.front();
    console.out << '\n'
                << console.painted(Paint::red, group.print.property) << " (" << group.print.phase
                << ")  " << counted(group.records.size(), "run") << ", the fastest "
                << grouped(best.events) << " events\n  " << group.print.kind
                << "\n  reproduce: " << report.run_line(best)
                << "\n  shrink:    " << report.shrink_line(best) << '\n';
  }
  if (report.groups.size() > kShown) {
    console.out << "\nand " << report.groups.size() - kShown
                << " more kinds of failure; --out DIR writes them all\n";
  }
}

}  // namespace

std::string ExploreReport::run_line(const SeedRecord& record) const {
  return reproducing_line(record.file, record.seed, record.sets, record.ci);
}

std::string ExploreReport::shrink_line(const SeedRecord& record) const {
  return reproducing_line(record.file, record.seed, record.sets, record.ci, "shrink") + " --out " +
         shell_word(record.scenario + "-" + std::to_string(record.seed) + ".json");
}

Json explore_json(const ExploreReport& report) {
  Json groups = Json::array();
  for (const FailureGroup& group : report.groups) groups.push_back(group_json(report, group));
  uint64_t failing = 0, events = 0;
  for (const SeedRecord& record : report.records) {
    failing += record.passed() ? 0 : 1;
    events += record.events;
  }
  const auto per_second = [&](double parts) {
    return report.seconds <= 0 ? 0.0
                               : static_cast<double>(report.explored) / report.seconds / parts;
  };
  return {{"format", 1},
          {"imroute", {{"version", build_version()}, {"commit", build_commit()}}},
          {"runs", report.records.size()},
          {"failing", failing},
          {"events", events},
          {"scenarios", counts(report.records)},
          {"groups", std::move(groups)},
          {"coverage", coverage_json(report)},
          {"machine",
           {{"command", report.command},
            {"runs", report.explored},
            {"seconds", report.seconds},
            {"jobs", report.jobs},
            {"seeds_per_second", per_second(1)},
            {"seeds_per_second_per_job", per_second(report.jobs)},
            {"ended", report.interrupted   ? "interrupted"
                      : report.out_of_time ? "budget used up"
                                           : "all seeds done"}}}};
}

std::string explore_junit(const ExploreReport& report) {
  std::string cases;
  size_t tests = 0, failures = 0;
  for (const auto& [name, runs] : counts(report.records)) {
    ++tests;
    cases += "  <testcase classname=\"explore\" name=\"" + xml(name) + "\"><system-out>" +
             counted(runs, "run") + "</system-out></testcase>\n";
  }
  const auto fail = [&](const std::string& name, const std::string& message,
                        const std::string& text) {
    ++tests, ++failures;
    cases += "  <testcase classname=\"explore\" name=\"" + xml(name) + "\"><failure message=\"" +
             xml(message) + "\">" + xml(text) + "</failure></testcase>\n";
  };
  for (const FailureGroup& group : report.groups) {
    const SeedRecord& best = *group.records.front();
    // One name a kind of failure, the same in every exploration.
    fail(group.print.property + " " + format_hex(hash_text(group.print.text())), group.print.text(),
         counted(group.records.size(), "run") + "\n" + report.run_line(best) + "\n" +
             report.shrink_line(best));
  }
  if (report.coverage_required) {
    for (const std::string& what : report.missing) fail("coverage: " + what, "never hit", what);
  }
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"imroute explore\" "
         "tests=\"" +
         std::to_string(tests) + "\" failures=\"" + std::to_string(failures) + "\">\n" + cases +
         "</testsuite>\n";
}

void print_explore(const ExploreReport& report, const Console& console) {
  console.out << "explored " << counted(report.explored, "run") << " of "
              << counted(report.scenarios, "scenario") << " in " << human_ms(report.seconds * 1000);
  if (report.seconds > 0) {
    const double rate = static_cast<double>(report.explored) / report.seconds;
    console.out << ": " << human_number(rate) << " a second, " << human_number(rate / report.jobs)
                << " for each of " << counted(report.jobs, "job");
  }
  if (report.interrupted) console.out << ", interrupted";
  if (report.out_of_time) console.out << ", the budget is used up";
  console.out << '\n';
  if (report.records.size() != report.explored) {
    console.out << "with what stood in the directory: " << counted(report.records.size(), "run")
                << '\n';
  }
  print_faults(report, console);
  print_sites(report, console);
  if (!report.missing.empty()) {
    console.out << console.painted(report.coverage_required ? Paint::red : Paint::yellow,
                                   "never hit")
                << " although the scenarios can draw it:";
    for (const std::string& what : report.missing) console.out << "\n  " << what;
    console.out << '\n';
  }
  if (report.groups.empty()) {
    if (report.explored == 0) {
      console.out << console.painted(Paint::yellow, "nothing was run")
                  << (report.vacuous() ? ": the budget was used up before the first run ended"
                                       : ": this part has no seed")
                  << '\n';
    } else {
      console.out << console.painted(Paint::green, "no failure") << '\n';
    }
  } else {
    console.out << '\n' << counted(report.groups.size(), "kind") << " of failure\n";
    print_groups(report, console);
  }
}

}  // namespace imroute
