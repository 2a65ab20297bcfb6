// Oracle 1 of at_least_once: what was accepted reaches every entitled device that is there at the
// end, or waits in the mailbox for one that is not; what the store lost after acknowledging it is
// excused only where the store was allowed to.
#include "harness/history/state.h"

namespace imroute {
namespace {

// Was there at the end of the drain, and not only for the final read. (In that nobody is woken: a
// node may fence itself because nobody renews its lease.)
bool there_at_the_end(const History::State& s, uint32_t device) {
  return s.books.device(device).there_at_end;
}

void excuse(History::State& s, int64_t t, uint32_t message, uint32_t readers) {
  if (readers == 0) return;
  if (!s.durable) {
    s.result.messages.excused += readers;
    s.violate(Property::no_loss, t,
              s.say_message(message) +
                  " was lost by the store, which had acknowledged it, before " +
                  std::to_string(readers) + " device(s) had shown it",
              "the store discarded a record that it had acknowledged");
    return;
  }
  s.result.messages.lost += readers;
  s.violate(Property::no_loss, t,
            s.say_message(message) + " was lost by a store that is configured to keep it");
}

}  // namespace

void judge_accepted(History::State& s, int64_t t, uint32_t message) {
  MessageBook& m = s.books.message(message);
  if (!s.lossless()) {
    m.stored_at = t;
    put_down_absent(s, message);
    s.close_when_done(message);
    return;
  }
  s.judge(Property::no_loss);
  if (m.is(kDiscarded)) {  // the acceptance was on its way when the store lost the record
    s.result.messages.deliveries_expected += m.missed;
    excuse(s, t, message, m.missed);
    return;  // stays in the books: a node whose append had no answer in time may store it again
  }
  if (!m.is(kStored)) {
    ++s.result.messages.lost;
    s.violate(Property::no_loss, t,
              s.say_message(message) + " was accepted, but the mailbox has never stored it");
    s.books.release(message);
    return;
  }
  s.close_when_done(message);
}

void judge_discarded(History::State& s, int64_t t, uint32_t message) {
  MessageBook& m = s.books.message(message);
  const uint32_t readers = m.waiting_count;
  s.books.for_each_waiting(
      m, [&](uint32_t device, uint32_t place) { s.no_longer_waits(message, place, device); });
  if (m.is(kAccepted) && m.tag != 0) {
    excuse(s, t, message, readers);
    return;
  }
  // Nobody was told yet: the sender will repeat it.
  m.missed = static_cast<uint16_t>(readers);
  s.result.messages.deliveries_expected -= readers;
}

void judge_loss_at_end(History::State& s, int64_t t) {
  s.books.for_each_message([&](uint32_t index) {
    MessageBook& m = s.books.message(index);
    if (!m.is(kStored)) return;
    if (!m.is(kAccepted)) {  // never promised
      s.result.messages.deliveries_expected -= m.waiting_count;
      return;
    }
    s.books.for_each_waiting(m, [&](uint32_t device, uint32_t) {
      if (!there_at_the_end(s, device)) {
        ++s.result.messages.undelivered_in_mailbox;
        return;
      }
      s.judge(Property::no_loss);
      ++s.result.messages.lost;
      s.violate(Property::no_loss, t,
                s.say_message(index) + ", stored at " + std::to_string(m.stored_at / 1'000'000) +
                    " ms, never reached " + s.say(device) + ", which is online at node " +
                    std::to_string(s.books.device(device).node));
    });
  });
}

void judge_answers(History::State& s, int64_t t) {
  s.books.for_each_message([&](uint32_t index) {
    const MessageBook& m = s.books.message(index);
    if (m.tag == 0 || m.is(kAccepted) || m.is(kRefused) || m.sender == kNothing) return;
    if (!there_at_the_end(s, m.sender)) return;
    if (m.sent_at <= s.books.device(m.sender).forgot_before) return;
    s.violate(Property::no_loss, t,
              s.say_message(index) + ", sent at " + std::to_string(m.sent_at / 1'000'000) +
                  " ms, was neither accepted nor refused");
  });
}

}  // namespace imroute
