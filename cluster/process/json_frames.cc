#include "cluster/process/json_frames.h"

#include <algorithm>
#include <utility>

#include "cluster/process/router_api.h"
#include "cluster/process/user_book.h"
#include "cluster/wire/control.h"
#include "cluster/wire/text.h"
#include "core/model/limits.h"
#include "core/wire/hello.h"
#include "settings/names.h"

namespace imroute::cluster {

namespace {

constexpr FrameType kOfClients[] = {FrameType::login, FrameType::bind, FrameType::send,
                                    FrameType::ack, FrameType::ping};
constexpr NamedValue kKinds[] = {{"message", 0, "the user's bytes"},
                                 {"create", 1, "the group and its members"},
                                 {"join", 2, "the subject enters"},
                                 {"leave", 3, "the subject goes"}};
constexpr NamedValue kVias[] = {{"push", 0, "just sent"},
                                {"handover", 1, "from an earlier session"},
                                {"sync", 2, "from the mailbox"},
                                {"login", 3, "from the mailbox, at login"}};
constexpr uint64_t kMostNumber = ~uint64_t{0};

JsonValue number_of(uint64_t value) { return JsonValue::make_number(value); }
JsonValue user_of(UserId user) { return JsonValue::make_string(std::to_string(user.value)); }

// ---- reading -----------------------------------------------------------------------------------

// Who is meant: a name, or an id as an answer gave it.
ShapeKey user_or_id_key(const char* name, std::string& field, const char* help) {
  ShapeKey key = text_key(name, field, help);
  key.read = [read = key.read, &field](const JsonValue& value, ShapeReader& reader) {
    const size_t errors = reader.errors();
    read(value, reader);
    if (reader.errors() != errors || user_addressed(field)) return;
    reader.error(value, "found " + describe(value) +
                            ", expected the name of a user (1 to 64 letters, digits and . _ - @), "
                            "or an id");
  };
  return key;
}

// Where a message goes, or an entry stands: with a user, or in a group.
struct Talk {
  std::string with;
  uint64_t group = 0;
  uint32_t epoch = 0;
  uint64_t seq = 0;

  ConversationId conversation(UserId self) const {
    return with.empty() ? ConversationId::group(group)
                        : ConversationId::direct(self, *user_addressed(with));
  }
};
void add_place(Shape& shape, Talk& place) {
  shape.add(user_or_id_key("with", place.with, "the other user; or group"));
  shape.add(count_key("group", place.group, 1, ConversationId::kGroupMark - 1, "its number"));
}
void check_place(const JsonValue& value, ShapeReader& reader) {
  if ((value.find("with") != nullptr) != (value.find("group") != nullptr)) return;
  reader.error(value, "found both or neither of \"with\" and \"group\", expected one of them");
}
Shape cursor_shape(Talk& place) {
  Shape shape;
  add_place(shape, place);
  shape.add(count_key("epoch", place.epoch, 1, ~uint32_t{0}, "of the position").require());
  shape.add(count_key("seq", place.seq, 1, kMostNumber, "of the position").require());
  shape.check = check_place;
  return shape;
}

struct FrameText {
  std::string user, text, base64, subject;
  Talk place;
  std::vector<Talk> cursors;
  uint32_t node = kNoNode.value;
  bool forgotten = false;
};

Shape frame_shape(Frame& f, FrameText& t) {
  const uint32_t fields = frame_fields(f.type);
  const auto has = [fields](uint32_t field) { return (fields & field) != 0; };
  Shape shape;
  if (has(kFieldUser)) shape.add(user_or_id_key("user", t.user, "a name or an id").require());
  if (has(kFieldDevice)) shape.add(count_key("device", f.device, 0, 63, "of the user"));
  if (has(kFieldClientType)) {
    shape.add(choice_key("client_type", f.client_type, client_type_names(), "of the device"));
  }
  if (has(kFieldGeneration)) {
    shape.add(count_key("generation", f.generation, 0, kMostNumber, "of the session"));
  }
  if (has(kFieldNumber)) shape.add(count_key("number", f.number, 0, kMostNumber, "counts"));
  if (has(kFieldMask)) shape.add(count_key("mask", f.mask, 0, kMostNumber, "received beyond it"));
  if (has(kFieldNode)) shape.add(count_key("node", t.node, 0, ~uint32_t{0}, "to be avoided"));
  if (has(kFieldBase)) shape.add(count_key("base", f.base, 0, kMostNumber, "lowest not accepted"));
  if (has(kFieldList)) {
    shape.add(object_list_key("cursors", t.cursors, cursor_shape, "last positions shown"));
    shape.add(flag_key("forgotten", t.forgotten, "the device has no cursors of its own"));
  }
  if (has(kFieldConversation)) add_place(shape, t.place);
  if (has(kFieldKind)) shape.add(choice_key("kind", f.entry.kind, kKinds, "of the entry"));
  if (has(kFieldClientSeq)) {
    shape.add(count_key("id", f.entry.client_seq, 1, kMostNumber, "rises by one").require());
  }
  if (has(kFieldSubject)) shape.add(user_or_id_key("subject", t.subject, "who joins or leaves"));
  if (has(kFieldPayload)) {
    shape.add(text_key("text", t.text, "the message; or base64"));
    shape.add(text_key("base64", t.base64, "the message, of any bytes"));
  }
  shape.check = [&t, fields](const JsonValue& value, ShapeReader& reader) {
    if ((fields & kFieldConversation) != 0) check_place(value, reader);
    if (t.base64.empty()) return;
    const auto bytes = from_base64(t.base64);
    if (!bytes || !t.text.empty()) {
      return reader.error(value, "base64 is padded with '=' and stands without text");
    }
    t.text = *bytes;
  };
  return shape;
}

Payload cursors_of(const std::vector<Talk>& places, UserId self, BlobPool& pool) {
  std::vector<Cursor> cursors;
  for (const Talk& p : places) cursors.push_back({p.conversation(self), {p.epoch, p.seq}});
  return cursors.empty() ? Payload{} : pool.copy_list<Cursor>(cursors);
}

bool read_with(const Shape& shape, JsonValue value, std::string& trouble) {
  std::erase_if(value.members, [](const JsonMember& member) { return member.key == "type"; });
  Diagnostics diagnostics({"message"});
  ShapeReader reader(diagnostics);
  read_shape(shape, value, reader);
  const std::vector<Diagnostic> mistakes = diagnostics.take();
  if (!mistakes.empty()) trouble = mistakes.front().pointer + " " + mistakes.front().message;
  return mistakes.empty();
}

void put_control(ByteBuffer& out, uint8_t type, const ByteBuffer& body) {
  std::byte header[kWireHeaderBytes];
  put_header({kSerializerControl, type, 0, 0, static_cast<uint32_t>(body.size())}, header);
  out.insert(out.end(), header, header + kWireHeaderBytes);
  out.insert(out.end(), body.begin(), body.end());
}

bool read_greeting(const JsonValue& value, ByteBuffer& messages, std::string& trouble) {
  Greeting greeting;
  Shape shape;
  shape.add(name_key("name", greeting.name, "of the user"));
  shape.add(text_key("proof", greeting.proof, "a pass at a router, a token at a node"));
  if (!read_with(shape, value, trouble)) return false;
  put_control(messages, kControlGreeting, control_body(greeting));
  return true;
}

bool read_query(const JsonValue& value, ByteBuffer& messages, std::string& trouble) {
  UsersQuery query;
  std::string user;
  Shape shape;
  shape.add(count_key("number", query.number, 0, ~uint32_t{0}, "returned with the answer"));
  shape.add(flag_key("online", query.online_only, "only those with a session"));
  shape.add(text_key("prefix", query.prefix, "of the name"));
  shape.add(user_or_id_key("id", user, "this one alone"));
  shape.add(count_key("limit", query.limit, 1, 1000, "at most so many"));
  if (!read_with(shape, value, trouble)) return false;
  if (!user.empty()) query.ids.push_back(*user_addressed(user));
  put_control(messages, kControlUsersQuery, control_body(query));
  return true;
}

}  // namespace

bool JsonFrames::read(std::string_view text, ByteBuffer& messages) {
  if (!std::exchange(said_hello_, true)) {
    encode_hello({kWireVersion, kWireVersion, features_}, messages);
    if (features_ != 0) put_control(messages, kControlAgreed, {});
  }
  ParsedJson parsed = parse_json(text);
  if (!parsed.problems.empty()) {
    trouble_ = parsed.problems.front().message;
    return false;
  }
  const JsonValue* named = parsed.value->find("type");
  const std::string type = named == nullptr ? std::string() : named->text;
  if (type == "greeting") return read_greeting(*parsed.value, messages, trouble_);
  if (type == "users") return read_query(*parsed.value, messages, trouble_);
  const auto known = std::find_if(std::begin(kOfClients), std::end(kOfClients),
                                  [&type](FrameType t) { return to_string(t) == type; });
  if (known == std::end(kOfClients)) {
    trouble_ =
        "type is " + in_quotes(type) + ", expected greeting, login, bind, send, ack, ping or users";
    return false;
  }
  Frame frame;
  frame.type = *known;
  FrameText words;
  if (!read_with(frame_shape(frame, words), *parsed.value, trouble_)) return false;
  if (!words.user.empty()) self_ = frame.user = *user_addressed(words.user);
  frame.node = NodeId{words.node};
  if (!words.subject.empty()) frame.entry.subject = *user_addressed(words.subject);
  if (frame.type == FrameType::send) frame.entry.conversation = words.place.conversation(self_);
  if (frame.type == FrameType::bind) {
    frame.flags = words.forgotten ? kFlagNoCursors : 0;
    if (words.cursors.size() > kMaxListBytes / sizeof(Cursor)) words.cursors.clear();
    frame.list = cursors_of(words.cursors, self_, pool_);
  }
  if (words.text.size() > kMaxPayloadBytes) {
    trouble_ = "a message has at most " + std::to_string(kMaxPayloadBytes) + " bytes";
    return false;
  }
  frame.entry.payload = pool_.copy(std::as_bytes(std::span(words.text)));
  encode(frame, 0, messages, features_);
  return true;
}

// ---- writing -----------------------------------------------------------------------------------

namespace {

void add_conversation(JsonValue& out, const ConversationId& c, UserId self) {
  if (c.is_group()) {
    out.add("group", number_of(c.lo));
  } else {
    out.add("with", user_of(c.has_party(self) ? c.other(self) : UserId{c.hi}));
  }
}

void add_payload(JsonValue& out, const Payload& payload) {
  const std::span<const std::byte> bytes = payload.bytes();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const bool plain = is_utf8(text);
  out.add(plain ? "text" : "base64",
          JsonValue::make_string(plain ? std::string(text) : to_base64(text)));
}

JsonValue json_of(const Frame& f, UserId self) {
  const uint32_t fields = frame_fields(f.type);
  JsonValue out = JsonValue::make_object();
  const auto word = [&out](const char* key, std::string_view text) {
    out.add(key, JsonValue::make_string(text));
  };
  word("type", to_string(f.type));
  if ((fields & kFieldVia) != 0) word("via", kVias[static_cast<size_t>(f.via)].name);
  if ((fields & kFieldReason) != 0) word("reason", to_string(f.reason));
  if ((fields & kFieldDevice) != 0) out.add("device", number_of(f.device));
  if ((fields & kFieldNode) != 0 && f.node != kNoNode) out.add("node", number_of(f.node.value));
  if ((fields & kFieldUser) != 0) out.add("user", user_of(f.user));
  if ((fields & kFieldNumber) != 0) out.add("number", number_of(f.number));
  if ((fields & kFieldGeneration) != 0) out.add("generation", number_of(f.generation));
  if ((fields & kFieldIncarnation) != 0) out.add("incarnation", number_of(f.incarnation));
  if ((fields & kFieldBase) != 0) out.add("base", number_of(f.base));
  if ((fields & kFieldConversation) != 0) add_conversation(out, f.entry.conversation, self);
  if ((fields & kFieldPosition) != 0) {
    out.add("epoch", number_of(f.entry.position.epoch));
    out.add("seq", number_of(f.entry.position.seq));
  }
  if ((fields & kFieldKind) != 0) word("kind", kKinds[static_cast<size_t>(f.entry.kind)].name);
  if ((fields & kFieldSender) != 0) {
    out.add("sender", user_of(f.entry.sender));
    out.add("sender_device", number_of(f.entry.sender_device));
  }
  if ((fields & kFieldClientSeq) != 0) out.add("id", number_of(f.entry.client_seq));
  if ((fields & kFieldSubject) != 0 && f.entry.kind != EntryKind::message) {
    out.add("subject", user_of(f.entry.subject));
  }
  if ((fields & kFieldPayload) != 0) add_payload(out, f.entry.payload);
  return out;
}

JsonValue json_of(const UsersAnswer& answer) {
  JsonValue out = JsonValue::make_object();
  out.add("type", JsonValue::make_string("users"));
  out.add("number", number_of(answer.number));
  out.add("known", JsonValue::make_bool(answer.known));
  out.add("more", JsonValue::make_bool(answer.more));
  JsonValue& users = out.add("users", JsonValue::make_array());
  for (const KnownUser& user : answer.users) {
    JsonValue& item = users.items.emplace_back(JsonValue::make_object());
    item.add("id", user_of(user.id));
    if (is_user_name(user.name)) item.add("name", JsonValue::make_string(user.name));
    item.add("online", JsonValue::make_bool(user.online));
  }
  return out;
}

// Absent: nothing that a client has to do with.
JsonValue json_of_control(uint8_t type, std::span<const std::byte> body) {
  JsonValue out = JsonValue::make_object();
  const auto word = [&out](const char* key, std::string_view text) {
    out.add(key, JsonValue::make_string(is_utf8(text) ? text : std::string_view("?")));
  };
  if (type == kControlRefusal) {
    const auto refusal = read_control<Refusal>(body);
    if (!refusal) return {};
    word("type", "refusal");
    word("reason", to_string(refusal->reason));
    word("text", refusal->text);
    return out;
  }
  if (type == kControlPlace) {
    const auto place = read_control<PlaceNotice>(body);
    if (!place) return {};
    word("type", "place");
    out.add("node", number_of(place->node.value));
    word("address", place->client);
    if (!place->token.empty()) word("token", place->token);
    return out;
  }
  const auto users = type == kControlUsersAnswer ? read_control<UsersAnswer>(body) : std::nullopt;
  return users ? json_of(*users) : JsonValue{};
}

}  // namespace

void JsonFrames::write(std::span<const std::byte> messages,
                       const std::function<void(std::string_view)>& each) {
  while (!messages.empty()) {
    WireHeader header;
    if (read_header(messages, header) != WireError::none) return;
    const size_t size = kWireHeaderBytes + header.body_size;
    if (messages.size() < size) return;
    const std::span<const std::byte> one = messages.first(size);
    messages = messages.subspan(size);
    JsonValue json;
    Frame frame;
    if (header.serializer == kSerializerControl) {
      json = json_of_control(header.type, one.subspan(kWireHeaderBytes));
    } else if (decode(one, frame, pool_, features_).status == ReadStatus::frame &&
               frame.type != FrameType::hello) {
      json = json_of(frame, self_);
    }
    if (!json.is(JsonValue::Kind::absent)) each(json_line(json));
  }
}

}  // namespace imroute::cluster
