// Quantities as people write them: "250ms", "6/h", "64KiB", "1Gbit/s". A number without a unit is a
// mistake, not a guess, and the message says what to write. Conversion is exact integer arithmetic,
// rounded to the nearest unit of the result. format_* writes the canonical spelling, which parses
// back to the same value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/json.h"

namespace imroute {

template <class T>
struct Parsed {
  std::optional<T> value;
  std::string problem;  // when there is no value: what was found, what is allowed
};

// digits * 10^exponent, exactly; digits past what 64 bits hold are dropped.
struct Decimal {
  bool negative = false;
  uint64_t digits = 0;
  int32_t exponent = 0;

  bool is_zero() const { return digits == 0; }
  // value * numerator / denominator to the nearest integer; nothing when negative or over the
  // limit.
  std::optional<uint64_t> scaled(uint64_t numerator, uint64_t denominator = 1,
                                 uint64_t limit = UINT64_MAX) const;
  bool is_integer() const;
  double to_double() const;
};
// Takes a decimal number without exponent off the front of `text`; nothing when there is none.
std::optional<Decimal> take_decimal(std::string_view& text);
// The whole text, an exponent allowed (a JSON number).
std::optional<Decimal> parse_decimal(std::string_view text);

// Nanoseconds; units ns us ms s m h. At most about 292 years.
Parsed<int64_t> parse_duration(std::string_view text);
// Millionths of a hertz; "/s", "/m", "/h", "/d".
Parsed<uint64_t> parse_rate(std::string_view text);
// Bytes; B kB KB MB GB KiB MiB GiB.
Parsed<uint64_t> parse_size(std::string_view text);
// Bits a second; bit/s kbit/s Mbit/s Gbit/s.
Parsed<uint64_t> parse_bandwidth(std::string_view text);

std::string format_duration(int64_t ns);
std::string format_rate(uint64_t microhz);
std::string format_size(uint64_t bytes);
std::string format_bandwidth(uint64_t bits_per_second);
// Millionths as a decimal without trailing zeros: 300000 -> "0.3".
std::string format_millionths(uint64_t ppm);

// Hashes: exactly 16 hexadecimal digits, in small letters.
std::string format_hex(uint64_t value);
std::optional<uint64_t> parse_hex(std::string_view text);

}  // namespace imroute
