#include "cli/shrink/judge.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/files.h"
#include "core/base/hash.h"
#include "harness/explore/record.h"
#include "harness/scenario/loader.h"
#include "harness/scenario/writer.h"

namespace imroute {
namespace {

using Json = nlohmann::ordered_json;

std::string prints_line(const std::vector<Fingerprint>& prints) {
  Json list = Json::array();
  for (const Fingerprint& p : prints) list.push_back({p.property, p.phase, p.kind});
  return list.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// How the run of a worker failed.
std::vector<Fingerprint> prints_of(const WorkerOutcome& outcome) {
  std::vector<Fingerprint> prints;
  if (outcome.kind != WorkerOutcome::Kind::done) {
    Violation violation;
    violation.property = to_string(outcome.kind);
    violation.phase = "run";
    violation.witness = outcome.text;
    return {fingerprint_of(violation)};
  }
  for (const Json& p : Json::parse(outcome.text)) prints.push_back({p.at(0), p.at(1), p.at(2)});
  return prints;
}

std::string run_candidate(const RunScenario& run, const std::string& text) {
  const LoadedScenario loaded = load_scenario_text(text, "candidate");
  if (!loaded.ok()) return "[]";  // not a scenario: it fails in no way
  return prints_line(fingerprints_of(run(*loaded.scenario, {})));
}

bool is_vacuous(const std::vector<Fingerprint>& prints) {
  return std::any_of(prints.begin(), prints.end(),
                     [](const Fingerprint& print) { return print.property == "vacuous"; });
}

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

Recording record_run(const Scenario& scenario, const RunScenario& run, DurationNs limit_ns) {
  // Made before the worker is, so both have it, and what was written is there whatever became of
  // the worker.
  const std::unique_ptr<std::FILE, CloseFile> file(std::tmpfile());
  if (file == nullptr) throw EnvironmentError("cannot make a temporary file");
  const auto work = [&](const std::string&) {
    SimulationOptions options;
    options.action_sink = [&](const Action& action) {
      const std::string line = recording_line(recorded(action)) + "\n";
      std::fwrite(line.data(), 1, line.size(), file.get());
      std::fflush(file.get());
    };
    return prints_line(fingerprints_of(run(scenario, options)));
  };
  Recording recording;
  WorkerPool pool(1, work, limit_ns);
  pool.run(
      {""}, [&](size_t, WorkerOutcome outcome) { recording.prints = prints_of(outcome); },
      [] { return false; });
  std::rewind(file.get());
  std::string line;
  for (int c = std::fgetc(file.get()); c != EOF; c = std::fgetc(file.get())) {
    if (c != '\n') {
      line += static_cast<char>(c);
      continue;
    }
    if (const auto action = parse_recording(line)) recording.actions.push_back(*action);
    line.clear();
  }
  return recording;
}

Judge::Judge(unsigned jobs, const Recording& recording, Fingerprint target, const RunScenario& run,
             DurationNs limit_ns, std::function<bool()> stop)
    : jobs_(jobs),
      target_(std::move(target)),
      vacuous_too_(is_vacuous(recording.prints)),
      stop_(std::move(stop)),
      pool_(jobs, [run](const std::string& text) { return run_candidate(run, text); }, limit_ns) {}

// A run that judges nothing beside the failure would go on failing when the bug is gone.
bool Judge::fails_alike(const std::vector<Fingerprint>& prints) const {
  if (std::find(prints.begin(), prints.end(), target_) == prints.end()) return false;
  return vacuous_too_ || !is_vacuous(prints);
}

void Judge::decide(const std::vector<std::string>& texts) {
  const auto done = [&](size_t i, const WorkerOutcome& outcome) {
    answers_[hash_text(texts[i])] = fails_alike(prints_of(outcome));
  };
  stopped_ |= !pool_.run(texts, done, stop_);
}

std::optional<size_t> Judge::first_failing(size_t count,
                                           const std::function<std::string(size_t)>& candidate) {
  for (size_t i = 0; i < count && !stopped_;) {
    std::vector<std::string> texts;
    std::vector<uint64_t> batch;  // hashes of candidates from i on; 0: none there
    while (i + batch.size() < count && texts.size() < jobs_) {
      std::string text = candidate(i + batch.size());
      batch.push_back(text.empty() ? 0 : hash_text(text));
      const bool asked = text.empty() || answers_.contains(batch.back()) ||
                         std::find(batch.begin(), batch.end() - 1, batch.back()) != batch.end() - 1;
      const bool known_to_fail = answers_.contains(batch.back()) && answers_[batch.back()];
      if (!asked) texts.push_back(std::move(text));
      if (known_to_fail) break;
    }
    if (!texts.empty()) decide(texts);
    if (stopped_) return {};
    for (size_t k = 0; k < batch.size(); ++k) {
      if (batch[k] == 0) continue;
      decided_.insert(batch[k]);
      if (answers_[batch[k]]) return i + k;
    }
    i += batch.size();
  }
  return {};
}

}  // namespace imroute
