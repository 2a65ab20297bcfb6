#include "harness/history/history.h"

#include <algorithm>

#include "core/base/hash.h"
#include "harness/history/state.h"
#include "harness/workload/workload.h"

namespace imroute {
namespace {

uint32_t narrow(uint64_t value) { return static_cast<uint32_t>(value); }

}  // namespace

History::History(const Scenario& scenario, const std::vector<Fault>& plan)
    : state_(std::make_unique<State>(scenario, plan)) {}
History::~History() = default;

void History::sent(int64_t t, DeviceKey from, uint64_t tag, ConversationId conversation,
                   EntryKind kind, const Payload& payload, uint64_t answers_tag) {
  State& s = *state_;
  const uint32_t device = s.books.device_index(from);
  if (device == kNothing || tag == 0 || s.books.find_tag(tag) != kNothing) return;
  const uint32_t index = s.books.make(tag);
  MessageBook& m = s.books.message(index);
  m.answers = answers_tag;
  m.kind = kind;
  m.conversation = s.books.intern(conversation);
  m.sender = device;
  m.sent_at = t;
  m.body_hash = hash_bytes(payload.bytes());
  m.bytes = narrow(payload.size());
  if (answers_tag != 0) ++s.replies_sent;
  s.count_sent(t, device, m);
  if (!s.lossless() && kind == EntryKind::message) {
    // Nothing is sequenced: what the sender meant is the order there is.
    m.stored_at = t;
    m.flags |= kStored;
    s.books.link(index);
    s.entitle(index);
    s.unaccounted.push_back({t, tag});
  }
}

void History::accepted(int64_t t, DeviceKey from, uint64_t tag, const Entry& entry) {
  State& s = *state_;
  const uint32_t index = s.books.find_tag(tag);
  if (index == kNothing || s.books.device_index(from) == kNothing) return;
  MessageBook& m = s.books.message(index);
  if (m.is(kAccepted)) return;
  ++s.result.messages.accepted;
  ++s.window(t).accepted;
  s.count_answered(t, m);
  m.flags |= kAccepted;
  m.client_seq = narrow(entry.client_seq);
  if (m.sent_at >= s.warmup_ns) s.result.accept_ns.add(t - m.sent_at);
  const bool backlog = m.sent_at < s.faults.calm_since();
  if (backlog && s.books.device(m.sender).returned_at <= m.sent_at) not_converged_until(s, t);
  if (m.kind != EntryKind::message) {
    if (!s.lossless() && m.kind == EntryKind::join) s.books.group(m.conversation).add(from.user);
    s.books.release(index);  // its entry stands in the books by its position
    return;
  }
  judge_accepted(s, t, index);
}

void History::refused(int64_t t, DeviceKey from, uint64_t tag, Reason reason) {
  State& s = *state_;
  const uint32_t index = s.books.find_tag(tag);
  if (index == kNothing || s.books.device_index(from) == kNothing) return;
  MessageBook& m = s.books.message(index);
  if (m.is(kAccepted) || m.is(kRefused)) return;
  ++s.result.messages.refused;
  s.count_answered(t, m);
  m.flags |= kRefused;
  // Given up, not turned away: it may be on its way all the same.
  const bool may_appear = reason == Reason::timeout || reason == Reason::no_route;
  if (!s.lossless()) expect_no_more(s, index);
  if (s.lossless() ? !m.is(kStored) : !may_appear) s.books.release(index);
}

void History::shown(int64_t t, DeviceKey to, const Entry& entry, Via via) {
  State& s = *state_;
  if (!s.lossless()) account_for_old(s, t);
  Showing showing{t, s.books.device_index(to), entry, via};
  ++s.result.messages.via[static_cast<size_t>(via) % s.result.messages.via.size()];
  if (entry.kind == EntryKind::message) {
    showing.message = s.books.find_tag(payload_tag(entry.payload));
  }
  const uint32_t likely =
      showing.message == kNothing ? kNothing : s.books.message(showing.message).conversation;
  showing.conversation = s.books.find(entry.conversation, likely);
  if (entry.kind != EntryKind::message && showing.conversation != kNothing) {
    showing.message = s.books.at_position(showing.conversation, entry.position);
    if (showing.message == kNothing) {
      showing.message = s.find_lost_change(entry, showing.conversation);
    }
  }
  if (showing.device != kNothing && showing.message != kNothing) {
    showing.place = s.books.place(s.books.message(showing.message), showing.device);
  }
  if (!judge_delivery(s, showing)) return;
  judge_order(s, showing);
  judge_reply_order(s, showing);
  judge_routing(s, showing);
  note_work(s, showing);
  MessageBook& m = s.books.message(showing.message);
  if (s.books.waiting(m, showing.place)) {
    s.no_longer_waits(showing.message, showing.place, showing.device);
    if (s.lossless()) s.awaits_ack(t, showing.device, m.bytes);
  } else {
    ++s.result.messages.deliveries_expected;  // welcome, though nobody could have insisted on it
  }
  s.books.set_shown(m, showing.place);
  s.count_delivered(showing);
  s.close_when_done(showing.message);
}

void History::online(int64_t t, DeviceKey key, NodeId node, uint64_t /*generation*/) {
  State& s = *state_;
  const uint32_t index = s.books.device_index(key);
  if (index == kNothing) return;
  DeviceBook& d = s.books.device(index);
  judge_return(s, t, index);
  if (d.absent) d.returned_at = t;
  s.set_absent(index, false);
  if (d.node != kNothing) {
    ++s.binds_again;
    if (d.node != node.value) ++s.binds_elsewhere;
  }
  d.bound_at = d.changed_at = t;
  d.node = node.value;
  if (d.first_bind == kNever) d.first_bind = t;
  s.update_overlaps(t, key.user);
}

void History::offline(int64_t t, DeviceKey key, Reason reason) {
  State& s = *state_;
  const uint32_t index = s.books.device_index(key);
  if (index == kNothing) return;
  DeviceBook& d = s.books.device(index);
  // A client that moves ends its own session without a reason; one that stops cancels it.
  if (d.online()) {
    d.left = reason == Reason::none || reason == Reason::cancelled || reason == Reason::kicked ||
             reason == Reason::superseded;
  }
  d.bound_at = kNever;
  d.changed_at = t;
  // Final for the client: it does not try again by itself.
  if (reason == Reason::superseded || reason == Reason::kicked) {
    judge_put_out(s, t, index, reason);
    s.set_absent(index, true);
  }
  s.update_overlaps(t, key.user);
}

void History::started(int64_t, DeviceKey key) {
  const uint32_t index = state_->books.device_index(key);
  if (index != kNothing) state_->books.device(index).put_out = false;
}

void History::served_without_lease(int64_t t, NodeId node, int64_t since) {
  judge_lease(*state_, t, node, since);
}

void History::placed_on_dead(int64_t t, uint32_t router, NodeId node, int64_t since) {
  judge_placed(*state_, t, router, node, since);
}

void History::stopped(int64_t t, DeviceKey key) {
  offline(t, key, Reason::none);
  const uint32_t index = state_->books.device_index(key);
  if (index != kNothing) state_->set_absent(index, true);
}

void History::first_bind(int64_t t, DeviceKey key) {
  State& s = *state_;
  const uint32_t index = s.books.device_index(key);
  if (index == kNothing) return;
  DeviceBook& d = s.books.device(index);
  if (d.first_bind == kNever) d.first_bind = t;
}

void History::rewound(int64_t, DeviceKey, ConversationId, Position) {
  // The log told already what it lost (discarded); where a cursor went follows from that.
}

void History::reset(int64_t, DeviceKey key, ConversationId conversation, Position to, uint64_t) {
  State& s = *state_;
  const uint32_t device = s.books.device_index(key);
  const uint32_t c = s.books.find(conversation);
  if (device == kNothing || c == kNothing) return;
  for (uint32_t i = s.books.conversation(c).first; i != kNothing;) {
    MessageBook& m = s.books.message(i);
    const uint32_t next = m.next;
    if (m.position() > to) break;
    const uint32_t place = s.books.place(m, device);
    if (place != kNothing && s.books.waiting(m, place)) {
      s.no_longer_waits(i, place, device);
      ++s.result.messages.reset;
      s.close_when_done(i);
    }
    i = next;
  }
}

void History::wiped(int64_t t, DeviceKey key) {
  State& s = *state_;
  const uint32_t index = s.books.device_index(key);
  if (index == kNothing) return;
  DeviceBook& d = s.books.device(index);
  d.wiped = true;
  // What it had not got accepted is forgotten with the rest.
  if (!d.absent) s.open_sends -= d.open_sends;
  d.open_sends = 0;
  d.forgot_before = t;
}

void History::raw_duplicate(int64_t, DeviceKey) { ++state_->result.messages.raw_duplicates; }

void History::appended(int64_t t, const Entry& entry) {
  State& s = *state_;
  const uint64_t tag = entry.kind == EntryKind::message ? payload_tag(entry.payload) : 0;
  uint32_t index = s.books.find_tag(tag);
  const uint32_t c = s.books.intern(
      entry.conversation, index == kNothing ? kNothing : s.books.message(index).conversation);
  judge_log(s, t, entry, c);
  if (entry.conversation.is_group() && entry.kind != EntryKind::message) {
    s.books.group(c).apply(entry, t);
  }
  if (!s.lossless()) return;
  const uint64_t name = name_of(entry);
  if (index == kNothing && s.lost_when_closed.contains(name)) return;  // nobody waits for it
  if (const uint32_t lost = s.find_lost_change(entry, c);
      lost != kNothing && s.books.message(lost).is(kDiscarded)) {
    index = lost;
  }
  if (tag != 0 && (index == kNothing || s.books.message(index).is(kStored))) {
    s.violate(Property::no_duplicate, t,
              "the mailbox stored " + s.say_entry(entry) + ", number " + std::to_string(tag) +
                  ", which nobody sent or which it held already");
    if (index != kNothing) return;
  }
  if (index == kNothing) {
    index = s.books.make(tag);
    MessageBook& fresh = s.books.message(index);
    fresh.sent_at = t;
    fresh.body_hash = hash_bytes(entry.payload.bytes());
    fresh.bytes = narrow(entry.payload.size());
    fresh.flags |= kAccepted;  // joins and leaves: nobody waits for their acceptance here
  }
  MessageBook& m = s.books.message(index);
  m.kind = entry.kind;
  m.conversation = c;
  m.sender = s.books.device_index({entry.sender, entry.sender_device});
  m.stored_at = t;
  m.seq = narrow(entry.position.seq);
  m.epoch = entry.position.epoch;
  m.client_seq = narrow(entry.client_seq);
  m.flags = static_cast<uint8_t>((m.flags | kStored) & ~kDiscarded);
  s.books.link(index);
  judge_stored_answer(s, t, index);
  s.entitle(index);
  s.close_when_done(index);
}

void History::discarded(int64_t t, const Entry& entry) {
  State& s = *state_;
  const uint32_t c = s.books.find(entry.conversation);
  if (c == kNothing) return;
  ConversationBook& book = s.books.conversation(c);
  const uint32_t base = narrow(entry.position.seq) - 1;
  const bool new_epoch = entry.position.epoch > book.discard_epoch;
  book.discard_base = new_epoch ? base : std::min(book.discard_base, base);
  book.discard_epoch = std::max(book.discard_epoch, entry.position.epoch);
  s.tail_lost_at[c] = t;
  book.seq = std::min(book.seq, base);
  const uint32_t sender = s.books.device_index({entry.sender, entry.sender_device});
  if (sender != kNothing && entry.client_seq > 0) {
    uint32_t& last = s.books.sender_seq(c, sender);
    last = std::min(last, narrow(entry.client_seq) - 1);
  }
  const uint32_t index = s.books.at_position(c, entry.position);
  if (entry.conversation.is_group()) s.books.group(c).undo(entry);
  if (index == kNothing) {  // everybody had seen it
    s.lost_when_closed[name_of(entry)] = t - s.unsynced_window_ns;
    return;
  }
  MessageBook& m = s.books.message(index);
  m.flags = static_cast<uint8_t>((m.flags | kDiscarded) & ~kStored);
  judge_discarded(s, t, index);
  s.books.unlink(index);
  if (m.tag == 0) s.lost_changes[name_of(entry)] = index;
}

void History::stored_cursor(DeviceKey key, ConversationId conversation, Position position) {
  State& s = *state_;
  const uint32_t device = s.books.device_index(key);
  const uint32_t c = s.books.find(conversation);
  if (device == kNothing || c == kNothing || s.books.device(device).waiting == 0) return;
  for (uint32_t i = s.books.conversation(c).first; i != kNothing; i = s.books.message(i).next) {
    const MessageBook& m = s.books.message(i);
    if (m.seq > position.seq || m.epoch > position.epoch) return;
    const uint32_t place = s.books.place(m, device);
    if (place == kNothing || !s.books.waiting(m, place)) continue;
    s.violate(Property::no_loss, m.stored_at,
              "the mailbox holds a cursor of " + s.say(device) + " past " + s.say_message(i) +
                  ", which that device never showed");
    return;
  }
}

void History::dropped(int64_t, uint64_t tag, DeviceKey to, std::string_view cause) {
  State& s = *state_;
  const uint32_t index = s.books.find_tag(tag);
  const uint32_t device = s.books.device_index(to);
  if (index == kNothing || device == kNothing) return;
  put_down(s, index, device, std::string(cause));
  s.close_when_done(index);
}

void History::fault_started(int64_t t, size_t index) {
  close_recovery(*state_, t);
  state_->faults.started(t, index);
}

void History::fault_ended(int64_t t, size_t index, bool effective, int64_t late_until) {
  State& s = *state_;
  s.faults.ended(t, index, effective, late_until);
  if (s.faults.any_in_force()) return;
  s.converged_ns = 0;
  s.just_ended = s.faults.ended_at(t);
}

void History::phase(int64_t t, Phase phase) {
  if (state_->phase == Phase::core && phase != Phase::core) judge_progress(*state_, t);
  state_->phase = phase;
  if (phase == Phase::core) state_->core_since = t;
  state_->work_ns.assign(state_->books.device_count(), 0);
  state_->most_work_ns = 0;
  if (phase != Phase::final) return;
  state_->final_since = t;
  for (uint32_t d = 0; d < state_->books.device_count(); ++d) {
    DeviceBook& device = state_->books.device(d);
    device.there_at_end = device.online();
  }
}

bool History::settled() const { return state_->outstanding == 0 && state_->open_sends == 0; }

int64_t History::most_work_ns() const { return state_->most_work_ns; }

void History::tick(int64_t t) {
  if (!state_->lossless()) account_for_old(*state_, t);
}

}  // namespace imroute
