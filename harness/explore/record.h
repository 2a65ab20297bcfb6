// What one explored seed showed, as one JSON line: enough to group, to count coverage and to run it
// again, and nothing that depends on when or beside what it ran. So the lines of shards may
// be concatenated, and a range explored twice gives the same lines.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/result/fingerprint.h"

namespace imroute {

struct SeedRecord {
  std::string scenario;  // its name
  std::string file;      // where it stood, as it was given
  uint64_t text = 0;     // hash of what stood there
  uint64_t seed = 0;
  std::vector<std::string> sets;  // overrides, as --set takes them
  bool ci = false;                // the file's own `ci` overrides were applied
  // "pass", "fail", "vacuous"; of the exploration: "assertion", "crash", "hang", "determinism".
  std::string verdict;
  uint64_t trace_hash = 0;  // 0 when the run did not end
  uint64_t events = 0;
  std::vector<Fingerprint> fingerprints;
  std::map<std::string, std::map<std::string, uint64_t>> coverage;  // as Result::coverage
  std::map<std::string, uint64_t> sites;                            // explore/sites.h, those hit

  bool passed() const { return verdict == "pass"; }
  friend bool operator==(const SeedRecord&, const SeedRecord&) = default;
};

SeedRecord record_of(const Result& result, const std::vector<std::string>& sets, bool ci);
// Of a run that did not end: `kind` is the verdict, `what` tells it in words.
SeedRecord record_of_end(std::string scenario, uint64_t seed, const std::vector<std::string>& sets,
                         bool ci, const std::string& kind, const std::string& what);

// One line without its end.
std::string record_line(const SeedRecord& record);
// Nothing when it is not one; `problem` says why.
std::optional<SeedRecord> parse_record(std::string_view line, std::string* problem);

// Sorted by scenario, file, seed and overrides. Of several records for one run the last stays.
void merge_records(std::vector<SeedRecord>& records);

}  // namespace imroute
