// The kinds of keys: how each reads, writes and describes its value.
#include <algorithm>
#include <limits>
#include <memory>

#include "config/shape.h"
#include "config/suggest.h"
#include "config/units.h"

namespace imroute {
namespace {

ShapeKey make_key(const char* name, const char* help) {
  ShapeKey key;
  key.name = name;
  key.help = help;
  return key;
}

std::string expected(const JsonValue& value, const std::string& what) {
  return "found " + describe(value) + ", expected " + what;
}

bool read_count(const JsonValue& value, uint64_t least, uint64_t most, ShapeReader& reader,
                uint64_t& out) {
  const std::string range =
      "an integer from " + std::to_string(least) + " to " + std::to_string(most);
  if (!value.is(JsonValue::Kind::number)) {
    reader.error(value, expected(value, range));
    return false;
  }
  const auto number = parse_decimal(value.text);
  if (!number || !number->is_integer() || (number->negative && !number->is_zero())) {
    reader.error(value, expected(value, range));
    return false;
  }
  const auto got = number->scaled(1, 1, most);
  if (!got || *got < least) {
    reader.error(value, expected(value, range));
    return false;
  }
  out = *got;
  return true;
}

template <class Int>
ShapeKey any_count_key(const char* name, Int& field, uint64_t least, uint64_t most,
                       const char* help) {
  ShapeKey key = make_key(name, help);
  key.read = [&field, least, most](const JsonValue& value, ShapeReader& reader) {
    uint64_t got = 0;
    if (read_count(value, least, most, reader, got)) field = static_cast<Int>(got);
  };
  key.write = [&field] { return JsonValue::make_number(uint64_t{field}); };
  key.schema = [least, most] {
    JsonValue out = schema_type("integer");
    out.add("minimum", JsonValue::make_number(least));
    out.add("maximum", JsonValue::make_number(most));
    return out;
  };
  return key;
}

// A quantity in a text. `parse` explains what is wrong; a bare number gets the same explanation.
template <class T>
bool read_quantity(const JsonValue& value, Parsed<T> (*parse)(std::string_view),
                   ShapeReader& reader, T& out) {
  if (value.is(JsonValue::Kind::number)) {
    Parsed<T> got = parse(value.text);
    std::string problem = std::move(got.problem);
    const std::string found = in_quotes(value.text);
    if (problem.starts_with("found " + found)) {
      problem = "found " + describe(value) + problem.substr(6 + found.size());
    }
    reader.error(value, problem);
    return false;
  }
  if (!value.is(JsonValue::Kind::string)) {
    std::string problem = parse("").problem;  // says what is allowed
    const size_t comma = problem.find(", ");
    reader.error(value, "found " + describe(value) + problem.substr(comma));
    return false;
  }
  const Parsed<T> got = parse(value.text);
  if (!got.value) {
    reader.error(value, got.problem);
    return false;
  }
  out = *got.value;
  return true;
}

constexpr const char* kNumberPattern = "(0|[1-9][0-9]*)(\\.[0-9]+)?";

JsonValue quantity_schema(const std::string& units, const std::string& words = "") {
  std::string pattern = "^" + std::string(kNumberPattern) + "(" + units + ")$";
  if (!words.empty()) pattern = "^" + words + "$|" + pattern;
  return schema_pattern(pattern.c_str());
}

template <class Int>
ShapeKey any_size_key(const char* name, Int& field, uint64_t least, uint64_t most,
                      const char* help) {
  ShapeKey key = make_key(name, help);
  key.read = [&field, least, most](const JsonValue& value, ShapeReader& reader) {
    uint64_t got = 0;
    if (!read_quantity<uint64_t>(value, parse_size, reader, got)) return;
    if (got < least || got > most) {
      reader.error(value,
                   expected(value, "from " + format_size(least) + " to " + format_size(most)));
      return;
    }
    field = static_cast<Int>(got);
  };
  key.write = [&field] { return JsonValue::make_string(format_size(field)); };
  key.schema = [] { return quantity_schema("B|kB|KB|MB|GB|KiB|MiB|GiB"); };
  return key;
}

}  // namespace

ShapeKey text_key(const char* name, std::string& field, const char* help) {
  ShapeKey key = make_key(name, help);
  key.read = [&field](const JsonValue& value, ShapeReader& reader) {
    if (!value.is(JsonValue::Kind::string)) return reader.error(value, expected(value, "text"));
    field = value.text;
  };
  key.write = [&field] { return field.empty() ? JsonValue{} : JsonValue::make_string(field); };
  key.schema = [] { return schema_type("string"); };
  return key;
}

ShapeKey flag_key(const char* name, bool& field, const char* help) {
  ShapeKey key = make_key(name, help);
  key.read = [&field](const JsonValue& value, ShapeReader& reader) {
    if (!value.is(JsonValue::Kind::boolean)) {
      return reader.error(value, expected(value, "true or false"));
    }
    field = value.boolean;
  };
  key.write = [&field] { return JsonValue::make_bool(field); };
  key.schema = [] { return schema_type("boolean"); };
  return key;
}

ShapeKey count_key(const char* name, uint32_t& field, uint64_t least, uint64_t most,
                   const char* help) {
  most = std::min<uint64_t>(most, std::numeric_limits<uint32_t>::max());
  return any_count_key(name, field, least, most, help);
}
ShapeKey count_key(const char* name, uint64_t& field, uint64_t least, uint64_t most,
                   const char* help) {
  return any_count_key(name, field, least, most, help);
}

ShapeKey count_list_key(const char* name, std::vector<uint32_t>& field, uint64_t most,
                        const char* help) {
  ShapeKey key = make_key(name, help);
  key.read = [&field, most](const JsonValue& value, ShapeReader& reader) {
    if (!value.is(JsonValue::Kind::array)) {
      return reader.error(value, expected(value, "an array of integers"));
    }
    field.clear();
    for (const JsonValue& item : value.items) {
      const ShapeReader::Scope scope(reader, std::to_string(field.size()));
      uint64_t got = 0;
      read_count(item, 0, most, reader, got);
      field.push_back(static_cast<uint32_t>(got));
    }
  };
  key.write = [&field] {
    if (field.empty()) return JsonValue{};
    JsonValue out = JsonValue::make_array();
    for (const uint32_t item : field) out.items.push_back(JsonValue::make_number(uint64_t{item}));
    return out;
  };
  key.schema = [most] {
    JsonValue item = schema_type("integer");
    item.add("minimum", JsonValue::make_number(uint64_t{0}));
    item.add("maximum", JsonValue::make_number(most));
    JsonValue out = schema_type("array");
    out.add("items", std::move(item));
    return out;
  };
  return key;
}

ShapeKey millionths_key(const char* name, uint32_t& field, uint32_t most, const char* help) {
  ShapeKey key = make_key(name, help);
  key.read = [&field, most](const JsonValue& value, ShapeReader& reader) {
    const std::string range = "a number from 0 to " + format_millionths(most);
    if (!value.is(JsonValue::Kind::number)) return reader.error(value, expected(value, range));
    const auto number = parse_decimal(value.text);
    const auto got = number ? number->scaled(1'000'000, 1, most) : std::optional<uint64_t>{};
    if (!got) return reader.error(value, expected(value, range));
    field = static_cast<uint32_t>(*got);
  };
  key.write = [&field] { return JsonValue::make_number(format_millionths(field)); };
  key.schema = [most] {
    JsonValue out = schema_type("number");
    out.add("minimum", JsonValue::make_number(uint64_t{0}));
    out.add("maximum", JsonValue::make_number(format_millionths(most)));
    return out;
  };
  return key;
}

ShapeKey duration_key(const char* name, int64_t& field, const char* help, DurationRule rule) {
  ShapeKey key = make_key(name, help);
  key.read = [&field, rule](const JsonValue& value, ShapeReader& reader) {
    if (rule.word != nullptr && value.is(JsonValue::Kind::string) && value.text == rule.word) {
      field = rule.word_value;
      return;
    }
    int64_t got = 0;
    if (!read_quantity<int64_t>(value, parse_duration, reader, got)) return;
    if (got == 0 && !rule.zero) {
      std::string message = expected(value, "more than 0");
      if (rule.word != nullptr) message += " or \"" + std::string(rule.word) + "\"";
      if (rule.derived) message += "; leave the key out for its default";
      return reader.error(value, std::move(message));
    }
    field = got;
  };
  key.write = [&field, rule] {
    if ((rule.derived && field == 0) || field == rule.absent_value) return JsonValue{};
    if (rule.word != nullptr && field == rule.word_value) return JsonValue::make_string(rule.word);
    return JsonValue::make_string(format_duration(field));
  };
  key.schema = [rule] {
    return quantity_schema("ns|us|ms|s|m|h", rule.word == nullptr ? "" : rule.word);
  };
  return key;
}

ShapeKey rate_key(const char* name, uint64_t& field_microhz, const char* help) {
  ShapeKey key = make_key(name, help);
  key.read = [&field_microhz](const JsonValue& value, ShapeReader& reader) {
    read_quantity<uint64_t>(value, parse_rate, reader, field_microhz);
  };
  key.write = [&field_microhz] { return JsonValue::make_string(format_rate(field_microhz)); };
  key.schema = [] { return quantity_schema("/s|/m|/h|/d"); };
  return key;
}

ShapeKey size_key(const char* name, uint64_t& field, uint64_t least, uint64_t most,
                  const char* help) {
  return any_size_key(name, field, least, most, help);
}
ShapeKey size_key(const char* name, uint32_t& field, uint64_t least, uint64_t most,
                  const char* help) {
  return any_size_key(name, field, least, most, help);
}

ShapeKey bandwidth_key(const char* name, uint64_t& field, const char* help) {
  ShapeKey key = make_key(name, help);
  key.read = [&field](const JsonValue& value, ShapeReader& reader) {
    if (value.is(JsonValue::Kind::string) && value.text == "unlimited") {
      field = 0;
      return;
    }
    uint64_t got = 0;
    if (!read_quantity<uint64_t>(value, parse_bandwidth, reader, got)) return;
    if (got == 0) {
      return reader.error(value, expected(value, "more than 0 or \"unlimited\""));
    }
    field = got;
  };
  key.write = [&field] {
    return JsonValue::make_string(field == 0 ? "unlimited" : format_bandwidth(field));
  };
  key.schema = [] { return quantity_schema("bit/s|kbit/s|Mbit/s|Gbit/s", "unlimited"); };
  return key;
}

namespace {

std::string words_or(std::span<const NamedValue> words) {
  std::vector<std::string> texts;
  for (const NamedValue& word : words) texts.push_back(in_quotes(word.name));
  return join_or(std::vector<std::string_view>(texts.begin(), texts.end()));
}

// The word's value, or a diagnostic.
bool read_word(const JsonValue& value, std::span<const NamedValue> words, ShapeReader& reader,
               uint8_t& out) {
  std::string message = expected(value, words_or(words));
  if (value.is(JsonValue::Kind::string)) {
    std::vector<std::string_view> names;
    for (const NamedValue& word : words) {
      if (value.text == word.name) {
        out = word.value;
        return true;
      }
      names.emplace_back(word.name);
    }
    const std::string guess = nearest(value.text, names);
    if (!guess.empty()) message += ", did you mean " + in_quotes(guess) + "?";
  }
  reader.error(value, std::move(message));
  return false;
}

const char* word_of(std::span<const NamedValue> words, uint8_t value) {
  for (const NamedValue& word : words) {
    if (word.value == value) return word.name;
  }
  return "?";
}

JsonValue words_schema(std::span<const NamedValue> words) {
  JsonValue list = JsonValue::make_array();
  for (const NamedValue& word : words) list.items.push_back(JsonValue::make_string(word.name));
  JsonValue out = schema_type("string");
  out.add("enum", std::move(list));
  return out;
}

// ": word (meaning); word (meaning)"
std::string words_help(std::span<const NamedValue> words) {
  std::string out;
  for (size_t i = 0; i < words.size(); ++i) {
    out += std::string(i == 0 ? ": " : "; ") + words[i].name;
    if (words[i].help[0] != '\0') out += std::string(" (") + words[i].help + ")";
  }
  return out;
}

}  // namespace

ShapeKey choice_key(const char* name, std::span<const NamedValue> words,
                    std::function<uint8_t()> get, std::function<void(uint8_t)> set,
                    const char* help) {
  ShapeKey key = make_key(name, help);
  key.words = words_help(words);
  key.read = [words, set = std::move(set)](const JsonValue& value, ShapeReader& reader) {
    uint8_t got = 0;
    if (read_word(value, words, reader, got)) set(got);
  };
  key.write = [words, get = std::move(get)] {
    return JsonValue::make_string(word_of(words, get()));
  };
  key.schema = [words] { return words_schema(words); };
  return key;
}

ShapeKey choice_list_key(const char* name, std::span<const NamedValue> words, bool empty,
                         std::function<std::vector<uint8_t>()> get,
                         std::function<void(std::vector<uint8_t>)> set, const char* help) {
  ShapeKey key = make_key(name, help);
  key.words = words_help(words);
  key.read = [words, empty, set = std::move(set)](const JsonValue& value, ShapeReader& reader) {
    if (!value.is(JsonValue::Kind::array) || (value.items.empty() && !empty)) {
      return reader.error(value, expected(value, "an array of " + words_or(words)));
    }
    std::vector<uint8_t> got;
    for (size_t i = 0; i < value.items.size(); ++i) {
      const ShapeReader::Scope scope(reader, std::to_string(i));
      uint8_t word = 0;
      if (!read_word(value.items[i], words, reader, word)) continue;
      if (std::find(got.begin(), got.end(), word) != got.end()) {
        reader.error(value.items[i],
                     in_quotes(value.items[i].text) + " is there twice: remove one");
        continue;
      }
      got.push_back(word);
    }
    set(std::move(got));
  };
  key.write = [words, get = std::move(get)] {
    JsonValue out = JsonValue::make_array();
    for (const uint8_t value : get()) {
      out.items.push_back(JsonValue::make_string(word_of(words, value)));
    }
    return out;
  };
  key.schema = [words, empty] {
    JsonValue out = schema_type("array");
    out.add("items", words_schema(words));
    out.add("uniqueItems", JsonValue::make_bool(true));
    if (!empty) out.add("minItems", JsonValue::make_number(uint64_t{1}));
    return out;
  };
  return key;
}

ShapeKey object_key(const char* name, Shape inner, const char* help) {
  ShapeKey key = make_key(name, help);
  const auto shape = std::make_shared<const Shape>(std::move(inner));
  key.read = [shape](const JsonValue& value, ShapeReader& reader) {
    read_shape(*shape, value, reader);
  };
  key.write = [shape] { return write_shape(*shape); };
  key.schema = [shape] { return schema_of(*shape); };
  return key;
}

}  // namespace imroute
