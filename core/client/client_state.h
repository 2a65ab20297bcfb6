// What a Client remembers, and its flows: login.cc (routers, node, heartbeats, leaving), outbox.cc
// (what the user sends), inbox.cc and unordered.cc (what the user is shown). A run holds a million
// of these, so the state is kept small: durations are resolved once instead of keeping the
// configuration, only counters that a client uses are stored, a conversation is 48 bytes, and
// nothing is allocated before it is needed.
//
// Login and session are two machines, since a relocation asks routers while the old session goes
// on: LoginPhase is the way to a LOGIN_OK, SessionPhase the link to a node.
#pragma once

#include <cstdint>
#include <span>
#include <tuple>
#include <vector>

#include "core/base/rng.h"
#include "core/client/client.h"

namespace imroute {

struct Client::State {
  enum class LoginPhase : uint8_t {
    idle,
    waiting,   // for login_deadline: backoff or jitter
    dialling,  // the router
    asking,    // LOGIN is sent
  };
  enum class SessionPhase : uint8_t { none, dialling, binding, bound };
  enum class SendPhase : uint8_t {
    waiting,    // never sent, or not since the connection was lost
    in_flight,  // sent, unanswered
    held,       // answered out_of_order: sent again once its predecessors are answered
    backoff,    // refused for now: sent again at its deadline
  };

  static constexpr uint32_t kNoDevice = ~uint32_t{0};

  struct Conversation {
    ConversationId id;
    uint64_t cursor_seq = 0;
    uint32_t cursor_epoch = 0;
    uint32_t sender_device = kNoDevice;  // direct: the other user's device that `shown` is about
    uint64_t shown = 0;     // highest client_seq shown of that device; order none: its floor
    uint64_t last_seq = 0;  // the last client_seq given out

    Position cursor() const { return {cursor_epoch, cursor_seq}; }
    void set_cursor(Position p) {
      cursor_epoch = p.epoch;
      cursor_seq = p.seq;
    }
  };
  static_assert(sizeof(Conversation) == 48);

  // Highest client_seq shown of a sender's device that has no place in its Conversation.
  struct Sender {
    ConversationId conversation;
    DeviceKey key;
    uint64_t shown = 0;
  };

  // Order none: shown, above the floor of its sender device (unordered.cc).
  struct Ahead {
    ConversationId conversation;
    DeviceKey sender;
    uint64_t client_seq = 0;
    uint64_t seq = 0;  // its place in the log; 0: has none any more
    uint32_t epoch = 0;

    std::tuple<ConversationId, DeviceKey, uint64_t> key() const {
      return {conversation, sender, client_seq};
    }
  };

  struct Outgoing {
    ConversationId conversation;
    Payload payload;
    uint64_t tag = 0;
    uint64_t client_seq = 0;
    MonoTime deadline = kNever;
    EntryKind kind = EntryKind::message;
    SendPhase phase = SendPhase::waiting;
    uint8_t tries = 0;  // since the session was bound
    bool repeat = false;
  };

  State(const ClientConfig& config, BlobPool& blob_pool);

  // ---- login.cc
  void go_online(Now now, Effects& out);
  void stop(Now now, Effects& out);
  void relocate(Now now, Effects& out);
  void start_attempt(Now now, Effects& out);
  uint32_t choose_router();
  void fail_attempt(Now now, Effects& out, bool close, Reason reason);
  void schedule_login(Now now);
  void cancel_login(Effects& out);
  void on_login_ok(Now now, const Frame& frame, Effects& out);
  void on_peer_up(Now now, Address peer, Effects& out);
  void on_peer_down(Now now, Address peer, Reason reason, Effects& out);
  void send_login(Now now, Effects& out);
  void send_bind(Now now, Effects& out);
  void on_bound(Now now, const Frame& frame, Effects& out);
  void number_from(uint64_t generation);
  void on_bind_refused(Now now, const Frame& frame, Effects& out);
  void on_kick(Now now, const Frame& frame, Effects& out);
  void on_go_away(Now now);
  void on_pong(const Frame& frame);
  void send_ping(Now now, Effects& out);
  // Ends the session, if any, with a notice when it was bound. Does not plan the next login.
  void end_session(Effects& out, bool close, Reason reason);
  // Ends it and logs in again after a backoff.
  void lose_session(Now now, Effects& out, bool close, Reason reason);
  void give_up(Effects& out, Reason reason);
  bool lease_expired(Now now) const { return now.mono_ns - answered_at >= client_lease; }
  DurationNs backoff(uint32_t attempt);
  Payload cursor_list();

  // ---- outbox.cc
  void enqueue(Now now, const Command& command, Effects& out);
  void on_accepted(Now now, const Frame& frame, Effects& out);
  void on_refused(Now now, const Frame& frame, Effects& out);
  void on_out_of_order(Now now, size_t index, uint64_t expected, Effects& out);
  void repeat_due(Now now, Effects& out);
  void resend_all(Now now, Effects& out);
  void drop_in_flight(Effects& out);
  // Sends what is waiting or held in a conversation, in order, up to 64 open ones.
  void send_open(Now now, const ConversationId& conversation, Effects& out);
  void transmit(Now now, Outgoing& item, uint64_t base, Effects& out);
  size_t find_outgoing(const ConversationId& conversation, uint64_t client_seq) const;
  uint64_t base_of(const ConversationId& conversation) const;
  void finish(size_t index, NoticeKind kind, Reason reason, Position position, Effects& out);
  void update_repeat_at();

  // ---- inbox.cc
  void on_deliver(Now now, const Frame& frame, Effects& out);
  bool show_sequenced(Conversation& conversation, const Entry& entry);
  bool show_unsequenced(Conversation& conversation, const Entry& entry);
  void note_number(uint64_t number);
  void send_ack(Effects& out);
  void on_rewind(const Frame& frame, Effects& out);
  void on_reset(const Frame& frame, Effects& out);
  uint64_t& shown_of(Conversation& conversation, DeviceKey sender);
  Conversation& conversation_of(const ConversationId& id);
  static DeviceKey sender_of(const Entry& entry) { return {entry.sender, entry.sender_device}; }

  // ---- unordered.cc
  bool show_unordered(Conversation& conversation, const Frame& frame);
  bool remember(const Conversation& conversation, const Entry& entry);
  void pass(Conversation& conversation, Position to);
  void forget_reached(Conversation& conversation);
  void lose_places(const ConversationId& id, uint64_t after_seq);
  std::span<Ahead> ahead_of(const ConversationId& id);

  // ---- client.cc
  void on_frame(Now now, Address peer, const Frame& frame, Effects& out);
  void on_node_frame(Now now, const Frame& frame, Effects& out);
  void on_command(Now now, const Command& command, Effects& out);
  void run_deadlines(Now now, Effects& out);
  void trace(Effects& out, TraceKind kind, Reason reason, const Frame* frame) const;

  Address router_address() const { return address_of(RouterId{router}); }
  Address node_address() const { return address_of(session_node); }
  bool bound() const { return session == SessionPhase::bound; }

  // Who it is and how it is set up.
  BlobPool& pool;
  DeviceKey key;
  DurationNs client_lease;
  DurationNs client_heartbeat;
  DurationNs backoff_min;
  DurationNs backoff_max;
  DurationNs send_timeout;
  uint32_t routers;
  uint32_t outbox_limit;
  ClientType client_type;
  bool at_most_once;
  bool unordered;
  bool dedup;

  // Login.
  LoginPhase login = LoginPhase::idle;
  SessionPhase session = SessionPhase::none;
  bool router_failed = false;  // the next attempt goes to another one
  bool has_memory = false;     // was bound once: its cursors mean something
  uint32_t router = 0;
  uint32_t attempts = 0;      // since it was last bound
  uint64_t login_number = 0;  // names the LOGIN that an answer belongs to
  NodeId avoid = kNoNode;
  NodeSet unreachable;  // did not serve it since it was last bound
  NodeId session_node = kNoNode;
  uint64_t highest_generation = 0;
  uint64_t session_generation = 0;
  MonoTime login_deadline = kNever;
  MonoTime session_deadline = kNever;  // dialling and binding end; bound: the next ping
  MonoTime bind_sent_at = 0;
  MonoTime answered_at = 0;     // when the last ping that was answered had been sent
  uint64_t first_seq = 0;       // client_seqs begin above it, see on_bound
  uint64_t last_ping = 0;       // a ping's number is its time: microseconds since bind_sent_at
  MonoTime repeat_at = kNever;  // at or before the first deadline in the outbox

  // Deliveries of this connection.
  uint64_t ack_number = 0;
  uint64_t ack_mask = 0;

  std::vector<Conversation> conversations;  // sorted by id
  std::vector<Sender> senders;              // sorted by (conversation, key)
  std::vector<Ahead> ahead;                 // sorted by key()
  std::vector<Outgoing> outbox;             // in the order of the commands
  Rng rng;

  // The counters that a client uses.
  uint64_t steps = 0;
  uint64_t shown = 0;
  uint64_t duplicates_hidden = 0;
  uint64_t drops_stale = 0;
  uint64_t lease_drops = 0;
  uint64_t sends_repeated = 0;
  uint64_t reconnects = 0;
  uint64_t protocol_errors = 0;
};

}  // namespace imroute
