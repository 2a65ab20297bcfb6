#include "harness/explore/record.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "config/units.h"
#include "core/base/hash.h"
#include "harness/explore/sites.h"
#include "harness/result/result_json.h"

namespace imroute {
namespace {

using Json = nlohmann::ordered_json;

uint64_t hash_of(const std::string& text) {
  const auto value = parse_hex(text);
  if (!value) throw std::invalid_argument("a hash is not 16 hexadecimal digits");
  return *value;
}

auto key(const SeedRecord& r) { return std::tie(r.scenario, r.file, r.seed, r.sets, r.ci); }

}  // namespace

SeedRecord record_of(const Result& result, const std::vector<std::string>& sets, bool ci) {
  SeedRecord record;
  record.scenario = result.name;
  record.seed = result.seed;
  record.sets = sets;
  record.ci = ci;
  record.verdict = std::string(to_string(result.verdict));
  record.trace_hash = result.trace_hash;
  record.events = result.events;
  record.coverage = result.coverage;
  record.sites = sites_hit(result.counters);
  if (result.verdict == Verdict::pass) return record;
  record.fingerprints = fingerprints_of(result);
  if (record.fingerprints.empty()) record.fingerprints.push_back({record.verdict, "final", ""});
  return record;
}

SeedRecord record_of_end(std::string scenario, uint64_t seed, const std::vector<std::string>& sets,
                         bool ci, const std::string& kind, const std::string& what) {
  SeedRecord record;
  record.scenario = std::move(scenario);
  record.seed = seed;
  record.sets = sets;
  record.ci = ci;
  record.verdict = kind;
  Violation violation;
  violation.property = kind;
  violation.phase = "run";
  violation.witness = what;
  record.fingerprints.push_back(fingerprint_of(violation));
  return record;
}

std::string record_line(const SeedRecord& r) {
  Json line = Json::object();
  line["scenario"] = r.scenario;
  line["file"] = r.file;
  line["text"] = format_hex(r.text);
  line["seed"] = r.seed;
  if (!r.sets.empty()) line["sets"] = r.sets;
  if (r.ci) line["ci"] = true;
  line["verdict"] = r.verdict;
  line["trace_hash"] = r.trace_hash == 0 ? Json(nullptr) : Json(format_hex(r.trace_hash));
  line["events"] = r.events;
  Json prints = Json::array();
  for (const Fingerprint& print : r.fingerprints) {
    prints.push_back({{"property", print.property}, {"phase", print.phase}, {"kind", print.kind}});
  }
  line["fingerprints"] = std::move(prints);
  line["coverage"] = r.coverage;
  line["sites"] = r.sites;
  return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<SeedRecord> parse_record(std::string_view line, std::string* problem) {
  try {
    const Json json = Json::parse(line);
    SeedRecord r;
    r.scenario = json.at("scenario").get<std::string>();
    r.file = json.at("file").get<std::string>();
    r.text = hash_of(json.at("text"));
    r.seed = json.at("seed").get<uint64_t>();
    if (json.contains("sets")) r.sets = json["sets"].get<std::vector<std::string>>();
    r.ci = json.value("ci", false);
    r.verdict = json.at("verdict").get<std::string>();
    if (!json.at("trace_hash").is_null()) r.trace_hash = hash_of(json["trace_hash"]);
    r.events = json.at("events").get<uint64_t>();
    for (const Json& print : json.at("fingerprints")) {
      r.fingerprints.push_back({print.at("property").get<std::string>(),
                                print.at("phase").get<std::string>(),
                                print.at("kind").get<std::string>()});
    }
    json.at("coverage").get_to(r.coverage);
    json.at("sites").get_to(r.sites);
    return r;
  } catch (const std::exception& error) {
    if (problem != nullptr) *problem = error.what();
    return std::nullopt;
  }
}

void merge_records(std::vector<SeedRecord>& records) {
  std::stable_sort(records.begin(), records.end(),
                   [](const SeedRecord& a, const SeedRecord& b) { return key(a) < key(b); });
  // Backwards, so that the last of equals is the one that stays.
  const auto kept =
      std::unique(records.rbegin(), records.rend(),
                  [](const SeedRecord& a, const SeedRecord& b) { return key(a) == key(b); });
  records.erase(records.begin(), kept.base());
}

}  // namespace imroute
