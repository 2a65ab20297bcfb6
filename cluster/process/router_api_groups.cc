// Groups over HTTP: made, entered and left by a user for whom it is asked, as clients do it, and
// who belongs to one.
#include <algorithm>
#include <utility>

#include "cluster/http/parameters.h"
#include "cluster/process/router_api.h"
#include "core/model/limits.h"

namespace imroute::cluster {

namespace {

struct GroupBody {
  std::string name, by;
  std::vector<std::string> members;
  uint64_t id = 0;
};

ShapeKey members_key(std::vector<std::string>& field) {
  ShapeKey key;
  key.name = "members";
  key.help = "who belongs to it from the first, beside who makes it";
  key.read = [&field](const JsonValue& value, ShapeReader& reader) {
    if (!value.is(JsonValue::Kind::array) || value.items.size() >= kMaxGroupSize) {
      return reader.error(value, "found " + describe(value) + ", expected an array of at most " +
                                     std::to_string(kMaxGroupSize - 1) + " names");
    }
    for (const JsonValue& item : value.items) {
      const ShapeReader::Scope scope(reader, std::to_string(field.size()));
      name_key("", field.emplace_back(), "").read(item, reader);
    }
  };
  return key;
}

// What founds_group asks for: the ids of all, ascending, the founder's among them.
std::string founding(UserId founder, const std::vector<std::string>& members) {
  std::vector<uint64_t> ids{founder.value};
  for (const std::string& name : members) ids.push_back(user_id_of(name).value);
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  const auto bytes = std::as_bytes(std::span(ids));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

HttpReply group_refused(EntryKind kind, Reason reason) {
  if (reason != Reason::not_member) return refused_reply(reason);
  if (kind == EntryKind::create) {
    return problem_reply({409,
                          "there is such a group already",
                          {},
                          {},
                          "take another name; or join it: POST /v1/groups/{group}/join"});
  }
  const bool joins = kind == EntryKind::join;
  return problem_reply({409,
                        joins ? "there is no such group, the user belongs to it, or it is full"
                              : "there is no such group, or the user does not belong to it",
                        {},
                        {},
                        "GET /v1/groups/{group} tells who belongs to it"});
}

}  // namespace

void RouterApi::create_group(const HttpRequest& request, const Respond& respond) {
  GroupBody body;
  Shape shape;
  shape.add(name_key("name", body.name, "of the group").require());
  shape.add(name_key("by", body.by, "who makes it, and belongs to it").require());
  shape.add(members_key(body.members));
  shape.add(id_key(body.id));
  if (const auto mistake = read_body(request, shape)) return respond(*mistake);
  parts_.users.learn(body.by);
  for (const std::string& member : body.members) parts_.users.learn(member);
  parts_.groups.learn(body.name);
  const DeviceKey from{user_id_of(body.by), kPostDevice};
  PostedMessage message;
  message.conversation = group_named(body.name);
  message.kind = EntryKind::create;
  message.payload = founding(from.user, body.members);
  message.client_seq = body.id;
  post_for(from, std::move(message), respond, [](const PostAnswer& answer) {
    if (answer.refused != Reason::none) return group_refused(EntryKind::create, answer.refused);
    return stored_reply(201, answer);
  });
}

void RouterApi::change_members(EntryKind kind, const HttpRequest& request, Argument group,
                               const Respond& respond) {
  std::string user;
  uint64_t id = 0;
  Shape shape;
  shape.add(name_key("user", user, "who joins or leaves").require());
  shape.add(id_key(id));
  if (!is_user_name(group)) return respond(bad_name(group));
  if (const auto mistake = read_body(request, shape)) return respond(*mistake);
  parts_.users.learn(user);
  PostedMessage message;
  message.conversation = group_named(group);
  message.kind = kind;
  message.client_seq = id;
  post_for(DeviceKey{user_id_of(user), kPostDevice}, std::move(message), respond,
           [kind](const PostAnswer& answer) {
             if (answer.refused != Reason::none) return group_refused(kind, answer.refused);
             return stored_reply(200, answer);
           });
}

void RouterApi::show_group(const HttpRequest&, Argument group, const Respond& respond) {
  if (!is_user_name(group)) return respond(bad_name(group));
  MailboxOp op;
  op.kind = MailboxOpKind::members;
  op.entry.conversation = group_named(group);
  const UserId number{op.entry.conversation.lo};
  parts_.mailbox.submit(std::move(op), [this, weak = std::weak_ptr(here_), number, respond](
                                           ReplyStatus status, const MailboxReply& reply) {
    if (weak.expired()) return;
    if (status != ReplyStatus::ok) return respond(store_silent("mailbox"));
    if (reply.members == nullptr || reply.members->empty()) {
      return respond(problem_reply({404,
                                    "there is no such group, or nobody belongs to it",
                                    {},
                                    {},
                                    "POST /v1/groups makes one"}));
    }
    JsonValue members = JsonValue::make_array();
    for (const UserId user : *reply.members) {
      members.items.push_back(user_json(user, parts_.users.name_of(user)));
    }
    JsonValue out = user_json(number, parts_.groups.name_of(number));
    out.add("members", std::move(members));
    respond(json_reply(200, out));
  });
}

}  // namespace imroute::cluster
