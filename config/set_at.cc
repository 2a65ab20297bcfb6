#include "config/set_at.h"

#include <algorithm>
#include <string>

#include "config/units.h"

namespace imroute {
namespace {

// The element of an array that `part` names, made when it is the one past the end ("-").
JsonValue* array_item(JsonValue& array, const std::string& part, bool append) {
  if (part == "-" && append) return &array.items.emplace_back();
  const auto index = parse_decimal(part);
  if (!index || index->negative || part.size() > 9 || !index->is_integer()) return nullptr;
  return index->digits < array.items.size() ? &array.items[static_cast<size_t>(index->digits)]
                                            : nullptr;
}

void remove_at(JsonValue& parent, const std::string& part) {
  if (parent.is(JsonValue::Kind::object)) {
    std::erase_if(parent.members, [&](const JsonMember& m) { return m.key == part; });
  } else if (JsonValue* item = array_item(parent, part, false); item != nullptr) {
    parent.items.erase(parent.items.begin() + (item - parent.items.data()));
  }
}

}  // namespace

void mark_source(JsonValue& value, uint32_t source) {
  value.place = {source, 0, 0};
  for (JsonValue& item : value.items) mark_source(item, source);
  for (JsonMember& member : value.members) {
    member.key_place = {source, 0, 0};
    mark_source(member.value, source);
  }
}

JsonValue override_value(std::string_view text, uint32_t source) {
  ParsedJson parsed = parse_json(text, source);
  JsonValue value = parsed.value ? std::move(*parsed.value) : JsonValue::make_string(text);
  mark_source(value, source);
  return value;
}

void set_at(JsonValue& root, std::string_view pointer, const JsonValue& value, const Place& place,
            Diagnostics& diagnostics) {
  const auto parts = pointer_parts(pointer);
  if (!parts || parts->empty()) {
    diagnostics.add(place, std::string(pointer.substr(0, 200)),
                    "is not a JSON pointer: write it as /topology/nodes");
    return;
  }
  if (parts->size() > kMaxJsonDepth) {
    diagnostics.add(place, std::string(pointer.substr(0, 200)), "has too many parts");
    return;
  }
  JsonValue* at = &root;
  const bool removes = value.is(JsonValue::Kind::null);
  for (size_t i = 0; i < parts->size(); ++i) {
    const std::string& part = (*parts)[i];
    if (removes && i + 1 == parts->size()) return remove_at(*at, part);
    JsonValue* next = nullptr;
    if (at->is(JsonValue::Kind::array)) {
      next = array_item(*at, part, !removes);
      if (next == nullptr) {
        diagnostics.add(place, std::string(pointer.substr(0, 200)),
                        "the array has " + std::to_string(at->items.size()) +
                            " elements, found index " + in_quotes(part) + " (\"-\" appends)");
        return;
      }
    } else if (at->is(JsonValue::Kind::object)) {
      next = at->find(part);
      if (next == nullptr) {
        if (removes) return;
        next = &at->add(part, {});
        at->members.back().key_place = place;
      }
    } else {
      diagnostics.add(place, std::string(pointer.substr(0, 200)),
                      "there is " + describe(*at) + " on the way, which has no " + in_quotes(part));
      return;
    }
    if (next->is(JsonValue::Kind::absent)) {
      const bool list = i + 1 < parts->size() && (*parts)[i + 1] == "-";
      *next = list ? JsonValue::make_array() : JsonValue::make_object();
      next->place = place;
    }
    at = next;
  }
  *at = value;
}

}  // namespace imroute
