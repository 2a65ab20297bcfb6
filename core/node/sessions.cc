// Sessions: bind, displacement and hand-over, and who else holds the user (protocol.md 5).
#include <algorithm>
#include <utility>

#include "core/base/planted.h"
#include "core/node/state.h"

namespace imroute {

LocalUser* Node::State::live_user(UserId user) { return users_.find(user); }

void Node::State::note_elsewhere(LocalUser& local, NodeSet nodes, uint64_t version) {
  nodes.erase(config_.id);
  for (NodeId node : nodes) {
    if (!local.elsewhere.contains(node)) local.changed_at = now_;
  }
  local.elsewhere = nodes;
  local.version = version;
  local.doubted = false;
}

void Node::State::on_bind(LinkId link, const Frame& frame) {
  const auto refuse_now = [&](Reason reason) {
    ++counters_.binds_refused;
    Frame answer;
    answer.type = FrameType::bind_refused;
    answer.user = frame.user;
    answer.device = frame.device;
    answer.reason = reason;
    send_client(link, std::move(answer));
    out_->push(CloseClient{link, reason});
  };
  if (by_link_.contains(link)) {
    ++counters_.protocol_errors;
    return;
  }
  if (!serving_ || incarnation_ == 0) return refuse_now(Reason::fenced);
  if (draining_ || others_serve_better()) return refuse_now(Reason::draining);
  if (now_ - admission_second_ >= kSecond) {
    admission_second_ = now_;
    admitted_in_second_ = 0;
  }
  if (frame.generation == 0 || frame.generation > kMaxGeneration ||
      !list_is_whole<Cursor>(frame.list)) {
    ++counters_.protocol_errors;
    return refuse_now(Reason::protocol_error);
  }
  const bool too_many = admitted_in_second_ >= config_.sessions.admission_per_second ||
                        perturbed(PerturbSite::admission_refused);
  const uint32_t index = too_many ? kNil : sessions_.take();
  if (index == kNil) return refuse_now(Reason::overloaded);
  ++admitted_in_second_;
  Session& session = sessions_[index];
  session.link = link;
  session.key = {frame.user, frame.device};
  session.client_type = frame.client_type;
  session.generation = frame.generation;
  session.cursors = frame.list;
  session.last_heard = now_;
  *by_link_.insert(link) = index;
  session.next_of_user = std::exchange(first_binding_, index);
  const bool remembers = (frame.flags & kFlagNoCursors) == 0 || IM_PLANTED(bound_unopened);
  if (remembers || !at_least_once()) return send_bind(index);
  open_device(index);
}

// A device that remembers nothing is made known to the mailbox before anybody can find it here:
// from when it is told to be online it is entitled to what is stored.
void Node::State::open_device(uint32_t index) {
  MailboxOp op;
  op.kind = MailboxOpKind::open_device;
  op.key = sessions_[index].key;
  Pending pending;
  pending.kind = PendingKind::open_device;
  pending.index = index;
  pending.stamp = sessions_.stamp(index);
  mailbox(std::move(op), pending);
}

void Node::State::on_opened(uint32_t index, ReplyStatus status) {
  Session& session = sessions_[index];
  if (!serving_) return refuse_bind(index, Reason::fenced);
  if (status != ReplyStatus::ok) {
    if (++session.bind_attempts < kBindAttempts) return open_device(index);
    ++counters_.binds_refused;
    return refuse_bind(index, Reason::store_unavailable);
  }
  session.bind_attempts = 0;
  send_bind(index);
}

void Node::State::send_bind(uint32_t index) {
  const Session& session = sessions_[index];
  DirectoryOp op;
  op.kind = DirectoryOpKind::bind;
  op.user = session.key.user;
  op.policy = config_.sessions.policy;
  op.row.device = session.key.device;
  op.row.client_type = session.client_type;
  op.row.state = ConnectState::online;
  op.row.node = config_.id;
  op.row.incarnation = incarnation_;
  op.row.link = session.link;
  op.row.generation = session.generation;
  Pending pending;
  pending.kind = PendingKind::bind;
  pending.index = index;
  pending.stamp = sessions_.stamp(index);
  pending.key = session.key;
  pending.generation = session.generation;
  pending.link = session.link;
  directory(std::move(op), pending);
}

void Node::State::refuse_bind(uint32_t index, Reason reason) {
  const Session& session = sessions_[index];
  Frame answer;
  answer.type = FrameType::bind_refused;
  answer.user = session.key.user;
  answer.device = session.key.device;
  answer.reason = reason;
  const LinkId link = session.link;
  send_client(link, std::move(answer));
  out_->push(CloseClient{link, reason});
  by_link_.erase(link);
  free_session(index);
}

void Node::State::on_bind_reply(const Pending& pending, ReplyStatus status,
                                const DirectoryReply* reply) {
  // Detached: the answer to a re-assertion whose client has gone.
  const bool here = sessions_.is(pending.index, pending.stamp) &&
                    sessions_[pending.index].phase != Session::Phase::detached;
  if (!here) {  // the client went away meanwhile: the row must not stay
    if (status != ReplyStatus::error) unbind_row(pending.key, pending.generation, pending.link);
    return;
  }
  const uint32_t index = pending.index;
  Session& session = sessions_[index];
  if (session.phase == Session::Phase::live) {  // answer to a re-assertion
    if (status != ReplyStatus::ok) return;      // the next check asks again
    if (reply->result == DirectoryResult::superseded) {
      ++counters_.sessions_checked_out;
      return close_session(index, Reason::superseded, true, false);
    }
    ++counters_.rows_reasserted;
    return tell_others(index, *reply);
  }
  if (!serving_) return refuse_bind(index, Reason::fenced);
  if (status != ReplyStatus::ok) {
    if (++session.bind_attempts < kBindAttempts) return send_bind(index);
    ++counters_.binds_refused;
    unbind_row(session.key, session.generation, session.link);
    return refuse_bind(index, Reason::store_unavailable);
  }
  if (reply->result != DirectoryResult::ok && !IM_PLANTED(stale_generation_accepted)) {
    ++counters_.binds_superseded;
    return refuse_bind(index, Reason::superseded);
  }
  const uint32_t* have = by_device_.find(session.key);
  if (have != nullptr && sessions_[*have].generation > session.generation) {
    // The directory forgot the row of the newer session, here, while this bind was on its way: a
    // session check writes it again.
    ++counters_.binds_superseded;
    unbind_row(session.key, session.generation, session.link);
    return refuse_bind(index, Reason::superseded);
  }
  make_live(index, *reply);
}

void Node::State::make_live(uint32_t index, const DirectoryReply& reply) {
  ++counters_.binds;
  const DeviceKey key = sessions_[index].key;
  uint32_t older = kNil;
  if (const uint32_t* have = by_device_.find(key)) older = *have;
  Session& session = sessions_[index];
  end_binding(index);
  session.phase = Session::Phase::live;
  *by_device_.insert(key) = index;
  LocalUser* local = users_.insert(key.user);
  session.next_of_user = local->first_session;
  local->first_session = index;
  cache_.drop(key.user);
  moved_.drop(key.user);
  pointers_.drop(key.user);

  Frame bound;
  bound.type = FrameType::bound;
  bound.user = key.user;
  bound.device = key.device;
  bound.generation = session.generation;
  send_client(session.link, std::move(bound));
  trace(TraceKind::session_bound, {}, key.user, key.device, 0, config_.id, session.generation);
  if (at_least_once()) {
    const Payload cursors = std::exchange(session.cursors, {});
    for (const Cursor& cursor : cursors.as<Cursor>()) {
      if (!cursor.conversation.is_group() && !cursor.conversation.has_party(key.user)) continue;
      const uint32_t f = follow(index, cursor.conversation, cursor.position, 0);
      // Whether the user belongs to a group is for the index to say, not for a client.
      if (f != kNil) followed_[f].probing = cursor.conversation.is_group();
    }
    load_index(index);
    const DurationNs bind_settle =
        config_.strategy.negative_ttl_ns + config_.delivery.route_deadline_ns;
    timers_.set(now_ + bind_settle, TimerKind::bind_compare, index, sessions_.stamp(index));
  }
  if (older != kNil) {
    hand_over_locally(older, index);
    close_session(older, Reason::superseded, true, false);
    *by_device_.insert(key) = index;
  }
  tell_others(index, reply);
  if (config_.strategy.places_logins()) {
    const NodeId owner = placement_->owner(key.user);
    if (owner != config_.id && owner != kNoNode) {
      const Pointer pointer{key.user, config_.id, 0, sessions_[index].generation};
      Frame frame;
      frame.type = FrameType::pointers;
      frame.node = config_.id;
      frame.list = pool_.copy_list(std::span<const Pointer>(&pointer, 1));
      send_node(owner, std::move(frame));
    }
  }
}

void Node::State::tell_others(uint32_t index, const DirectoryReply& reply) {
  const Session& session = sessions_[index];
  const UserId user = session.key.user;
  LocalUser* local = users_.find(user);
  IM_ASSERT(local != nullptr);
  if (reply.record.version >= local->version) {
    note_elsewhere(*local, nodes_of(reply.record), reply.record.version);
  }
  for (const DeviceRow& row : reply.losers) {
    const Reason reason = row.device == session.key.device ? Reason::superseded : Reason::kicked;
    if (row.node == config_.id) {
      const uint32_t* mine = by_device_.find(DeviceKey{user, row.device});
      if (mine != nullptr && *mine != index && sessions_[*mine].generation <= row.generation) {
        ++(reason == Reason::kicked ? counters_.kicks : counters_.displacements);
        close_session(*mine, reason, true, false);
      }
      refuse_bindings({user, row.device}, row.generation + 1, reason);
      continue;
    }
    if (view_->find(row.node) == nullptr) continue;
    Frame frame;
    frame.type = FrameType::displace;
    frame.user = user;
    frame.device = row.device;
    // A kicked device has its own counter: its session up to the row's generation must go.
    frame.generation = reason == Reason::superseded ? session.generation : row.generation + 1;
    frame.node = config_.id;
    frame.reason = reason;
    chase(row.node, std::move(frame));
  }
  local = users_.find(user);
  NodeSet all = local->elsewhere;
  all.insert(config_.id);
  for (NodeId node : local->elsewhere) {
    Frame frame;
    frame.type = FrameType::owners;
    frame.user = user;
    frame.version = local->version;
    frame.nodes = all;
    chase(node, std::move(frame));
  }
}

void Node::State::hand_over_locally(uint32_t from, uint32_t to) {
  for (uint32_t u = sessions_[from].unacked_head; u != kNil; u = unacked_[u].next) {
    if (unacked_[u].acked || !config_.sessions.handover) continue;
    ++counters_.handovers_received;
    const Entry entry = unacked_[u].entry;
    if (find_followed(to, entry.conversation) != kNil) offer(to, entry, Via::handover);
  }
}

void Node::State::unbind_row(DeviceKey key, uint64_t generation, LinkId link) {
  DirectoryOp op;
  op.kind = DirectoryOpKind::unbind;
  op.user = key.user;
  op.row.device = key.device;
  op.row.node = config_.id;
  op.row.incarnation = incarnation_;
  op.row.link = link;
  op.row.generation = generation;
  Pending pending;
  pending.kind = PendingKind::unbind;
  pending.key = key;
  pending.generation = generation;
  pending.link = link;
  directory(std::move(op), pending);
}

// The connection is gone, the session with it; its unacked tail stays a while for a hand-over.
void Node::State::detach_session(uint32_t index, Reason reason, bool unbind) {
  Session& session = sessions_[index];
  IM_ASSERT(session.phase == Session::Phase::live);
  trace(TraceKind::session_closed, {}, session.key.user, session.key.device, 0, config_.id,
        session.generation, reason);
  if (unbind) unbind_row(session.key, session.generation, session.link);
  by_link_.erase(session.link);
  LocalUser* local = users_.find(session.key.user);
  uint32_t* at = &local->first_session;
  while (*at != index) at = &sessions_[*at].next_of_user;
  *at = session.next_of_user;
  if (local->first_session == kNil) users_.erase(session.key.user);
  while (session.first_conversation != kNil) unfollow(session.first_conversation);
  session.phase = Session::Phase::detached;
  timers_.set(now_ + kDetachedLinger, TimerKind::linger, index, sessions_.stamp(index));
}

void Node::State::close_session(uint32_t index, Reason reason, bool tell_client, bool unbind) {
  Session& session = sessions_[index];
  const LinkId link = session.link;
  if (session.phase == Session::Phase::live) {
    detach_session(index, reason, unbind);
    if (tell_client) {
      Frame kick;
      kick.type = FrameType::kick;
      kick.reason = reason;
      send_client(link, std::move(kick));
    }
    out_->push(CloseClient{link, reason});
  } else {
    by_link_.erase(link);
  }
  free_session(index);
}

void Node::State::free_session(uint32_t index) {
  const Session& session = sessions_[index];
  if (session.phase == Session::Phase::binding) end_binding(index);
  for (uint32_t u = session.unacked_head; u != kNil;) {
    const uint32_t next = unacked_[u].next;
    unacked_.give(u);
    u = next;
  }
  const uint32_t* have = by_device_.find(session.key);
  if (have != nullptr && *have == index) by_device_.erase(session.key);
  sessions_.give(index);
}

// ---- displacement and hand-over ----------------------------------------------------------------

void Node::State::on_displace(NodeId from, const Frame& frame) {
  const DeviceKey key{frame.user, frame.device};
  const uint32_t* found = by_device_.find(key);
  const bool older = found != nullptr && (sessions_[*found].generation < frame.generation ||
                                          IM_PLANTED(displace_without_compare));
  if (older) {
    const uint32_t index = *found;
    if (frame.reason == Reason::superseded && config_.sessions.handover) {
      for (uint32_t u = sessions_[index].unacked_head; u != kNil; u = unacked_[u].next) {
        // Of an older store epoch: if the store has it still, the new holder reads it there.
        const bool certain = unacked_[u].entry.position.epoch >= mailbox_epoch_;
        if (unacked_[u].acked || !certain || perturbed(PerturbSite::handover_skipped)) continue;
        ++counters_.handovers_sent;
        Frame tail;
        tail.type = FrameType::handover;
        tail.user = key.user;
        tail.device = key.device;
        tail.generation = frame.generation;
        tail.entry = unacked_[u].entry;
        trace(TraceKind::handover_sent, tail.entry, key.user, key.device, 0, frame.node);
        send_node(from, std::move(tail));
      }
    }
    ++(frame.reason == Reason::kicked ? counters_.kicks : counters_.displacements);
    close_session(index, frame.reason, true, false);
  }
  refuse_bindings(key, frame.generation, frame.reason);
  if (frame.reason == Reason::superseded && live_user(key.user) == nullptr) {
    NodeSet there;
    there.push_back(frame.node);
    moved_.learn(key.user, there, frame.generation, now_);
  }
  Frame answer;
  answer.type = FrameType::displaced;
  answer.user = frame.user;
  answer.device = frame.device;
  answer.generation = frame.generation;
  send_node(from, std::move(answer));
}

void Node::State::on_handover(const Frame& frame) {
  const uint32_t* found = by_device_.find(DeviceKey{frame.user, frame.device});
  if (found == nullptr || sessions_[*found].phase != Session::Phase::live ||
      sessions_[*found].generation != frame.generation) {
    ++counters_.stale_generations;
    return;
  }
  ++counters_.handovers_received;
  if (find_followed(*found, frame.entry.conversation) != kNil) {
    offer(*found, frame.entry, Via::handover);
  }
}

bool Node::State::binds(UserId user) const {
  for (uint32_t i = first_binding_; i != kNil; i = sessions_[i].next_of_user) {
    if (sessions_[i].key.user == user) return true;
  }
  return false;
}

void Node::State::end_binding(uint32_t index) {
  uint32_t* at = &first_binding_;
  while (*at != index) at = &sessions_[*at].next_of_user;
  *at = std::exchange(sessions_[index].next_of_user, kNil);
}

// The directory has answered somebody else first: what those binds wrote is overruled already, and
// who overruled it does not tell twice.
void Node::State::refuse_bindings(DeviceKey key, uint64_t below, Reason reason) {
  for (uint32_t i = first_binding_; i != kNil;) {
    const Session& session = sessions_[i];
    const uint32_t index = std::exchange(i, session.next_of_user);
    if (session.key != key || session.generation >= below) continue;
    ++(reason == Reason::kicked ? counters_.kicks : counters_.displacements);
    refuse_bind(index, reason);
  }
}

// No answer while a bind of the user is on the way here: it may bring an older record, and the
// teller repeats until the session is live. Without one there is nobody here to be told.
void Node::State::on_owners(NodeId from, const Frame& frame) {
  LocalUser* local = live_user(frame.user);
  if (local == nullptr && binds(frame.user) && !IM_PLANTED(owners_acked_early)) return;
  const bool newer = local != nullptr && frame.version > local->version;
  if (newer && !IM_PLANTED(owners_ignored)) note_elsewhere(*local, frame.nodes, frame.version);
  Frame answer;
  answer.type = FrameType::owners_ack;
  answer.user = frame.user;
  answer.version = frame.version;
  send_node(from, std::move(answer));
}

void Node::State::chase(NodeId to, Frame&& frame) {
  const uint32_t index = chases_.take();
  send_node(to, Frame(frame));
  if (index == kNil) return;  // at capacity: told once
  Chase& chase = chases_[index];
  chase.frame = std::move(frame);
  chase.to = to;
  timers_.set(now_ + kFirstChaseInterval, TimerKind::chase, index, chases_.stamp(index));
}

bool Node::State::tells_owners(NodeId to, UserId user) const {
  for (uint32_t i = 0; i < chases_.slots(); ++i) {
    if (!chases_.used(i) || chases_[i].to != to) continue;
    const Frame& frame = chases_[i].frame;
    if (frame.type == FrameType::owners && frame.user == user) return true;
  }
  return false;
}

void Node::State::chase_done(NodeId from, FrameType type, UserId user, uint32_t device,
                             uint64_t mark) {
  if (perturbed(PerturbSite::answer_forgotten)) return;
  for (uint32_t i = 0; i < chases_.slots(); ++i) {
    if (!chases_.used(i)) continue;
    const Chase& chase = chases_[i];
    if (chase.to != from || chase.frame.type != type || chase.frame.user != user) continue;
    const bool same = type == FrameType::displace
                          ? chase.frame.device == device && chase.frame.generation == mark
                          : chase.frame.version <= mark;
    if (same) chases_.give(i);
  }
}

// What is not answered in all that time is left to the session check of the other node.
void Node::State::on_chase_timer(uint32_t index, uint32_t stamp) {
  if (!chases_.is(index, stamp)) return;
  Chase& chase = chases_[index];
  bool done = chase.attempts++ == kChaseAttempts;
  if (chase.frame.type == FrameType::owners) {
    const LocalUser* local = live_user(chase.frame.user);
    done = done || local == nullptr || local->version > chase.frame.version;
  }
  if (done || view_->find(chase.to) == nullptr) return chases_.give(index);
  send_node(chase.to, Frame(chase.frame));
  const DurationNs wait = kFirstChaseInterval << std::min<uint32_t>(chase.attempts, 3);
  timers_.set(now_ + std::min(wait, kChaseInterval), TimerKind::chase, index, stamp);
}

}  // namespace imroute
