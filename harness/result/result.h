// What a run found: the fixed keys of result.json as a struct (docs: README "Reading a result").
// Everything outside `machine` is a function of scenario and seed.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/model/counters.h"
#include "harness/scenario/scenario.h"
#include "harness/trace/checkpoint.h"

namespace imroute {

enum class Verdict : uint8_t { pass, fail, vacuous };

struct Violation {
  std::string property;  // "no-loss", "order", "reply-order", "no-duplicate", "no-misdelivery",
                         // "one-owner", "routing-works", "chains-end", "balancer", "goodput",
                         // "progress", "expect:<pointer>", "vacuous"
  std::string phase;     // "chaos", "core", "drain", "final"
  int64_t at_ns = 0;
  std::string witness;  // one sentence: message, hops, what was seen
  std::vector<std::string> faults_in_force;
  std::string excused;  // empty = not excused
};

// Log-linear integer histogram (exact merge by addition): 64 sub-buckets per power of two, < 1.6 %
// error.
class Histogram {
 public:
  void add(int64_t value, uint64_t times = 1);
  void merge(const Histogram& other);
  uint64_t count() const { return count_; }
  int64_t max() const { return max_; }
  // Smallest recorded bucket bound with at least this share (parts per million) at or below it.
  int64_t quantile_ppm(uint64_t ppm) const;
  // (upper bound, count) of non-empty buckets in rising order, for plots.
  std::vector<std::pair<int64_t, uint64_t>> buckets() const;

 private:
  std::vector<uint64_t> counts_;
  uint64_t count_ = 0;
  int64_t max_ = 0;
};

struct Balance {
  double max_over_mean = 0, cv = 0;
};
// Of `loads`, each divided by its weight (empty = all 1). Zeros when nothing was loaded.
Balance balance_of(const std::vector<uint64_t>& loads, const std::vector<uint32_t>& weights = {});

struct FaultOutcome {
  Fault fault;
  int64_t until_ns = 0;
  bool effective = false;
  int64_t recovered_after_ns = -1;  // -1 = not measured
};

// Logical frames by link class, over the measured part of the run (after warm-up) ...
struct FrameTotals {
  uint64_t client = 0, peer = 0, bus = 0, router = 0, directory = 0, mailbox = 0, bytes = 0;
  uint64_t counted = 0;  // ... and those the cost model counts (protocol cost: routing and login)
};

// One second of the run, for plots and oracle 10.
struct Window {
  uint64_t sent = 0, accepted = 0, delivered = 0;
  Histogram delivery_ns;
};

struct Result {
  std::string version, commit, name, world = "sim";
  uint64_t seed = 0;
  uint64_t scenario_hash = 0;
  Verdict verdict = Verdict::pass;
  std::optional<int64_t> stopped_at_ns;  // --until: the run was not judged to its end
  uint64_t trace_hash = 0;
  std::vector<Violation> violations;
  uint64_t violations_total = 0;  // violations keeps the first 100

  struct {
    uint64_t sent = 0, accepted = 0, refused = 0, deliveries_expected = 0, delivered = 0, lost = 0,
             excused = 0, reset = 0, undelivered_in_mailbox = 0, raw_duplicates = 0,
             visible_duplicates = 0, order_violations = 0, misdelivered = 0;
    std::map<std::string, uint64_t> dropped;
    std::array<uint64_t, 4> via{};  // by Via
  } messages;
  Histogram accept_ns, delivery_ns;
  FrameTotals frames;
  double frames_per_delivery = 0;
  struct {
    double hit_ratio = 0;
    uint64_t nacks = 0, rebroadcasts = 0, cache_entries_max = 0;
  } route;
  struct {
    Balance sessions, frames, routers;
    double moved_share = 0;
  } balance;
  std::vector<FaultOutcome> faults;
  std::map<std::string, std::map<std::string, uint64_t>>
      coverage;  // fault kind -> role/phase -> effective hits
  int64_t converged_ns = 0, unavailable_ns = 0;
  Counters counters;  // summed over machines
  uint64_t events = 0;
  std::vector<Window> windows;
  std::vector<Checkpoint> checkpoints;  // for checkpoints.jsonl; empty in the cluster world

  double wall_seconds = 0, events_per_second = 0;
  uint64_t peak_rss_bytes = 0;
  std::string command;
};

}  // namespace imroute
