#include "cli/report/run_report.h"

#include <algorithm>
#include <cmath>

#include "cli/console.h"
#include "cli/report/chart.h"
#include "cli/report/page.h"
#include "harness/scenario/names.h"

namespace imroute {
namespace {

std::string fact(const std::string& value, const std::string& what, bool hurts = false) {
  return "<div class=\"fact" + std::string(hurts ? " hurt" : "") + "\"><b>" + value + "</b><span>" +
         what + "</span></div>";
}

std::string fault_name(const FaultOutcome& f) {
  const std::string target = target_text(f.fault);
  return std::string(to_string(f.fault.kind)) + (target.empty() ? "" : " " + target);
}

std::string verdict_section(const Result& r) {
  std::string headline;
  switch (r.verdict) {
    case Verdict::pass:
      headline = "<span class=\"tag good\">PASS</span> Every promise was kept: " +
                 grouped(r.messages.delivered) + " deliveries";
      headline += r.faults.empty() ? "." : " through " + counted(r.faults.size(), "fault") + ".";
      break;
    case Verdict::fail:
      headline = "<span class=\"tag bad\">FAIL</span> " +
                 counted(std::max<uint64_t>(r.violations_total, r.violations.size()), "violation") +
                 " of what this mode promises or the scenario expects.";
      break;
    case Verdict::vacuous:
      headline = "<span class=\"tag bad\">VACUOUS</span> Nothing was judged, so nothing was shown.";
      break;
  }
  const auto& m = r.messages;
  std::string facts = "<div class=\"facts\">";
  facts += fact(grouped(m.accepted), "of " + grouped(m.sent) + " messages accepted");
  facts += fact(grouped(m.delivered), "of " + grouped(m.deliveries_expected) + " deliveries seen");
  facts += fact(grouped(m.lost), "lost", m.lost > 0);
  facts += fact(grouped(m.visible_duplicates), "shown twice", m.visible_duplicates > 0);
  facts += fact(grouped(m.order_violations), "out of order", m.order_violations > 0);
  facts += fact(human_ns(r.delivery_ns.quantile_ppm(500'000)), "half of the deliveries within");
  facts += fact(human_ns(r.delivery_ns.quantile_ppm(990'000)), "99 % of the deliveries within");
  facts += fact(human_number(r.frames_per_delivery), "frames per delivery");
  if (!r.faults.empty()) facts += fact(human_ns(r.converged_ns), "to recover after the last fault");
  return "<section class=\"verdict " + std::string(r.verdict == Verdict::pass ? "good" : "bad") +
         "\"><p class=\"headline\">" + headline + "</p>" + facts + "</div></section>\n";
}

std::string violations_section(const Result& r) {
  if (r.violations.empty()) return {};
  constexpr size_t kShown = 20;
  std::string list = "<dl>";
  for (size_t i = 0; i < r.violations.size() && i < kShown; ++i) {
    const Violation& v = r.violations[i];
    list += "<dt>" + escape_html(v.property) + "</dt><dd>" + human_ns(v.at_ns) + ", " +
            escape_html(v.phase) + ": " + escape_html(v.witness);
    if (!v.faults_in_force.empty()) {
      list += "<br>faults in force:";
      for (const std::string& f : v.faults_in_force) list += " " + escape_html(f) + ";";
    }
    if (!v.excused.empty()) list += "<br>excused: " + escape_html(v.excused);
    list += "</dd>";
  }
  list += "</dl>";
  if (!r.command.empty()) list += "<pre>" + escape_html(r.command) + "</pre>";
  return section("What broke", "The same command repeats it exactly.", list);
}

struct Series {
  const char* name;
  int key;
  double (*value)(const Window&);
  bool filled;
};

double in_ms(int64_t ns) { return static_cast<double>(ns) / 1e6; }

std::string over_time(const Result& r, const std::vector<Series>& series, bool latency) {
  std::vector<double> values;
  for (const Window& w : r.windows) {
    for (const Series& s : series) values.push_back(s.value(w));
  }
  if (values.empty() || *std::max_element(values.begin(), values.end()) <= 0) return {};
  Axis x = linear_axis({static_cast<double>(r.windows.size())});
  x.hi = std::max<double>(1, static_cast<double>(r.windows.size()));
  std::erase_if(x.ticks, [&](double tick) { return tick > x.hi; });
  const Axis y = latency ? logarithmic_axis(values) : linear_axis(values);
  LineChart chart(x, AxisUnit::seconds, y, latency ? AxisUnit::milliseconds : AxisUnit::count, 220);
  for (const FaultOutcome& f : r.faults) {
    const double from = static_cast<double>(f.fault.at_ns) / 1e9;
    const double to = f.until_ns == kNever ? x.hi : static_cast<double>(f.until_ns) / 1e9;
    chart.add_band(from, to,
                   fault_name(f) + "\n" + human_ns(f.fault.at_ns) + " to " +
                       (f.until_ns == kNever ? "the end" : human_ns(f.until_ns)) +
                       (f.effective ? "" : "\nhit nothing"));
  }
  std::string legend = "<div class=\"legend\">";
  for (const Series& s : series) {
    LineChart::Points points;
    for (size_t i = 0; i < r.windows.size(); ++i) {
      const double value = s.value(r.windows[i]);
      if (latency && r.windows[i].delivery_ns.count() == 0 && value <= 0) continue;
      points.emplace_back(static_cast<double>(i) + 0.5, value);
    }
    if (s.filled) chart.add_area(points, s.key);
    chart.add_line(points, s.key, s.name);
    legend += "<span data-key=\"" + std::string(s.name) + "\"><span class=\"swatch fill k" +
              std::to_string(s.key) + "\"></span>" + s.name + "</span>";
  }
  legend += r.faults.empty() ? "" : "<span>shaded: a fault in force</span>";
  return legend + "</div>" + chart.html("seconds into the run");
}

std::string rates_section(const Result& r) {
  const std::vector<Series> rates = {
      {"sent", 1, [](const Window& w) { return static_cast<double>(w.sent); }, false},
      {"accepted", 0, [](const Window& w) { return static_cast<double>(w.accepted); }, false},
      {"delivered", 2, [](const Window& w) { return static_cast<double>(w.delivered); }, true}};
  std::string out = section("Messages a second", "", over_time(r, rates, false));
  const std::vector<Series> latency = {
      {"half within", 0, [](const Window& w) { return in_ms(w.delivery_ns.quantile_ppm(500'000)); },
       false},
      {"99 % within", 1, [](const Window& w) { return in_ms(w.delivery_ns.quantile_ppm(990'000)); },
       false}};
  return out + section("Delivery latency over time",
                       "Of the deliveries in each second; the scale is logarithmic.",
                       over_time(r, latency, true));
}

// Shares as one stacked bar.
std::string arrivals(const Result& r) {
  static constexpr const char* kNames[] = {"push", "hand-over", "sync", "login"};
  uint64_t all = 0;
  for (const uint64_t n : r.messages.via) all += n;
  if (all == 0) return {};
  std::string bar = "<svg class=\"plot\" height=\"26\" role=\"img\">",
              legend = "<div class=\"legend\">";
  double left = 0;
  for (size_t i = 0; i < r.messages.via.size(); ++i) {
    const double share = 100.0 * static_cast<double>(r.messages.via[i]) / static_cast<double>(all);
    const std::string tip = std::string(kNames[i]) + ": " + grouped(r.messages.via[i]) + " (" +
                            human_number(share) + " %)";
    if (share > 0) {
      bar += "<rect class=\"fill k" + std::to_string(i) + "\" x=\"" + percent(left) +
             "\" width=\"" + percent(std::max(share, 0.3)) + "\" height=\"26\" data-tip=\"" + tip +
             "\"/>";
    }
    left += share;
    legend +=
        "<span><span class=\"swatch fill k" + std::to_string(i) + "\"></span>" + tip + "</span>";
  }
  return bar + "</svg>" + legend + "</div>";
}

std::string distribution(const Result& r) {
  if (r.delivery_ns.count() == 0) return {};
  static constexpr std::pair<uint64_t, const char*> kQuantiles[] = {
      {100'000, "10 %"}, {500'000, "50 %"},   {900'000, "90 %"},
      {990'000, "99 %"}, {999'000, "99.9 %"}, {1'000'000, "all"}};
  std::vector<double> values;
  for (const auto& [ppm, text] : kQuantiles)
    values.push_back(in_ms(r.delivery_ns.quantile_ppm(ppm)));
  RowChart chart(logarithmic_axis(values), AxisUnit::milliseconds, 24);
  for (size_t i = 0; i < values.size(); ++i) {
    chart.add_row(std::string(kQuantiles[i].second) + " within <b>" + human_ms(values[i]) + "</b>",
                  "<rect class=\"bar k0\" x=\"0\" y=\"4\" height=\"16\" rx=\"3\" width=\"" +
                      percent(chart.axis().at(values[i])) + "\"/>");
  }
  return chart.html();
}

std::string faults_section(const Result& r) {
  if (r.faults.empty()) return {};
  std::string rows =
      "<div class=\"scroll\"><table class=\"sortable\"><thead><tr><th class=\"t frozen\">fault</th>"
      "<th>from</th><th>until</th><th class=\"t\">effect</th><th>recovered after</th></tr></thead>"
      "<tbody>";
  for (const FaultOutcome& f : r.faults) {
    rows += "<tr><td class=\"t frozen\">" + escape_html(fault_name(f)) + "</td><td data-v=\"" +
            std::to_string(f.fault.at_ns) + "\">" + human_ns(f.fault.at_ns) + "</td><td data-v=\"" +
            std::to_string(f.until_ns) + "\">" +
            (f.until_ns == kNever ? "the end" : human_ns(f.until_ns)) + "</td><td class=\"t\">" +
            (f.effective ? "<span class=\"tag good\">took effect</span>"
                         : "<span class=\"tag warn\">hit nothing</span>") +
            "</td><td data-v=\"" + std::to_string(f.recovered_after_ns) + "\">" +
            (f.recovered_after_ns < 0 ? "–" : human_ns(f.recovered_after_ns)) + "</td></tr>";
  }
  return section("Faults", "A fault that hit nothing never counts as coverage.",
                 rows + "</tbody></table></div>");
}

std::string costs_section(const Result& r) {
  const std::pair<const char*, uint64_t> frames[] = {
      {"peer links", r.frames.peer}, {"bus", r.frames.bus},
      {"routers", r.frames.router},  {"directory", r.frames.directory},
      {"mailbox", r.frames.mailbox}, {"client links", r.frames.client}};
  std::vector<double> values;
  for (const auto& [name, n] : frames) values.push_back(static_cast<double>(n));
  if (*std::max_element(values.begin(), values.end()) <= 0) return {};
  RowChart chart(linear_axis(values), AxisUnit::count, 24);
  for (size_t i = 0; i < values.size(); ++i) {
    chart.add_row(std::string(frames[i].first) + " <b>" + grouped(frames[i].second) + "</b>",
                  "<rect class=\"bar k0\" x=\"0\" y=\"4\" height=\"16\" rx=\"3\" width=\"" +
                      percent(chart.axis().at(values[i])) + "\"/>");
  }
  std::string facts = "<div class=\"facts\">";
  facts += fact(human_number(r.route.hit_ratio * 100) + " %", "cache hits");
  facts += fact(grouped(r.route.nacks), "NACKs");
  facts += fact(grouped(r.route.rebroadcasts), "re-broadcasts");
  facts += fact(human_number(r.balance.sessions.max_over_mean) + " ×",
                "mean, sessions of the fullest node");
  facts +=
      fact(human_number(r.balance.frames.max_over_mean) + " ×", "mean, frames of the busiest node");
  return section("Frames by link",
                 "All logical frames; the cost per delivery counts those of routing and login.",
                 chart.html() + facts + "</div>");
}

std::string counters_section(const Result& r) {
  std::string rows;
  for (const CounterInfo& info : kCounterTable) {
    const uint64_t n = r.counters.*info.value;
    if (n == 0) continue;
    rows += "<tr><td class=\"t\">" + std::string(info.name) + "</td><td data-v=\"" +
            std::to_string(n) + "\">" + grouped(n) + "</td><td class=\"t soft\">" +
            escape_html(info.help) + "</td></tr>";
  }
  if (rows.empty()) return {};
  return "<section><details><summary>All counters</summary><div class=\"scroll\"><table "
         "class=\"sortable\"><thead><tr><th class=\"t\">counter</th><th>value</th><th class=\"t\">"
         "meaning</th></tr></thead><tbody>" +
         rows + "</tbody></table></div></details></section>\n";
}

}  // namespace

std::string render_run_report(const Result& r, const std::string& json) {
  Page page;
  page.title = r.name.empty() ? "A run" : r.name;
  page.lead = "Seed " + std::to_string(r.seed) + ", " + grouped(r.events) +
              " simulated events. The same scenario and seed give the same run, bit by bit.";
  page.json = json;
  page.footer =
      "imroute " + r.version + (r.commit.empty() ? "" : " (" + r.commit + ")") + " · " + r.command;
  page.body = verdict_section(r) + violations_section(r) + rates_section(r);
  page.body += section("How messages arrived",
                       "Push is the strategy at work; the others are the safety net behind it.",
                       arrivals(r));
  page.body += section("Delivery latency", "", distribution(r));
  page.body += faults_section(r) + costs_section(r) + counters_section(r);
  return render_page(page);
}

}  // namespace imroute
