// Oracles 2 and 3: sequences without gaps, the same for everybody, each sender's messages in the
// order in which they were sent; and no answer before its question. In `none` what comes out of
// order is counted only.
#include "harness/history/state.h"

namespace imroute {
namespace {

void out_of_order(History::State& s, int64_t t, const std::string& witness) {
  ++s.result.messages.order_violations;
  if (s.ordered()) s.violate(Property::order, t, witness);
}

// The nearest earlier entry that this device is a reader of, and has not shown; kNothing: none.
uint32_t missing_before(History::State& s, const Showing& showing) {
  for (uint32_t i = s.books.message(showing.message).previous; i != kNothing;) {
    const MessageBook& m = s.books.message(i);
    const uint32_t place = s.books.place(m, showing.device);
    if (place != kNothing && s.books.shown(m, place)) return kNothing;
    if (place != kNothing && s.books.waiting(m, place)) return i;
    i = m.previous;
  }
  return kNothing;
}

// A later message of the same sender that this device has shown; kNothing: none that is still open.
uint32_t shown_after(History::State& s, const Showing& showing) {
  const MessageBook& mine = s.books.message(showing.message);
  int steps = 256;
  for (uint32_t i = mine.next; i != kNothing && --steps > 0; i = s.books.message(i).next) {
    const MessageBook& m = s.books.message(i);
    const uint32_t place = s.books.place(m, showing.device);
    if (m.sender == mine.sender && place != kNothing && s.books.shown(m, place)) return i;
  }
  return kNothing;
}

// What was on its way when the store lost it is still shown; the log has it anew, and perhaps at
// another place. Nodes hear of the loss with their next answer from the store: a session that began
// after that has no right to it.
bool sent_before_the_loss(History::State& s, const Showing& showing) {
  const int64_t heard = s.tail_lost_at[showing.conversation] + s.faults.sync_bound();
  return in_lost_tail(s, showing) && s.books.device(showing.device).bound_at <= heard;
}

}  // namespace

// The log itself: gapless, epochs rising, each sender's client_seq rising.
void judge_log(History::State& s, int64_t t, const Entry& entry, uint32_t conversation) {
  ConversationBook& c = s.books.conversation(conversation);
  const auto seq = static_cast<uint32_t>(entry.position.seq);
  if (seq != c.seq + 1 || entry.position.epoch < c.epoch) {
    s.violate(Property::order, t,
              "the mailbox stored " + s.say_entry(entry) + " after " + std::to_string(c.epoch) +
                  "/" + std::to_string(c.seq));
  }
  c.seq = seq;
  c.epoch = entry.position.epoch;
  const uint32_t sender = s.books.device_index({entry.sender, entry.sender_device});
  if (!s.lossless() || sender == kNothing || entry.kind == EntryKind::create) return;
  uint32_t& last = s.books.sender_seq(conversation, sender);
  const auto client_seq = static_cast<uint32_t>(entry.client_seq);
  if (client_seq <= last && !s.books.device(sender).wiped) {
    s.violate(Property::order, t,
              "the mailbox stored " + s.say_entry(entry) + " with client sequence " +
                  std::to_string(client_seq) + " after " + std::to_string(last));
  }
  last = client_seq;
}

void judge_order(History::State& s, const Showing& showing) {
  s.judge(Property::order);
  if (s.lossless()) {
    const uint32_t missing = missing_before(s, showing);
    if (missing == kNothing || sent_before_the_loss(s, showing)) return;
    out_of_order(s, showing.t,
                 s.say(showing.device) + " showed " + s.say_message(showing.message) + " before " +
                     s.say_message(missing));
    return;
  }
  const MessageBook& m = s.books.message(showing.message);
  const auto client_seq = static_cast<uint32_t>(showing.entry.client_seq);
  const uint32_t later = shown_after(s, showing);
  const bool all_shown_later = client_seq < s.books.sender_seq(m.conversation, m.sender);
  if (later == kNothing && !all_shown_later) return;
  out_of_order(s, showing.t,
               s.say(showing.device) + " showed " + s.say_message(showing.message) +
                   " after a later message of that sender");
}

// In the log an answer follows its question, which was read there; unless the store has lost the
// question since, and its sender, who was not told that it was accepted, sends it again later.
void judge_stored_answer(History::State& s, int64_t t, uint32_t message) {
  const MessageBook& m = s.books.message(message);
  const uint32_t question = m.answers == 0 ? kNothing : s.books.find_tag(m.answers);
  if (question == kNothing) return;  // every reader has shown it
  const MessageBook& q = s.books.message(question);
  if (q.conversation != m.conversation || q.is(kStored) || q.is(kDiscarded)) return;
  s.violate(Property::reply_order, t,
            "the mailbox stored " + s.say_message(message) + " before what it answers, " +
                s.say_message(question));
}

void judge_reply_order(History::State& s, const Showing& showing) {
  const MessageBook& m = s.books.message(showing.message);
  if (m.answers == 0 || !s.lossless()) return;
  s.judge(Property::reply_order);
  const uint32_t question = s.books.find_tag(m.answers);
  if (question == kNothing) return;  // every reader has shown it
  const MessageBook& q = s.books.message(question);
  if (q.conversation != m.conversation || q.is(kDiscarded)) return;
  // The log itself has the answer first: who shows it keeps to the log (judge_stored_answer).
  if (q.position() > m.position()) return;
  const uint32_t place = s.books.place(q, showing.device);
  if (place == kNothing || !s.books.waiting(q, place) || !s.ordered()) return;
  s.violate(Property::reply_order, showing.t,
            s.say(showing.device) + " showed " + s.say_message(showing.message) +
                " before what it answers, " + s.say_message(question));
}

}  // namespace imroute
