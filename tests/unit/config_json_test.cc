#include "config/json.h"

#include <gtest/gtest.h>

#include <chrono>

namespace imroute {
namespace {

std::string problem(std::string_view text) {
  const ParsedJson parsed = parse_json(text);
  if (parsed.problems.empty()) return "";
  const JsonProblem& p = parsed.problems[0];
  return std::to_string(p.place.line) + ":" + std::to_string(p.place.column) + " " + p.message;
}

TEST(Json, KnowsThePlaceOfEveryKeyAndValue) {
  const ParsedJson parsed = parse_json("{\n  \"a\": [1,\n    true],\t\"b\": {\"c\": null}}");
  ASSERT_TRUE(parsed.value);
  const JsonValue& root = *parsed.value;
  EXPECT_EQ(root.place.line, 1u);
  EXPECT_EQ(root.members[0].key_place.line, 2u);
  EXPECT_EQ(root.members[0].key_place.column, 3u);
  const JsonValue& a = *root.find("a");
  EXPECT_EQ(a.place.column, 8u);
  EXPECT_EQ(a.items[1].place.line, 3u);
  EXPECT_EQ(a.items[1].place.column, 5u);
  EXPECT_TRUE(a.items[1].boolean);
  EXPECT_TRUE(root.find("b")->find("c")->is(JsonValue::Kind::null));
}

TEST(Json, CountsColumnsInCharacters) {
  const ParsedJson parsed = parse_json("{\"é€😀\": 1}");
  ASSERT_TRUE(parsed.value);
  EXPECT_EQ(parsed.value->members[0].value.place.column, 9u);
  EXPECT_EQ(parsed.value->members[0].key, "é€😀");
}

TEST(Json, ReadsEscapes) {
  const ParsedJson parsed = parse_json(R"(["\u00e9\ud83d\ude00\n\/\"\\"])");
  ASSERT_TRUE(parsed.value);
  EXPECT_EQ(parsed.value->items[0].text, "é😀\n/\"\\");
  EXPECT_EQ(problem(R"(["\ud83d"])"), "1:3 half of a surrogate pair");
  EXPECT_EQ(problem(R"(["\ude00"])"), "1:3 half of a surrogate pair");
  EXPECT_NE(problem(R"(["\q"])").find("unknown escape"), std::string::npos);
  EXPECT_NE(problem(R"(["\u12"])").find("hexadecimal"), std::string::npos);
}

TEST(Json, RefusesWhatTheStandardRefuses) {
  for (const char* text : {"",
                           " ",
                           "{",
                           "[",
                           "[1",
                           "[1,",
                           "[1,]",
                           "{\"a\"",
                           "{\"a\":",
                           "{\"a\":1,}",
                           "{a:1}",
                           "nul",
                           "True",
                           "'a'",
                           "01",
                           "-",
                           "1.",
                           ".5",
                           "+1",
                           "1e",
                           "1e+",
                           "--1",
                           "0x10",
                           "NaN",
                           "Infinity",
                           "\"a",
                           "\"a\nb\"",
                           "\"a\tb\"",
                           "[1 2]",
                           "{\"a\" 1}",
                           "1 2",
                           "]",
                           "}",
                           ",",
                           "/* */ 1",
                           "[1] // x",
                           "\"\xff\"",
                           "\"\xc0\x80\"",
                           "\"\xed\xa0\x80\"",
                           "\"\xf5\x80\x80\x80\"",
                           "\"\xe2\x82\"",
                           "\xfe\xff"}) {
    EXPECT_FALSE(parse_json(text).value) << text;
    EXPECT_EQ(parse_json(text).problems.size(), 1u) << text;
  }
  for (const char* text :
       {"0", "-0", "-1.5e-10", "\"\"", "[]", "{}", "null", " [ ] \n", "1E5", "\xef\xbb\xbf[1]"}) {
    EXPECT_TRUE(parse_json(text).value) << text;
  }
}

TEST(Json, NamesWhatIsNotClosed) {
  EXPECT_EQ(problem("{\n \"a\": [1"),
            "2:9 found the end of the file, expected ',' or ']'; the array opened at 2:7 is not "
            "closed");
}

TEST(Json, FindsEveryDuplicateKeyWithItsPointer) {
  const ParsedJson parsed = parse_json(R"({"a":1,"b":[{"x/y":1,"x/y":2}],"a":3,"a":4})");
  ASSERT_TRUE(parsed.value);
  ASSERT_EQ(parsed.problems.size(), 3u);
  EXPECT_EQ(parsed.problems[0].pointer, "/b/0/x~1y");
  EXPECT_EQ(parsed.problems[1].pointer, "/a");
  EXPECT_EQ(parsed.problems[2].pointer, "/a");
  EXPECT_EQ(parsed.problems[2].place.column, 38u);
}

TEST(Json, BoundsNesting) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_TRUE(parse_json(nested(kMaxJsonDepth)).value);
  EXPECT_FALSE(parse_json(nested(kMaxJsonDepth + 1)).value);
  EXPECT_NE(problem(nested(10'000'000)).find("nested deeper"), std::string::npos);
  std::string objects;
  for (int i = 0; i < 2'000'000; ++i) objects += "{\"a\":";
  EXPECT_NE(problem(objects).find("nested deeper"), std::string::npos);
}

// Shapes that make a careless parser quadratic. The bound is generous: quadratic means hours.
TEST(Json, IsLinear) {
  std::string many_keys = "{";
  for (int i = 0; i < 200'000; ++i) many_keys += "\"k" + std::to_string(i) + "\":" + "1,";
  many_keys += "\"k0\":2}";
  const std::string long_text = "\"" + std::string(8'000'000, 'x') + "\"";
  const std::string long_number(8'000'000, '7');
  std::string one_line = "[";
  for (int i = 0; i < 500'000; ++i) one_line += "\"é\",";
  one_line += "1]";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(parse_json(many_keys).problems.size(), 1u);
  EXPECT_TRUE(parse_json(long_text).value);
  EXPECT_TRUE(parse_json(long_number).value);
  EXPECT_TRUE(parse_json(one_line).value);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));
}

TEST(Json, WritesWhatItReads) {
  const char* text = R"({"a": [1, -2.50, true, null], "é\n\u0001": {"b": {}, "c": [[1], []]}})";
  const JsonValue value = *parse_json(text).value;
  EXPECT_EQ(json_line(value), text);
  EXPECT_EQ(json_line(*parse_json(json_text(value)).value), text);
}

TEST(Json, Pointers) {
  EXPECT_EQ(pointer_parts("/a~1b/~0c/0"), (std::vector<std::string>{"a/b", "~c", "0"}));
  EXPECT_EQ(pointer_parts(""), std::vector<std::string>{});
  EXPECT_FALSE(pointer_parts("a"));
  EXPECT_FALSE(pointer_parts("/~2"));
  EXPECT_FALSE(pointer_parts("/~"));
  EXPECT_EQ(pointer_escape("a/b~"), "a~1b~0");
}

TEST(Json, QuotesShortAndSafe) {
  EXPECT_EQ(in_quotes("a\"\n\x01"), "\"a\\\"\\n\\u0001\"");
  EXPECT_EQ(in_quotes(std::string(100, 'x')), "\"" + std::string(60, 'x') + "\"...");
  std::string wide;
  for (int i = 0; i < 40; ++i) wide += "é";
  EXPECT_EQ(in_quotes("x" + wide).size(), 1 + 59 + 1 + 3);  // never half a character
}

}  // namespace
}  // namespace imroute
