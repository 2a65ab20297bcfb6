// What the program knows about the place it prints to, decided once in main: the commands get it as
// an argument, so that a test reads what they print and a pipe never sees an escape code.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace imroute {

enum class Paint : uint8_t { plain, bold, dim, red, green, yellow, cyan };

struct Console {
  std::ostream& out;
  std::ostream& err;
  bool out_colour = false;    // a terminal, and NO_COLOR is not set
  bool err_colour = false;    // likewise
  bool err_terminal = false;  // progress is shown

  std::string painted(Paint paint, std::string_view text) const;
};

// Columns of text in characters, so that UTF-8 signs line up. Combining marks are not used here.
size_t display_width(std::string_view text);

// An aligned table. Text columns lean left, number columns right.
class Table {
 public:
  struct Column {
    std::string title;
    bool right = false;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  // A cell and how to paint it; width is that of the text alone.
  struct Cell {
    std::string text;
    Paint paint = Paint::plain;
  };
  void add_row(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  // A line above the rows that follow; it does not widen the columns.
  void add_title(Cell title) { rows_.push_back({std::move(title)}); }
  void print(const Console& console, std::string_view indent = "") const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;  // one cell alone = a title
};

// A bar on standard error that redraws itself; silent when that is not a terminal.
class Progress {
 public:
  Progress(const Console& console, std::string label);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void show(double done_share, std::string_view note = "");

 private:
  const Console& console_;
  std::string label_;
  std::string last_;
};

// "1 node", "3 nodes".
std::string counted(uint64_t n, std::string_view noun);
// 12,345,678
std::string grouped(uint64_t n);
// Milliseconds with a fitting unit and three digits: "0.4 ms", "35 ms", "1.25 s", "2.1 min".
std::string human_ms(double ms);
std::string human_ns(int64_t ns);
// Three significant digits without an exponent.
std::string human_number(double value);

}  // namespace imroute
