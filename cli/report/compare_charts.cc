#include "cli/report/compare_charts.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "cli/console.h"
#include "cli/report/chart.h"
#include "cli/report/page.h"

namespace imroute {
namespace {

const std::string kFrames = "frames/per_delivery";

void add_once(std::vector<std::string>& list, const std::string& name) {
  if (std::find(list.begin(), list.end(), name) == list.end()) list.push_back(name);
}

size_t index_of(const std::vector<std::string>& list, const std::string& name) {
  return static_cast<size_t>(std::find(list.begin(), list.end(), name) - list.begin());
}

std::vector<const ComparedCell*> of_strategy(const Setting& setting, const std::string& strategy) {
  std::vector<const ComparedCell*> cells;
  for (const ComparedCell* cell : setting.cells) {
    if (cell->strategy == strategy) cells.push_back(cell);
  }
  return cells;
}

double mean_of(const std::vector<const ComparedCell*>& cells, const std::string& metric) {
  double sum = 0, n = 0;
  for (const ComparedCell* cell : cells) {
    if (const auto value = cell->mean(metric)) sum += *value, n += 1;
  }
  return n > 0 ? sum / n : 0;
}

std::string cell_name(const ComparedCell& cell) { return cell.strategy + " · " + cell.balancer; }

double nodes_of(const Setting& setting) {
  return setting.axes.contains("/topology/nodes") ? setting.axes["/topology/nodes"].get<double>()
                                                  : 0;
}

// p50 is at 0.3, p90 at 1, p99 at 2, p99.9 at 3: a tail takes as much room as it deserves.
double tail_position(double share) {
  return share >= 1 ? 4.5 : std::min(4.5, -std::log10(1 - share));
}

// Latency (ms) that `share` of the deliveries stay within.
double quantile(const ComparedCell& cell, double share) {
  double best = 0;
  for (const auto& [at, ms] : cell.delivery_quantiles_ms) {
    if (at <= share + 1e-9) best = ms;
  }
  return best;
}

}  // namespace

std::string with_interval(const ComparedCell& cell, const std::string& metric, bool milliseconds) {
  const auto found = cell.metrics.find(metric);
  if (found == cell.metrics.end()) return "–";
  auto text = [&](double v) { return milliseconds ? human_ms(v) : human_number(v); };
  const Metric& value = found->second;
  if (!value.ci95 || *value.ci95 == 0) return text(value.mean);
  return text(value.mean) + " ± " + text(*value.ci95);
}

CompareCharts::CompareCharts(const Comparison& comparison) {
  for (const ComparedCell& cell : comparison.cells) {
    add_once(strategies_, cell.strategy);
    add_once(balancers_, cell.balancer);
  }
}

int CompareCharts::strategy_key(const std::string& strategy) const {
  return static_cast<int>(index_of(strategies_, strategy));
}

int CompareCharts::balancer_shape(const std::string& balancer) const {
  return static_cast<int>(index_of(balancers_, balancer));
}

std::string CompareCharts::strategy_label(const std::string& strategy) const {
  std::string name;
  for (const char c : escape_html(strategy)) {
    name += c;
    if (c == ':' || c == '_') name += "<wbr>";  // long names break at their joints
  }
  return "<span class=\"swatch fill k" + std::to_string(strategy_key(strategy) % 10) +
         "\"></span>" + name;
}

std::string CompareCharts::legend(const Setting& setting, bool strategies, bool balancers) const {
  std::vector<std::string> here_strategies, here_balancers;
  for (const ComparedCell* cell : setting.cells) {
    add_once(here_strategies, cell->strategy);
    add_once(here_balancers, cell->balancer);
  }
  std::string out = "<div class=\"legend\">";
  if (strategies) {
    for (const std::string& name : here_strategies) {
      out += "<span data-key=\"" + escape_html(name) + "\">" + strategy_label(name) + "</span>";
    }
  }
  if (balancers && here_balancers.size() > 1) {
    for (const std::string& name : here_balancers) {
      out += "<span>" + legend_marker(balancer_shape(name), -1) + escape_html(name) + "</span>";
    }
  }
  return out + "</div>\n";
}

std::string CompareCharts::metric_rows(const Setting& setting, const std::string& metric,
                                       bool milliseconds, bool with_model) const {
  std::vector<double> values;
  for (const ComparedCell* cell : setting.cells) {
    if (const auto found = cell->metrics.find(metric); found != cell->metrics.end()) {
      values.push_back(found->second.mean + found->second.ci95.value_or(0));
    }
    if (with_model) values.push_back(cell->model_frames_per_delivery.value_or(0));
  }
  if (values.empty()) return {};
  RowChart chart(linear_axis(values), milliseconds ? AxisUnit::milliseconds : AxisUnit::number);
  const Axis& axis = chart.axis();
  for (const std::string& strategy : strategies_) {
    const auto cells = of_strategy(setting, strategy);
    if (cells.empty()) continue;
    const double mean = mean_of(cells, metric);
    const int key = strategy_key(strategy);
    std::string content = "<rect class=\"bar k" + std::to_string(key % 10) +
                          "\" x=\"0\" y=\"7\" height=\"20\" rx=\"3\" width=\"" +
                          percent(axis.at(mean)) + "\"/>";
    for (const ComparedCell* cell : cells) {
      const auto found = cell->metrics.find(metric);
      if (found == cell->metrics.end()) continue;
      const double half = found->second.ci95.value_or(0);
      content += "<line class=\"stroke k" + std::to_string(key % 10) + "\" x1=\"" +
                 percent(axis.at(found->second.mean - half)) + "\" x2=\"" +
                 percent(axis.at(found->second.mean + half)) + "\" y1=\"17\" y2=\"17\"/>";
      content +=
          marker(balancer_shape(cell->balancer), axis.at(found->second.mean), 17, key,
                 cell_name(*cell) + "\n" + with_interval(*cell, metric, milliseconds), strategy);
    }
    const auto model = cells.front()->model_frames_per_delivery;
    std::string note = milliseconds ? human_ms(mean) : human_number(mean);
    if (with_model && model) {
      const std::string x = percent(axis.at(*model));
      content += "<line class=\"model\" x1=\"" + x + "\" x2=\"" + x +
                 "\" y1=\"2\" y2=\"32\" data-tip=\"cost model: " + human_number(*model) + "\"/>";
      note += " · model " + human_number(*model);
    }
    chart.add_row(strategy_label(strategy) + "<small>" + note + "</small>", content);
  }
  return legend(setting, false, true) + chart.html();
}

std::string CompareCharts::frames(const Setting& setting) const {
  return metric_rows(setting, kFrames, false, true);
}

std::string CompareCharts::frames_against_nodes(const std::vector<Setting>& settings) const {
  std::vector<double> nodes, values;
  std::map<std::string, LineChart::Points> measured, model;
  for (const Setting& setting : settings) {
    const double n = nodes_of(setting);
    if (n <= 0) continue;
    nodes.push_back(n);
    for (const std::string& strategy : strategies_) {
      const auto cells = of_strategy(setting, strategy);
      if (cells.empty()) continue;
      measured[strategy].emplace_back(n, mean_of(cells, kFrames));
      values.push_back(measured[strategy].back().second);
      if (const auto expected = cells.front()->model_frames_per_delivery) {
        model[strategy].emplace_back(n, *expected);
        values.push_back(*expected);
      }
    }
  }
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  if (nodes.size() < 2) return {};
  Axis x = logarithmic_axis(nodes);
  x.ticks = nodes;
  x.lo = nodes.front() / 1.2;  // room for the labels of the other axis
  x.hi = nodes.back() * 1.08;
  LineChart chart(x, AxisUnit::count, logarithmic_axis(values), AxisUnit::number);
  for (auto& [strategy, points] : model) {
    std::sort(points.begin(), points.end());
    chart.add_line(points, strategy_key(strategy), strategy, true);
  }
  for (auto& [strategy, points] : measured) {
    std::sort(points.begin(), points.end());
    chart.add_line(points, strategy_key(strategy), strategy);
    for (const auto& [n, value] : points) {
      chart.add_point(n, value, 0, strategy_key(strategy),
                      strategy + "\n" + human_number(n) + " nodes: " + human_number(value) +
                          " frames per delivery",
                      strategy);
    }
  }
  return legend(settings.front(), true, false) + chart.html("nodes");
}

std::string CompareCharts::latency_curve(const Setting& setting) const {
  std::vector<double> values;
  for (const ComparedCell* cell : setting.cells) {
    for (const auto& [share, ms] : cell->delivery_quantiles_ms) {
      if (share >= 0.05) values.push_back(ms);
    }
  }
  if (values.empty()) return {};
  Axis y;
  y.hi = 4.5;
  LineChart chart(logarithmic_axis(values), AxisUnit::milliseconds, y, AxisUnit::number);
  static const std::pair<double, const char*> kShares[] = {
      {0.5, "50 %"}, {0.9, "90 %"}, {0.99, "99 %"}, {0.999, "99.9 %"}, {0.9999, "99.99 %"}};
  for (const auto& [share, text] : kShares) chart.add_y_label(tail_position(share), text);
  for (const std::string& strategy : strategies_) {
    const auto cells = of_strategy(setting, strategy);
    if (cells.empty()) continue;
    // One line a strategy: its cell with the middle p99, since balancers hardly change the shape.
    auto sorted = cells;
    std::sort(sorted.begin(), sorted.end(), [](const ComparedCell* a, const ComparedCell* b) {
      return quantile(*a, 0.99) < quantile(*b, 0.99);
    });
    const ComparedCell& cell = *sorted[sorted.size() / 2];
    LineChart::Points points;
    for (const auto& [share, ms] : cell.delivery_quantiles_ms) {
      points.emplace_back(ms, tail_position(share));
    }
    chart.add_line(points, strategy_key(strategy), strategy);
    for (const auto& [share, text] : kShares) {
      const double ms = quantile(cell, share);
      if (ms > 0) {
        chart.add_point(ms, tail_position(share), 0, strategy_key(strategy),
                        cell_name(cell) + "\n" + text + " within " + human_ms(ms), strategy);
      }
    }
  }
  return legend(setting, true, false) + chart.html("delivery latency (logarithmic)");
}

std::string CompareCharts::latency_strips(const Setting& setting) const {
  std::vector<double> values;
  for (const ComparedCell* cell : setting.cells) {
    for (const double share : {0.1, 0.5, 0.999}) values.push_back(quantile(*cell, share));
  }
  if (*std::max_element(values.begin(), values.end()) <= 0) return {};
  RowChart chart(logarithmic_axis(values), AxisUnit::milliseconds, 22);
  const Axis& axis = chart.axis();
  for (const ComparedCell* cell : setting.cells) {
    const std::string key = std::to_string(strategy_key(cell->strategy) % 10);
    auto span = [&](double from, double to, const char* style) {
      const double left = axis.at(quantile(*cell, from)), right = axis.at(quantile(*cell, to));
      return "<rect x=\"" + percent(left) + "\" width=\"" + percent(std::max(right - left, 0.2)) +
             "\" " + style + " class=\"fill k" + key + "\"/>";
    };
    const std::string tip = cell_name(*cell) + "\nhalf within " + human_ms(quantile(*cell, 0.5)) +
                            "\n90 % within " + human_ms(quantile(*cell, 0.9)) + "\n99 % within " +
                            human_ms(quantile(*cell, 0.99)) + "\n99.9 % within " +
                            human_ms(quantile(*cell, 0.999));
    std::string content = "<g data-tip=\"" + escape_html(tip) + "\">" +
                          "<rect class=\"hit\" width=\"100%\" height=\"22\"/>" +
                          span(0.1, 0.999, "y=\"10\" height=\"2\" opacity=\".55\"") +
                          span(0.1, 0.99, "y=\"8\" height=\"6\" rx=\"2\" opacity=\".4\"") +
                          span(0.1, 0.9, "y=\"6\" height=\"10\" rx=\"2\" opacity=\".65\"");
    const std::string middle = percent(axis.at(quantile(*cell, 0.5)));
    content += "<line class=\"model\" x1=\"" + middle + "\" x2=\"" + middle +
               "\" y1=\"4\" y2=\"18\"/></g>";
    chart.add_row(strategy_label(cell->strategy) + " <span class=\"soft\">" +
                      escape_html(cell->balancer) + "</span>",
                  content);
  }
  return chart.html();
}

std::string CompareCharts::outcome_matrix(const Setting& setting) const {
  std::vector<std::string> columns;
  for (const ComparedCell* cell : setting.cells) add_once(columns, cell->balancer);
  std::string out = "<div class=\"scroll\"><table class=\"matrix\"><thead><tr><th></th>";
  for (const std::string& column : columns) out += "<th>" + escape_html(column) + "</th>";
  out += "</tr></thead><tbody>";
  for (const std::string& strategy : strategies_) {
    const auto cells = of_strategy(setting, strategy);
    if (cells.empty()) continue;
    out += "<tr><td class=\"t frozen\">" + strategy_label(strategy) + "</td>";
    for (const std::string& column : columns) {
      const auto found = std::find_if(cells.begin(), cells.end(), [&](const ComparedCell* cell) {
        return cell->balancer == column;
      });
      if (found == cells.end()) {
        out += "<td class=\"soft\">·</td>";
        continue;
      }
      const ComparedCell& cell = **found;
      const double lost = cell.mean("messages/lost").value_or(0);
      const double missing = cell.mean("messages/deliveries_expected").value_or(0) -
                             cell.mean("messages/delivered").value_or(0);
      const double twice = cell.mean("messages/visible_duplicates").value_or(0);
      const double order = cell.mean("messages/order_violations").value_or(0);
      const double astray = cell.mean("messages/misdelivered").value_or(0);
      const bool clean = lost + twice + order + astray == 0;
      const bool held = cell.failing_seeds.empty();
      std::string text = held ? "✓ held"
                              : "✗ " + std::to_string(cell.failing_seeds.size()) + " of " +
                                    std::to_string(cell.seeds.size()) + " seeds";
      const std::string property = cell.first_violation.substr(0, cell.first_violation.find(':'));
      text += "<br>";
      if (clean) text += held ? "nothing amiss" : escape_html(property);
      if (lost > 0) text += human_number(lost) + " lost ";
      if (twice > 0) text += human_number(twice) + " twice ";
      if (order > 0) text += human_number(order) + " out of order ";
      if (astray > 0) text += human_number(astray) + " astray";
      std::string tip = cell_name(cell) + "\nper seed: lost " + human_number(lost) +
                        ", shown twice " + human_number(twice) + ", out of order " +
                        human_number(order) + ", misdelivered " + human_number(astray) +
                        "\nexpected but not delivered " + human_number(std::max(0.0, missing));
      if (!held) tip += "\n" + cell.first_violation;
      out += "<td><div class=\"box " +
             std::string(!held   ? "bad"
                         : clean ? "good"
                                 : "warn") +
             "\" data-tip=\"" + escape_html(tip) + "\">" + text + "</div></td>";
    }
    out += "</tr>";
  }
  return out + "</tbody></table></div>\n";
}

std::string CompareCharts::raw_duplicates(const Setting& setting) const {
  double any = 0;
  for (const ComparedCell* cell : setting.cells) {
    any += cell->mean("messages/raw_duplicates").value_or(0);
  }
  return any > 0 ? metric_rows(setting, "messages/raw_duplicates", false, false) : std::string();
}

std::string CompareCharts::recovery(const Setting& setting) const {
  double any = 0;
  for (const ComparedCell* cell : setting.cells) {
    any += cell->mean("recovery/converged_ms").value_or(0);
  }
  return any > 0 ? metric_rows(setting, "recovery/converged_ms", true, false) : std::string();
}

std::string CompareCharts::balance(const Setting& setting) const {
  const std::string metric = "balance/sessions/max_over_mean";
  std::vector<double> values;
  for (const ComparedCell* cell : setting.cells) values.push_back(cell->mean(metric).value_or(0));
  if (*std::max_element(values.begin(), values.end()) <= 0) return {};
  RowChart chart(linear_axis(values), AxisUnit::number);
  const std::string one = percent(chart.axis().at(1));
  for (const std::string& balancer : balancers_) {
    std::string content = "<line class=\"model model-dash\" x1=\"" + one + "\" x2=\"" + one +
                          "\" y1=\"0\" y2=\"34\" data-tip=\"1 = perfectly even\"/>";
    std::vector<const ComparedCell*> cells;
    for (const ComparedCell* cell : setting.cells) {
      if (cell->balancer != balancer) continue;
      cells.push_back(cell);
      content +=
          marker(balancer_shape(balancer), chart.axis().at(cell->mean(metric).value_or(0)), 17,
                 strategy_key(cell->strategy),
                 cell_name(*cell) + "\nfullest node: " + with_interval(*cell, metric, false) +
                     " times the mean",
                 cell->strategy);
    }
    if (cells.empty()) continue;
    chart.add_row(legend_marker(balancer_shape(balancer), -1) + " " + escape_html(balancer) +
                      "<small>" + human_number(mean_of(cells, metric)) + " × the mean</small>",
                  content);
  }
  return legend(setting, true, false) + chart.html();
}

}  // namespace imroute
