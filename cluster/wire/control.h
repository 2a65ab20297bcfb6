// Messages between processes that are no business of the core: who is calling, where a node is,
// operations on stores that another process holds, names of users. They travel in the header of the
// frames (core/wire/codec.h) under serializer 1, on the same connections, in order with them.
//
//   agreed      its sender has heard the other's HELLO: from here on its frames have the features
//               that both have (cluster/net/accord.h); for the link itself
//   greeting    after HELLO the first on every connection, from who dialled; answered with one
//   refusal     before a close: why
//   place       router to client, before the LOGIN_OK that names the node: where that is, and what
//               to show there
//   store_op, store_reply, view_changed
//               between a node and the process that holds the stores (store_codec.h)
//   users_query, users_answer
//               client and router: who is online, what an id's name is
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/store/store.h"
#include "cluster/wire/archive.h"

namespace imroute {
constexpr Reason last_of(Reason) { return Reason::cancelled; }  // where an archive finds it
}  // namespace imroute

namespace imroute::cluster {

inline constexpr uint8_t kSerializerControl = 1;

enum ControlType : uint8_t {
  kControlGreeting = 1,
  kControlRefusal,
  kControlPlace,
  kControlStoreOp,
  kControlStoreReply,
  kControlViewChanged,
  kControlUsersQuery,
  kControlUsersAnswer,
  kControlAgreed,
};

enum class CallerKind : uint8_t { client, node, router, store_user };
constexpr CallerKind last_of(CallerKind) { return CallerKind::store_user; }

struct Greeting {
  CallerKind kind = CallerKind::client;
  uint32_t index = 0;  // of a server
  std::string name;    // of a user
  ServerPlace place;   // of a server: how others reach it
  std::string proof;   // of a user: a pass at a router, a token at a node
};
template <class Archive>
void fields(Archive& a, ServerPlace& p) {
  a(p.client, p.peer);
}
template <class Archive>
void fields(Archive& a, Greeting& h) {
  a(h.kind, h.index, h.name, h.place, h.proof);
}

struct Refusal {
  Reason reason = Reason::none;
  std::string text;
};
template <class Archive>
void fields(Archive& a, Refusal& r) {
  a(r.reason, r.text);
}

struct PlaceNotice {
  NodeId node;
  std::string client;
  std::string token;
};
template <class Archive>
void fields(Archive& a, PlaceNotice& p) {
  a(p.node, p.client, p.token);
}

struct UsersQuery {
  uint32_t number = 0;  // returned with the answer
  bool online_only = false;
  std::string prefix;
  std::vector<UserId> ids;  // when given: these, whatever their names
  uint32_t limit = 100;
  bool groups = false;             // about groups: `ids` are their numbers, none is online
  std::vector<std::string> learn;  // names in use, for those who will ask; of groups only
};
template <class Archive>
void fields(Archive& a, UsersQuery& q) {
  a(q.number, q.online_only, q.prefix, q.ids, q.limit, q.groups, q.learn);
}

struct KnownUser {
  UserId id;
  std::string name;
  bool online = false;
};
template <class Archive>
void fields(Archive& a, KnownUser& u) {
  a(u.id, u.name, u.online);
}

struct UsersAnswer {
  uint32_t number = 0;
  bool known = false;  // false: the directory did not answer
  bool more = false;   // there are more than the limit
  std::vector<KnownUser> users;
};
template <class Archive>
void fields(Archive& a, UsersAnswer& u) {
  a(u.number, u.known, u.more, u.users);
}

template <class Message>
ByteBuffer control_body(const Message& message) {
  ByteBuffer out;
  Writer writer(out);
  writer(message);
  return out;
}
// Nothing when it is not one.
template <class Message>
std::optional<Message> read_control(std::span<const std::byte> body) {
  BlobPool none;
  Message message;
  Reader reader(body, none);
  reader(message);
  return reader.done() ? std::optional<Message>(std::move(message)) : std::nullopt;
}

inline ByteBuffer refusal_body(Reason reason, std::string_view text) {
  return control_body(Refusal{reason, std::string(text)});
}

}  // namespace imroute::cluster
