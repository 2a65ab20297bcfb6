#include "config/json.h"

namespace imroute {
namespace {

void put_text(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (byte < 0x20 || byte == 0x7F) {
          out += "\\u00";
          out.push_back(kHex[byte >> 4]);
          out.push_back(kHex[byte & 15]);
        } else {
          out.push_back(c);
        }
    }
  }
  out.push_back('"');
}

void put_scalar(std::string& out, const JsonValue& value) {
  switch (value.kind) {
    case JsonValue::Kind::boolean:
      out += value.boolean ? "true" : "false";
      break;
    case JsonValue::Kind::number:
      out += value.text;
      break;
    case JsonValue::Kind::string:
      put_text(out, value.text);
      break;
    default:
      out += "null";
  }
}

void put_line(std::string& out, const JsonValue& value) {
  bool first = true;
  const auto comma = [&] {
    if (!first) out += ", ";
    first = false;
  };
  if (value.is(JsonValue::Kind::array)) {
    out.push_back('[');
    for (const JsonValue& item : value.items) {
      comma();
      put_line(out, item);
    }
    out.push_back(']');
  } else if (value.is(JsonValue::Kind::object)) {
    out.push_back('{');
    for (const JsonMember& member : value.members) {
      if (member.value.is(JsonValue::Kind::absent)) continue;
      comma();
      put_text(out, member.key);
      out += ": ";
      put_line(out, member.value);
    }
    out.push_back('}');
  } else {
    put_scalar(out, value);
  }
}

bool has_children(const JsonValue& value) { return !value.items.empty() || !value.members.empty(); }

// At most one level of containers inside.
bool is_flat(const JsonValue& value) {
  for (const JsonValue& item : value.items) {
    if (has_children(item)) return false;
  }
  for (const JsonMember& member : value.members) {
    if (has_children(member.value)) return false;
  }
  return true;
}

void put_block(std::string& out, const JsonValue& value, size_t indent, size_t used) {
  if (!has_children(value)) return put_line(out, value);
  if (is_flat(value)) {
    std::string line;
    put_line(line, value);
    if (used + line.size() <= 98) {
      out += line;
      return;
    }
  }
  const bool array = value.is(JsonValue::Kind::array);
  const std::string margin(indent + 2, ' ');
  out.push_back(array ? '[' : '{');
  bool first = true;
  const auto next = [&] {
    out += first ? "\n" : ",\n";
    first = false;
    out += margin;
  };
  for (const JsonValue& item : value.items) {
    next();
    put_block(out, item, indent + 2, indent + 2);
  }
  for (const JsonMember& member : value.members) {
    if (member.value.is(JsonValue::Kind::absent)) continue;
    next();
    const size_t before = out.size();
    put_text(out, member.key);
    out += ": ";
    put_block(out, member.value, indent + 2, indent + 2 + (out.size() - before));
  }
  out += "\n" + std::string(indent, ' ');
  out.push_back(array ? ']' : '}');
}

}  // namespace

std::string Diagnostic::to_string() const {
  std::string out = source;
  if (line != 0) out += ":" + std::to_string(line) + ":" + std::to_string(column);
  out += ": error: ";
  if (!pointer.empty()) out += pointer + ": ";
  return out + message;
}

const JsonValue* JsonValue::find(std::string_view key) const {
  for (const JsonMember& member : members) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}
JsonValue* JsonValue::find(std::string_view key) {
  return const_cast<JsonValue*>(static_cast<const JsonValue*>(this)->find(key));
}

JsonValue& JsonValue::add(std::string_view key, JsonValue value) {
  members.push_back({std::string(key), {}, std::move(value)});
  return members.back().value;
}

JsonValue JsonValue::make_bool(bool value) {
  JsonValue out;
  out.kind = Kind::boolean;
  out.boolean = value;
  return out;
}
JsonValue JsonValue::make_number(std::string text) {
  JsonValue out;
  out.kind = Kind::number;
  out.text = std::move(text);
  return out;
}
JsonValue JsonValue::make_number(uint64_t value) { return make_number(std::to_string(value)); }
JsonValue JsonValue::make_string(std::string_view value) {
  JsonValue out;
  out.kind = Kind::string;
  out.text = std::string(value);
  return out;
}
JsonValue JsonValue::make_array() {
  JsonValue out;
  out.kind = Kind::array;
  return out;
}
JsonValue JsonValue::make_object() {
  JsonValue out;
  out.kind = Kind::object;
  return out;
}

std::string json_text(const JsonValue& value) {
  std::string out;
  put_block(out, value, 0, 0);
  return out;
}

std::string json_line(const JsonValue& value) {
  std::string out;
  put_line(out, value);
  return out;
}

std::string pointer_escape(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::optional<std::vector<std::string>> pointer_parts(std::string_view pointer) {
  std::vector<std::string> parts;
  if (pointer.empty()) return parts;
  if (pointer[0] != '/') return std::nullopt;
  for (size_t i = 0; i < pointer.size(); ++i) {
    const char c = pointer[i];
    if (c == '/') {
      parts.emplace_back();
    } else if (c == '~') {
      if (i + 1 >= pointer.size() || (pointer[i + 1] != '0' && pointer[i + 1] != '1')) {
        return std::nullopt;
      }
      parts.back().push_back(pointer[++i] == '0' ? '~' : '/');
    } else {
      parts.back().push_back(c);
    }
  }
  return parts;
}

std::string in_quotes(std::string_view text) {
  constexpr size_t kLimit = 60;
  bool cut = false;
  if (text.size() > kLimit) {
    size_t end = kLimit;  // not inside a character
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    text = text.substr(0, end);
    cut = true;
  }
  std::string out;
  put_text(out, text);
  if (cut) out += "...";
  return out;
}

std::string describe(const JsonValue& value) {
  switch (value.kind) {
    case JsonValue::Kind::absent:
      return "nothing";
    case JsonValue::Kind::null:
      return "null";
    case JsonValue::Kind::boolean:
      return value.boolean ? "true" : "false";
    case JsonValue::Kind::number:
      return value.text.size() > 60 ? "a number of " + std::to_string(value.text.size()) + " digits"
                                    : "the number " + value.text;
    case JsonValue::Kind::string:
      return in_quotes(value.text);
    case JsonValue::Kind::array:
      return value.items.empty() ? "an empty array" : "an array";
    case JsonValue::Kind::object:
      return "an object";
  }
  return "?";
}

}  // namespace imroute
