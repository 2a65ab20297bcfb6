#include "config/units.h"

#include <array>
#include <span>

#include "config/suggest.h"

namespace imroute {
namespace {

struct Unit {
  const char* name;
  uint64_t numerator;  // units of the result in one of these ...
  uint64_t denominator = 1;
};

constexpr std::array<Unit, 6> kDurations{{{"ns", 1},
                                          {"us", 1'000},
                                          {"ms", 1'000'000},
                                          {"s", 1'000'000'000},
                                          {"m", 60'000'000'000},
                                          {"h", 3'600'000'000'000}}};
constexpr std::array<Unit, 4> kRates{
    {{"/s", 1'000'000}, {"/m", 1'000'000, 60}, {"/h", 1'000'000, 3600}, {"/d", 1'000'000, 86'400}}};
constexpr std::array<Unit, 8> kSizes{{{"B", 1},
                                      {"kB", 1'000},
                                      {"KB", 1'000},
                                      {"MB", 1'000'000},
                                      {"GB", 1'000'000'000},
                                      {"KiB", 1u << 10},
                                      {"MiB", 1u << 20},
                                      {"GiB", 1u << 30}}};
constexpr std::array<Unit, 4> kBandwidths{
    {{"bit/s", 1}, {"kbit/s", 1'000}, {"Mbit/s", 1'000'000}, {"Gbit/s", 1'000'000'000}}};

struct Quantity {
  const char* what;      // "a duration"
  const char* example;   // unit to propose
  const char* examples;  // what is allowed
  std::span<const Unit> units;
};

constexpr Quantity kDuration{"a duration", "s", "\"250ms\", \"5s\", \"2m\", \"1h\"", kDurations};
constexpr Quantity kRate{"a rate", "/s", "\"0.2/s\", \"30/m\", \"6/h\"", kRates};
constexpr Quantity kSize{"a size", "B", "\"120B\", \"1KiB\", \"64MB\"", kSizes};
constexpr Quantity kBandwidth{"a bandwidth", "Mbit/s", "\"10Mbit/s\", \"1Gbit/s\"", kBandwidths};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::string nearest_unit(std::string_view unit, std::span<const Unit> units) {
  std::vector<std::string_view> names;
  for (const Unit& u : units) names.emplace_back(u.name);
  if (const std::string word = nearest(unit, names); !word.empty()) return word;
  // Words that are further away than a typo.
  struct Alias {
    const char* word;
    const char* unit;
  };
  static constexpr Alias kAliases[] = {
      {"sec", "s"},       {"secs", "s"},      {"second", "s"},     {"seconds", "s"}, {"min", "m"},
      {"mins", "m"},      {"minute", "m"},    {"minutes", "m"},    {"hour", "h"},    {"hours", "h"},
      {"msec", "ms"},     {"usec", "us"},     {"\xc2\xb5s", "us"}, {"/sec", "/s"},   {"/min", "/m"},
      {"/hour", "/h"},    {"/day", "/d"},     {"Hz", "/s"},        {"bytes", "B"},   {"byte", "B"},
      {"Gbps", "Gbit/s"}, {"Mbps", "Mbit/s"}, {"kbps", "kbit/s"},  {"bps", "bit/s"}};
  for (const Alias& alias : kAliases) {
    if (unit != alias.word) continue;
    for (const Unit& u : units) {
      if (std::string_view(u.name) == alias.unit) return alias.unit;
    }
  }
  return {};
}

Parsed<uint64_t> parse_quantity(std::string_view text, const Quantity& quantity, uint64_t limit) {
  const auto problem = [&](const std::string& rest) -> Parsed<uint64_t> {
    return {std::nullopt, "found " + in_quotes(text) + ", " + rest};
  };
  const std::string allowed =
      std::string("expected ") + quantity.what + " such as " + quantity.examples;
  std::string_view rest = trimmed(text);
  const std::string_view whole = rest;
  const std::optional<Decimal> number = take_decimal(rest);
  if (!number) return problem(allowed);
  const std::string digits(whole.substr(0, whole.size() - rest.size()));
  if (number->negative) {
    return problem(std::string(quantity.what) + " is not negative: write " +
                   in_quotes(std::string(whole.substr(1))));
  }
  if (digits.size() > 1 && digits[0] == '0' && digits[1] != '.') {
    return problem("a number does not start with 0");
  }
  const std::string_view unit = trimmed(rest);
  if (unit.empty()) {
    return problem(std::string(quantity.what) + " needs a unit: write " +
                   in_quotes(digits + quantity.example) + "; " + allowed);
  }
  for (const Unit& u : quantity.units) {
    if (unit != u.name) continue;
    if (whole.size() != digits.size() + unit.size() || whole.size() != text.size()) {
      return problem("no space is allowed: write " + in_quotes(digits + std::string(unit)));
    }
    const auto value = number->scaled(u.numerator, u.denominator, limit);
    if (!value) return problem("which is too large");
    if (*value == 0 && !number->is_zero()) {
      return problem("which is too small: it would be rounded to 0");
    }
    return {*value, {}};
  }
  const std::string guess = nearest_unit(unit, quantity.units);
  return problem("unknown unit " + in_quotes(unit) + ", " + allowed +
                 (guess.empty() ? "" : ", did you mean " + in_quotes(digits + guess) + "?"));
}

// The largest unit that divides the value: the shortest exact spelling.
std::string format_quantity(uint64_t value, std::span<const Unit> units,
                            std::initializer_list<size_t> order) {
  for (const size_t i : order) {
    if (value % units[i].numerator == 0) {
      return std::to_string(value / units[i].numerator) + units[i].name;
    }
  }
  return std::to_string(value) + units[0].name;
}

}  // namespace

std::optional<Decimal> take_decimal(std::string_view& text) {
  Decimal out;
  size_t i = 0;
  if (i < text.size() && text[i] == '-') {
    out.negative = true;
    ++i;
  }
  const size_t first = i;
  bool point = false;
  bool any = false;
  bool full = false;  // further digits are below the precision
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '.' && !point && any) {
      point = true;
      continue;
    }
    if (c < '0' || c > '9') break;
    any = true;
    const auto digit = static_cast<uint64_t>(c - '0');
    if (!full && out.digits > (UINT64_MAX - digit) / 10) {
      full = true;
      ++out.digits;  // rounded up: what is over 64 bits stays over
    }
    if (!full) {
      out.digits = out.digits * 10 + digit;
      if (point) --out.exponent;
    } else if (!point) {
      ++out.exponent;
    }
  }
  if (!any || i == first) return std::nullopt;
  if (text[i - 1] == '.') --i;  // "5." leaves the point
  text.remove_prefix(i);
  return out;
}

std::optional<Decimal> parse_decimal(std::string_view text) {
  auto out = take_decimal(text);
  if (!out) return std::nullopt;
  if (!text.empty() && (text[0] == 'e' || text[0] == 'E')) {
    text.remove_prefix(1);
    const bool down = text.starts_with('-');
    if (down || text.starts_with('+')) text.remove_prefix(1);
    if (text.empty()) return std::nullopt;
    int32_t power = 0;
    for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; text.remove_prefix(1)) {
      if (power < 100'000) power = power * 10 + (text[0] - '0');
    }
    out->exponent += down ? -power : power;
  }
  if (!text.empty()) return std::nullopt;
  return out;
}

std::optional<uint64_t> Decimal::scaled(uint64_t numerator, uint64_t denominator,
                                        uint64_t limit) const {
  if (digits == 0) return 0;
  if (negative) return std::nullopt;
  // digits < 2^64 and numerator < 2^64: the product fits in 128 bits; powers of ten go one by one.
  __extension__ using Wide = unsigned __int128;
  constexpr Wide kTop = ~Wide{0} / 10;
  Wide value = Wide{digits} * numerator;
  Wide below = denominator;
  for (int32_t e = exponent; e > 0; --e) {
    if (value > kTop) return std::nullopt;
    value *= 10;
  }
  for (int32_t e = exponent; e < 0; ++e) {
    if (below > kTop) return 0;
    below *= 10;
  }
  if (value > ~Wide{0} - below / 2) return std::nullopt;
  value = (value + below / 2) / below;
  if (value > limit) return std::nullopt;
  return static_cast<uint64_t>(value);
}

bool Decimal::is_integer() const {
  if (digits == 0) return true;
  uint64_t d = digits;
  for (int32_t e = exponent; e < 0; ++e) {
    if (d % 10 != 0) return false;
    d /= 10;
  }
  return true;
}

double Decimal::to_double() const {
  double value = static_cast<double>(digits);
  double power = 1;  // powers of ten up to 22 are exact, so the result is rounded once
  const int32_t steps = exponent < 0 ? -exponent : exponent;
  for (int32_t i = 0; i < steps && i < 400; ++i) power *= 10;
  value = exponent < 0 ? value / power : value * power;
  return negative ? -value : value;
}

Parsed<int64_t> parse_duration(std::string_view text) {
  const Parsed<uint64_t> got = parse_quantity(text, kDuration, INT64_MAX - 1);
  if (!got.value) return {std::nullopt, got.problem};
  return {static_cast<int64_t>(*got.value), {}};
}
Parsed<uint64_t> parse_rate(std::string_view text) {
  return parse_quantity(text, kRate, 1'000'000'000'000'000);
}
Parsed<uint64_t> parse_size(std::string_view text) {
  return parse_quantity(text, kSize, uint64_t{1} << 60);
}
Parsed<uint64_t> parse_bandwidth(std::string_view text) {
  return parse_quantity(text, kBandwidth, 1'000'000'000'000'000'000);
}

std::string format_duration(int64_t ns) {
  if (ns == 0) return "0s";
  const auto value = static_cast<uint64_t>(ns);
  // Minutes only from two up: people write "60s" and "90s".
  if (value % kDurations[4].numerator == 0 && value < 2 * kDurations[4].numerator) return "60s";
  return format_quantity(value, kDurations, {5, 4, 3, 2, 1});
}
std::string format_rate(uint64_t microhz) { return format_millionths(microhz) + "/s"; }
std::string format_size(uint64_t bytes) {
  if (bytes == 0) return "0B";
  return format_quantity(bytes, kSizes, {7, 6, 5, 4, 3});
}
std::string format_bandwidth(uint64_t bits_per_second) {
  if (bits_per_second == 0) return "0bit/s";
  return format_quantity(bits_per_second, kBandwidths, {3, 2, 1});
}

std::string format_millionths(uint64_t ppm) {
  std::string out = std::to_string(ppm / 1'000'000);
  std::string rest = std::to_string(ppm % 1'000'000 + 1'000'000).substr(1);
  while (!rest.empty() && rest.back() == '0') rest.pop_back();
  return rest.empty() ? out : out + "." + rest;
}

std::string format_hex(uint64_t value) {
  std::string text(16, '0');
  for (size_t i = 16; i-- > 0; value >>= 4) text[i] = "0123456789abcdef"[value & 15];
  return text;
}

std::optional<uint64_t> parse_hex(std::string_view text) {
  if (text.size() != 16) return {};
  uint64_t value = 0;
  for (const char c : text) {
    const size_t digit = std::string_view("0123456789abcdef").find(c);
    if (digit == std::string_view::npos) return {};
    value = value << 4 | digit;
  }
  return value;
}

}  // namespace imroute
