// The inside of a Node: its tables, and the flows over them, one file a group of flows (node.h says
// which). Everything is an index into a bounded table; an index that may outlive its thing travels
// with the slot's stamp.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <vector>

#include "core/base/durations.h"
#include "core/base/flat_map.h"
#include "core/base/rng.h"
#include "core/base/slab.h"
#include "core/base/timer_queue.h"
#include "core/invoke/caller.h"
#include "core/node/node.h"
#include "core/placement/placement.h"
#include "core/route/routing_strategy.h"
#include "core/session/route_cache.h"

namespace imroute {

// A push with these hops was broadcast: a node without the user stays silent.
inline constexpr uint8_t kBroadcastHops = 255;
inline constexpr DurationNs kDetachedLinger = 5 * kSecond;  // unacked tail waits for a hand-over
inline constexpr uint32_t kBatchItems = 512;                // items in one store batch
inline constexpr uint32_t kAppendAttempts = 3;
inline constexpr uint32_t kBindAttempts = 3;
inline constexpr uint32_t kChaseAttempts = 20;
// Until the next try: short at first, for a bind on its way is the likely cause of silence, and a
// new session is to be reached by push within D_bind; doubling up to kChaseInterval.
inline constexpr DurationNs kFirstChaseInterval = 100 * kMillisecond;
inline constexpr DurationNs kChaseInterval = 500 * kMillisecond;
inline constexpr DurationNs kStoreRetry = 200 * kMillisecond;
inline constexpr DurationNs kCursorInterval = kSecond;

// One connection of one device.
struct Session {
  enum class Phase : uint8_t { binding, live, detached };
  LinkId link;
  DeviceKey key;
  ClientType client_type = ClientType::mobile;
  Phase phase = Phase::binding;
  bool syncing = true;  // the index of the mailbox is not here yet
  bool index_loading = false;
  bool index_stale = false;  // load it again after the one under way
  bool demoted = false;      // the window was full: entries wait in the mailbox
  bool redeliver_armed = false;
  uint8_t bind_attempts = 0;
  uint32_t appends = 0;  // under way, or waiting for the mailbox's epoch
  uint8_t redeliver_backoff = 0;
  uint64_t generation = 0;
  MonoTime last_heard = 0;
  uint64_t next_number = 1;
  uint32_t unacked_head = kNil, unacked_tail = kNil, unacked_count = 0, unacked_bytes = 0;
  DurationNs round_trip_ns = 0;  // smoothed; 0 = no sample
  uint32_t first_conversation = kNil;
  uint32_t next_of_user = kNil;  // live; before, the next one whose bind is on its way
  uint64_t index_version = 0;
  Payload cursors;  // of the BIND, until bound
};

// A delivery on its way to a device.
struct Unacked {
  uint64_t number = 0;
  Position base;  // everything up to here was sent before it, or with it
  Entry entry;
  Via via = Via::push;
  bool acked = false;
  bool resent = false;
  MonoTime sent_at = 0;
  uint32_t conversation = kNil;
  uint32_t conversation_stamp = 0;
  uint32_t next = kNil;
};

// An entry that came before its predecessor.
struct Early {
  Entry entry;
  Via via = Via::push;
  uint32_t next = kNil;  // rising sequence
};

// What one session knows of one conversation.
struct Followed {
  uint32_t session = kNil;
  ConversationId id;
  Position at;        // everything for this device up to here was delivered or is not for it
  Position head;      // the furthest position heard of
  Position acked;     // to be stored as cursor
  Position reset_to;  // of the last RESET: told, and known to have arrived once `acked` is there
  // `at` is known to be in the log of this store epoch. What comes by itself from an older one is
  // not believed any more: that log may have been cut right behind `at`.
  uint32_t epoch_ok = 0;
  bool member = true;
  bool probing = false;  // a group heard of, membership not yet known: the index is asked
  bool owed = false;     // the user has left: what came before that is read before a push is taken
  bool pulling = false;
  bool cursor_dirty = false;
  bool gap_armed = false;
  Position gap_at;         // the gap waited for is behind this
  MonoTime gap_until = 0;  // then it is read
  Via pull_via = Via::sync;
  uint8_t early_count = 0;
  uint32_t early = kNil;
  // Order none: bit i = the entry of this epoch at at.seq + 1 + i was delivered. Of one epoch only;
  // what is forgotten with another is sent twice, and hidden by the client.
  uint64_t beyond = 0;
  uint32_t beyond_epoch = 0;
  uint32_t next_of_session = kNil, previous_of_session = kNil;
  uint32_t next_of_group = kNil, previous_of_group = kNil;
  bool behind() const {
    return head > at;
  }  // a higher epoch may also mean a cut log: the store tells
};

// A user with at least one live session here.
struct LocalUser {
  uint32_t first_session = kNil;
  NodeSet elsewhere;        // other nodes with sessions of the user
  uint64_t version = 0;     // of the user's record
  MonoTime changed_at = 0;  // when `elsewhere` last grew
  bool doubted = false;     // a NACK took a node out of it: the directory is asked
};

struct Group {
  Batch<UserId> members;
  uint64_t members_version = 0;
  MonoTime fetched_at = 0;
  uint32_t first_followed = kNil;
};

inline bool names(const Batch<UserId>& members, UserId user) {
  return std::find(members->begin(), members->end(), user) != members->end();
}

// A message looking for a user (single), waiting for one node's answer about several users
// (group_push), or for a batched look-up (group_batch).
struct Route {
  enum class Kind : uint8_t { single, group_push, group_batch } kind = Kind::single;
  Entry entry;
  UserId user = kNoUser;  // single
  RouteQuery query;
  NodeSet pending;  // pushed to, not answered
  NodeSet pushed;
  bool acked = false;
  bool broadcasted = false;
  bool leads = false;     // others wait for this one's broadcast
  bool follows = false;   // waits for another's broadcast
  CallId call = kNoCall;  // waits for a router
  uint64_t router = 0;    // asked last
  bool forwards = false;
  bool authoritative = false;
  uint32_t first_follower = kNil, next_follower = kNil;
  MonoTime started = 0;
  uint32_t arms = 0;  // rises when what was waited for is so no more
  Payload list;       // users: expected at pending[0], or being looked up
};

enum class PendingKind : uint8_t {
  bind,
  unbind,
  lookup,
  lookup_many,
  check,
  elsewhere,
  append,
  open_device,
  pull,
  compare,
  cursors,
  members,
  open,
  renew,
  close,
  announce,
  list,
  raise_epoch,
};

// A store operation not yet answered.
struct Pending {
  PendingKind kind = PendingKind::unbind;
  uint8_t attempts = 0;
  uint32_t index = kNil, stamp = 0;  // session, followed, or route
  uint32_t arms = 0;                 // lookup: of its route
  DeviceKey key;
  uint64_t generation = 0;
  LinkId link;
  Entry entry;  // append, members
  uint64_t base = 0;
  MonoTime sent_at = 0;
};

// A frame repeated to a peer until it is acknowledged (DISPLACE, OWNERS).
struct Chase {
  Frame frame;
  NodeId to;
  uint8_t attempts = 0;
};

struct Peer {
  bool up = false;
  bool dialing = false;
  MonoTime last_heard = 0;
  MonoTime next_dial = 0;
  DurationNs backoff_ns = 0;
  uint8_t flags = 0;       // of its last beacon
  uint64_t published = 0;  // publisher count last seen, by frame or beacon
  uint64_t beaconed = 0;   // publisher count of its last beacon
};

enum class TimerKind : uint8_t {
  route,
  redeliver,
  gap,
  bind_compare,
  linger,
  chase,
  beacon,
  dial,
  scan,
  renew,
  list,
  check,
  compare,
  cursors,
  identity,
  index,
};

template <class T>
class BatchBuffers {  // reuses a batch once the driver has let go of it
 public:
  std::shared_ptr<std::vector<T>> take() {
    for (auto& buffer : buffers_) {
      if (buffer.use_count() == 1) {
        buffer->clear();
        return buffer;
      }
    }
    buffers_.push_back(std::make_shared<std::vector<T>>());
    return buffers_.back();
  }

 private:
  std::vector<std::shared_ptr<std::vector<T>>> buffers_;
};

using CompareBatch = std::shared_ptr<std::vector<CompareItem>>;

struct Node::State {
  State(const NodeConfig& config, BlobPool& pool);

  // ---- node.cc
  void step(MonoTime now, const Event& event, Effects& out);
  uint64_t digest() const;
  void send_client(LinkId link, Frame&& frame) { out_->push(SendClient{link, std::move(frame)}); }
  void send_node(NodeId node, Frame&& frame) {
    out_->push(SendPeer{address_of(node), std::move(frame)});
  }
  bool crowded() const { return operations_.size() >= config_.capacity.operations; }
  OpId directory(DirectoryOp&& op, const Pending& pending);
  OpId mailbox(MailboxOp&& op, const Pending& pending);
  OpId registry(RegistryOp&& op, const Pending& pending);
  void trace(TraceKind kind, const Entry& entry, UserId user, uint32_t device, uint64_t route = 0,
             NodeId node = kNoNode, uint64_t value = 0, Reason reason = Reason::none);
  // Takes the rare branch, though nothing asks for it? (perturb.h)
  bool perturbed(PerturbSite site) {
    const uint32_t ppm = config_.perturb[static_cast<size_t>(site)];
    if (ppm == 0) [[likely]]
      return false;
    return take_branch(site, ppm);
  }
  bool take_branch(PerturbSite site, uint32_t ppm);
  size_t batch_limit() { return perturbed(PerturbSite::batch_cut_short) ? 1 : kBatchItems; }
  bool at_least_once() const { return config_.delivery.guarantee == Guarantee::at_least_once; }

  // ---- on_client.cc
  void on_client_up(LinkId link);
  void on_client_frame(LinkId link, const Frame& frame);
  void on_client_down(LinkId link);
  void on_send(uint32_t session, const Frame& frame);
  void refuse(LinkId link, const Entry& entry, Reason reason, uint64_t expected = 0);
  void submit_append(Pending&& append);
  void on_append_reply(Pending& append, ReplyStatus status, const MailboxReply* reply);
  void accept_entry(const Pending& append, const Entry& entry);
  void flush_waiting_appends();
  void count_append(const Pending& append, int by);

  // ---- sessions.cc
  void on_bind(LinkId link, const Frame& frame);
  void open_device(uint32_t session);
  void on_opened(uint32_t session, ReplyStatus status);
  void send_bind(uint32_t session);
  void on_bind_reply(const Pending& pending, ReplyStatus status, const DirectoryReply* reply);
  void refuse_bind(uint32_t session, Reason reason);
  void make_live(uint32_t session, const DirectoryReply& reply);
  void tell_others(uint32_t session, const DirectoryReply& reply);
  void hand_over_locally(uint32_t from, uint32_t to);
  void close_session(uint32_t session, Reason reason, bool tell_client, bool unbind);
  void detach_session(uint32_t session, Reason reason, bool unbind);
  void free_session(uint32_t session);
  void unbind_row(DeviceKey key, uint64_t generation, LinkId link);
  void on_displace(NodeId from, const Frame& frame);
  void on_handover(const Frame& frame);
  bool binds(UserId user) const;
  void end_binding(uint32_t index);
  void refuse_bindings(DeviceKey key, uint64_t below, Reason reason);
  bool tells_owners(NodeId to, UserId user) const;
  void on_owners(NodeId from, const Frame& frame);
  void chase(NodeId to, Frame&& frame);
  void chase_done(NodeId from, FrameType type, UserId user, uint32_t device, uint64_t mark);
  void on_chase_timer(uint32_t index, uint32_t stamp);
  LocalUser* live_user(UserId user);
  void note_elsewhere(LocalUser& local, NodeSet nodes, uint64_t version);
  template <class Fn>
  void for_each_session(UserId user, Fn&& fn) {
    const LocalUser* local = users_.find(user);
    uint32_t next = kNil;
    for (uint32_t s = local == nullptr ? kNil : local->first_session; s != kNil; s = next) {
      next = sessions_[s].next_of_user;
      fn(s);
    }
  }

  // ---- check.cc
  void start_session_check();
  void on_check_reply(const DirectoryReply& reply);
  void rebind(uint32_t session);
  void ask_elsewhere();
  void look_up_elsewhere(Batch<UserId> users);
  void on_elsewhere_reply(const DirectoryReply& reply);
  void leave_pointers();
  void on_pointers(const Frame& frame);

  // ---- deliver.cc
  void offer(uint32_t session, const Entry& entry, Via via);
  void offer_unsequenced(uint32_t session, const Entry& entry, Via via);
  uint32_t follow(uint32_t session, ConversationId id, Position at, uint32_t epoch_ok);
  void unfollow(uint32_t followed);
  bool take_in_order(uint32_t followed, const Entry& entry, Via via);
  void probe(uint32_t session, uint32_t followed, const Entry& entry, Via via);
  void take_any_order(uint32_t followed, const Entry& entry, Via via);
  bool any_order(const Followed& followed) const;
  bool delivered_beyond(const Followed& followed, Position position) const;
  void move_to(Followed& followed, Position position);
  void pass_delivered(Followed& followed);
  void drain_early(uint32_t followed);
  void drop_early(uint32_t followed);
  void keep_early(uint32_t followed, const Entry& entry, Via via);
  bool for_this_device(const Followed& followed, const Session& session, const Entry& entry) const;
  bool has_room(const Session& session, const Entry& entry) const;
  void deliver(uint32_t session, uint32_t followed, const Entry& entry, Via via);
  void on_ack(uint32_t session, const Frame& frame);
  void arm_redelivery(uint32_t session);
  void on_redeliver_timer(uint32_t session);
  void resume_behind(uint32_t session);
  uint32_t find_followed(uint32_t session, ConversationId id) const;

  // ---- sync.cc
  void note_head(uint32_t followed, Position head);
  void arm_gap(uint32_t followed);
  void on_gap_timer(uint32_t followed);
  bool must_read(const Followed& f) const;
  void pull(uint32_t followed, Via via);
  void on_pull_reply(const Pending& pending, ReplyStatus status, const MailboxReply* reply);
  void load_index(uint32_t session);
  void on_index_reply(const Pending& pending, ReplyStatus status, const MailboxReply* reply);
  void apply_index(uint32_t session, const ConversationState& state, bool first);
  void start_compare();
  void compare_session(uint32_t session);
  void add_to_compare(CompareBatch& batch, const Session& session, bool left);
  void send_compare(CompareBatch&& batch);
  void on_compare_reply(const MailboxReply& reply);
  void suspect();
  void note_cursor(uint32_t followed);
  void pass_cursor(uint32_t followed);
  void flush_cursors();

  // ---- route.cc, route_group.cc, receive.cc
  void route_entry(const Entry& entry, const Batch<UserId>& members);
  void route_user(const Entry& entry, UserId user);
  void route_group(const Entry& entry, std::span<const UserId> members);
  void push_targets(const Entry& entry);
  void push_group(const Entry& entry, NodeId node, std::span<const UserId> users);
  // `reached`: a node that has it already.
  void start_route(const Entry& entry, UserId user, LastAnswer last, const NodeSet& known,
                   NodeId hint, NodeId reached = kNoNode);
  void decide(uint32_t route);
  void push_to(uint32_t route, const NodeSet& nodes);
  void send_push(uint32_t route, NodeId node);
  void broadcast(RouteId id, UserId user, const Entry& entry, const Payload& list);
  bool follows_another(uint32_t route);
  void arm_route(uint32_t route);
  void finish_route(uint32_t route);
  void give_up(uint32_t route, Reason reason);
  void release_followers(uint32_t route, const NodeSet& nodes);
  void free_route(uint32_t route);
  RouteId id_of(uint32_t route) const {
    return RouteId{(static_cast<uint64_t>(routes_.stamp(route)) << 32) | route};
  }
  uint32_t find_route(RouteId id) const;
  NodeSet living(const NodeSet& nodes) const;
  NodeSet cached(UserId user);
  NodeSet nodes_of(const UserRecord& record) const;
  void on_push(NodeId from, const Frame& frame);
  void on_group_push(NodeId from, const Frame& frame);
  void send_route_ack(NodeId to, RouteId route, UserId user);
  NodeId hint_of(UserId user);
  void send_nack(NodeId to, RouteId route, UserId user);
  void on_route_ack(NodeId from, const Frame& frame);
  void on_member_ack(NodeId from, uint32_t route, const Frame& frame);
  void on_nack(NodeId from, const Frame& frame);
  void on_route_timer(uint32_t route);
  void on_located(uint32_t route, bool answered, const NodeSet& nodes, uint64_t version);
  void on_located_batch(uint32_t route, std::span<const UserLocation> locations, bool answered);

  // ---- router_calls.cc
  void open_calls();
  void call_router(uint32_t route, bool forward, bool authoritative);
  void carry_out_calls();
  void send_call(uint32_t route, const CallAction& action);
  void call_failed(uint32_t route, bool degraded);
  void call_answered(uint32_t route);
  void end_call(uint32_t route);
  void on_resolved(RouterId router, const Frame& frame);

  // ---- membership.cc
  void open_registry();
  void on_registry_reply(const Pending& pending, ReplyStatus status, const RegistryReply* reply);
  void check_lease();
  bool majority_cannot_renew() const;
  void fence(FenceCause cause);
  void apply_view(const ViewHandle& view);
  void on_peer_up(Address peer);
  void on_peer_down(Address peer);
  void on_beacon(Address from, const Frame& frame);
  void send_beacons();
  void scan();
  void dial_peers();
  void note_published(NodeId publisher, uint64_t count);
  void learn_identity(uint64_t identity);
  void store_answered(bool mailbox_store, ReplyStatus status);
  bool degraded() const;
  bool others_serve_better() const;
  void probe_bad_stores();
  void move_clients_away();
  void start_drain();
  Peer* peer_of(Address address);

  // ---- on_peer.cc
  void on_peer_frame(Address peer, const Frame& frame);
  void on_node_frame(NodeId from, const Frame& frame);
  void on_router_frame(RouterId router, const Frame& frame);
  void on_bus_frame(const Frame& frame);

  // ---- on_reply.cc
  void on_reply(const Reply& reply);
  void on_directory_reply(const Pending& pending, ReplyStatus status, const DirectoryReply* reply);
  void on_mailbox_reply(Pending& pending, ReplyStatus status, const MailboxReply* reply);

  // ---- on_wake.cc
  void on_view_changed();
  void on_wake();
  void send_renewal();
  void send_list();
  void probe_mailbox();
  void ask_mailbox_identity();
  void ask_identity_later();
  void on_timer(const TimerQueue<TimerKind>::Timer& timer);

  NodeConfig config_;
  BlobPool& pool_;
  Rng rng_;
  uint64_t salt_;  // of the maps whose keys clients choose
  Counters counters_;
  std::array<uint64_t, kPerturbSites> branches_taken_{};
  MonoTime now_ = 0;
  Effects* out_ = nullptr;
  TimerQueue<TimerKind> timers_;
  bool started_ = false;

  // sessions
  Slab<Session> sessions_;
  FlatMap<LinkId, uint32_t> by_link_;
  FlatMap<DeviceKey, uint32_t> by_device_;  // live and detached
  uint32_t first_binding_ = kNil;
  FlatMap<UserId, LocalUser> users_;
  Slab<Chase> chases_;
  uint64_t admitted_in_second_ = 0;
  MonoTime admission_second_ = 0;
  uint32_t move_from_ = 0;            // whom the last scan did not come to
  std::vector<Pending> not_unbound_;  // the directory did not answer: asked again at a check

  // delivery
  struct FollowKey {
    uint32_t session = 0;
    ConversationId id;
    friend bool operator==(const FollowKey&, const FollowKey&) = default;
  };
  struct FollowHash {
    uint64_t operator()(const FollowKey& k, uint64_t salt) const {
      return mix64(mix64(k.id.hi ^ salt, k.id.lo), k.session);
    }
  };
  Slab<Followed> followed_;
  FlatMap<FollowKey, uint32_t, FollowHash> follow_index_;
  FlatMap<ConversationId, Group> groups_;
  Slab<Unacked> unacked_;
  uint32_t unacked_max_ = 0;
  Slab<Early> early_;
  std::vector<CursorUpdate> cursor_updates_;  // of conversations not followed any more
  std::vector<std::pair<uint32_t, uint32_t>> dirty_cursors_;  // followed: index, stamp
  BatchBuffers<CursorUpdate> cursor_batches_;
  BatchBuffers<CompareItem> compare_batches_;
  BatchBuffers<SessionClaim> claim_batches_;
  BatchBuffers<UserId> user_batches_;
  bool compare_armed_ = false;  // a compare is due because of suspicion
  MonoTime last_compare_ = 0;

  // routing
  std::unique_ptr<Placement> placement_;
  std::unique_ptr<RoutingStrategy> strategy_;
  Slab<Route> routes_;
  RouteCache cache_;
  RouteCache moved_;     // where a user went who was here
  RouteCache pointers_;  // who holds users that this node owns by placement
  FlatMap<UserId, uint32_t> leaders_;
  Caller caller_;
  FlatMap<uint64_t, uint32_t> calls_;  // call number -> route
  std::vector<CallAction> call_actions_;
  struct Target {
    NodeId node;
    UserId user;
  };
  std::vector<Pointer> misplaced_;  // scratch of leave_pointers
  std::vector<Target> targets_;     // scratch of group routing
  std::vector<UserId> unknown_, strays_;
  std::vector<UserId> expected_;
  uint64_t published_ = 0;
  uint32_t route_attempts_max_ = 0;
  Durations route_times_;

  // stores
  uint64_t next_op_ = 1;
  FlatMap<OpId, Pending> operations_;
  std::vector<Pending> waiting_appends_;  // until the mailbox's epoch is known
  uint64_t mailbox_identity_ = 0;
  uint32_t mailbox_epoch_ = 0;
  bool learning_identity_ = false;
  bool identity_armed_ = false;
  uint64_t directory_identity_ = 0;
  MonoTime store_bad_since_ = 0;  // 0 = both stores answer
  uint8_t bad_stores_ = 0;        // kMailboxBad, kDirectoryBad
  MonoTime next_probe_ = 0;       // of them

  // membership
  ViewHandle view_;
  uint64_t newest_incarnation_ = 0;  // of the view
  uint64_t registry_session_ = 0;
  uint64_t incarnation_ = 0;
  MonoTime lease_from_ = 0;  // sending time of the last answered renewal
  bool serving_ = false, fenced_ = false, suspended_ = false, renew_failing_ = false;
  FenceCause fence_cause_ = FenceCause::never;
  MonoTime suspended_alone_since_ = 0;  // suspended, though most others renew again
  bool draining_ = false, drained_ = false;
  bool opening_ = false, listing_ = false;
  bool list_again_ = false;  // the watch fired while a list was under way
  std::vector<Peer> nodes_, routers_;
};

}  // namespace imroute
