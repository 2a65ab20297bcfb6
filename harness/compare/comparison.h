// Many runs of the same workload, one number each way: cells (strategy × balancer × axes) on common
// seeds, reduced to means with 95 % confidence intervals. The workload draws the same things for a
// seed in every cell, so cells differ by what they do and not by luck.
//
// A cell is reduced from its runs in order of seeds, never in order of arrival: the file is the
// same whatever the number of threads.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "harness/result/result.h"

namespace imroute {

// The numeric leaves of a result document by their pointer without the first slash
// ("latency_ms/delivery/p99"), true and false as 1 and 0. Left out: arrays, what identifies the
// run, coverage, counters and `machine` (not a function of the seed).
std::map<std::string, double> flatten_metrics(const nlohmann::ordered_json& result);

// What the comparison keeps of one run.
struct RunRecord {
  uint64_t seed = 0;
  bool held = false;
  std::map<std::string, double> metrics;
  Histogram delivery_ns;
  uint64_t faults = 0, faults_effective = 0;
  std::string first_violation;  // "property: witness"; empty when it held
};

struct Metric {
  double mean = 0;
  std::optional<double> ci95;  // half width; absent with fewer than two seeds
};
// Mean and Student's t interval of independent runs. REQUIRES: not empty.
Metric reduce(const std::vector<double>& values);

struct ComparedCell {
  std::string scenario;  // name of the file's scenario
  std::string strategy;
  std::string balancer;         // "placement" when the placement decides logins
  nlohmann::ordered_json axes;  // {"/topology/nodes": 8}
  std::vector<uint64_t> seeds;
  std::map<std::string, Metric> metrics;
  std::vector<uint64_t> failing_seeds;
  std::string first_violation;  // of the lowest failing seed
  uint64_t faults = 0, faults_effective = 0;
  // Delivery latency of all seeds together: (share of deliveries, at most this many ms).
  std::vector<std::pair<double, double>> delivery_quantiles_ms;
  std::optional<double> model_frames_per_delivery;  // the cost model's expectation
  std::map<std::string, double> facts;  // nodes, users, rates: what the verdict speaks of

  // Mean, or nothing when the runs had no such metric.
  std::optional<double> mean(const std::string& metric) const;
};

// REQUIRES: runs not empty, in order of seeds. Fills what follows from the runs.
void reduce_cell(ComparedCell& cell, const std::vector<RunRecord>& runs);

struct Comparison {
  std::string version, commit;
  std::string title, description;
  std::vector<ComparedCell> cells;
  bool all_held() const;
};

nlohmann::ordered_json to_json(const Comparison& comparison);
// Throws nlohmann::json::exception or std::runtime_error when it is no compare.json.
Comparison comparison_from_json(const nlohmann::ordered_json& document);

}  // namespace imroute
