// The drawing kit of the reports: axes and hand-written SVG. Positions across are percentages and
// sizes are pixels, so that one drawing fits a phone and a wall without scaling its text; lines are
// drawn in a stretched inner viewport whose strokes do not scale.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace imroute {

struct Axis {
  double lo = 0, hi = 1;
  bool logarithmic = false;
  std::vector<double> ticks;
  // 0..100 (per cent of the width), clamped.
  double at(double value) const;
};
// An axis from zero over these values, with round ticks.
Axis linear_axis(const std::vector<double>& values);
// Decades around the values (1-2-5 ticks when they span little); values <= 0 count as the smallest.
Axis logarithmic_axis(const std::vector<double>& values);

enum class AxisUnit { number, milliseconds, seconds, count };
std::string axis_label(double value, AxisUnit unit);

// "12.34%": a coordinate.
std::string percent(double value);
// Shortest text of a number for SVG attributes.
std::string svg_number(double value);

// One of the shapes told apart without colour (circle, square, triangle, diamond, cross),
// centred at x per cent and y pixels.
std::string marker(int shape, double x_percent, double y, int key, std::string_view tip,
                   std::string_view data_key);
// The same for a legend.
std::string legend_marker(int shape, int key);

// A chart of rows that share one axis: the grid in each row, the labels of the axis below the last.
class RowChart {
 public:
  RowChart(Axis axis, AxisUnit unit, int row_height = 34);
  // `label` and `content` are HTML and SVG.
  void add_row(const std::string& label, const std::string& content);
  std::string html() const;
  const Axis& axis() const { return axis_; }
  double middle() const { return row_height_ / 2.0; }

 private:
  std::string grid(int height) const;
  Axis axis_;
  AxisUnit unit_;
  int row_height_;
  std::string rows_;
};

// A chart of lines over two axes.
class LineChart {
 public:
  LineChart(Axis x, AxisUnit x_unit, Axis y, AxisUnit y_unit, int height = 300);
  using Points = std::vector<std::pair<double, double>>;
  void add_line(const Points& points, int key, std::string_view data_key, bool dashed = false);
  void add_area(const Points& points, int key);  // down to the axis
  void add_band(double from_x, double to_x, std::string_view tip);
  void add_point(double x, double y, int shape, int key, std::string_view tip,
                 std::string_view data_key);
  // A labelled line across, in place of the y axis' ticks.
  void add_y_label(double y, std::string_view text) { y_labels_.emplace_back(y, text); }
  std::string html(std::string_view x_title) const;

 private:
  std::string path(const Points& points) const;
  Axis x_, y_;
  AxisUnit x_unit_, y_unit_;
  int height_;
  std::string bands_, lines_, points_;
  std::vector<std::pair<double, std::string>> y_labels_;
};

}  // namespace imroute
