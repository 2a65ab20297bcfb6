// From the log to a device: in order per conversation, through a window per session. A push whose
// predecessor is missing waits a moment for it; what does not come is read from the mailbox, which
// is the truth (protocol.md 6.4-6.7). A full window leaves entries in the mailbox: nothing is
// dropped.
#include <algorithm>
#include <utility>

#include "core/base/planted.h"
#include "core/node/state.h"

namespace imroute {

uint32_t Node::State::find_followed(uint32_t session, ConversationId id) const {
  const uint32_t* found = follow_index_.find(FollowKey{session, id});
  return found == nullptr ? kNil : *found;
}

uint32_t Node::State::follow(uint32_t session, ConversationId id, Position at, uint32_t epoch_ok) {
  const uint32_t have = find_followed(session, id);
  if (have != kNil) return have;
  const uint32_t index = followed_.take();
  if (index == kNil) {  // at capacity: the next compare finds the index ahead, and loads it again
    sessions_[session].index_version = 0;
    return kNil;
  }
  *follow_index_.insert(FollowKey{session, id}) = index;
  Followed& f = followed_[index];
  f.session = session;
  f.id = id;
  f.at = f.head = f.acked = at;
  f.epoch_ok = epoch_ok;
  f.next_of_session = sessions_[session].first_conversation;
  if (f.next_of_session != kNil) followed_[f.next_of_session].previous_of_session = index;
  sessions_[session].first_conversation = index;
  if (id.is_group()) {
    if (Group* group = groups_.insert(id)) {
      f.next_of_group = group->first_followed;
      if (f.next_of_group != kNil) followed_[f.next_of_group].previous_of_group = index;
      group->first_followed = index;
    }
  }
  return index;
}

void Node::State::unfollow(uint32_t index) {
  if (followed_[index].cursor_dirty) {
    const Followed& f = followed_[index];
    cursor_updates_.push_back({sessions_[f.session].key, {f.id, f.acked}});
  }
  drop_early(index);
  Followed& f = followed_[index];
  follow_index_.erase(FollowKey{f.session, f.id});
  if (f.previous_of_session != kNil) {
    followed_[f.previous_of_session].next_of_session = f.next_of_session;
  } else {
    sessions_[f.session].first_conversation = f.next_of_session;
  }
  if (f.next_of_session != kNil) {
    followed_[f.next_of_session].previous_of_session = f.previous_of_session;
  }
  if (f.id.is_group()) {
    if (f.previous_of_group != kNil) {
      followed_[f.previous_of_group].next_of_group = f.next_of_group;
    } else if (Group* group = groups_.find(f.id);
               group != nullptr && group->first_followed == index) {
      group->first_followed = f.next_of_group;
      // Clients choose the groups that they name. A list of members is of one that there is, and an
      // append under way relies on it.
      if (group->first_followed == kNil && group->members == nullptr) groups_.erase(f.id);
    }
    if (f.next_of_group != kNil) {
      followed_[f.next_of_group].previous_of_group = f.previous_of_group;
    }
  }
  followed_.give(index);
}

// ---- taking entries
// ------------------------------------------------------------------------------

void Node::State::offer(uint32_t session_index, const Entry& entry, Via via) {
  if (entry.position.seq == 0) return offer_unsequenced(session_index, entry, via);
  if (!at_least_once()) return offer_unsequenced(session_index, entry, via);
  Session& session = sessions_[session_index];
  uint32_t index = find_followed(session_index, entry.conversation);
  if (index == kNil) {
    if (session.syncing) return;  // the index, on its way, will show it
    if (entry.conversation.is_group()) return probe(session_index, kNil, entry, via);
    index = follow(session_index, entry.conversation, {}, entry.position.epoch);
    if (index == kNil) return;
  }
  if (followed_[index].probing ||
      (!followed_[index].member && brings_in(entry, session.key.user))) {
    return probe(session_index, index, entry, via);
  }
  Followed& f = followed_[index];
  const Position at = f.at;
  if (entry.position.seq <= at.seq && entry.position.epoch <= at.epoch) {
    ++counters_.pushes_stale;
    return;
  }
  if (entry.position.epoch < at.epoch) {
    ++counters_.pushes_stale;
    return;
  }
  note_head(index, entry.position);
  // A new store epoch may have cut what this device saw, or this entry, which comes from before it
  // (handed over, or pushed by a node that has not heard of it): only the store can tell.
  const bool verified = IM_PLANTED(epoch_not_checked) || at.seq == 0 ||
                        entry.position.epoch == at.epoch || entry.position.epoch <= f.epoch_ok;
  const bool believed = verified && entry.position.epoch >= std::max(f.epoch_ok, mailbox_epoch_);
  const bool reads = f.pulling || f.owed;
  if (!believed || entry.position.seq <= at.seq || reads) {
    if (reads && believed && entry.position.seq > at.seq) keep_early(index, entry, via);
    return arm_gap(index);
  }
  if (any_order(f)) return take_any_order(index, entry, via);
  const bool overtakes = IM_PLANTED(answer_overtakes) && entry.conversation.is_group();
  if (entry.position.seq == at.seq + 1 || IM_PLANTED(gap_skipped) || overtakes) {
    if (take_in_order(index, entry, via)) drain_early(index);
    return;
  }
  if (IM_PLANTED(gap_push_dropped)) return;
  keep_early(index, entry, via);
  arm_gap(index);
}

// A group this session does not follow, or follows no more. Only the store knows since when its
// user belongs to it, and whether it came and went unheard in between: the index is asked, entries
// wait.
void Node::State::probe(uint32_t session, uint32_t index, const Entry& entry, Via via) {
  if (index == kNil) index = follow(session, entry.conversation, {}, 0);
  if (index == kNil) return;
  const bool asked = followed_[index].probing;
  followed_[index].probing = true;
  note_head(index, entry.position);
  keep_early(index, entry, via);
  if (!asked) load_index(session);
}

// At most once: no sequence, and no window to wait for.
void Node::State::offer_unsequenced(uint32_t session_index, const Entry& entry, Via via) {
  const Session& session = sessions_[session_index];
  if (entry.sender == session.key.user && entry.sender_device == session.key.device) return;
  deliver(session_index, kNil, entry, via);
}

bool Node::State::for_this_device(const Followed& f, const Session& session,
                                  const Entry& entry) const {
  if (entry.kind == EntryKind::leave && entry.subject == session.key.user) return false;
  if (brings_in(entry, session.key.user)) {
    return !(entry.sender == session.key.user && entry.sender_device == session.key.device);
  }
  if (!f.member) return false;
  if (IM_PLANTED(own_echoed)) return true;
  return !(entry.sender == session.key.user && entry.sender_device == session.key.device);
}

bool Node::State::has_room(const Session& session, const Entry& entry) const {
  if (IM_PLANTED(window_overrun)) return true;
  if (session.unacked_count >= config_.delivery.effective_window()) return false;
  return session.unacked_count == 0 ||
         session.unacked_bytes + entry.payload.size() <= config_.delivery.window_bytes;
}

// REQUIRES: entry is the next one. False when the window is full: it stays in the mailbox.
bool Node::State::take_in_order(uint32_t index, const Entry& entry, Via via) {
  Followed& f = followed_[index];
  Session& session = sessions_[f.session];
  const bool wanted = for_this_device(f, session, entry);
  // A device to which nothing is on the way is never full: no ack would bring it back from pull.
  const bool full = wanted && (!has_room(session, entry) ||
                               (session.unacked_count > 0 && perturbed(PerturbSite::window_full)));
  if (full) {
    ++counters_.window_full;
    if (!session.demoted) {
      session.demoted = true;
      ++counters_.demotions;
      trace(TraceKind::demoted, entry, session.key.user, session.key.device);
    }
    drop_early(index);
    return false;
  }
  move_to(f, entry.position);
  if (entry.position.epoch > f.epoch_ok) f.epoch_ok = entry.position.epoch;
  if (brings_in(entry, session.key.user)) f.member = true;
  if (entry.kind == EntryKind::leave && entry.subject == session.key.user &&
      !IM_PLANTED(leaver_still_served)) {
    f.member = false;
  }
  if (wanted) {
    deliver(f.session, index, entry, via);
  } else {
    pass_cursor(index);
  }
  if (!f.member && f.id.is_group()) {
    drop_early(index);
    f.head = f.at;
  }
  return true;
}

// Order none. Not in a group: who is entitled to an entry follows from the log before it.
bool Node::State::any_order(const Followed& f) const {
  return config_.delivery.order == Order::none && !f.id.is_group();
}

// Whether this very entry was delivered ahead of its turn.
bool Node::State::delivered_beyond(const Followed& f, Position position) const {
  const uint64_t ahead = position.seq - f.at.seq - 1;
  return position.epoch == f.beyond_epoch && ahead < kMaxWindow && ((f.beyond >> ahead) & 1) != 0;
}

// REQUIRES: position is not before `at`.
void Node::State::move_to(Followed& f, Position position) {
  const uint64_t by = position.seq - f.at.seq;
  f.beyond = by >= kMaxWindow ? 0 : f.beyond >> by;
  f.at = position;
}

// Goes on over what was delivered ahead of its turn, if the log that `at` is in still has it.
void Node::State::pass_delivered(Followed& f) {
  if (f.beyond_epoch < std::max(f.epoch_ok, f.at.epoch)) f.beyond = 0;
  for (; (f.beyond & 1) != 0; f.beyond >>= 1) f.at = {f.beyond_epoch, f.at.seq + 1};
}

// Delivers at once and remembers in a bitmap what is beyond the contiguous part.
void Node::State::take_any_order(uint32_t index, const Entry& entry, Via via) {
  Followed& f = followed_[index];
  const uint64_t ahead = entry.position.seq - f.at.seq - 1;
  if (ahead == 0) {
    if (take_in_order(index, entry, via)) pass_delivered(f);
    return;
  }
  const Session& session = sessions_[f.session];
  const bool wanted = for_this_device(f, session, entry);
  const bool possible = ahead < kMaxWindow && (!wanted || has_room(session, entry));
  if (possible && !delivered_beyond(f, entry.position)) {
    if (entry.position.epoch != f.beyond_epoch) f.beyond = 0;
    f.beyond_epoch = entry.position.epoch;
    f.beyond |= uint64_t{1} << ahead;
    if (wanted) deliver(f.session, index, entry, via);
  }
  arm_gap(index);
}

void Node::State::keep_early(uint32_t index, const Entry& entry, Via via) {
  if (perturbed(PerturbSite::early_entry_dropped)) return;
  Followed& f = followed_[index];
  uint32_t before = kNil, next = f.early;
  while (next != kNil && early_[next].entry.position.seq < entry.position.seq) {
    before = next;
    next = early_[next].next;
  }
  const bool have = next != kNil && early_[next].entry.position.seq == entry.position.seq;
  if (have || f.early_count >= kMaxEarlyOfConversation) return;
  const uint32_t slot = early_.take();
  if (slot == kNil) return;
  ++counters_.gaps_buffered;
  early_[slot].entry = entry;
  early_[slot].via = via;
  early_[slot].next = next;
  (before == kNil ? f.early : early_[before].next) = slot;
  ++f.early_count;
  trace(TraceKind::gap_buffered, entry, sessions_[f.session].key.user,
        sessions_[f.session].key.device);
}

void Node::State::drain_early(uint32_t index) {
  while (followed_[index].early != kNil) {
    Followed& f = followed_[index];
    const uint32_t slot = f.early;
    const Position next = early_[slot].entry.position;
    if (next.seq > f.at.seq + 1 && !any_order(f)) return;
    if (next.epoch > f.at.epoch && next.epoch > f.epoch_ok && f.at.seq != 0) return;
    f.early = early_[slot].next;
    --f.early_count;
    Early early = std::move(early_[slot]);
    early_.give(slot);
    if (next.seq <= f.at.seq || next.epoch < f.at.epoch || next.epoch < f.epoch_ok) continue;
    if (any_order(f)) {
      take_any_order(index, early.entry, early.via);
    } else if (!take_in_order(index, early.entry, early.via)) {
      return;
    }
  }
}

void Node::State::drop_early(uint32_t index) {
  Followed& f = followed_[index];
  while (f.early != kNil) {
    const uint32_t slot = f.early;
    f.early = early_[slot].next;
    early_.give(slot);
  }
  f.early_count = 0;
}

void Node::State::deliver(uint32_t session_index, uint32_t followed, const Entry& entry, Via via) {
  Session& session = sessions_[session_index];
  Frame frame;
  frame.type = FrameType::deliver;
  frame.number = session.next_number++;
  const Position base = followed == kNil ? Position{} : followed_[followed].at;
  frame.base = base.seq;
  frame.via = via;
  frame.entry = entry;
  ++counters_.deliveries;
  trace(TraceKind::deliver, entry, session.key.user, session.key.device, 0, config_.id,
        frame.number);
  if (at_least_once() && followed != kNil) {
    const uint32_t slot = unacked_.take();
    if (slot != kNil) {
      Unacked& u = unacked_[slot];
      u.number = frame.number;
      u.base = base;
      u.entry = entry;
      u.via = via;
      u.sent_at = now_;
      u.conversation = followed;
      u.conversation_stamp = followed_.stamp(followed);
      (session.unacked_tail == kNil ? session.unacked_head : unacked_[session.unacked_tail].next) =
          slot;
      session.unacked_tail = slot;
      unacked_max_ = std::max(unacked_max_, ++session.unacked_count);
      session.unacked_bytes += static_cast<uint32_t>(entry.payload.size());
      if (!session.redeliver_armed) arm_redelivery(session_index);
    }
    if (IM_PLANTED(cursor_on_send)) {
      followed_[followed].acked = entry.position;
      note_cursor(followed);
    }
  }
  send_client(session.link, std::move(frame));
}

// ---- acks and redelivery
// -------------------------------------------------------------------------

void Node::State::on_ack(uint32_t index, const Frame& frame) {
  Session& session = sessions_[index];
  if (frame.number >= session.next_number) {
    ++counters_.protocol_errors;
    return;
  }
  for (uint32_t u = session.unacked_head; u != kNil; u = unacked_[u].next) {
    Unacked& item = unacked_[u];
    const uint64_t n = item.number - (IM_PLANTED(ack_off_by_one) ? 1 : 0);
    const bool now_acked = n <= frame.number || (n - frame.number <= 64 &&
                                                 ((frame.mask >> (n - frame.number - 1)) & 1) != 0);
    if (!now_acked || item.acked) continue;
    item.acked = true;
    ++counters_.acked;
    if (!item.resent) {
      const DurationNs sample = now_ - item.sent_at;
      session.round_trip_ns =
          session.round_trip_ns == 0 ? sample : (session.round_trip_ns * 7 + sample) / 8;
      session.redeliver_backoff = 0;
    }
  }
  while (session.unacked_head != kNil && unacked_[session.unacked_head].acked) {
    const uint32_t slot = session.unacked_head;
    Unacked& item = unacked_[slot];
    session.unacked_head = item.next;
    if (session.unacked_head == kNil) session.unacked_tail = kNil;
    --session.unacked_count;
    session.unacked_bytes -= static_cast<uint32_t>(item.entry.payload.size());
    if (followed_.is(item.conversation, item.conversation_stamp)) {
      Followed& f = followed_[item.conversation];
      if (item.base > f.acked) {
        f.acked = item.base;
        note_cursor(item.conversation);
      }
    }
    unacked_.give(slot);
  }
  if (session.demoted && session.unacked_count * 2 <= config_.delivery.effective_window()) {
    resume_behind(index);
  }
}

void Node::State::resume_behind(uint32_t index) {
  sessions_[index].demoted = false;
  for (uint32_t f = sessions_[index].first_conversation; f != kNil;) {
    const uint32_t next = followed_[f].next_of_session;
    if (must_read(followed_[f]) && !followed_[f].pulling) pull(f, Via::sync);
    f = next;
  }
}

void Node::State::arm_redelivery(uint32_t index) {
  Session& session = sessions_[index];
  DurationNs timeout = config_.delivery.ack_timeout_ns;
  if (session.round_trip_ns != 0) {
    timeout = std::clamp<DurationNs>(session.round_trip_ns * 4, timeout / 4, timeout);
  }
  timeout <<= session.redeliver_backoff;
  const MonoTime from =
      session.unacked_head == kNil ? now_ : std::max(now_, unacked_[session.unacked_head].sent_at);
  session.redeliver_armed = true;
  timers_.set(from + timeout, TimerKind::redeliver, index, sessions_.stamp(index));
}

void Node::State::on_redeliver_timer(uint32_t index) {
  Session& session = sessions_[index];
  session.redeliver_armed = false;
  if (session.phase != Session::Phase::live || session.unacked_head == kNil) return;
  DurationNs timeout = config_.delivery.ack_timeout_ns;
  if (session.round_trip_ns != 0) {
    timeout = std::clamp<DurationNs>(session.round_trip_ns * 4, timeout / 4, timeout);
  }
  timeout <<= session.redeliver_backoff;
  if (perturbed(PerturbSite::redeliver_early)) timeout = 0;
  bool resent = false;
  for (uint32_t u = session.unacked_head; u != kNil; u = unacked_[u].next) {
    Unacked& item = unacked_[u];
    if (item.acked || now_ - item.sent_at < timeout) continue;
    item.resent = true;
    item.sent_at = now_;
    resent = true;
    ++counters_.redeliveries;
    trace(TraceKind::redeliver, item.entry, session.key.user, session.key.device, 0, config_.id,
          item.number);
    Frame frame;
    frame.type = FrameType::deliver;
    frame.number = item.number;
    frame.base = item.base.seq;
    frame.via = item.via;
    frame.entry = item.entry;
    send_client(session.link, std::move(frame));
  }
  if (resent && session.redeliver_backoff < 3) ++session.redeliver_backoff;
  arm_redelivery(index);
}

}  // namespace imroute
