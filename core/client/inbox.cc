// What the user is shown: each entry once, in the order that the mode promises, acknowledged after
// it was shown.
#include <algorithm>
#include <tuple>

#include "core/base/planted.h"
#include "core/client/client_state.h"
#include "core/model/limits.h"

namespace imroute {
namespace {

// Vectors of a client grow by little: a million of them, mostly at their final size.
template <class T>
void make_room(std::vector<T>& items) {
  if (items.size() == items.capacity()) {
    items.reserve(items.size() + std::max<size_t>(4, items.size() / 2));
  }
}

}  // namespace

Client::State::Conversation& Client::State::conversation_of(const ConversationId& id) {
  auto at =
      std::lower_bound(conversations.begin(), conversations.end(), id,
                       [](const Conversation& c, const ConversationId& v) { return c.id < v; });
  if (at != conversations.end() && at->id == id) return *at;
  const auto index = at - conversations.begin();
  make_room(conversations);
  Conversation fresh;
  fresh.id = id;
  fresh.last_seq = first_seq;
  return *conversations.insert(conversations.begin() + index, fresh);
}

// The place that remembers the highest client_seq shown of a sender's device. The device of
// a direct conversation's other user that wrote first, nearly always the only one, has its place in
// the conversation.
uint64_t& Client::State::shown_of(Conversation& conversation, DeviceKey sender) {
  if (conversation.id.has_party(key.user) && sender.user == conversation.id.other(key.user)) {
    if (conversation.sender_device == kNoDevice) conversation.sender_device = sender.device;
    if (conversation.sender_device == sender.device) return conversation.shown;
  }
  const auto at = std::lower_bound(
      senders.begin(), senders.end(), std::tie(conversation.id, sender),
      [](const Sender& s, const auto& sought) { return std::tie(s.conversation, s.key) < sought; });
  if (at != senders.end() && at->conversation == conversation.id && at->key == sender) {
    return at->shown;
  }
  const auto index = at - senders.begin();
  make_room(senders);
  return senders.insert(senders.begin() + index, Sender{conversation.id, sender, 0})->shown;
}

// Windowed, stop_and_wait: positions rise, and a sender's client_seq rises along them. The second
// rule finds an entry that a store lost and got again at a new position.
bool Client::State::show_sequenced(Conversation& conversation, const Entry& entry) {
  const bool later = IM_PLANTED(rewind_ignored) ? entry.position.seq > conversation.cursor_seq
                                                : entry.position > conversation.cursor();
  if (later) conversation.set_cursor(entry.position);
  if (entry.client_seq == 0) return later || !dedup;  // not from a device (the seeded create)
  uint64_t& highest = shown_of(conversation, sender_of(entry));
  if (IM_PLANTED(dedup_off)) return true;
  if (dedup && (!later || entry.client_seq <= highest)) return false;
  highest = std::max(highest, entry.client_seq);
  return true;
}

// at_most_once: nothing is sequenced; what is not newer than the last shown of its sender is
// dropped.
bool Client::State::show_unsequenced(Conversation& conversation, const Entry& entry) {
  uint64_t& highest = shown_of(conversation, sender_of(entry));
  if (dedup && entry.client_seq <= highest) return false;
  highest = std::max(highest, entry.client_seq);
  return true;
}

// Remembers a delivery number for the next ACK. REQUIRES: within kMaxWindow of the cumulative one.
void Client::State::note_number(uint64_t number) {
  if (number <= ack_number) return;
  ack_mask |= uint64_t{1} << (number - ack_number - 1);
  while ((ack_mask & 1) != 0) {
    ack_mask >>= 1;
    ++ack_number;
  }
}

void Client::State::send_ack(Effects& out) {
  Frame frame;
  frame.type = FrameType::ack;
  frame.number = ack_number;
  frame.mask = ack_mask;
  out.push(SendPeer{node_address(), std::move(frame)});
}

void Client::State::on_deliver(Now, const Frame& frame, Effects& out) {
  const Entry& entry = frame.entry;
  const bool overrun = frame.number == 0 || frame.number > ack_number + kMaxWindow ||
                       (unordered && entry.position.seq > frame.base + kMaxWindow);
  if (!at_most_once && overrun) {
    ++protocol_errors;
    return;
  }
  Conversation& conversation = conversation_of(entry.conversation);
  bool show = false;
  if (at_most_once) {
    show = show_unsequenced(conversation, entry);
    drops_stale += show ? 0 : 1;
  } else {
    show = unordered ? show_unordered(conversation, frame) : show_sequenced(conversation, entry);
    duplicates_hidden += show ? 0 : 1;
  }
  if (show) {
    ++shown;
    Notify notice;
    notice.kind = NoticeKind::shown;
    notice.via = frame.via;
    notice.node = session_node;
    notice.generation = session_generation;
    notice.entry = entry;
    out.push(std::move(notice));
    trace(out, TraceKind::shown, Reason::none, &frame);
  } else {
    trace(out, at_most_once ? TraceKind::dropped_stale : TraceKind::dropped_duplicate,
          Reason::duplicate, &frame);
  }
  if (at_most_once) return;
  note_number(frame.number);
  send_ack(out);
}

// The store lost what came after `position`: new entries will take those places. What is before it
// and has not been shown is on its way here: to a cursor behind it, of whatever epoch, nothing
// happened.
void Client::State::on_rewind(const Frame& frame, Effects& out) {
  if (IM_PLANTED(rewind_ignored)) return;
  const Position to = frame.entry.position;
  Conversation& conversation = conversation_of(frame.entry.conversation);
  if (unordered) lose_places(conversation.id, to.seq);
  const Position cursor = conversation.cursor();
  if (cursor.seq <= to.seq && cursor.epoch <= to.epoch) return;
  conversation.set_cursor(to);
  Notify notice;
  notice.kind = NoticeKind::rewound;
  notice.entry.conversation = conversation.id;
  notice.entry.position = to;
  out.push(std::move(notice));
}

// Entries past retention will never come: said with their count, never silent.
void Client::State::on_reset(const Frame& frame, Effects& out) {
  Conversation& conversation = conversation_of(frame.entry.conversation);
  if (unordered) pass(conversation, frame.entry.position);
  conversation.set_cursor(frame.entry.position);
  Notify notice;
  notice.kind = NoticeKind::reset;
  notice.count = frame.number;
  notice.entry.conversation = conversation.id;
  notice.entry.position = frame.entry.position;
  out.push(std::move(notice));
}

}  // namespace imroute
