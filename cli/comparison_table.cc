#include "cli/comparison_table.h"

#include <algorithm>
#include <cmath>

#include "harness/compare/verdict.h"

namespace imroute {
namespace {

constexpr size_t kTableWidth = 100;

// Breaks at spaces, and prints **bold** as the terminal can.
void print_wrapped(const Console& console, const std::string& text, const std::string& first,
                   const std::string& rest) {
  std::string line = first, word;
  size_t width = display_width(first);
  bool bold = false, empty = true;
  auto flush_word = [&] {
    if (word.empty()) return;
    std::string shown, plain;
    std::string run;
    auto end_run = [&] {
      shown += console.painted(bold ? Paint::bold : Paint::plain, run);
      plain += run;
      run.clear();
    };
    for (size_t i = 0; i < word.size(); ++i) {
      if (word.compare(i, 2, "**") == 0) {
        end_run();
        bold = !bold;
        ++i;
      } else {
        run += word[i];
      }
    }
    end_run();
    if (!empty && width + 1 + display_width(plain) > kTableWidth) {
      console.out << line << '\n';
      line = rest;
      width = display_width(rest);
      empty = true;
    }
    if (!empty) {
      line += ' ';
      ++width;
    }
    line += shown;
    width += display_width(plain);
    empty = false;
    word.clear();
  };
  for (const char c : text) {
    if (c == ' ') {
      flush_word();
    } else {
      word += c;
    }
  }
  flush_word();
  console.out << line << '\n';
}

std::string short_text(const std::string& text, size_t width) {
  if (display_width(text) <= width) return text;
  return text.substr(0, width - 1) + "…";
}

struct MetricColumn {
  const char* title;
  const char* metric;
  bool milliseconds;
};
constexpr MetricColumn kMetricColumns[] = {{"p50", "latency_ms/delivery/p50", true},
                                           {"p99", "latency_ms/delivery/p99", true},
                                           {"frames/msg", "frames/per_delivery", false},
                                           {"recovery", "recovery/converged_ms", true},
                                           {"max/mean", "balance/sessions/max_over_mean", false}};

Table::Cell metric_cell(const ComparedCell& cell, const MetricColumn& column, double best) {
  const auto found = cell.metrics.find(column.metric);
  if (found == cell.metrics.end()) return {"–", Paint::dim};
  const Metric& metric = found->second;
  std::string text = column.milliseconds ? human_ms(metric.mean) : human_number(metric.mean);
  // The interval of the cost only: a row must fit the width, the rest is in the report.
  if (std::string_view(column.title) == "frames/msg" && metric.ci95 && *metric.ci95 >= 0.005) {
    text += " ±" + human_number(*metric.ci95);
  }
  return {text, metric.mean <= best * 1.0001 && metric.mean > 0 ? Paint::green : Paint::plain};
}

Table::Cell harm_text(const ComparedCell& cell) {
  std::string text;
  double sum = 0;
  for (const char* metric :
       {"messages/lost", "messages/visible_duplicates", "messages/order_violations"}) {
    const double mean = cell.mean(metric).value_or(0);
    sum += mean;
    text += (text.empty() ? "" : "/") + human_number(mean);
  }
  return {text, sum > 0 ? Paint::red : Paint::plain};
}

void print_setting(const Setting& setting, const Console& console) {
  const ComparedCell* pick = verdict_of(setting).pick;
  std::vector<Table::Column> columns = {{"strategy, balancer"}, {"kept"}, {"lost/dup/ord", true}};
  std::vector<double> best;
  for (const MetricColumn& column : kMetricColumns) {
    columns.push_back({column.title, true});
    double lowest = INFINITY;
    for (const ComparedCell* cell : setting.cells) {
      lowest = std::min(lowest, cell->mean(column.metric).value_or(INFINITY));
    }
    best.push_back(lowest);
  }
  Table table(std::move(columns));
  std::string last;
  for (const ComparedCell* cell : setting.cells) {
    const bool held = cell->failing_seeds.empty();
    const std::string kept = std::to_string(cell->seeds.size() - cell->failing_seeds.size()) + "/" +
                             std::to_string(cell->seeds.size());
    if (cell->strategy != last) {  // names are long: a line of their own keeps the row short
      table.add_title({cell->strategy, Paint::bold});
      last = cell->strategy;
    }
    std::vector<Table::Cell> row = {
        {"  " + short_text(cell->balancer, 30), cell == pick ? Paint::green : Paint::plain},
        {kept, held ? Paint::green : Paint::red},
        harm_text(*cell)};
    for (size_t i = 0; i < std::size(kMetricColumns); ++i) {
      row.push_back(metric_cell(*cell, kMetricColumns[i], best[i]));
    }
    table.add_row(std::move(row));
  }
  table.print(console);
}

}  // namespace

void print_comparison(const Comparison& comparison, const Console& console) {
  console.out << console.painted(Paint::bold, comparison.title) << '\n';
  if (!comparison.description.empty()) print_wrapped(console, comparison.description, "", "");
  for (const Setting& setting : settings_of(comparison)) {
    std::string name = setting.scenario == comparison.title ? "" : setting.scenario;
    for (const auto& [pointer, value] : setting.axes.items()) {
      name += (name.empty() ? "" : "  ") + pointer + " = " + value.dump();
    }
    console.out << '\n';
    if (!name.empty()) console.out << console.painted(Paint::cyan, name) << '\n';
    print_setting(setting, console);
    const PlainVerdict verdict = verdict_of(setting);
    console.out << '\n';
    print_wrapped(console, verdict.headline, "", "");
    for (const std::string& sentence : verdict.sentences) {
      print_wrapped(console, sentence, "- ", "  ");
    }
  }
  console.out << '\n';
}

}  // namespace imroute
