// What an object of a configuration may hold, described once: for each key its name, meaning, type,
// bounds and the variable it fills. Three things are made from one description, so they cannot
// disagree: reading (with all mistakes at their places), canonical writing, and a JSON Schema.
//
//   Shape topology_shape(Topology& t) {
//     Shape s;
//     s.add(count_key("nodes", t.nodes, 1, 10'000, "IM servers").require());
//     s.add(count_key("routers", t.routers, 1, 64, "central routers"));
//     return s;
//   }
//   read_shape(topology_shape(t), json, reader);
//
// A shape holds references: it must not outlive what it describes.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/json.h"
#include "config/named_value.h"

namespace imroute {

// Collects the mistakes of one document and its overrides.
class Diagnostics {
 public:
  // sources[0] is the file, the others are overrides (Place::source).
  explicit Diagnostics(std::vector<std::string> sources) : sources_(std::move(sources)) {}
  void add(const Place& place, std::string pointer, std::string message);
  // A mistake outside of document and overrides, as on the command line.
  void add_from(std::string source, std::string message);
  size_t size() const { return found_.size() + dropped_; }
  // True when a mistake was found at the value, around it or inside it.
  bool touches(std::string_view pointer) const;
  // Sorted by source and place, without repetitions; past kMost only counted.
  std::vector<Diagnostic> take();

 private:
  static constexpr size_t kMost = 100;
  struct Found {
    uint32_t source;
    Diagnostic diagnostic;
  };
  std::vector<std::string> sources_;
  std::vector<Found> found_;
  size_t dropped_ = 0;
};

// The place in the document that is being read.
class ShapeReader {
 public:
  explicit ShapeReader(Diagnostics& out) : out_(&out) {}
  void error(const Place& place, std::string message) {
    out_->add(place, pointer_, std::move(message));
  }
  void error(const JsonValue& value, std::string message) {
    error(value.place, std::move(message));
  }
  size_t errors() const { return out_->size(); }
  const std::string& pointer() const { return pointer_; }

  // Enters a key or index for the life of the scope.
  class Scope {
   public:
    Scope(ShapeReader& reader, std::string_view part);
    ~Scope() { reader_.pointer_.resize(length_); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    ShapeReader& reader_;
    size_t length_;
  };

 private:
  Diagnostics* out_;
  std::string pointer_;
};

struct ShapeKey {
  std::string name;
  std::string help;
  std::string words;  // what the allowed words mean, for the schema
  bool required = false;
  // The key has a meaning only when its sibling `when_key` is one of `when_values`.
  std::string when_key;
  std::vector<std::string> when_values;
  std::function<void(const JsonValue&, ShapeReader&)> read;
  std::function<JsonValue()> write;   // absent: nothing to write
  std::function<JsonValue()> schema;  // the type alone; description and default are added

  ShapeKey&& require() && {
    required = true;
    return std::move(*this);
  }
  ShapeKey&& when(std::string_view key, std::vector<std::string> values) && {
    when_key = std::string(key);
    when_values = std::move(values);
    return std::move(*this);
  }
};

struct Shape {
  std::vector<ShapeKey> keys;
  // Runs after the keys were read without a mistake of their own.
  std::function<void(const JsonValue& object, ShapeReader&)> check;
  std::vector<JsonValue> more_schema;  // further members of `allOf`

  void add(ShapeKey key) { keys.push_back(std::move(key)); }
};

void read_shape(const Shape& shape, const JsonValue& value, ShapeReader& reader);
JsonValue write_shape(const Shape& shape);
JsonValue schema_of(const Shape& shape);

// ---- kinds of keys -----------------------------------------------------------------------------

ShapeKey text_key(const char* name, std::string& field, const char* help);
ShapeKey flag_key(const char* name, bool& field, const char* help);
ShapeKey count_key(const char* name, uint32_t& field, uint64_t least, uint64_t most,
                   const char* help);
ShapeKey count_key(const char* name, uint64_t& field, uint64_t least, uint64_t most,
                   const char* help);
ShapeKey count_list_key(const char* name, std::vector<uint32_t>& field, uint64_t most,
                        const char* help);
// An optional number: absent until given.
template <class Int>
ShapeKey optional_count_key(const char* name, std::optional<Int>& field, uint64_t most,
                            const char* help) {
  const auto number = std::make_shared<uint64_t>(field.value_or(0));
  ShapeKey key = count_key(name, *number, 0, most, help);
  key.read = [&field, number, read = key.read](const JsonValue& value, ShapeReader& reader) {
    const size_t errors = reader.errors();
    read(value, reader);
    if (reader.errors() == errors) field = static_cast<Int>(*number);
  };
  key.write = [&field, number] {
    return field ? JsonValue::make_number(uint64_t{*field}) : JsonValue{};
  };
  return key;
}
constexpr uint32_t kWhole = 1'000'000;  // a share of 1, in millionths
// A share or exponent kept in millionths, written as a decimal.
ShapeKey millionths_key(const char* name, uint32_t& field, uint32_t most, const char* help);

struct DurationRule {
  bool zero = false;  // "0s" is allowed
  // 0 in the field means "derived from other keys": written only when set.
  bool derived = false;
  const char* word = nullptr;  // this word, as "forever", means `word_value`
  int64_t word_value = 0;
  int64_t absent_value = -1;  // a field with this value is not written
};
ShapeKey duration_key(const char* name, int64_t& field, const char* help, DurationRule rule = {});
ShapeKey rate_key(const char* name, uint64_t& field_microhz, const char* help);
ShapeKey size_key(const char* name, uint64_t& field, uint64_t least, uint64_t most,
                  const char* help);
ShapeKey size_key(const char* name, uint32_t& field, uint64_t least, uint64_t most,
                  const char* help);
// 0 is written "unlimited".
ShapeKey bandwidth_key(const char* name, uint64_t& field, const char* help);

// One of several words.
ShapeKey choice_key(const char* name, std::span<const NamedValue> words,
                    std::function<uint8_t()> get, std::function<void(uint8_t)> set,
                    const char* help);
template <class E>
ShapeKey choice_key(const char* name, E& field, std::span<const NamedValue> words,
                    const char* help) {
  return choice_key(
      name, words, [&field] { return static_cast<uint8_t>(field); },
      [&field](uint8_t value) { field = static_cast<E>(value); }, help);
}
// Several of them, each once. Empty lists are allowed when `empty` is.
ShapeKey choice_list_key(const char* name, std::span<const NamedValue> words, bool empty,
                         std::function<std::vector<uint8_t>()> get,
                         std::function<void(std::vector<uint8_t>)> set, const char* help);

ShapeKey object_key(const char* name, Shape inner, const char* help);

template <class T>
ShapeKey object_list_key(const char* name, std::vector<T>& field, Shape (*shape)(T&),
                         const char* help) {
  ShapeKey key;
  key.name = name;
  key.help = help;
  key.read = [&field, shape](const JsonValue& value, ShapeReader& reader) {
    if (!value.is(JsonValue::Kind::array)) {
      reader.error(value, "found " + describe(value) + ", expected an array of objects");
      return;
    }
    field.clear();
    for (const JsonValue& item : value.items) {
      const ShapeReader::Scope scope(reader, std::to_string(field.size()));
      read_shape(shape(field.emplace_back()), item, reader);
    }
  };
  key.write = [&field, shape] {
    JsonValue out = JsonValue::make_array();
    for (T& item : field) out.items.push_back(write_shape(shape(item)));
    return out;
  };
  key.schema = [shape] {
    T example{};
    JsonValue out = JsonValue::make_object();
    out.add("type", JsonValue::make_string("array"));
    out.add("items", schema_of(shape(example)));
    return out;
  };
  return key;
}

// `{"type": type}`, for keys with their own reading.
JsonValue schema_type(const char* type);
JsonValue schema_pattern(const char* pattern);

}  // namespace imroute
