#include "cli/report/compare_report.h"

#include <algorithm>
#include <cmath>

#include "cli/console.h"
#include "cli/report/chart.h"
#include "cli/report/compare_charts.h"
#include "cli/report/page.h"
#include "harness/compare/verdict.h"

namespace imroute {
namespace {

struct Column {
  const char* title;
  const char* metric;
  bool milliseconds;
};
constexpr Column kColumns[] = {
    {"p50", "latency_ms/delivery/p50", true},
    {"p99", "latency_ms/delivery/p99", true},
    {"frames<br>per delivery", "frames/per_delivery", false},
    {"recovery", "recovery/converged_ms", true},
    {"fullest node<br>÷ mean", "balance/sessions/max_over_mean", false},
};

std::string axes_text(const Setting& setting) {
  std::string text;
  for (const auto& [pointer, value] : setting.axes.items()) {
    text += (text.empty() ? "" : ", ") + pointer.substr(pointer.rfind('/') + 1) + " = " +
            (value.is_string() ? value.get<std::string>() : value.dump());
  }
  return text;
}

std::string setting_name(const Setting& setting) {
  const std::string axes = axes_text(setting);
  if (axes.empty()) return setting.scenario;
  return setting.scenario.empty() ? axes : setting.scenario + ": " + axes;
}

std::string verdict_section(const Setting& setting, bool named) {
  const PlainVerdict verdict = verdict_of(setting);
  std::string out =
      "<section class=\"verdict " + std::string(verdict.pick == nullptr ? "bad" : "good") + "\">";
  out += named ? "<h2>" + escape_html(setting_name(setting)) + "</h2>" : "<h2>In plain words</h2>";
  out += "<p class=\"headline\">" + sentence_html(verdict.headline) + "</p><ul>";
  for (const std::string& sentence : verdict.sentences) {
    out += "<li>" + sentence_html(sentence) + "</li>";
  }
  return out + "</ul></section>\n";
}

std::string table_cell(const ComparedCell& cell, const Column& column, double best) {
  const auto found = cell.metrics.find(column.metric);
  if (found == cell.metrics.end()) return "<td class=\"soft\">–</td>";
  const double mean = found->second.mean;
  auto text = [&](double v) { return column.milliseconds ? human_ms(v) : human_number(v); };
  const std::string style = mean <= best * 1.0001 && mean > 0 ? "best" : "";
  std::string interval;
  if (found->second.ci95 && *found->second.ci95 > 0) {
    interval = text(*found->second.ci95);
    const std::string value = text(mean);
    for (const std::string unit : {" ms", " s", " min"}) {  // said once is enough
      if (value.ends_with(unit) && interval.ends_with(unit)) {
        interval.erase(interval.size() - unit.size());
      }
    }
    interval = "<span class=\"ci\"> ±" + interval + "</span>";
  }
  return "<td class=\"" + style + "\" data-v=\"" + svg_number(mean) + "\">" + text(mean) +
         interval + "</td>";
}

// "0 · 0 · 0", or what hurts.
std::string harm_cell(const ComparedCell& cell) {
  double sum = 0;
  std::string text;
  for (const char* metric :
       {"messages/lost", "messages/visible_duplicates", "messages/order_violations"}) {
    const double mean = cell.mean(metric).value_or(0);
    sum += mean;
    text += (text.empty() ? "" : " · ") + human_number(mean);
  }
  return "<td class=\"" + std::string(sum > 0 ? "hurt" : "zero") + "\" data-v=\"" +
         svg_number(sum) + "\">" + text + "</td>";
}

std::string table_of(const Setting& setting, const CompareCharts& charts) {
  const ComparedCell* pick = verdict_of(setting).pick;
  std::string out =
      "<div class=\"scroll\"><table class=\"sortable\"><thead><tr><th class=\"t "
      "frozen\">strategy</th>"
      "<th class=\"t\">balancer</th><th class=\"t\">promises</th>"
      "<th>lost · twice ·<br>out of order</th>";
  std::vector<double> best;
  for (const Column& column : kColumns) {
    out += "<th>" + std::string(column.title) + "</th>";
    double lowest = INFINITY;
    for (const ComparedCell* cell : setting.cells) {
      if (const auto mean = cell->mean(column.metric)) lowest = std::min(lowest, *mean);
    }
    best.push_back(lowest);
  }
  out += "</tr></thead><tbody>\n";
  for (const ComparedCell* cell : setting.cells) {
    const bool held = cell->failing_seeds.empty();
    out += "<tr" + std::string(cell == pick ? " class=\"pick\"" : "") + "><td class=\"t frozen\">" +
           charts.strategy_label(cell->strategy) + "</td><td class=\"t\">" +
           escape_html(cell->balancer) + "</td><td class=\"t\"><span class=\"tag " +
           (held ? "good\">held"
                 : "bad\">broken " + std::to_string(cell->failing_seeds.size()) + "/" +
                       std::to_string(cell->seeds.size())) +
           "</span></td>";
    out += harm_cell(*cell);
    for (size_t i = 0; i < std::size(kColumns); ++i) out += table_cell(*cell, kColumns[i], best[i]);
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

std::string setting_sections(const Setting& setting, const CompareCharts& charts) {
  const size_t seeds = setting.cells.front()->seeds.size();
  const std::string spread = seeds > 1 ? "Means over " + std::to_string(seeds) +
                                             " seeds, ± half the 95 % confidence interval. "
                                       : "One seed, so no confidence intervals. ";
  std::string out =
      section("All combinations",
              spread + "Best of a column in bold, the pick shaded. Click a heading to sort.",
              table_of(setting, charts));
  out +=
      section("What a delivery costs",
              "Logical frames between servers (push, acknowledgement, NACK, router and directory "
              "calls, login) for each delivery. Bar: mean over balancers. Shapes: each balancer. "
              "Upright mark: what the cost model expects of a quiet cluster with warm caches.",
              charts.frames(setting));
  std::string latency = charts.latency_curve(setting);
  if (!latency.empty()) {
    latency +=
        "<h3>Every combination</h3><p class=\"note\">Upright mark: half of the deliveries. "
        "Bands: from 10 % to 90 %, 99 % and 99.9 %.</p>"
        "<div class=\"tight\">" +
        charts.latency_strips(setting) + "</div>";
  }
  out += section(
      "How long a delivery takes",
      "From the send of one user to the screen of the other, reconnects and faults included. "
      "Further left is faster; the scale across the lines gives the slow tail its room.",
      latency);
  std::string promises = charts.outcome_matrix(setting);
  const std::string duplicates = charts.raw_duplicates(setting);
  if (!duplicates.empty()) {
    promises += "<h3>Duplicates on the wire, hidden from users (per seed)</h3>" + duplicates;
  }
  out += section(
      "Loss, duplicates, order",
      "Judged against ground truth for every device: a delivery counts when the user saw it.",
      promises);
  out +=
      section("Recovery",
              "From the end of the last fault until every accepted message is pushed to all online "
              "sessions again and the backlog is delivered.",
              charts.recovery(setting));
  out += section(
      "Balance of sessions",
      "Sessions on the fullest node divided by the mean; the dashed line is perfectly even.",
      charts.balance(setting));
  return out;
}

std::string chips(const Comparison& comparison, const Setting& setting) {
  uint64_t faults = 0, effective = 0;
  for (const ComparedCell& cell : comparison.cells) {
    faults += cell.faults;
    effective += cell.faults_effective;
  }
  auto chip = [](const std::string& value, const std::string& what) {
    return "<li><b>" + value + "</b> " + what + "</li>";
  };
  const std::vector<uint64_t>& seeds = setting.cells.front()->seeds;
  std::string out = "<ul class=\"chips\">";
  out += chip(grouped(comparison.cells.size()), "combinations");
  out += chip(grouped(seeds.size()), seeds.size() == 1 ? "seed each" : "common seeds each");
  const auto& facts = setting.cells.front()->facts;
  for (const auto& [name, noun] : {std::pair{"nodes", "nodes"}, std::pair{"routers", "routers"},
                                   std::pair{"users", "users"}, std::pair{"groups", "groups"}}) {
    const auto found = facts.find(name);
    const bool varies = setting.axes.contains(std::string("/topology/") + name);
    if (found != facts.end() && found->second > 0 && !varies) {
      out += chip(grouped(static_cast<uint64_t>(found->second)), noun);
    }
  }
  if (faults > 0) out += chip(grouped(effective), "of " + grouped(faults) + " faults took effect");
  return out + "</ul>\n";
}

std::string failures_section(const Comparison& comparison) {
  std::string lines;
  for (const ComparedCell& cell : comparison.cells) {
    if (cell.failing_seeds.empty()) continue;
    std::string seeds;
    for (size_t i = 0; i < cell.failing_seeds.size() && i < 8; ++i) {
      seeds += (i ? ", " : "") + std::to_string(cell.failing_seeds[i]);
    }
    if (cell.failing_seeds.size() > 8) seeds += ", …";
    lines += "<dt>" + escape_html(cell.strategy + " · " + cell.balancer) + "</dt><dd>" +
             (cell.scenario.empty() ? "" : escape_html(cell.scenario) + ", ") + "seeds " + seeds +
             (cell.first_violation.empty() ? "" : "<br>" + escape_html(cell.first_violation)) +
             "</dd>";
  }
  if (lines.empty()) return {};
  return section("What broke",
                 "The first violation of each combination; the same seed repeats it exactly.",
                 "<dl>" + lines + "</dl>");
}

const char* const kHowToRead =
    "<section><details><summary>How to read this, and how it was measured</summary>"
    "<p>Every combination ran in the deterministic simulator: the production routing core, a "
    "simulated network, simulated registry, directory, mailbox and bus. For a seed, all "
    "combinations "
    "see the same users, messages, absences and faults, so they differ by what they do and not by "
    "luck. The same seed gives the same run, bit by bit.</p>"
    "<p><b>held</b>: on every seed, every oracle that the delivery mode promises and every "
    "expectation of the scenario was kept. <b>placement</b> as a balancer: where a user logs in "
    "follows from the placement, no balancer is asked.</p>"
    "<p>A difference smaller than the ± of both is not a difference. One seed gives no "
    "interval.</p>"
    "</details></section>\n";

}  // namespace

std::string render_compare_report(const Comparison& comparison, const std::string& json) {
  const CompareCharts charts(comparison);
  const std::vector<Setting> settings = settings_of(comparison);
  Page page;
  page.title = comparison.title.empty() ? "Strategies compared" : comparison.title;
  page.lead = comparison.description;
  page.json = json;
  page.footer = "imroute " + comparison.version +
                (comparison.commit.empty() ? "" : " (" + comparison.commit + ")") +
                " · everything on this page is in this one file";
  if (settings.empty()) {
    page.body = "<section><p>The comparison has no cells.</p></section>";
    return render_page(page);
  }
  page.body = chips(comparison, settings.front());
  for (const Setting& setting : settings) {
    page.body += verdict_section(setting, settings.size() > 1);
  }
  page.body +=
      section("Cost against the size of the cluster",
              "Frames per delivery, mean over balancers; both scales are logarithmic. Dashed: "
              "the cost model. A flat line scales, a rising one does not.",
              charts.frames_against_nodes(settings));
  if (settings.size() == 1) {
    page.body += setting_sections(settings.front(), charts);
  } else {
    for (const Setting& setting : settings) {
      page.body += "<details" + std::string(&setting == &settings.front() ? " open" : "") +
                   "><summary>" + escape_html(setting_name(setting)) + "</summary>" +
                   setting_sections(setting, charts) + "</details>\n";
    }
  }
  page.body += failures_section(comparison);
  page.body += kHowToRead;
  return render_page(page);
}

}  // namespace imroute
