// Dispatcher, deadlines and what others may look at. The flows are in login.cc, outbox.cc,
// inbox.cc and unordered.cc.
#include "core/client/client.h"

#include <algorithm>
#include <type_traits>
#include <variant>

#include "core/base/hash.h"
#include "core/client/client_state.h"

namespace imroute {

Client::State::State(const ClientConfig& config, BlobPool& blob_pool)
    : pool(blob_pool),
      key(config.key),
      client_lease(config.sessions.client_lease()),
      client_heartbeat(std::max<DurationNs>(config.sessions.client_heartbeat(), 1)),
      backoff_min(config.sessions.backoff_min_ns),
      backoff_max(config.sessions.backoff_max_ns),
      send_timeout(config.delivery.send_timeout_ns),
      routers(std::max(config.routers, 1u)),
      outbox_limit(config.outbox),
      client_type(config.client_type),
      at_most_once(config.delivery.guarantee == Guarantee::at_most_once),
      unordered(config.delivery.order == Order::none),
      dedup(config.delivery.dedup),
      rng(Rng::stream(config.seed, "client", mix64(config.key.user.value, config.key.device))) {}

void Client::State::on_frame(Now now, Address peer, const Frame& frame, Effects& out) {
  if (session != SessionPhase::none && peer == node_address()) {
    on_node_frame(now, frame, out);
    return;
  }
  const bool expected = login == LoginPhase::asking && peer == router_address() &&
                        frame.user == key.user && frame.device == key.device &&
                        frame.number == login_number;
  if (expected && frame.type == FrameType::login_ok && frame.node != kNoNode) {
    on_login_ok(now, frame, out);
  } else if (expected && frame.type == FrameType::login_refused) {
    fail_attempt(now, out, true, frame.reason);
  } else {
    ++protocol_errors;
  }
}

void Client::State::on_node_frame(Now now, const Frame& frame, Effects& out) {
  if (frame.type == FrameType::kick) return on_kick(now, frame, out);
  if (session == SessionPhase::binding && frame.type == FrameType::bound) {
    return on_bound(now, frame, out);
  }
  if (session == SessionPhase::binding && frame.type == FrameType::bind_refused) {
    return on_bind_refused(now, frame, out);
  }
  if (!bound()) {
    ++protocol_errors;
    return;
  }
  if (frame.type == FrameType::pong) on_pong(frame);
  if (lease_expired(now)) {
    // A pause hid that the node may have given the session up: another one may serve it by now.
    if (frame.type == FrameType::deliver) ++lease_drops;
    return lose_session(now, out, true, Reason::lease_lost);
  }
  switch (frame.type) {
    case FrameType::pong:
      return;
    case FrameType::deliver:
      return on_deliver(now, frame, out);
    case FrameType::accepted:
      return on_accepted(now, frame, out);
    case FrameType::refused:
      return on_refused(now, frame, out);
    case FrameType::rewind:
      return on_rewind(frame, out);
    case FrameType::reset_cursor:
      return on_reset(frame, out);
    case FrameType::go_away:
      return on_go_away(now);
    default:
      ++protocol_errors;
  }
}

void Client::State::on_command(Now now, const Command& command, Effects& out) {
  switch (command.kind) {
    case CommandKind::start:
      return go_online(now, out);
    case CommandKind::stop:
      return stop(now, out);
    case CommandKind::relocate:
      return relocate(now, out);
    case CommandKind::send:
    case CommandKind::join:
    case CommandKind::leave:
    case CommandKind::create:
      return enqueue(now, command, out);
    case CommandKind::drain:
    case CommandKind::perturb:
      ++protocol_errors;
  }
}

void Client::State::run_deadlines(Now now, Effects& out) {
  if (login_deadline <= now.mono_ns) {
    if (login == LoginPhase::waiting) {
      start_attempt(now, out);
    } else {
      fail_attempt(now, out, true, Reason::timeout);
    }
  }
  if (session == SessionPhase::none) return;
  if (!bound()) {
    if (session_deadline <= now.mono_ns) lose_session(now, out, true, Reason::timeout);
    return;
  }
  if (lease_expired(now)) return lose_session(now, out, true, Reason::lease_lost);
  if (session_deadline <= now.mono_ns) send_ping(now, out);
  if (repeat_at <= now.mono_ns) repeat_due(now, out);
}

void Client::State::trace(Effects& out, TraceKind kind, Reason reason, const Frame* frame) const {
  if (!out.tracing()) return;
  TraceRecord record;
  record.kind = kind;
  record.reason = reason;
  record.node = session_node;
  record.user = key.user;
  record.device = key.device;
  record.value = session_generation;
  if (frame != nullptr) {
    record.via = frame->via;
    record.conversation = frame->entry.conversation;
    record.position = frame->entry.position;
    record.sender = frame->entry.sender;
    record.client_seq = frame->entry.client_seq;
    record.value = frame->number;
  }
  out.trace(record);
}

Client::Client(const ClientConfig& config, BlobPool& pool)
    : state_(std::make_unique<State>(config, pool)) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;

void Client::step(Now now, const Event& event, Effects& out) noexcept {
  State& s = *state_;
  ++s.steps;
  std::visit(
      [&](const auto& e) {
        using T = std::decay_t<decltype(e)>;
        if constexpr (std::is_same_v<T, PeerUp>) {
          s.on_peer_up(now, e.peer, out);
        } else if constexpr (std::is_same_v<T, PeerFrame>) {
          s.on_frame(now, e.peer, e.frame, out);
        } else if constexpr (std::is_same_v<T, PeerDown>) {
          s.on_peer_down(now, e.peer, e.reason, out);
        } else if constexpr (std::is_same_v<T, Command>) {
          s.on_command(now, e, out);
        } else if constexpr (!std::is_same_v<T, Wake>) {
          ++s.protocol_errors;
        }
      },
      event);
  s.run_deadlines(now, out);
}

MonoTime Client::next_deadline() const {
  const State& s = *state_;
  MonoTime next = std::min(s.login_deadline, s.session_deadline);
  if (s.bound()) next = std::min({next, s.answered_at + s.client_lease, s.repeat_at});
  return next;
}

uint64_t Client::digest() const {
  const State& s = *state_;
  Digest d;
  d.add(static_cast<uint64_t>(s.login) << 8 | static_cast<uint64_t>(s.session));
  d.add((s.router_failed ? 1u : 0u) | (s.has_memory ? 2u : 0u));
  for (const uint64_t v :
       {uint64_t{s.router}, uint64_t{s.attempts}, s.login_number, uint64_t{s.avoid.value},
        uint64_t{s.session_node.value}, s.highest_generation, s.session_generation, s.last_ping,
        s.ack_number, s.ack_mask}) {
    d.add(v);
  }
  for (const NodeId node : s.unreachable) d.add(node.value);
  for (const MonoTime t :
       {s.login_deadline, s.session_deadline, s.bind_sent_at, s.answered_at, s.repeat_at}) {
    d.add(static_cast<uint64_t>(t));
  }
  for (const State::Conversation& c : s.conversations) {
    for (const uint64_t v : {c.id.hi, c.id.lo, c.cursor_seq, uint64_t{c.cursor_epoch},
                             uint64_t{c.sender_device}, c.shown, c.last_seq}) {
      d.add(v);
    }
  }
  for (const State::Sender& x : s.senders) {
    for (const uint64_t v : {x.conversation.hi, x.conversation.lo, x.key.user.value,
                             uint64_t{x.key.device}, x.shown}) {
      d.add(v);
    }
  }
  for (const State::Ahead& a : s.ahead) {
    for (const uint64_t v : {a.conversation.hi, a.conversation.lo, a.sender.user.value,
                             uint64_t{a.sender.device}, a.client_seq, a.seq, uint64_t{a.epoch}}) {
      d.add(v);
    }
  }
  for (const State::Outgoing& o : s.outbox) {
    for (const uint64_t v : {o.conversation.hi, o.conversation.lo, hash_bytes(o.payload.bytes()),
                             o.tag, o.client_seq, static_cast<uint64_t>(o.deadline)}) {
      d.add(v);
    }
    d.add(static_cast<uint64_t>(o.kind) << 24 | static_cast<uint64_t>(o.phase) << 16 |
          static_cast<uint64_t>(o.tries) << 8 | (o.repeat ? 1u : 0u));
  }
  d.add(Rng(s.rng).next());  // a copy: where its randomness stands
  return d.value();
}

Counters Client::counters() const {
  const State& s = *state_;
  Counters c;
  c.steps = s.steps;
  c.shown = s.shown;
  c.duplicates_hidden = s.duplicates_hidden;
  c.drops_stale = s.drops_stale;
  c.lease_drops = s.lease_drops;
  c.sends_repeated = s.sends_repeated;
  c.reconnects = s.reconnects;
  c.protocol_errors = s.protocol_errors;
  return c;
}

bool Client::online() const { return state_->bound(); }
NodeId Client::node() const { return state_->bound() ? state_->session_node : kNoNode; }
uint64_t Client::generation() const {
  return state_->bound() ? state_->session_generation : state_->highest_generation;
}
uint32_t Client::open_sends() const { return static_cast<uint32_t>(state_->outbox.size()); }

}  // namespace imroute
