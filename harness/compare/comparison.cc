#include "harness/compare/comparison.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

namespace imroute {
namespace {

using Json = nlohmann::ordered_json;

void flatten_into(const Json& value, const std::string& path, std::map<std::string, double>& out) {
  if (value.is_object()) {
    for (const auto& [key, child] : value.items()) {
      flatten_into(child, path.empty() ? key : path + "/" + key, out);
    }
  } else if (value.is_number()) {
    out[path] = value.get<double>();
  } else if (value.is_boolean()) {
    out[path] = value.get<bool>() ? 1 : 0;
  }
}

// Two-sided 95 % quantile of Student's t with this many degrees of freedom.
double student_t95(size_t degrees) {
  static constexpr std::array<double, 30> kTable = {
      12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
      2.201,  2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
      2.080,  2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042};
  if (degrees <= kTable.size()) return kTable[degrees - 1];
  // Cornish-Fisher around the normal quantile: below 0.01 % off from 30 degrees on.
  constexpr double z = 1.959964;
  const double n = static_cast<double>(degrees);
  return z + (z * z * z + z) / (4 * n);
}

constexpr std::array kQuantileShares = {
    0.0, 0.01,  0.05, 0.1,  0.2,  0.3,   0.4,  0.5,   0.6,   0.7,    0.75,   0.8,    0.85,
    0.9, 0.925, 0.95, 0.97, 0.98, 0.985, 0.99, 0.995, 0.998, 0.9990, 0.9995, 0.9999, 1.0};

std::vector<std::pair<double, double>> quantiles_of(const Histogram& histogram) {
  std::vector<std::pair<double, double>> points;
  if (histogram.count() == 0) return points;
  for (const double share : kQuantileShares) {
    const int64_t ns =
        share >= 1.0 ? histogram.max()
                     : histogram.quantile_ppm(static_cast<uint64_t>(std::llround(share * 1e6)));
    points.emplace_back(share, static_cast<double>(ns) / 1e6);
  }
  return points;
}

Json metrics_to_json(const std::map<std::string, Metric>& metrics) {
  Json object = Json::object();
  for (const auto& [name, metric] : metrics) {
    Json entry = {{"mean", metric.mean}};
    entry["ci95"] = metric.ci95 ? Json(*metric.ci95) : Json(nullptr);
    object[name] = std::move(entry);
  }
  return object;
}

ComparedCell cell_from_json(const Json& document) {
  ComparedCell cell;
  cell.scenario = document.value("scenario", "");
  cell.strategy = document.at("strategy").get<std::string>();
  cell.balancer = document.at("balancer").get<std::string>();
  cell.axes = document.at("axes");
  cell.seeds = document.at("seeds").get<std::vector<uint64_t>>();
  cell.failing_seeds = document.at("failing_seeds").get<std::vector<uint64_t>>();
  for (const auto& [name, entry] : document.at("metrics").items()) {
    Metric metric{entry.at("mean").get<double>(), {}};
    if (!entry.at("ci95").is_null()) metric.ci95 = entry.at("ci95").get<double>();
    cell.metrics[name] = metric;
  }
  cell.first_violation = document.value("first_violation", "");
  cell.faults = document.value("faults", uint64_t{0});
  cell.faults_effective = document.value("faults_effective", uint64_t{0});
  for (const Json& point : document.value("delivery_quantiles_ms", Json::array())) {
    cell.delivery_quantiles_ms.emplace_back(point.at(0).get<double>(), point.at(1).get<double>());
  }
  if (document.contains("model_frames_per_delivery") &&
      !document["model_frames_per_delivery"].is_null()) {
    cell.model_frames_per_delivery = document["model_frames_per_delivery"].get<double>();
  }
  const Json facts = document.value("facts", Json::object());
  for (const auto& [name, value] : facts.items()) {
    cell.facts[name] = value.get<double>();
  }
  return cell;
}

}  // namespace

std::map<std::string, double> flatten_metrics(const Json& result) {
  static constexpr std::array kLeftOut = {
      "format",          "imroute",       "name",       "world",      "seed",     "verdict",
      "coverage",        "scenario_hash", "trace_hash", "violations", "counters", "machine",
      "violations_total"};
  std::map<std::string, double> metrics;
  for (const auto& [key, value] : result.items()) {
    const bool left_out = std::find(kLeftOut.begin(), kLeftOut.end(), key) != kLeftOut.end();
    if (!left_out && !value.is_array()) flatten_into(value, key, metrics);
  }
  return metrics;
}

Metric reduce(const std::vector<double>& values) {
  const double n = static_cast<double>(values.size());
  double sum = 0;
  for (const double value : values) sum += value;
  Metric metric{sum / n, {}};
  if (values.size() < 2) return metric;
  double squares = 0;
  for (const double value : values) squares += (value - metric.mean) * (value - metric.mean);
  metric.ci95 = student_t95(values.size() - 1) * std::sqrt(squares / (n - 1) / n);
  return metric;
}

std::optional<double> ComparedCell::mean(const std::string& metric) const {
  const auto found = metrics.find(metric);
  if (found == metrics.end()) return {};
  return found->second.mean;
}

void reduce_cell(ComparedCell& cell, const std::vector<RunRecord>& runs) {
  std::map<std::string, std::vector<double>> values;
  Histogram delivery;
  for (const RunRecord& run : runs) {
    cell.seeds.push_back(run.seed);
    for (const auto& [name, value] : run.metrics) values[name].push_back(value);
    delivery.merge(run.delivery_ns);
    cell.faults += run.faults;
    cell.faults_effective += run.faults_effective;
    if (run.held) continue;
    if (cell.failing_seeds.empty()) cell.first_violation = run.first_violation;
    cell.failing_seeds.push_back(run.seed);
  }
  for (const auto& [name, list] : values) cell.metrics[name] = reduce(list);
  cell.delivery_quantiles_ms = quantiles_of(delivery);
}

bool Comparison::all_held() const {
  return std::all_of(cells.begin(), cells.end(),
                     [](const ComparedCell& cell) { return cell.failing_seeds.empty(); });
}

Json to_json(const Comparison& comparison) {
  Json document;
  document["format"] = 1;
  document["imroute"] = {{"version", comparison.version}, {"commit", comparison.commit}};
  document["title"] = comparison.title;
  document["description"] = comparison.description;
  document["cells"] = Json::array();
  for (const ComparedCell& cell : comparison.cells) {
    Json entry;
    entry["strategy"] = cell.strategy;
    entry["balancer"] = cell.balancer;
    entry["axes"] = cell.axes.is_null() ? Json::object() : cell.axes;
    entry["seeds"] = cell.seeds;
    entry["metrics"] = metrics_to_json(cell.metrics);
    entry["failing_seeds"] = cell.failing_seeds;
    entry["scenario"] = cell.scenario;
    entry["first_violation"] = cell.first_violation;
    entry["faults"] = cell.faults;
    entry["faults_effective"] = cell.faults_effective;
    entry["model_frames_per_delivery"] =
        cell.model_frames_per_delivery ? Json(*cell.model_frames_per_delivery) : Json(nullptr);
    entry["facts"] = cell.facts;
    entry["delivery_quantiles_ms"] = Json::array();
    for (const auto& [share, ms] : cell.delivery_quantiles_ms) {
      entry["delivery_quantiles_ms"].push_back({share, ms});
    }
    document["cells"].push_back(std::move(entry));
  }
  return document;
}

Comparison comparison_from_json(const Json& document) {
  if (document.value("format", 0) != 1) throw std::runtime_error("not a compare.json of format 1");
  Comparison comparison;
  if (document.contains("imroute")) {
    comparison.version = document["imroute"].value("version", "");
    comparison.commit = document["imroute"].value("commit", "");
  }
  comparison.title = document.value("title", "");
  comparison.description = document.value("description", "");
  for (const Json& cell : document.at("cells")) comparison.cells.push_back(cell_from_json(cell));
  return comparison;
}

}  // namespace imroute
