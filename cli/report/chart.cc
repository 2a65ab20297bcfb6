#include "cli/report/chart.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "cli/console.h"
#include "cli/report/page.h"

namespace imroute {
namespace {

// Round step (1, 2, 5 times a power of ten) that cuts `span` into about five.
double round_step(double span) {
  const double raw = span / 5;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  const double lead = raw / power;
  return power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
}

const char* shape_path(int shape) {
  static constexpr const char* kPaths[] = {"M-5.2 0a5.2 5.2 0 1 0 10.4 0a5.2 5.2 0 1 0-10.4 0z",
                                           "M-4.6-4.6h9.2v9.2h-9.2z", "M0-5.8L5.6 4.4H-5.6z",
                                           "M0-6.2L5.6 0L0 6.2L-5.6 0z",
                                           "M-2-5.6h4v3.6h3.6v4H2v3.6h-4V2h-3.6v-4H-2z"};
  return kPaths[static_cast<size_t>(shape) % (sizeof kPaths / sizeof kPaths[0])];
}

std::string anchor(double x_percent) {
  return x_percent < 3 ? "start" : x_percent > 97 ? "end" : "middle";
}

std::string tick_labels(const Axis& axis, AxisUnit unit, double y) {
  std::string out;
  double last = -100;
  for (const double tick : axis.ticks) {
    const double x = axis.at(tick);
    if (x - last < 8) continue;  // would run into its neighbour on a phone
    last = x;
    out += "<text x=\"" + percent(x) + "\" y=\"" + svg_number(y) + "\" text-anchor=\"" + anchor(x) +
           "\">" + axis_label(tick, unit) + "</text>";
  }
  return out;
}

}  // namespace

double Axis::at(double value) const {
  double share = 0;
  if (logarithmic) {
    share = (std::log10(std::max(value, lo)) - std::log10(lo)) / (std::log10(hi) - std::log10(lo));
  } else {
    share = (value - lo) / (hi - lo);
  }
  return std::clamp(share, 0.0, 1.0) * 100;
}

Axis linear_axis(const std::vector<double>& values) {
  double top = 0;
  for (const double value : values) {
    if (std::isfinite(value)) top = std::max(top, value);
  }
  if (top <= 0) top = 1;
  const double step = round_step(top);
  Axis axis;
  axis.hi = std::ceil(top / step - 1e-9) * step;
  for (int i = 0; i * step <= axis.hi + step / 2; ++i) axis.ticks.push_back(i * step);
  return axis;
}

Axis logarithmic_axis(const std::vector<double>& values) {
  double lo = 0, hi = 0;
  for (const double value : values) {
    if (!std::isfinite(value) || value <= 0) continue;
    lo = lo == 0 ? value : std::min(lo, value);
    hi = std::max(hi, value);
  }
  if (lo == 0) lo = 1, hi = 10;
  if (hi / lo < 1.5) hi = lo * 1.5;
  Axis axis;
  axis.logarithmic = true;
  const bool few_decades = hi / lo <= 200;
  std::vector<double> marks;
  for (int power = static_cast<int>(std::floor(std::log10(lo))) - 1;
       power <= static_cast<int>(std::ceil(std::log10(hi))) + 1; ++power) {
    for (const double lead : {1.0, 2.0, 5.0}) {
      if (lead == 1.0 || few_decades) marks.push_back(lead * std::pow(10, power));
    }
  }
  auto first = std::upper_bound(marks.begin(), marks.end(), lo * 1.0001) - 1;
  auto last = std::lower_bound(marks.begin(), marks.end(), hi * 0.9999);
  axis.lo = *first;
  axis.hi = *last;
  axis.ticks.assign(first, last + 1);
  return axis;
}

std::string axis_label(double value, AxisUnit unit) {
  switch (unit) {
    case AxisUnit::milliseconds:
      return human_ms(value);
    case AxisUnit::seconds:
      return human_number(value) + " s";
    case AxisUnit::count:
    case AxisUnit::number:
      return human_number(value);
  }
  return {};
}

std::string svg_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", value);
  std::string result = text;
  result.erase(result.find_last_not_of('0') + 1);
  if (result.back() == '.') result.pop_back();
  return result == "-0" ? "0" : result;
}

std::string percent(double value) { return svg_number(value) + "%"; }

std::string marker(int shape, double x_percent, double y, int key, std::string_view tip,
                   std::string_view data_key) {
  std::string out = "<svg x=\"" + percent(x_percent) + "\" y=\"" + svg_number(y) +
                    "\" overflow=\"visible\" data-key=\"" + escape_html(data_key) +
                    "\" data-tip=\"" + escape_html(tip) + "\"><circle r=\"11\" class=\"hit\"/>" +
                    "<path class=\"mark fill k" + std::to_string(key % 10) + "\" d=\"";
  return out + shape_path(shape) + "\"/></svg>";
}

std::string legend_marker(int shape, int key) {
  return "<svg width=\"16\" height=\"14\"><path transform=\"translate(8 7)\" class=\"mark " +
         (key < 0 ? std::string("\" fill=\"currentColor\"")
                  : "fill k" + std::to_string(key % 10) + "\"") +
         " d=\"" + shape_path(shape) + "\"/></svg>";
}

RowChart::RowChart(Axis axis, AxisUnit unit, int row_height)
    : axis_(std::move(axis)), unit_(unit), row_height_(row_height) {}

std::string RowChart::grid(int height) const {
  std::string out;
  for (const double tick : axis_.ticks) {
    const std::string x = percent(axis_.at(tick));
    out += "<line class=\"" + std::string(tick == axis_.ticks.front() ? "base" : "grid") +
           "\" x1=\"" + x + "\" x2=\"" + x + "\" y1=\"0\" y2=\"" + std::to_string(height) + "\"/>";
  }
  return out;
}

void RowChart::add_row(const std::string& label, const std::string& content) {
  const std::string height = std::to_string(row_height_);
  rows_ += "<div class=\"row\"><div class=\"label\">" + label +
           "</div><svg class=\"plot\" height=\"" + height + "\" role=\"img\">" + grid(row_height_) +
           content + "</svg></div>\n";
}

std::string RowChart::html() const {
  return "<div class=\"rows\">" + rows_ +
         "<div class=\"row axis\"><div class=\"label\"></div><svg class=\"plot\" height=\"22\">" +
         tick_labels(axis_, unit_, 15) + "</svg></div></div>\n";
}

LineChart::LineChart(Axis x, AxisUnit x_unit, Axis y, AxisUnit y_unit, int height)
    : x_(std::move(x)), y_(std::move(y)), x_unit_(x_unit), y_unit_(y_unit), height_(height) {}

std::string LineChart::path(const Points& points) const {
  std::string d;
  for (const auto& [x, y] : points) {
    d += (d.empty() ? "M" : "L") + svg_number(x_.at(x) * 10) + " " +
         svg_number(1000 - y_.at(y) * 10);
  }
  return d;
}

void LineChart::add_line(const Points& points, int key, std::string_view data_key, bool dashed) {
  if (points.empty()) return;
  lines_ += "<path class=\"line stroke k" + std::to_string(key % 10) +
            (dashed ? " model-dash" : "") + "\" data-key=\"" + escape_html(data_key) + "\" d=\"" +
            path(points) + "\"/>";
}

void LineChart::add_area(const Points& points, int key) {
  if (points.empty()) return;
  lines_ += "<path class=\"area fill k" + std::to_string(key % 10) + "\" d=\"" + path(points) +
            "L" + svg_number(x_.at(points.back().first) * 10) + " 1000L" +
            svg_number(x_.at(points.front().first) * 10) + " 1000z\"/>";
}

void LineChart::add_band(double from_x, double to_x, std::string_view tip) {
  const double left = x_.at(from_x), right = x_.at(to_x);
  bands_ += "<rect class=\"band\" x=\"" + percent(left) + "\" y=\"0\" height=\"" +
            std::to_string(height_) + "\" width=\"" + percent(std::max(right - left, 0.3)) +
            "\" data-tip=\"" + escape_html(tip) + "\"/>";
}

void LineChart::add_point(double x, double y, int shape, int key, std::string_view tip,
                          std::string_view data_key) {
  points_ += marker(shape, x_.at(x), height_ * (1 - y_.at(y) / 100), key, tip, data_key);
}

std::string LineChart::html(std::string_view x_title) const {
  const std::string height = std::to_string(height_);
  std::string out = "<svg class=\"plot lines\" height=\"" + std::to_string(height_ + 42) +
                    "\" role=\"img\">" + bands_;
  auto across = [&](double y, const std::string& text) {
    const double top = height_ * (1 - y_.at(y) / 100);
    out += "<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"" + svg_number(top) + "\" y2=\"" +
           svg_number(top) + "\"/><text x=\"2\" y=\"" + svg_number(top - 4) + "\">" +
           escape_html(text) + "</text>";
  };
  if (y_labels_.empty()) {
    for (const double tick : y_.ticks) across(tick, axis_label(tick, y_unit_));
  }
  for (const auto& [y, text] : y_labels_) across(y, text);
  out += "<line class=\"base\" x1=\"0\" x2=\"100%\" y1=\"" + height + "\" y2=\"" + height + "\"/>";
  for (const double tick : x_.ticks) {
    const std::string x = percent(x_.at(tick));
    out += "<line class=\"base\" x1=\"" + x + "\" x2=\"" + x + "\" y1=\"" + height + "\" y2=\"" +
           std::to_string(height_ + 5) + "\"/>";
  }
  out += tick_labels(x_, x_unit_, height_ + 18);
  out += "<svg x=\"0\" y=\"0\" width=\"100%\" height=\"" + height +
         "\" viewBox=\"0 0 1000 1000\" preserveAspectRatio=\"none\">" + lines_ + "</svg>" + points_;
  out += "<text x=\"50%\" y=\"" + std::to_string(height_ + 37) + "\" text-anchor=\"middle\">" +
         escape_html(x_title) + "</text></svg>\n";
  return out;
}

}  // namespace imroute
