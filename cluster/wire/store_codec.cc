#include "cluster/wire/store_codec.h"

#include <utility>

#include "cluster/wire/control.h"

namespace imroute {

// In the namespace of what they describe, where an archive finds them.
constexpr DirectoryOpKind last_of(DirectoryOpKind) { return DirectoryOpKind::check; }
constexpr DirectoryResult last_of(DirectoryResult) { return DirectoryResult::mismatch; }
constexpr MailboxOpKind last_of(MailboxOpKind) { return MailboxOpKind::members; }
constexpr MailboxResult last_of(MailboxResult) { return MailboxResult::reset; }
constexpr RegistryOpKind last_of(RegistryOpKind) { return RegistryOpKind::raise_epoch; }
constexpr ReplyStatus last_of(ReplyStatus) { return ReplyStatus::unknown; }
constexpr ClientType last_of(ClientType) { return ClientType::pad; }
constexpr ConnectState last_of(ConnectState) { return ConnectState::offline; }
constexpr LoginPolicy last_of(LoginPolicy) { return LoginPolicy::all; }
constexpr EntryKind last_of(EntryKind) { return EntryKind::leave; }

template <class A>
void fields(A& a, DeviceKey& k) {
  a(k.user, k.device);
}
template <class A>
void fields(A& a, ConversationId& c) {
  a(c.hi, c.lo);
}
template <class A>
void fields(A& a, Position& p) {
  a(p.epoch, p.seq);
}
template <class A>
void fields(A& a, Entry& e) {
  a(e.conversation, e.position, e.kind, e.sender, e.sender_device, e.client_seq, e.subject,
    e.payload);
}
template <class A>
void fields(A& a, Cursor& c) {
  a(c.conversation, c.position);
}

// ---- directory
template <class A>
void fields(A& a, DeviceRow& r) {
  a(r.device, r.app, r.client_version, r.client_type, r.state, r.node, r.incarnation, r.link,
    r.generation);
}
template <class A>
void fields(A& a, UserRecord& r) {
  a(r.user, r.version, r.rows);
}
template <class A>
void fields(A& a, SessionClaim& c) {
  a(c.key, c.generation, c.incarnation, c.version);
}
template <class A>
void fields(A& a, SessionVerdict& v) {
  a(v.key, v.claimed_generation, v.missing, v.current_generation, v.outdated);
}
template <class A>
void fields(A& a, DirectoryOp& o) {
  a(o.kind, o.user, o.row, o.seen_generation, o.policy, o.users, o.claims);
}
template <class A>
void fields(A& a, DirectoryReply& r) {
  a(r.kind, r.result, r.identity, r.generation, r.record, r.losers, r.records, r.verdicts);
}

// ---- mailbox
template <class A>
void fields(A& a, CompareItem& i) {
  a(i.conversation, i.user, i.known, i.index_version);
}
template <class A>
void fields(A& a, ConversationState& s) {
  a(s.conversation, s.head, s.cursor, s.member);
}
template <class A>
void fields(A& a, CursorUpdate& u) {
  a(u.key, u.cursor);
}
template <class A>
void fields(A& a, MailboxOp& o) {
  a(o.kind, o.identity, o.epoch, o.entry, o.base, o.members_version, o.key, o.from, o.limit,
    o.known, o.updates);
}
template <class A>
void fields(A& a, MailboxReply& r) {
  a(r.kind, r.result, r.identity, r.position, r.next, r.head, r.expected, r.skipped,
    r.members_version, r.index_version, r.first_bind, r.member, r.entries, r.members,
    r.conversations, r.ahead);
}

// ---- registry
template <class A>
void fields(A& a, Member& m) {
  a(m.node, m.weight, m.incarnation, m.draining);
}
template <class A>
void fields(A& a, ClusterView& v) {
  a(v.version, v.members);
}
template <class A>
void fields(A& a, RegistryOp& o) {
  a(o.kind, o.session, o.identity, o.weight, o.draining);
}
template <class A>
void fields(A& a, RegistryReply& r) {
  a(r.kind, r.session, r.incarnation, r.epoch, r.view);
}

namespace cluster {
namespace {

// Which of the three, then it.
template <class... T>
void write_variant(Writer& out, const std::variant<T...>& value) {
  out(static_cast<uint32_t>(value.index()));
  std::visit([&out](const auto& v) { out(v); }, value);
}
template <size_t I = 0, class... T>
void read_variant(Reader& in, uint32_t index, std::variant<T...>& value) {
  if constexpr (I < sizeof...(T)) {
    if (index != I) return read_variant<I + 1>(in, index, value);
    in(value.template emplace<I>());
  } else {
    in.fail();
  }
}

}  // namespace

ByteBuffer encode_request(const StoreRequest& request) {
  ByteBuffer out;
  Writer writer(out);
  writer(request.number);
  write_variant(writer, request.op);
  return out;
}

bool decode_request(std::span<const std::byte> body, BlobPool& pool, StoreRequest& request) {
  Reader reader(body, pool);
  uint32_t which = 0;
  reader(request.number, which);
  read_variant(reader, which, request.op);
  return reader.done();
}

ByteBuffer encode_response(const StoreResponse& response) {
  ByteBuffer out;
  Writer writer(out);
  writer(response.number, response.status);
  if (response.status != ReplyStatus::ok) return out;
  write_variant(writer, response.reply);
  writer(response.places);
  return out;
}

bool decode_response(std::span<const std::byte> body, BlobPool& pool, StoreResponse& response) {
  Reader reader(body, pool);
  reader(response.number, response.status);
  if (!reader.good() || response.status != ReplyStatus::ok) return reader.done();
  uint32_t which = 0;
  reader(which);
  read_variant(reader, which, response.reply);
  reader(response.places);
  return reader.done();
}

}  // namespace cluster
}  // namespace imroute
