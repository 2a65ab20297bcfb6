// The way to a session and out of it: routers with failover, jittered backoff, bind, heartbeats and
// the client's own lease, relocation, kicks.
#include <algorithm>
#include <cstddef>
#include <cstring>

#include "core/base/hash.h"
#include "core/base/planted.h"
#include "core/client/client_state.h"
#include "core/model/limits.h"

namespace imroute {
namespace {

// Reasons after which a client that logs in again by itself would start a kick war.
bool ends_session(Reason reason) {
  return reason == Reason::superseded || reason == Reason::kicked;
}

constexpr uint32_t kMaxDoublings = 16;
constexpr uint64_t kSeqsPerGeneration = uint64_t{1} << 20;  // entries of one life in a conversation

}  // namespace

// Uniform in [backoff_min, backoff_min * 2^(attempt + 1)], at most backoff_max.
DurationNs Client::State::backoff(uint32_t attempt) {
  const DurationNs grown = backoff_min << std::min(attempt + 1, kMaxDoublings);
  return rng.between(backoff_min, std::max(backoff_min, std::min(grown, backoff_max)));
}

void Client::State::go_online(Now now, Effects& out) {
  if (session == SessionPhase::none && login == LoginPhase::idle) start_attempt(now, out);
}

void Client::State::stop(Now, Effects& out) {
  cancel_login(out);
  end_session(out, true, Reason::cancelled);
}

void Client::State::relocate(Now now, Effects& out) {
  if (bound()) avoid = session_node;
  // The session, if there is one, goes on until LOGIN_OK. One still being bound is kept: it is new.
  const bool under_way = login == LoginPhase::dialling || login == LoginPhase::asking ||
                         session == SessionPhase::dialling || session == SessionPhase::binding;
  if (!under_way) start_attempt(now, out);
}

// Begins anywhere, and goes round while it fails, so that the one router that can help is found
// after each of the others was tried once. Half of the clients go one way and half the other: the
// neighbours of a dead router share what it leaves.
uint32_t Client::State::choose_router() {
  if (attempts == 0) return static_cast<uint32_t>(rng.below(routers));
  if (!router_failed) return router;
  const bool upward = (mix64(key.user.value, key.device) & 1) != 0;
  return (router + (upward ? 1 : routers - 1)) % routers;
}

void Client::State::start_attempt(Now now, Effects& out) {
  router = choose_router();
  router_failed = false;
  login = LoginPhase::dialling;
  login_deadline = now.mono_ns + send_timeout;
  out.push(Connect{router_address()});
}

void Client::State::fail_attempt(Now now, Effects& out, bool close, Reason reason) {
  if (close) out.push(ClosePeer{router_address(), reason});
  router_failed = true;
  schedule_login(now);
}

void Client::State::schedule_login(Now now) {
  ++reconnects;
  login = LoginPhase::waiting;
  login_deadline = now.mono_ns + backoff(attempts);
  ++attempts;
}

void Client::State::cancel_login(Effects& out) {
  if (login == LoginPhase::dialling || login == LoginPhase::asking) {
    out.push(ClosePeer{router_address(), Reason::cancelled});
  }
  login = LoginPhase::idle;
  login_deadline = kNever;
}

void Client::State::on_peer_up(Now now, Address peer, Effects& out) {
  if (login == LoginPhase::dialling && peer == router_address()) {
    send_login(now, out);
  } else if (session == SessionPhase::dialling && peer == node_address()) {
    send_bind(now, out);
  }
}

void Client::State::on_peer_down(Now now, Address peer, Reason reason, Effects& out) {
  if (session != SessionPhase::none && peer == node_address()) {
    lose_session(now, out, false, reason);
  } else if ((login == LoginPhase::dialling || login == LoginPhase::asking) &&
             peer == router_address()) {
    fail_attempt(now, out, false, reason);
  }
}

void Client::State::send_login(Now now, Effects& out) {
  Frame frame;
  frame.type = FrameType::login;
  frame.user = key.user;
  frame.device = key.device;
  frame.client_type = client_type;
  frame.generation = highest_generation;
  frame.node = avoid;
  frame.nodes = unreachable;
  frame.number = ++login_number;
  login = LoginPhase::asking;
  login_deadline = now.mono_ns + send_timeout;
  out.push(SendPeer{router_address(), std::move(frame)});
}

void Client::State::on_login_ok(Now now, const Frame& frame, Effects& out) {
  out.push(ClosePeer{router_address(), Reason::none});
  login = LoginPhase::idle;
  login_deadline = kNever;
  highest_generation = std::max(highest_generation, frame.generation);
  end_session(out, true, Reason::none);  // relocating: the old one served until here
  session_node = frame.node;
  session_generation = frame.generation;
  router_failed = unreachable.contains(frame.node);  // it knows of no better one
  session = SessionPhase::dialling;
  session_deadline = now.mono_ns + send_timeout;
  out.push(Connect{node_address()});
}

// The positions shown, for the node to go on after. Built byte by byte over zeroes: the gaps of the
// structure go over the wire too, and must be the same everywhere.
Payload Client::State::cursor_list() {
  size_t count = 0;
  for (const Conversation& c : conversations) count += c.cursor() == Position{} ? 0 : 1;
  count = std::min<size_t>(count, kMaxListBytes / sizeof(Cursor));
  Payload list = pool.make(count * sizeof(Cursor));
  if (count == 0) return list;
  std::byte* at = list.writable().data();
  std::memset(at, 0, list.size());
  for (const Conversation& c : conversations) {
    if (c.cursor() == Position{}) continue;
    if (count-- == 0) break;  // the node has stored cursors for the rest
    std::memcpy(at + offsetof(Cursor, conversation), &c.id, sizeof c.id);
    const uint64_t seq = c.cursor_seq + (IM_PLANTED(bind_cursor_off_by_one) ? 1 : 0);
    std::byte* const position = at + offsetof(Cursor, position);
    std::memcpy(position + offsetof(Position, epoch), &c.cursor_epoch, sizeof c.cursor_epoch);
    std::memcpy(position + offsetof(Position, seq), &seq, sizeof seq);
    at += sizeof(Cursor);
  }
  return list;
}

void Client::State::send_bind(Now now, Effects& out) {
  Frame frame;
  frame.type = FrameType::bind;
  frame.user = key.user;
  frame.device = key.device;
  frame.client_type = client_type;
  frame.generation = session_generation;
  if (!has_memory) frame.flags = kFlagNoCursors;
  if (!at_most_once) frame.list = cursor_list();
  session = SessionPhase::binding;
  session_deadline = now.mono_ns + send_timeout;
  bind_sent_at = now.mono_ns;
  out.push(SendPeer{node_address(), std::move(frame)});
}

void Client::State::on_bound(Now now, const Frame& frame, Effects& out) {
  if (frame.generation != session_generation) {
    ++protocol_errors;
    return;
  }
  answered_at = bind_sent_at;
  if (lease_expired(now)) return lose_session(now, out, true, Reason::lease_lost);
  session = SessionPhase::bound;
  if (!has_memory) number_from(frame.generation);
  if (IM_PLANTED(client_seq_reused)) {
    for (Conversation& c : conversations) c.last_seq -= c.last_seq > first_seq ? 1 : 0;
  }
  has_memory = true;
  attempts = 0;
  avoid = kNoNode;
  unreachable.clear();
  last_ping = 0;
  session_deadline = now.mono_ns + client_heartbeat;
  ack_number = 0;
  ack_mask = 0;
  Notify notice;
  notice.kind = NoticeKind::online;
  notice.node = session_node;
  notice.generation = session_generation;
  out.push(std::move(notice));
  trace(out, TraceKind::online, Reason::none, nullptr);
  resend_all(now, out);
}

// The first bind of this memory. A device that was reinstalled has forgotten its client_seqs, and
// the store takes what is not higher for a repetition: so they begin above what an earlier life, of
// a lower generation, can have used or have under way. Nothing was sent yet.
void Client::State::number_from(uint64_t generation) {
  first_seq = (generation - 1) * kSeqsPerGeneration;
  for (Conversation& conversation : conversations) conversation.last_seq += first_seq;
  for (Outgoing& item : outbox) item.client_seq += first_seq;
}

void Client::State::on_bind_refused(Now now, const Frame& frame, Effects& out) {
  if (ends_session(frame.reason)) {
    give_up(out, frame.reason);
  } else {
    lose_session(now, out, true, frame.reason);
  }
}

void Client::State::on_kick(Now now, const Frame& frame, Effects& out) {
  if (ends_session(frame.reason) && !IM_PLANTED(kick_war)) {
    trace(out, TraceKind::kicked, frame.reason, nullptr);
    give_up(out, frame.reason);
  } else {
    avoid = session_node;
    lose_session(now, out, true, frame.reason);
  }
}

// The node will close; until then it serves. Spread over a while: it says so to all its clients.
void Client::State::on_go_away(Now now) {
  avoid = session_node;
  if (login != LoginPhase::idle) return;
  login = LoginPhase::waiting;
  login_deadline = now.mono_ns + rng.between(0, 2 * backoff_min);
}

void Client::State::send_ping(Now now, Effects& out) {
  last_ping = static_cast<uint64_t>((now.mono_ns - bind_sent_at) / kMicrosecond);
  session_deadline = now.mono_ns + client_heartbeat;
  if (IM_PLANTED(client_lease_unanswered)) answered_at = now.mono_ns;
  Frame frame;
  frame.type = FrameType::ping;
  frame.number = last_ping;
  out.push(SendPeer{node_address(), std::move(frame)});
}

void Client::State::on_pong(const Frame& frame) {
  if (frame.number > last_ping) {
    ++protocol_errors;
    return;
  }
  const MonoTime sent = bind_sent_at + static_cast<DurationNs>(frame.number) * kMicrosecond;
  answered_at = std::max(answered_at, sent);
}

void Client::State::end_session(Effects& out, bool close, Reason reason) {
  if (session == SessionPhase::none) return;
  if (close) out.push(ClosePeer{node_address(), reason});
  const bool was_bound = bound();
  session = SessionPhase::none;
  session_deadline = kNever;
  drop_in_flight(out);
  if (was_bound) {
    Notify notice;
    notice.kind = NoticeKind::offline;
    notice.reason = reason;
    notice.node = session_node;
    notice.generation = session_generation;
    out.push(std::move(notice));
    trace(out, TraceKind::offline, reason, nullptr);
  }
  session_node = kNoNode;
}

void Client::State::lose_session(Now now, Effects& out, bool close, Reason reason) {
  // One that never served, or did not answer, is not worth asking again first; one that was lost
  // with its connection is: it still knows this user.
  if (!bound()) unreachable.insert(session_node);
  if (!bound() || reason == Reason::lease_lost) avoid = session_node;
  end_session(out, close, reason);
  if (login == LoginPhase::idle) schedule_login(now);
}

void Client::State::give_up(Effects& out, Reason reason) {
  cancel_login(out);
  const bool was_bound = bound();
  end_session(out, true, reason);
  if (was_bound) return;
  Notify notice;  // the application must know that nothing will happen by itself
  notice.kind = NoticeKind::offline;
  notice.reason = reason;
  notice.generation = session_generation;
  out.push(std::move(notice));
  trace(out, TraceKind::offline, reason, nullptr);
}

}  // namespace imroute
