// What is done for a user over HTTP: logins and messages.
#include <utility>

#include "cluster/http/parameters.h"
#include "cluster/process/router_api.h"
#include "cluster/wire/text.h"
#include "settings/names.h"
#include "store/answer.h"

namespace imroute::cluster {

namespace {

constexpr DurationNs kPostTime = 8 * kSecond;  // less than the server gives an answer

constexpr uint32_t kMostDevice = 63;

struct MessageBody {
  std::string from, to, group, text, base64;
  uint64_t id = 0;
  uint32_t device = kPostDevice;
};

Shape message_shape(MessageBody& m) {
  Shape shape;
  shape.add(name_key("from", m.from, "who sends").require());
  shape.add(name_key("to", m.to, "who it is for; or group"));
  shape.add(name_key("group", m.group, "a group that the sender is in; or to"));
  shape.add(text_key("text", m.text, "the message; or base64"));
  shape.add(text_key("base64", m.base64, "the message, of any bytes"));
  shape.add(id_key(m.id));
  shape.add(count_key("device", m.device, 0, kMostDevice, "which device of the sender sends it"));
  shape.check = [&m](const JsonValue& value, ShapeReader& reader) {
    if ((value.find("to") != nullptr) == (value.find("group") != nullptr)) {
      reader.error(value, "found both or neither of \"to\" and \"group\", expected one of them");
    }
    if ((value.find("text") != nullptr) == (value.find("base64") != nullptr)) {
      reader.error(value, "found both or neither of \"text\" and \"base64\", expected one of them");
    }
    if (value.find("base64") == nullptr) return;
    const auto bytes = from_base64(m.base64);
    if (!bytes) return reader.error(*value.find("base64"), "this is not base64, padded with '='");
    m.text = *bytes;
  };
  return shape;
}

HttpReply refusal(Reason reason, int status, const char* fix) {
  return problem_reply({status, "refused: " + std::string(to_string(reason)), {}, {}, fix});
}

}  // namespace

HttpReply refused_reply(Reason reason) {
  switch (reason) {
    case Reason::timeout:
      return problem_reply({504,
                            "no answer in time: whether the message was stored is not known",
                            {},
                            {},
                            "repeat it; with the same id it is stored once"});
    case Reason::not_member:
      return refusal(reason, 403, "the sender must be a member of the group");
    case Reason::too_large:
      return refusal(reason, 413, "a message has at most 65536 bytes");
    case Reason::bad_token:
      return refusal(reason, 403, "the sender may not log in");
    default:
      return refusal(reason, 503, "try again in a moment");
  }
}

HttpReply stored_reply(int status, const PostAnswer& answer) {
  if (answer.position.seq == 0) {
    return problem_reply(
        {409,
         "nothing was stored: this device has sent something with a higher id there, and this one "
         "is not among its last",
         std::to_string(answer.client_seq), "ids that rise", "send it with a higher id"});
  }
  JsonValue out = JsonValue::make_object();
  out.add("id", JsonValue::make_number(answer.client_seq));
  JsonValue& position = out.add("position", JsonValue::make_object());
  position.add("epoch", JsonValue::make_number(uint64_t{answer.position.epoch}));
  position.add("seq", JsonValue::make_number(answer.position.seq));
  return json_reply(status, out);
}

ShapeKey id_key(uint64_t& field) {
  return count_key("id", field, 1, kMaxClientSeq,
                   "rises with each message of this device to this user or group; a repetition "
                   "with the same one is stored once");
}

ShapeKey name_key(const char* name, std::string& field, const char* help) {
  ShapeKey key = text_key(name, field, help);
  key.read = [read = key.read, &field](const JsonValue& value, ShapeReader& reader) {
    const size_t errors = reader.errors();
    read(value, reader);
    if (reader.errors() != errors || is_user_name(field)) return;
    reader.error(value,
                 "found " + describe(value) +
                     ", expected the name of a user or group: 1 to 64 letters, digits and . _ - @");
  };
  return key;
}

void RouterApi::log_in(const HttpRequest& request, const Respond& respond) {
  std::string user;
  uint32_t device = 0;
  ClientType type = ClientType::mobile;
  Shape shape;
  shape.add(name_key("user", user, "who logs in").require());
  shape.add(count_key("device", device, 0, kMostDevice, "which device of the user"));
  shape.add(choice_key("client_type", type, client_type_names(), "what kind of device it is"));
  if (const auto mistake = read_body(request, shape)) return respond(*mistake);
  parts_.users.learn(user);
  const DeviceKey key{user_id_of(user), device};
  desk_.ask(key, type, kNoNode, [key, respond](const LoginAnswer& answer) {
    if (answer.refused != Reason::none) return respond(refused_reply(answer.refused));
    JsonValue out = JsonValue::make_object();
    out.add("id", JsonValue::make_string(std::to_string(key.user.value)));
    out.add("device", JsonValue::make_number(uint64_t{key.device}));
    out.add("node", JsonValue::make_number(uint64_t{answer.node.value}));
    out.add("address", JsonValue::make_string(answer.address));
    out.add("generation", JsonValue::make_number(answer.generation));
    if (!answer.token.empty()) out.add("token", JsonValue::make_string(answer.token));
    respond(json_reply(200, out));
  });
}

void RouterApi::send_message(const HttpRequest& request, const Respond& respond) {
  MessageBody body;
  if (const auto mistake = read_body(request, message_shape(body))) return respond(*mistake);
  if (body.text.size() > kMaxPayloadBytes) return respond(refused_reply(Reason::too_large));
  parts_.users.learn(body.from);
  const DeviceKey from{user_id_of(body.from), body.device};
  PostedMessage message;
  message.conversation = body.to.empty() ? group_named(body.group)
                                         : ConversationId::direct(from.user, user_id_of(body.to));
  message.payload = std::move(body.text);
  message.client_seq = body.id;
  const bool stored = parts_.guarantee == Guarantee::at_least_once;
  post_for(from, std::move(message), respond, [stored](const PostAnswer& answer) {
    if (answer.refused != Reason::none) return refused_reply(answer.refused);
    if (stored) return stored_reply(200, answer);
    JsonValue out = JsonValue::make_object();
    out.add("id", JsonValue::make_number(answer.client_seq));
    return json_reply(200, out);
  });
}

void RouterApi::post_for(DeviceKey from, PostedMessage message, const Respond& respond,
                         std::function<HttpReply(const PostAnswer&)> reply) {
  post_office_.post(
      from, std::move(message), monotonic_now() + kPostTime,
      [respond, reply = std::move(reply)](const PostAnswer& answer) { respond(reply(answer)); });
}

}  // namespace imroute::cluster
