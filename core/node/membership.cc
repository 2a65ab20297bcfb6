// The node among others: its lease and when to fence itself, the view, the mesh, beacons, the
// identities of the stores, and leaving in order (protocol.md 5).
#include <algorithm>

#include "core/base/planted.h"
#include "core/node/state.h"

namespace imroute {

namespace {
constexpr uint32_t kMovesPerScan = 200;  // clients told to go elsewhere in one scan
constexpr uint8_t kMailboxBad = 1, kDirectoryBad = 2;
}  // namespace

Peer* Node::State::peer_of(Address address) {
  std::vector<Peer>& peers = address.kind == PeerKind::node ? nodes_ : routers_;
  if (address.kind == PeerKind::bus || address.index > (1u << 20)) return nullptr;
  if (address.index >= peers.size()) peers.resize(address.index + 1);
  return &peers[address.index];
}

// ---- lease
// -----------------------------------------------------------------------------------------

void Node::State::open_registry() {
  if (opening_ || draining_) return;
  opening_ = true;
  RegistryOp op;
  op.kind = RegistryOpKind::open;
  Pending pending;
  pending.kind = PendingKind::open;
  pending.sent_at = now_;
  registry(std::move(op), pending);
}

void Node::State::on_registry_reply(const Pending& pending, ReplyStatus status,
                                    const RegistryReply* reply) {
  switch (pending.kind) {
    case PendingKind::open:
      opening_ = false;
      if (status != ReplyStatus::ok) return;  // the next scan tries again
      registry_session_ = reply->session;
      incarnation_ = reply->incarnation;
      lease_from_ = pending.sent_at;
      renew_failing_ = false;
      if (fenced_ || suspended_)
        trace(TraceKind::unfenced, {}, UserId{0}, 0, 0, config_.id, incarnation_);
      if (suspended_) {  // sessions outlived the registry: their rows need the new incarnation
        for (uint32_t i = 0; i < sessions_.slots(); ++i) {
          if (sessions_.used(i) && sessions_[i].phase == Session::Phase::live) rebind(i);
        }
      }
      fenced_ = suspended_ = false;
      serving_ = true;
      timers_.set(now_ + config_.sessions.lease_ns / 3, TimerKind::renew, registry_session_);
      timers_.set(now_, TimerKind::list);
      return;
    case PendingKind::renew:
      if (pending.stamp != static_cast<uint32_t>(registry_session_)) return;
      if (status == ReplyStatus::ok) {
        lease_from_ = std::max(lease_from_, IM_PLANTED(lease_from_reply) ? now_ : pending.sent_at);
        renew_failing_ = false;
        suspended_ = false;
      } else if (status == ReplyStatus::error) {  // the session is gone there
        if (!suspended_) fence(FenceCause::forgotten);
        registry_session_ = 0;
        open_registry();
      } else {
        renew_failing_ = true;
      }
      return;
    case PendingKind::list:
      listing_ = false;
      if (status == ReplyStatus::ok) apply_view(reply->view);
      if (status != ReplyStatus::ok) timers_.set(now_ + kStoreRetry, TimerKind::list);
      // The notice may overtake the answer that it makes old.
      if (status == ReplyStatus::ok && list_again_) timers_.set(now_, TimerKind::list);
      return;
    case PendingKind::raise_epoch:
      learning_identity_ = false;
      if (status == ReplyStatus::ok && reply->epoch != 0 && pending.base == mailbox_identity_) {
        ++counters_.epochs_raised;
        mailbox_epoch_ = reply->epoch;
        trace(TraceKind::epoch_raised, {}, UserId{0}, 0, 0, config_.id, mailbox_epoch_);
        flush_waiting_appends();
        for (uint32_t i = 0; i < followed_.slots(); ++i) {  // is what was delivered still there?
          if (followed_.used(i) && followed_[i].at.seq != 0 &&
              followed_[i].epoch_ok < mailbox_epoch_) {
            pull(i, Via::sync);
          }
        }
        return;
      }
      // Superseded: another store answers by now, and only a question to it tells which.
      if (status == ReplyStatus::error && pending.base == mailbox_identity_) mailbox_identity_ = 0;
      ask_identity_later();
      return;
    default:
      return;
  }
}

bool Node::State::majority_cannot_renew() const {
  uint32_t total = 0, cannot = 0;
  for (const Member& member : view_->members) {
    ++total;
    if (member.node == config_.id) {
      ++cannot;
      continue;
    }
    if (member.node.value >= nodes_.size()) continue;
    const Peer& peer = nodes_[member.node.value];
    const bool heard = peer.up && now_ - peer.last_heard <= config_.sessions.heartbeat_timeout();
    if (heard && (peer.flags & kFlagCannotRenew) != 0) ++cannot;
  }
  return cannot * 2 > total;
}

// Before any effect of a step: a node that cannot prove its lease shows nothing and accepts
// nothing. Counted from the sending of the last answered renewal, shortened by what two clocks may
// drift.
void Node::State::check_lease() {
  const DurationNs lease = config_.sessions.lease_ns;
  if (suspended_) {
    // The others renew again and this node does not: it is the one that is cut off after all.
    if (majority_cannot_renew()) suspended_alone_since_ = now_;
    if (now_ - suspended_alone_since_ > lease / 2) fence(FenceCause::cut_off);
    return;
  }
  if (!serving_ || registry_session_ == 0) return;
  const DurationNs proven =
      lease - lease / 1'000'000 * (2 * static_cast<DurationNs>(config_.sessions.max_drift_ppm));
  if (now_ - lease_from_ < (IM_PLANTED(fence_late) ? 2 * lease : proven)) return;
  if (majority_cannot_renew()) {
    suspended_ = true;
    suspended_alone_since_ = now_;
    ++counters_.suspensions;
    trace(TraceKind::suspended, {}, UserId{0}, 0, 0, config_.id);
    return;
  }
  fence(FenceCause::ran_out);
}

void Node::State::fence(FenceCause cause) {
  if (!serving_) return;
  fence_cause_ = cause;
  ++counters_.fences;
  trace(TraceKind::fenced, {}, UserId{0}, 0, 0, config_.id, incarnation_);
  for (uint32_t i = 0; i < sessions_.slots(); ++i) {
    if (!sessions_.used(i) || IM_PLANTED(fence_keeps_sessions)) continue;
    if (sessions_[i].phase == Session::Phase::binding) {
      refuse_bind(i, Reason::fenced);
    } else {
      close_session(i, Reason::fenced, true, false);
    }
  }
  serving_ = suspended_ = false;
  fenced_ = true;
  incarnation_ = 0;
  registry_session_ = 0;
}

// ---- view and mesh
// -----------------------------------------------------------------------------------

void Node::State::apply_view(const ViewHandle& view) {
  if (view == nullptr || view->version <= view_->version) return;
  view_ = view;
  for (const Member& member : view_->members) {
    newest_incarnation_ = std::max(newest_incarnation_, member.incarnation);
  }
  trace(TraceKind::view_applied, {}, UserId{0}, 0, 0, config_.id, view->version);
  if (placement_ != nullptr) placement_->update(*view_);
  for (uint32_t n = 0; n < nodes_.size(); ++n) {
    if (view_->find(NodeId{n}) != nullptr) continue;
    nodes_[n].backoff_ns = 0;
    nodes_[n].next_dial = 0;
  }
  leave_pointers();
  suspect();  // something changed: compare cursors
  dial_peers();
}

void Node::State::dial_peers() {
  const auto dial = [this](Address address) {
    Peer& peer = *peer_of(address);
    if (peer.up || peer.dialing || now_ < peer.next_dial) return;
    peer.dialing = true;
    out_->push(Connect{address});
  };
  for (const Member& member : view_->members) {
    if (member.node > config_.id) dial(address_of(member.node));
  }
  for (uint32_t r = 0; r < config_.routers; ++r) dial(address_of(RouterId{r}));
}

void Node::State::on_peer_up(Address address) {
  if (address.kind == PeerKind::bus) return suspect();
  Peer* peer = peer_of(address);
  if (peer == nullptr) return;
  peer->up = true;
  peer->dialing = false;
  peer->last_heard = now_;
  peer->backoff_ns = 0;
  if (address.kind == PeerKind::router) caller_.set_target_up(address.index, true, now_);
  suspect();
}

void Node::State::on_peer_down(Address address) {
  if (address.kind == PeerKind::bus) return suspect();
  Peer* peer = peer_of(address);
  if (peer == nullptr) return;
  peer->up = peer->dialing = false;
  peer->backoff_ns = std::clamp<DurationNs>(peer->backoff_ns * 2, config_.sessions.backoff_min_ns,
                                            config_.sessions.backoff_max_ns);
  peer->next_dial = now_ + rng_.between(peer->backoff_ns / 2, peer->backoff_ns);
  timers_.set(peer->next_dial, TimerKind::dial);
  if (address.kind == PeerKind::router) {
    caller_.set_target_up(address.index, false, now_);
    carry_out_calls();
  }
  suspect();
}

void Node::State::on_beacon(Address from, const Frame& frame) {
  Peer* peer = peer_of(from);
  if (peer == nullptr) return;
  peer->flags = frame.flags;
  if (from.kind == PeerKind::router) caller_.report_load(from.index, frame.load);
  if (from.kind == PeerKind::node) {
    // Frames published before the last beacon must be here by now (one heartbeat later).
    if (peer->beaconed > peer->published) {
      peer->published = peer->beaconed;
      suspect();
    }
    peer->beaconed = frame.number;
  }
}

void Node::State::note_published(NodeId publisher, uint64_t count) {
  Peer* peer = peer_of(address_of(publisher));
  if (peer == nullptr || count == 0) return;
  if (count != peer->published + 1 && peer->published != 0) suspect();
  peer->published = count;
}

void Node::State::send_beacons() {
  if (perturbed(PerturbSite::compare_early)) suspect();
  Frame frame;
  frame.type = FrameType::beacon;
  frame.node = config_.id;
  frame.incarnation = incarnation_;
  frame.number = published_;
  frame.load = users_.size();
  if (degraded()) frame.flags |= kFlagDegraded;
  if (renew_failing_ || suspended_) frame.flags |= kFlagCannotRenew;
  if (draining_ || !serving_) frame.flags |= kFlagDraining;
  for (uint32_t r = 0; r < routers_.size(); ++r) {
    if (routers_[r].up) out_->push(SendPeer{address_of(RouterId{r}), frame});
  }
  out_->push(SendMesh{std::move(frame)});
  timers_.set(now_ + config_.sessions.heartbeat_ns, TimerKind::beacon);
}

// Four times a client lease or so: the silent are closed, the lost dialled again.
void Node::State::scan() {
  const DurationNs interval =
      std::min(config_.sessions.client_lease() / 4, config_.sessions.heartbeat_ns);
  timers_.set(now_ + interval, TimerKind::scan);
  if (!draining_ && registry_session_ == 0) open_registry();
  const auto drop_silent = [&](std::vector<Peer>& peers, PeerKind kind) {
    for (uint32_t i = 0; i < peers.size(); ++i) {
      if (!peers[i].up) continue;
      const bool silent = now_ - peers[i].last_heard > config_.sessions.heartbeat_timeout();
      if (!silent && !perturbed(PerturbSite::peer_given_up)) continue;
      out_->push(ClosePeer{Address{kind, i}, Reason::timeout});
      on_peer_down(Address{kind, i});
    }
  };
  drop_silent(nodes_, PeerKind::node);
  drop_silent(routers_, PeerKind::router);
  dial_peers();
  for (uint32_t i = 0; i < sessions_.slots(); ++i) {
    if (!sessions_.used(i) || sessions_[i].phase != Session::Phase::live) continue;
    if (now_ - sessions_[i].last_heard > config_.sessions.client_lease()) {
      close_session(i, Reason::timeout, false, true);
    }
  }
  move_clients_away();
  probe_bad_stores();
}

// ---- stores
// ----------------------------------------------------------------------------------------

void Node::State::store_answered(bool mailbox_store, ReplyStatus status) {
  const uint8_t bit = mailbox_store ? kMailboxBad : kDirectoryBad;
  if (status == ReplyStatus::ok) {
    bad_stores_ &= static_cast<uint8_t>(~bit);
    if (bad_stores_ == 0) store_bad_since_ = 0;
  } else {
    bad_stores_ |= bit;
    if (store_bad_since_ == 0) store_bad_since_ = now_;
  }
}

bool Node::State::degraded() const { return bad_stores_ != 0; }

// Cut off from a store for longer than a lease, while a peer that is heard reaches it.
bool Node::State::others_serve_better() const {
  if (!degraded() || store_bad_since_ + config_.sessions.lease_ns >= now_) return false;
  return std::any_of(nodes_.begin(), nodes_.end(), [this](const Peer& peer) {
    return peer.up && (peer.flags & kFlagDegraded) == 0 &&
           now_ - peer.last_heard <= config_.sessions.heartbeat_timeout();
  });
}

// Without clients a node asks no store anything, and as long as it is degraded it gets no clients:
// it must find out by itself that a store is back.
void Node::State::probe_bad_stores() {
  if (!degraded() || now_ < next_probe_) return;
  next_probe_ = now_ + config_.delivery.store_deadline_ns;
  if ((bad_stores_ & kMailboxBad) != 0) ask_mailbox_identity();
  if ((bad_stores_ & kDirectoryBad) == 0) return;
  DirectoryOp op;
  op.kind = DirectoryOpKind::check;
  op.claims = claim_batches_.take();  // empty
  Pending pending;
  pending.kind = PendingKind::check;
  directory(std::move(op), pending);
}

void Node::State::learn_identity(uint64_t identity) {
  if (identity == 0 ||
      (identity == mailbox_identity_ && (mailbox_epoch_ != 0 || learning_identity_))) {
    return;
  }
  if (identity != mailbox_identity_) {
    mailbox_identity_ = identity;
    mailbox_epoch_ = 0;
  }
  learning_identity_ = true;
  RegistryOp op;
  op.kind = RegistryOpKind::raise_epoch;
  op.identity = identity;
  Pending pending;
  pending.kind = PendingKind::raise_epoch;
  pending.base = identity;
  registry(std::move(op), pending);
}

// ---- leaving
// -----------------------------------------------------------------------------------------

void Node::State::start_drain() {
  if (draining_) return;
  draining_ = true;
  trace(TraceKind::drain_started, {}, UserId{0}, 0, 0, config_.id);
  RegistryOp op;
  op.kind = RegistryOpKind::announce;
  op.draining = true;
  Pending pending;
  pending.kind = PendingKind::announce;
  registry(std::move(op), pending);
  move_clients_away();
}

// Clients are asked to go, a few at a time.
void Node::State::move_clients_away() {
  if (drained_ || !(draining_ || others_serve_better())) return;
  uint32_t told = 0, left = 0;
  const uint32_t slots = sessions_.slots(), from = move_from_;
  for (uint32_t n = 0; n < slots; ++n) {
    const uint32_t i = (from + n) % slots;
    if (!sessions_.used(i) || sessions_[i].phase == Session::Phase::detached) continue;
    ++left;
    if (sessions_[i].phase != Session::Phase::live || told >= kMovesPerScan) continue;
    ++told;
    move_from_ = i + 1;
    Frame frame;
    frame.type = FrameType::go_away;
    frame.reason = Reason::draining;
    send_client(sessions_[i].link, std::move(frame));
  }
  if (!draining_ || left > 0 || !waiting_appends_.empty()) return;
  flush_cursors();
  drained_ = true;
  trace(TraceKind::drain_done, {}, UserId{0}, 0, 0, config_.id);
  RegistryOp op;
  op.kind = RegistryOpKind::close;
  Pending pending;
  pending.kind = PendingKind::close;
  registry(std::move(op), pending);
  Notify notify;
  notify.kind = NoticeKind::drained;
  notify.node = config_.id;
  out_->push(std::move(notify));
}

}  // namespace imroute
