// The mailbox path: what a push did not bring is read from the log. Gaps, logins, index changes,
// the periodic compare and the cursors that let the store trim (protocol.md 6.3, 6.6).
#include <algorithm>
#include <utility>

#include "core/base/planted.h"
#include "core/node/state.h"

namespace imroute {
// ----------------------------------------------------------------------------

void Node::State::note_head(uint32_t index, Position head) {
  Followed& f = followed_[index];
  if (head.epoch > f.head.epoch || (head.epoch == f.head.epoch && head.seq > f.head.seq))
    f.head = head;
}

void Node::State::arm_gap(uint32_t index) {
  Followed& f = followed_[index];
  if (f.pulling || (f.gap_armed && f.gap_at == f.at)) return;
  const DurationNs wait = perturbed(PerturbSite::gap_wait_zero) ? 0 : config_.delivery.gap_wait_ns;
  f.gap_at = f.at;
  f.gap_until = now_ + wait;
  if (f.gap_armed) return;  // for an earlier gap, filled since: its timer goes on to this one
  f.gap_armed = true;
  timers_.set(f.gap_until, TimerKind::gap, index, followed_.stamp(index));
}

void Node::State::on_gap_timer(uint32_t index) {
  Followed& f = followed_[index];
  f.gap_armed = false;
  if (!must_read(f)) return;
  if (f.gap_at != f.at) return arm_gap(index);  // what is missing now has not been waited for
  if (f.gap_until <= now_) return pull(index, Via::sync);
  f.gap_armed = true;
  timers_.set(f.gap_until, TimerKind::gap, index, followed_.stamp(index));
}

// Something is missing, or what was delivered is not yet known to be in the store's newest epoch:
// until then no push of that epoch is believed.
bool Node::State::must_read(const Followed& f) const {
  return f.behind() || (f.at.seq != 0 && f.epoch_ok < mailbox_epoch_);
}

void Node::State::pull(uint32_t index, Via via) {
  Followed& f = followed_[index];
  const Session& session = sessions_[f.session];
  if (f.pulling || !serving_) return;
  const uint32_t window = config_.delivery.effective_window();
  if (session.unacked_count >= window) {
    sessions_[f.session].demoted = true;
    return;
  }
  if (crowded()) return arm_gap(index);
  MailboxOp op;
  op.kind = MailboxOpKind::read;
  op.entry.conversation = f.id;
  op.key = session.key;
  op.from = f.at;
  op.limit = perturbed(PerturbSite::pull_limit_one) ? 1 : window - session.unacked_count;
  Pending pending;
  pending.kind = PendingKind::pull;
  pending.index = index;
  pending.stamp = followed_.stamp(index);
  f.pulling = true;
  f.pull_via = via;
  ++counters_.pulls;
  trace(TraceKind::gap_pull, Entry{f.id, f.at, {}, {}, 0, 0, {}, {}}, session.key.user,
        session.key.device);
  mailbox(std::move(op), pending);
}

void Node::State::on_pull_reply(const Pending& pending, ReplyStatus status,
                                const MailboxReply* reply) {
  if (!followed_.is(pending.index, pending.stamp)) return;
  const uint32_t index = pending.index;
  followed_[index].pulling = false;
  if (status != ReplyStatus::ok) return arm_gap(index);
  Followed& f = followed_[index];
  Session& session = sessions_[f.session];
  // What the store says of a position, be it a new one, is true of the log of the store that
  // answered. While its epoch is not known, nothing is known of any other.
  f.epoch_ok = mailbox_epoch_;
  if (reply->result == MailboxResult::rewind || reply->result == MailboxResult::reset) {
    const bool rewind = reply->result == MailboxResult::rewind;
    ++(rewind ? counters_.rewinds : counters_.resets);
    f.at = reply->position;
    f.head = reply->position;
    note_head(index, reply->head);  // should the window be full, it is read after the next ack
    f.beyond = 0;
    if (f.id.is_group()) f.member = reply->member;  // a RESET may pass the user's leave, unread
    f.reset_to = rewind ? Position{} : reply->position;
    if (rewind) f.acked = std::min(f.acked, reply->position);  // what is before it may be unheard
    drop_early(index);
    Frame frame;
    frame.type = rewind ? FrameType::rewind : FrameType::reset_cursor;
    frame.entry.conversation = f.id;
    frame.entry.position = reply->position;
    frame.number = reply->skipped;
    trace(rewind ? TraceKind::rewind : TraceKind::reset, frame.entry, session.key.user,
          session.key.device, 0, config_.id, reply->skipped);
    send_client(session.link, std::move(frame));
    return pull(index, f.pull_via);
  }
  ++counters_.gaps_pulled;
  const Via via = f.pull_via;
  // A push that came while its entry was being read got here by itself, and is told as that.
  const auto first_way = [&](const Entry& entry) {
    uint32_t e = f.early;
    while (e != kNil && early_[e].entry.position != entry.position) e = early_[e].next;
    return e == kNil ? via : early_[e].via;
  };
  bool complete = true;
  if (reply->entries != nullptr) {
    for (const Entry& entry : *reply->entries) {
      if (entry.position.seq <= f.at.seq) continue;
      if (delivered_beyond(f, entry.position)) {
        move_to(f, entry.position);
        continue;
      }
      f.member = true;  // the store gives only what the user is entitled to, left meanwhile or not
      if (!take_in_order(index, entry, first_way(entry))) {
        complete = false;
        break;
      }
    }
  }
  if (!complete) return note_head(index, reply->head);
  if (reply->next.seq > f.at.seq) {
    move_to(f, reply->next);
    pass_cursor(index);
  }
  pass_delivered(f);
  if (f.id.is_group()) f.member = reply->member;
  f.owed = false;
  if (f.head.seq < f.at.seq || f.head.epoch < f.at.epoch) f.head = f.at;
  note_head(index, reply->head);
  if (reply->head.seq <= f.at.seq) f.head = f.at;  // the store says: nothing further
  drain_early(index);
  if (reply->head.seq > f.at.seq) return pull(index, via);
  if (f.behind()) arm_gap(index);
}

void Node::State::load_index(uint32_t index) {
  Session& session = sessions_[index];
  if (session.index_loading) {
    session.index_stale = true;
    return;
  }
  session.index_loading = true;
  session.index_stale = false;
  MailboxOp op;
  op.kind = MailboxOpKind::open_device;
  op.key = session.key;
  Pending pending;
  pending.kind = PendingKind::open_device;
  pending.index = index;
  pending.stamp = sessions_.stamp(index);
  mailbox(std::move(op), pending);
}

void Node::State::on_index_reply(const Pending& pending, ReplyStatus status,
                                 const MailboxReply* reply) {
  if (!sessions_.is(pending.index, pending.stamp)) return;
  const uint32_t index = pending.index;
  if (sessions_[index].phase == Session::Phase::binding) return on_opened(index, status);
  if (sessions_[index].phase != Session::Phase::live) return;
  sessions_[index].index_loading = false;
  if (status != ReplyStatus::ok) {  // a store that is away may say so at once
    timers_.set(now_ + kStoreRetry, TimerKind::index, index, pending.stamp);
    return;
  }
  const bool first = sessions_[index].syncing;
  sessions_[index].syncing = false;
  sessions_[index].index_version = reply->index_version;
  if (reply->conversations != nullptr) {
    for (const ConversationState& state : *reply->conversations) apply_index(index, state, first);
  }
  if (sessions_[index].index_stale) return load_index(index);
  for (uint32_t f = sessions_[index].first_conversation; f != kNil;) {
    const uint32_t next = followed_[f].next_of_session;
    // The store does not know the user there. What the client has seen of it is compared: the
    // store may have lost it.
    if (followed_[f].probing && followed_[f].at == Position{}) {
      unfollow(f);
    } else if (followed_[f].probing) {
      followed_[f].probing = followed_[f].member = false;
      drop_early(f);
    }
    f = next;
  }
}

void Node::State::apply_index(uint32_t index, const ConversationState& state, bool first) {
  uint32_t at = find_followed(index, state.conversation);
  const bool known = at != kNil;
  if (!known) {
    if (IM_PLANTED(new_conversation_ignored)) return;
    if (!state.member && state.cursor == state.head) return;
    at = follow(index, state.conversation, state.cursor, 0);
    if (at == kNil) return;
  }
  Followed& f = followed_[at];
  const bool probed = std::exchange(f.probing, false);
  if (probed && f.at == Position{}) f.at = f.acked = state.cursor;
  if (!known || probed) {
    f.member = state.member;
    f.owed = !state.member && state.head != f.at;
  }
  if (state.head == f.at) {
    f.member = state.member;
    f.epoch_ok = std::max(f.epoch_ok, mailbox_epoch_);
    if (f.early == kNil) f.head = f.at;
    drain_early(at);  // pushed since that answer
    if (followed_[at].behind()) arm_gap(at);
    return;
  }
  if (state.head < f.at && !first) return;  // an older answer than what was pushed since
  note_head(at, state.head);
  if (first || probed) return pull(at, first ? Via::login : Via::sync);
  arm_gap(at);  // the push may be on its way
}

// ---- compare
// -------------------------------------------------------------------------------------

// How far the session is, in its index and in its logs; without what its user has left, unless
// `left` is asked for too.
void Node::State::add_to_compare(CompareBatch& batch, const Session& session, bool left) {
  if (session.phase != Session::Phase::live || session.syncing) return;
  const auto add = [&](const CompareItem& item) {
    batch->push_back(item);
    if (batch->size() >= batch_limit()) send_compare(std::exchange(batch, compare_batches_.take()));
  };
  add({{}, session.key.user, {}, session.index_version});
  for (uint32_t f = session.first_conversation; f != kNil; f = followed_[f].next_of_session) {
    if (left || followed_[f].member) add({followed_[f].id, session.key.user, followed_[f].at, 0});
  }
}

// Without items it asks for the store's identity alone.
void Node::State::send_compare(CompareBatch&& batch) {
  if (!batch->empty()) ++counters_.compares;
  MailboxOp op;
  op.kind = MailboxOpKind::compare;
  op.known = std::move(batch);
  Pending pending;
  pending.kind = PendingKind::compare;
  mailbox(std::move(op), pending);
}

// After a bind: what the client has seen and the store does not list, the store may have lost.
void Node::State::compare_session(uint32_t index) {
  if (IM_PLANTED(compare_never)) return;
  auto batch = compare_batches_.take();
  add_to_compare(batch, sessions_[index], true);
  if (!batch->empty()) send_compare(std::move(batch));
}

void Node::State::start_compare() {
  last_compare_ = now_;
  compare_armed_ = false;
  if (!serving_ || IM_PLANTED(compare_never)) return;
  const auto away = [](const Peer& peer) { return !peer.up; };
  if (IM_PLANTED(compare_waits_for_all) &&
      (std::any_of(routers_.begin(), routers_.end(), away) ||
       std::count_if(nodes_.begin(), nodes_.end(), away) > 1)) {
    return;
  }
  auto batch = compare_batches_.take();
  for (uint32_t i = 0; i < sessions_.slots(); ++i) {
    if (sessions_.used(i)) add_to_compare(batch, sessions_[i], false);
  }
  if (!batch->empty()) send_compare(std::move(batch));
}

void Node::State::on_compare_reply(const MailboxReply& reply) {
  if (reply.ahead == nullptr) return;
  for (const CompareItem& item : *reply.ahead) {
    const bool of_user = item.conversation == ConversationId{};
    for_each_session(item.user, [&](uint32_t s) {
      if (of_user) {
        if (sessions_[s].index_version < item.index_version) load_index(s);
        return;
      }
      const uint32_t index = find_followed(s, item.conversation);
      if (index == kNil) return;
      Followed& f = followed_[index];
      if (item.known == f.at || f.pulling) return;
      if (item.known.epoch == f.at.epoch && item.known.seq < f.at.seq) return;  // pushed since
      ++counters_.compare_behind;
      // The push may be on its way: give it the same moment that a gap gets.
      if (f.at < item.known)
        note_head(index, item.known);
      else
        f.head = Position{mailbox_epoch_, f.at.seq + 1};  // the store lost it: ask, and rewind
      arm_gap(index);
    });
  }
}

void Node::State::suspect() {
  if (compare_armed_ || !at_least_once()) return;
  compare_armed_ = true;
  const MonoTime at = std::max(now_ + config_.delivery.gap_wait_ns, last_compare_ + kSecond);
  timers_.set(at, TimerKind::compare, 0);
}

// ---- cursors
// -------------------------------------------------------------------------------------

void Node::State::note_cursor(uint32_t index) {
  Followed& f = followed_[index];
  if (f.cursor_dirty) return;
  f.cursor_dirty = true;
  dirty_cursors_.push_back({index, followed_.stamp(index)});
}

// What is not for this device needs no ack. But a RESET does: with the cursor past it the store
// would not say it again, should the connection break before it arrives.
void Node::State::pass_cursor(uint32_t index) {
  Followed& f = followed_[index];
  if (sessions_[f.session].unacked_count > 0 || f.acked < f.reset_to) return;
  f.acked = f.at;
  note_cursor(index);
}

void Node::State::flush_cursors() {
  auto batch = cursor_batches_.take();
  const auto send = [&] {
    MailboxOp op;
    op.kind = MailboxOpKind::cursors;
    op.updates = std::exchange(batch, cursor_batches_.take());
    Pending pending;
    pending.kind = PendingKind::cursors;
    mailbox(std::move(op), pending);
  };
  const auto add = [&](const CursorUpdate& update) {
    batch->push_back(update);
    if (batch->size() >= batch_limit()) send();
  };
  for (const CursorUpdate& update : cursor_updates_) add(update);
  cursor_updates_.clear();
  for (const auto& [index, stamp] : dirty_cursors_) {
    if (!followed_.is(index, stamp)) continue;  // unfollowed since: among the updates above
    Followed& f = followed_[index];
    f.cursor_dirty = false;
    add({sessions_[f.session].key, {f.id, f.acked}});
  }
  dirty_cursors_.clear();
  if (!batch->empty()) send();
}

}  // namespace imroute
