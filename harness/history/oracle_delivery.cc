// Oracles 1 (nothing invented or altered), 4 (no visible duplicate) and 5 (nobody sees what is not
// his): each single showing against the books.
#include <algorithm>

#include "core/base/hash.h"
#include "harness/history/state.h"
#include "harness/workload/workload.h"

namespace imroute {
namespace {

constexpr int64_t kYoung = 10 * kSecond;  // at_most_once: since the first login

void misdelivered(History::State& s, const Showing& x, const std::string& why) {
  ++s.result.messages.misdelivered;
  s.violate(Property::no_misdelivery, x.t,
            s.say(x.device) + " showed " +
                (x.message != kNothing ? s.say_message(x.message) : s.say_entry(x.entry)) + ", " +
                why);
}

// Why this device has no right to the entry; nullptr when it has.
const char* no_right(History::State& s, const Showing& x) {
  const DeviceKey key = s.books.key_of(x.device);
  const ConversationId id = x.entry.conversation;
  if (key.user == x.entry.sender && key.device == x.entry.sender_device) {
    return "which is its own";
  }
  if (!id.is_group()) return id.has_party(key.user) ? nullptr : "though its user has no part in it";
  if (x.conversation == kNothing || in_lost_tail(s, x)) return nullptr;
  const Membership& group = s.books.group(x.conversation);
  const uint32_t slot = group.slot_of(key.user);
  if (slot == Membership::kNone) return "though its user never was a member";
  if (s.lossless() && !group.member_at(slot, x.entry.position.seq)) {
    return "though its user was not a member at that point";
  }
  return nullptr;
}

// Two devices that the policy excludes have been online together for longer than fencing takes.
bool overlaps_too_long(const History::State& s, const Showing& x) {
  const int64_t since = s.books.device(x.device).overlap_since;
  if (since == kNever || s.faults.any_in_force()) return false;
  return x.t - std::max({since, s.faults.calm_since(), s.faults.felt_until()}) > s.overlap_ns;
}

void duplicate(History::State& s, const Showing& x) {
  const DeviceBook& d = s.books.device(x.device);
  if (d.wiped) return;  // it forgot, and may be told again
  ++s.result.messages.visible_duplicates;
  if (!s.delivery.dedup) return;
  s.violate(Property::no_duplicate, x.t,
            s.say(x.device) + " showed " +
                (x.message != kNothing ? s.say_message(x.message) : s.say_entry(x.entry)) +
                " a second time");
}

// An entry that is not in the books: everybody had shown it, or it never was.
bool judge_unknown(History::State& s, const Showing& x) {
  const uint64_t tag = payload_tag(x.entry.payload);
  const DeviceBook& d = s.books.device(x.device);
  bool known = false;
  if (x.conversation != kNothing && s.lossless()) {
    if (in_lost_tail(s, x)) return false;
    const ConversationBook& c = s.books.conversation(x.conversation);
    known = x.entry.position.seq > 0 && x.entry.position.seq <= c.seq &&
            x.entry.position.epoch <= c.epoch &&
            s.books.at_position(x.conversation, x.entry.position) == kNothing;
  } else if (x.conversation != kNothing) {
    if (take_back(s, tag, x.device)) {
      s.judge(Property::order);  // it was the only reader left: nothing to be out of order with
      ++s.result.messages.delivered;
      ++s.window(x.t).delivered;
      return false;
    }
    const uint32_t sender = s.books.device_index({x.entry.sender, x.entry.sender_device});
    known = sender != kNothing && x.entry.client_seq <= s.books.sender_seq(x.conversation, sender);
  }
  // Stored again after everybody had shown it: new to who was not there the first time.
  const auto lost = s.lost_when_closed.find(name_of(x.entry));
  if (lost != s.lost_when_closed.end() &&
      (x.entry.conversation.is_group() || d.first_bind > lost->second)) {
    return false;
  }
  // Sent a moment before the device was first seen: it was not counted among the readers.
  if (known && !s.lossless() && x.t - d.first_bind < kYoung) return false;
  if (known) {
    duplicate(s, x);
    return false;
  }
  s.violate(Property::no_loss, x.t,
            s.say(x.device) + " showed " + s.say_entry(x.entry) + ", number " +
                std::to_string(tag) + ", which is not what was sent there");
  return false;
}

bool is_what_was_sent(History::State& s, const Showing& x) {
  const MessageBook& m = s.books.message(x.message);
  const uint32_t sender = s.books.device_index({x.entry.sender, x.entry.sender_device});
  const bool same = m.conversation == x.conversation && m.kind == x.entry.kind &&
                    m.sender == sender && m.body_hash == hash_bytes(x.entry.payload.bytes());
  // After the store lost its tail a message may be stored again; who got it before may be first.
  const bool moved = x.entry.position.epoch < m.epoch || m.is(kDiscarded);
  if (same && (!s.lossless() || moved || x.entry.position == m.position())) return true;
  s.violate(same ? Property::order : Property::no_loss, x.t,
            s.say(x.device) + " showed " + s.say_entry(x.entry) + ", but the log has " +
                s.say_message(x.message) + (same ? "" : " with another body or sender"));
  return false;
}

}  // namespace

bool in_lost_tail(History::State& s, const Showing& x) {
  const ConversationBook& c = s.books.conversation(x.conversation);
  return c.discard_epoch > 0 && x.entry.position.epoch <= c.discard_epoch &&
         x.entry.position.seq > c.discard_base;
}

bool judge_delivery(History::State& s, const Showing& x) {
  s.judge(Property::no_misdelivery);
  s.judge(Property::no_duplicate);
  if (x.device == kNothing) {
    misdelivered(s, x, "but no such device exists");
    return false;
  }
  const DeviceBook& d = s.books.device(x.device);
  if (!d.online()) {
    misdelivered(s, x, "while it had no session");
    return false;
  }
  if (const char* why = no_right(s, x)) {
    misdelivered(s, x, why);
    return false;
  }
  // Joins and leaves are stored, and shown, in every mode; at_most_once promises nothing of them.
  if (!s.lossless() && x.entry.kind != EntryKind::message) return false;
  if (overlaps_too_long(s, x)) misdelivered(s, x, "on a session that had long been superseded");
  if (x.message == kNothing) return judge_unknown(s, x);
  if (!is_what_was_sent(s, x)) return false;
  MessageBook& m = s.books.message(x.message);
  if (x.place == kNothing) return false;  // it entered after the message, and may see it
  if (s.books.shown(m, x.place)) {
    duplicate(s, x);
    return false;
  }
  if (m.is(kDiscarded)) {
    s.books.set_shown(m, x.place);
    return false;
  }
  if (!s.lossless() && !s.books.waiting(m, x.place) && take_back(s, m.tag, x.device)) {
    --s.result.messages.deliveries_expected;  // counted again where it is shown
  }
  if (s.final_since != kNever && d.bound_at < s.final_since && s.lossless()) {
    s.violate(Property::no_loss, x.t,
              s.say(x.device) + " showed " + s.say_message(x.message) + " only after the drain");
  }
  return true;
}

}  // namespace imroute
