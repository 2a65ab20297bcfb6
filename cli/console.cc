#include "cli/console.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace imroute {

std::string Console::painted(Paint paint, std::string_view text) const {
  static constexpr const char* kCodes[] = {"", "1", "2", "31", "32", "33", "36"};
  if (!out_colour || paint == Paint::plain) return std::string(text);
  return std::string("\x1b[") + kCodes[static_cast<size_t>(paint)] + "m" + std::string(text) +
         "\x1b[0m";
}

size_t display_width(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u;  // not a UTF-8 continuation byte
  }));
}

void Table::print(const Console& console, std::string_view indent) const {
  auto is_title = [&](const std::vector<Cell>& row) { return row.size() < columns_.size(); };
  std::vector<size_t> widths;
  for (const Column& column : columns_) widths.push_back(display_width(column.title));
  for (const auto& row : rows_) {
    if (is_title(row)) continue;
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], display_width(row[i].text));
    }
  }
  auto line = [&](const std::vector<Cell>& cells) {
    std::string text(indent);
    if (is_title(cells)) {
      console.out << text << console.painted(cells[0].paint, cells[0].text) << '\n';
      return;
    }
    for (size_t i = 0; i < cells.size(); ++i) {
      const std::string fill(widths[i] - display_width(cells[i].text), ' ');
      if (i != 0) text += "  ";
      if (columns_[i].right) text += fill;
      text += console.painted(cells[i].paint, cells[i].text);
      if (!columns_[i].right && i + 1 != cells.size()) text += fill;
    }
    console.out << text << '\n';
  };
  std::vector<Cell> header, rule;
  for (size_t i = 0; i < columns_.size(); ++i) {
    header.push_back({columns_[i].title, Paint::bold});
    std::string dashes;
    for (size_t k = 0; k < widths[i]; ++k) dashes += "─";
    rule.push_back({dashes, Paint::dim});
  }
  line(header);
  line(rule);
  for (const auto& row : rows_) line(row);
}

Progress::Progress(const Console& console, std::string label)
    : console_(console), label_(std::move(label)) {}

Progress::~Progress() {
  if (!last_.empty()) console_.err << "\r\x1b[K" << std::flush;
}

void Progress::show(double done_share, std::string_view note) {
  if (!console_.err_terminal) return;
  constexpr int kWidth = 30;
  const double share = std::clamp(done_share, 0.0, 1.0);
  const int filled = static_cast<int>(share * kWidth);
  std::string bar;
  for (int i = 0; i < kWidth; ++i) bar += i < filled ? "█" : "░";
  char percent[16];
  std::snprintf(percent, sizeof percent, "%3.0f %%", share * 100);
  std::string text = label_ + " " + bar + " " + percent;
  if (!note.empty()) text += "  " + std::string(note);
  if (text == last_) return;
  last_ = text;
  console_.err << '\r' << text << "\x1b[K" << std::flush;
}

std::string counted(uint64_t n, std::string_view noun) {
  return grouped(n) + " " + std::string(noun) + (n == 1 ? "" : "s");
}

std::string grouped(uint64_t n) {
  std::string digits = std::to_string(n);
  for (size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

std::string human_number(double value) {
  if (!std::isfinite(value)) return "–";
  const double size = std::abs(value);
  if (size >= 1000) {
    return (value < 0 ? "-" : "") + grouped(static_cast<uint64_t>(std::llround(size)));
  }
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", size >= 100 ? 0 : size >= 10 ? 1 : 2, value);
  std::string result = text;
  if (result.find('.') != std::string::npos) {  // 3.50 -> 3.5, 0.00 -> 0
    result.erase(result.find_last_not_of('0') + 1);
    if (result.back() == '.') result.pop_back();
  }
  return result == "-0" ? "0" : result;
}

std::string human_ms(double ms) {
  if (!std::isfinite(ms)) return "–";
  if (ms < 1000) return human_number(ms) + " ms";
  if (ms < 120'000) return human_number(ms / 1000) + " s";
  return human_number(ms / 60'000) + " min";
}

std::string human_ns(int64_t ns) { return human_ms(static_cast<double>(ns) / 1e6); }

}  // namespace imroute
