#include "config/units.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace imroute {
namespace {

TEST(Units, Durations) {
  EXPECT_EQ(parse_duration("250ms").value, 250'000'000);
  EXPECT_EQ(parse_duration("0.3s").value, 300'000'000);
  EXPECT_EQ(parse_duration("300us").value, 300'000);
  EXPECT_EQ(parse_duration("2m").value, 120'000'000'000);
  EXPECT_EQ(parse_duration("1h").value, 3'600'000'000'000);
  EXPECT_EQ(parse_duration("1.5ns").value, 2);  // to the nearest
  EXPECT_EQ(parse_duration("0s").value, 0);
}

TEST(Units, Others) {
  EXPECT_EQ(parse_rate("0.2/s").value, 200'000u);
  EXPECT_EQ(parse_rate("6/h").value, 1'667u);
  EXPECT_EQ(parse_rate("30/m").value, 500'000u);
  EXPECT_EQ(parse_size("120B").value, 120u);
  EXPECT_EQ(parse_size("1KiB").value, 1024u);
  EXPECT_EQ(parse_size("64MB").value, 64'000'000u);
  EXPECT_EQ(parse_bandwidth("1Gbit/s").value, 1'000'000'000u);
  EXPECT_EQ(parse_bandwidth("2.5Mbit/s").value, 2'500'000u);
}

TEST(Units, EveryMistakeNamesItsFix) {
  const auto says = [](std::string_view text, std::string_view fix) {
    const Parsed<int64_t> got = parse_duration(text);
    EXPECT_FALSE(got.value) << text;
    EXPECT_NE(got.problem.find(fix), std::string::npos) << got.problem;
  };
  says("5", "write \"5s\"");
  says("-5s", "write \"5s\"");
  says("5 s", "write \"5s\"");
  says(" 5s", "write \"5s\"");
  says("5sec", "did you mean \"5s\"?");
  says("5minutes", "did you mean \"5m\"?");
  says("5MS", "did you mean \"5ms\"?");
  says("5x", "expected a duration such as");
  says("", "expected a duration such as");
  says("s", "expected a duration such as");
  says("1e3s", "unknown unit");
  says("05s", "does not start with 0");
  says("300000h9", "unknown unit");
  says("99999999999999999999999999h", "too large");
  says("0.0000000001s", "too small");
  EXPECT_NE(parse_bandwidth("1Gbps").problem.find("did you mean \"1Gbit/s\"?"), std::string::npos);
  EXPECT_NE(parse_rate("5/sec").problem.find("did you mean \"5/s\"?"), std::string::npos);
}

TEST(Units, DecimalsAreExact) {
  EXPECT_EQ(parse_decimal("18446744073709551615")->scaled(1), UINT64_MAX);
  EXPECT_FALSE(parse_decimal("18446744073709551616")->scaled(1));
  EXPECT_EQ(parse_decimal("1e3")->scaled(1), 1000u);
  EXPECT_EQ(parse_decimal("1E-3")->scaled(1000), 1u);
  EXPECT_EQ(parse_decimal("0.1")->scaled(1'000'000), 100'000u);
  EXPECT_FALSE(parse_decimal("1e999999999")->scaled(1));
  EXPECT_EQ(parse_decimal("1e-999999999")->scaled(1), 0u);
  EXPECT_FALSE(parse_decimal("1x"));
  EXPECT_FALSE(parse_decimal("1e"));
  EXPECT_FALSE(parse_decimal("-1")->scaled(1));
  EXPECT_TRUE(parse_decimal("1.0")->is_integer());
  EXPECT_FALSE(parse_decimal("1.5")->is_integer());
  EXPECT_DOUBLE_EQ(parse_decimal("-2.5e2")->to_double(), -250);
}

RC_GTEST_PROP(UnitsProperty, FormatsParseBack, (uint32_t number, uint8_t magnitude)) {
  uint64_t value = number;
  for (int i = 0; i < magnitude % 9; ++i) value *= 10;
  RC_ASSERT(parse_duration(format_duration(static_cast<int64_t>(value))).value ==
            static_cast<int64_t>(value));
  RC_ASSERT(parse_size(format_size(value >> 4)).value == value >> 4);
  RC_ASSERT(parse_bandwidth(format_bandwidth(value >> 8)).value == value >> 8);
  RC_ASSERT(parse_rate(format_rate(number)).value == uint64_t{number});
}

}  // namespace
}  // namespace imroute
