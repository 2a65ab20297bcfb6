// What is written down one by one instead of drawn: messages, what else users do, and who is in
// which group.
#include <algorithm>

#include "core/model/limits.h"
#include "harness/scenario/names.h"
#include "harness/scenario/scenario_shape.h"

namespace imroute {
namespace {

constexpr uint64_t kMostGroups = 1'000'000;

// {"oneOf": [{"required": ["to"]}, {"required": ["group"]}]}
JsonValue one_required(std::initializer_list<const char*> names) {
  JsonValue choices = JsonValue::make_array();
  for (const char* name : names) {
    JsonValue list = JsonValue::make_array();
    list.items.push_back(JsonValue::make_string(name));
    JsonValue need = JsonValue::make_object();
    need.add("required", std::move(list));
    choices.items.push_back(std::move(need));
  }
  JsonValue one = JsonValue::make_object();
  one.add("oneOf", std::move(choices));
  return one;
}

// One list of users a group.
ShapeKey members_key(std::vector<std::vector<uint64_t>>& field) {
  ShapeKey key;
  key.name = "members";
  key.help = "users of each group at the start, one list a group; default drawn";
  key.read = [&field](const JsonValue& value, ShapeReader& reader) {
    if (!value.is(JsonValue::Kind::array)) {
      return reader.error(value, "found " + describe(value) + ", expected an array of groups");
    }
    field.clear();
    for (const JsonValue& item : value.items) {
      const ShapeReader::Scope scope(reader, std::to_string(field.size()));
      std::vector<uint32_t> users;
      count_list_key("members", users, kMostUsers, "users").read(item, reader);
      field.emplace_back(users.begin(), users.end());
    }
  };
  key.write = [&field] {
    if (field.empty()) return JsonValue{};
    JsonValue out = JsonValue::make_array();
    for (const std::vector<uint64_t>& group : field) {
      JsonValue users = JsonValue::make_array();
      for (const uint64_t user : group) users.items.push_back(JsonValue::make_number(user));
      out.items.push_back(std::move(users));
    }
    return out;
  };
  key.schema = [] {
    std::vector<uint32_t> none;
    JsonValue out = schema_type("array");
    out.add("items", count_list_key("members", none, kMostUsers, "users").schema());
    return out;
  };
  return key;
}

ShapeKey absent_if(ShapeKey key, std::function<bool()> absent) {
  key.write = [write = key.write, absent = std::move(absent)] {
    return absent() ? JsonValue{} : write();
  };
  return key;
}

}  // namespace

Shape groups_shape(Topology& t) {
  const auto listed = [&t] { return !t.group_members.empty(); };
  Shape shape;
  shape.add(absent_if(
      count_key("count", t.group_count, 0, kMostGroups, "groups that exist at the start"), listed));
  shape.add(absent_if(
      count_key("size", t.group_size, 0, kMaxGroupSize, "members of each at the start"), listed));
  shape.add(members_key(t.group_members));
  shape.check = [&t](const JsonValue& value, ShapeReader& reader) {
    if (t.group_members.empty()) return;
    for (const JsonMember& member : value.members) {
      if (member.key != "count" && member.key != "size") continue;
      const ShapeReader::Scope scope(reader, member.key);
      reader.error(member.key_place, "follows from \"members\": remove it");
    }
  };
  return shape;
}

Shape message_shape(ScriptedMessage& m) {
  Shape shape;
  shape.add(duration_key("at", m.at_ns, "when", {.zero = true}).require());
  shape.add(count_key("from", m.from, 0, kMostUsers, "the user who sends").require());
  shape.add(optional_count_key("to", m.to, kMostUsers, "the user who receives; or give `group`"));
  shape.add(
      optional_count_key("group", m.group, kMostGroups, "the group that receives; or give `to`"));
  shape.add(count_key("device", m.device, 0, kMaxDevicesPerUser - 1, "the sender's device"));
  shape.add(absent_if(size_key("size", m.bytes, 8, kMaxPayloadBytes,
                               "bytes of the message; default drawn from `payload`"),
                      [&m] { return m.bytes == 0; }));
  shape.add(optional_count_key("answers", m.answers, UINT32_MAX,
                               "number in this list of the message that it answers: sent once that "
                               "was shown to the sender, and not before `at`"));
  shape.check = [&m](const JsonValue& value, ShapeReader& reader) {
    if (m.to.has_value() == m.group.has_value()) {
      reader.error(value, m.to ? "both \"to\" and \"group\" are given: remove one"
                               : "one of the keys \"to\" and \"group\" is missing");
    }
  };
  shape.more_schema.push_back(one_required({"to", "group"}));
  return shape;
}

Shape action_shape(ScriptedAction& a) {
  Shape shape;
  shape.add(choice_key("kind", a.kind, action_kind_names(), "what the user does").require());
  shape.add(duration_key("at", a.at_ns, "when", {.zero = true}).require());
  shape.add(count_key("user", a.user, 0, kMostUsers, "who does it").require());
  shape.add(count_key("device", a.device, 0, kMaxDevicesPerUser - 1, "with which device")
                .when("kind", {"relocate", "join", "leave", "create"}));
  shape.add(duration_key("for", a.for_ns, "how long the user is away, with all devices",
                         {.word = "forever", .word_value = kNever})
                .when("kind", {"offline"}));
  shape.add(optional_count_key("group", a.group, kMostGroups, "which group")
                .when("kind", {"join", "leave", "create"}));
  shape.check = [&a](const JsonValue& value, ShapeReader& reader) {
    const bool needed =
        a.kind == ActionKind::join || a.kind == ActionKind::leave || a.kind == ActionKind::create;
    if (needed && !a.group) reader.error(value, "the key \"group\" is missing (which group)");
  };
  return shape;
}

}  // namespace imroute
