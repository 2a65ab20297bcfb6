#include "config/shape.h"

#include <algorithm>
#include <tuple>

#include "config/suggest.h"

namespace imroute {

void Diagnostics::add(const Place& place, std::string pointer, std::string message) {
  if (found_.size() >= kMost) {
    ++dropped_;
    return;
  }
  if (pointer.size() > 200) pointer = pointer.substr(0, 200) + "...";
  Diagnostic d;
  d.source = place.source < sources_.size() ? sources_[place.source] : "?";
  if (place.source == 0) {  // an override is one short line: its text says enough
    d.line = place.line;
    d.column = place.column;
  }
  d.pointer = std::move(pointer);
  d.message = std::move(message);
  found_.push_back({place.source, std::move(d)});
}

bool Diagnostics::touches(std::string_view pointer) const {
  const auto inside = [](std::string_view outer, std::string_view inner) {
    return inner.starts_with(outer) && (inner.size() == outer.size() || inner[outer.size()] == '/');
  };
  return std::any_of(found_.begin(), found_.end(), [&](const Found& f) {
    const std::string& at = f.diagnostic.pointer;
    return !at.empty() && (inside(at, pointer) || inside(pointer, at));
  });
}

void Diagnostics::add_from(std::string source, std::string message) {
  found_.push_back({UINT32_MAX, {std::move(source), 0, 0, "", std::move(message)}});
}

std::vector<Diagnostic> Diagnostics::take() {
  std::stable_sort(found_.begin(), found_.end(), [](const Found& a, const Found& b) {
    return std::tie(a.source, a.diagnostic.line, a.diagnostic.column) <
           std::tie(b.source, b.diagnostic.line, b.diagnostic.column);
  });
  std::vector<Diagnostic> out;
  for (Found& f : found_) {
    if (std::find(out.begin(), out.end(), f.diagnostic) == out.end()) {
      out.push_back(std::move(f.diagnostic));
    }
  }
  if (dropped_ != 0) {
    out.push_back({sources_[0], 0, 0, "", "and " + std::to_string(dropped_) + " more mistakes"});
  }
  found_.clear();
  dropped_ = 0;
  return out;
}

ShapeReader::Scope::Scope(ShapeReader& reader, std::string_view part)
    : reader_(reader), length_(reader.pointer_.size()) {
  reader_.pointer_ += "/" + pointer_escape(part);
}

namespace {

std::vector<std::string_view> names_of(const Shape& shape) {
  std::vector<std::string_view> names;
  for (const ShapeKey& key : shape.keys) names.emplace_back(key.name);
  return names;
}

void report_unknown(const Shape& shape, const JsonValue& object, ShapeReader& reader) {
  const std::vector<std::string_view> names = names_of(shape);
  for (const JsonMember& member : object.members) {
    if (std::find(names.begin(), names.end(), member.key) != names.end()) continue;
    const std::string guess = nearest(member.key, names);
    const ShapeReader::Scope scope(reader, member.key.substr(0, 200));
    std::string message =
        "unknown key " + in_quotes(member.key) + ", allowed are " + join_or(names);
    if (!guess.empty()) message += "; did you mean " + in_quotes(guess) + "?";
    reader.error(member.key_place, std::move(message));
  }
}

std::string quoted_or(const std::vector<std::string>& words) {
  std::vector<std::string> texts;
  for (const std::string& word : words) texts.push_back(in_quotes(word));
  return join_or(std::vector<std::string_view>(texts.begin(), texts.end()));
}

const ShapeKey* key_named(const Shape& shape, std::string_view name) {
  for (const ShapeKey& key : shape.keys) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

bool has_meaning(const Shape& shape, const ShapeKey& key, std::string* found) {
  if (key.when_key.empty()) return true;
  const ShapeKey* decides = key_named(shape, key.when_key);
  const JsonValue value = decides->write();
  if (found != nullptr) *found = value.text;
  return std::find(key.when_values.begin(), key.when_values.end(), value.text) !=
         key.when_values.end();
}

}  // namespace

void read_shape(const Shape& shape, const JsonValue& value, ShapeReader& reader) {
  if (!value.is(JsonValue::Kind::object)) {
    reader.error(value, "found " + describe(value) + ", expected an object");
    return;
  }
  const size_t before = reader.errors();
  report_unknown(shape, value, reader);
  std::vector<std::string_view> failed;  // a wrong `kind` makes no further mistakes of its keys
  for (const ShapeKey& key : shape.keys) {
    const JsonMember* member = nullptr;
    for (const JsonMember& m : value.members) {
      if (m.key == key.name) {
        member = &m;
        break;
      }
    }
    if (member == nullptr) {
      if (key.required) {
        reader.error(value, "the key " + in_quotes(key.name) + " is missing (" + key.help + ")");
        failed.emplace_back(key.name);
      }
      continue;
    }
    const ShapeReader::Scope scope(reader, key.name);
    std::string found;
    const bool unsure = std::find(failed.begin(), failed.end(), key.when_key) != failed.end();
    if (!unsure && !has_meaning(shape, key, &found)) {
      reader.error(member->key_place, "valid only when " + in_quotes(key.when_key) + " is " +
                                          quoted_or(key.when_values) + "; here it is " +
                                          in_quotes(found) + ": remove it");
      continue;
    }
    const size_t errors = reader.errors();
    key.read(member->value, reader);
    if (reader.errors() != errors) failed.emplace_back(key.name);
  }
  if (shape.check && reader.errors() == before) shape.check(value, reader);
}

JsonValue write_shape(const Shape& shape) {
  JsonValue out = JsonValue::make_object();
  for (const ShapeKey& key : shape.keys) {
    if (!has_meaning(shape, key, nullptr)) continue;
    JsonValue value = key.write();
    if (!value.is(JsonValue::Kind::absent)) out.add(key.name, std::move(value));
  }
  return out;
}

namespace {

JsonValue strings(const std::vector<std::string>& words) {
  JsonValue out = JsonValue::make_array();
  for (const std::string& word : words) out.items.push_back(JsonValue::make_string(word));
  return out;
}

// {"if": {"properties": {K: {"not": {"enum": allowed}}}}, "then": {"properties": {key: false}}}
JsonValue condition_schema(const Shape& shape, const std::string& when_key,
                           const std::vector<std::string>& when_values) {
  JsonValue allowed = JsonValue::make_object();
  allowed.add("enum", strings(when_values));
  JsonValue other = JsonValue::make_object();
  other.add("not", std::move(allowed));
  JsonValue decides = JsonValue::make_object();
  decides.add(when_key, std::move(other));
  JsonValue when = JsonValue::make_object();
  when.add("properties", std::move(decides));
  const ShapeKey* key = key_named(shape, when_key);
  const JsonValue fallback = key->write();
  if (key->required ||
      std::find(when_values.begin(), when_values.end(), fallback.text) != when_values.end()) {
    when.add("required", strings({when_key}));
  }
  JsonValue never = JsonValue::make_object();
  for (const ShapeKey& k : shape.keys) {
    if (k.when_key == when_key && k.when_values == when_values) {
      never.add(k.name, JsonValue::make_bool(false));
    }
  }
  JsonValue then = JsonValue::make_object();
  then.add("properties", std::move(never));
  JsonValue out = JsonValue::make_object();
  out.add("if", std::move(when));
  out.add("then", std::move(then));
  return out;
}

JsonValue conditions_schema(const Shape& shape) {
  JsonValue all = JsonValue::make_array();
  std::vector<std::pair<std::string, std::vector<std::string>>> seen;
  for (const ShapeKey& key : shape.keys) {
    if (key.when_key.empty()) continue;
    const std::pair group{key.when_key, key.when_values};
    if (std::find(seen.begin(), seen.end(), group) != seen.end()) continue;
    seen.push_back(group);
    all.items.push_back(condition_schema(shape, key.when_key, key.when_values));
  }
  for (const JsonValue& more : shape.more_schema) all.items.push_back(more);
  return all;
}

}  // namespace

JsonValue schema_of(const Shape& shape) {
  JsonValue out = schema_type("object");
  JsonValue properties = JsonValue::make_object();
  std::vector<std::string> required;
  for (const ShapeKey& key : shape.keys) {
    JsonValue entry = JsonValue::make_object();
    std::string help = key.help + key.words;
    if (!key.when_key.empty()) {
      help += ". Only when " + key.when_key + " is " + quoted_or(key.when_values);
    }
    entry.add("description", JsonValue::make_string(help));
    for (JsonMember& member : key.schema().members) entry.members.push_back(std::move(member));
    if (key.required) {
      required.push_back(key.name);
    } else if (JsonValue fallback = key.write();
               !fallback.is(JsonValue::Kind::absent) && !fallback.is(JsonValue::Kind::object)) {
      entry.add("default", std::move(fallback));
    }
    properties.add(key.name, std::move(entry));
  }
  out.add("properties", std::move(properties));
  if (!required.empty()) out.add("required", strings(required));
  out.add("additionalProperties", JsonValue::make_bool(false));
  JsonValue all = conditions_schema(shape);
  if (!all.items.empty()) out.add("allOf", std::move(all));
  return out;
}

JsonValue schema_type(const char* type) {
  JsonValue out = JsonValue::make_object();
  out.add("type", JsonValue::make_string(type));
  return out;
}
JsonValue schema_pattern(const char* pattern) {
  JsonValue out = schema_type("string");
  out.add("pattern", JsonValue::make_string(pattern));
  return out;
}

}  // namespace imroute
