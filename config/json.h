// JSON as a tree in which every key and value knows where it stood, so that a mistake can be shown
// at its place. Strict (RFC 8259), one pass, bounded nesting, no exceptions: a file of any size or
// shape gives a tree or an error, in time linear in its length. Numbers keep their text: what is
// read as an integer or a decimal is converted exactly, without floating point and locale.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.h"

namespace imroute {

// Where a value came from: a place in the file (source 0), or override number `source`.
struct Place {
  uint32_t source = 0;
  uint32_t line = 0;
  uint32_t column = 0;
};

struct JsonMember;

struct JsonValue {
  enum class Kind : uint8_t { absent, null, boolean, number, string, array, object };
  Kind kind = Kind::absent;
  bool boolean = false;
  Place place;
  std::string text;                 // a string's characters, a number's digits as written
  std::vector<JsonValue> items;     // array
  std::vector<JsonMember> members;  // object, in order of the file

  bool is(Kind k) const { return kind == k; }
  // First member of that name; nullptr when there is none or this is no object.
  const JsonValue* find(std::string_view key) const;
  JsonValue* find(std::string_view key);
  // Appends a member to an object.
  JsonValue& add(std::string_view key, JsonValue value);

  static JsonValue make_bool(bool value);
  static JsonValue make_number(std::string text);
  static JsonValue make_number(uint64_t value);
  static JsonValue make_string(std::string_view value);
  static JsonValue make_array();
  static JsonValue make_object();
};

struct JsonMember {
  std::string key;
  Place key_place;
  JsonValue value;
};

inline constexpr uint32_t kMaxJsonDepth = 64;
inline constexpr size_t kMaxJsonBytes = 64 * 1024 * 1024;

// The source's name is the caller's to add. A syntax error has no pointer.
struct JsonProblem {
  Place place;
  std::string pointer;
  std::string message;
};
struct ParsedJson {
  std::optional<JsonValue> value;     // none after a syntax error
  std::vector<JsonProblem> problems;  // at most one syntax error, and every duplicate key
};

// `source` marks the places (see Place).
ParsedJson parse_json(std::string_view text, uint32_t source = 0);

// Text with two spaces of indentation; containers without containers inside stay on one line when
// they fit in 100 columns. Ends without a newline. Absent members are left out.
std::string json_text(const JsonValue& value);
// On one line.
std::string json_line(const JsonValue& value);

// ~0 and ~1 escapes of RFC 6901.
std::string pointer_escape(std::string_view key);
// "/a/b~1c" -> {"a", "b/c"}. Nothing when it does not start with '/' or has a bad escape.
std::optional<std::vector<std::string>> pointer_parts(std::string_view pointer);

// For messages (not `quoted`, which the standard library finds first): at most 60 bytes, quoted and
// escaped, of what a user wrote.
std::string in_quotes(std::string_view text);
// "the string \"5\"", "the number 5", "an object", ...
std::string describe(const JsonValue& value);

}  // namespace imroute
