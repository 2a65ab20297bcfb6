// What the user sends: a dense client_seq per conversation, at most 64 open ones, repeated until
// they are answered (at_least_once) or dropped with a notice (at_most_once). Order inside a
// conversation is kept by the store; here it is only not disturbed without need: nothing is sent
// behind an entry that waits to be tried again.
#include <algorithm>

#include "core/base/planted.h"
#include "core/client/client_state.h"
#include "core/model/limits.h"

namespace imroute {
namespace {

constexpr uint8_t kMaxTimeoutDoublings = 3;
// A held entry is released early only so often; then its own deadline decides. Ends a quarrel with
// a store that expects what this client no longer has.
constexpr uint8_t kMaxEarlyTries = 8;

// Refusals that no repetition can cure.
bool is_final(Reason reason) {
  return reason == Reason::not_member || reason == Reason::too_large ||
         reason == Reason::protocol_error || reason == Reason::refused;
}

}  // namespace

void Client::State::enqueue(Now now, const Command& command, Effects& out) {
  Reason reason = Reason::none;
  if (command.payload.size() > kMaxPayloadBytes) {
    reason = Reason::too_large;
  } else if (outbox.size() >= outbox_limit) {
    reason = Reason::outbox_full;
  }
  if (reason != Reason::none) {
    Notify notice;
    notice.kind = NoticeKind::refused;
    notice.reason = reason;
    notice.tag = command.tag;
    notice.entry.conversation = command.conversation;
    notice.entry.kind = *entry_kind(command.kind);
    notice.entry.sender = key.user;
    notice.entry.sender_device = key.device;
    notice.entry.payload = command.payload;
    out.push(std::move(notice));
    return;
  }
  Outgoing item;
  item.conversation = command.conversation;
  item.payload = command.payload;
  item.tag = command.tag;
  item.client_seq = ++conversation_of(command.conversation).last_seq;
  item.kind = *entry_kind(command.kind);
  outbox.push_back(std::move(item));
  if (bound()) send_open(now, command.conversation, out);
}

size_t Client::State::find_outgoing(const ConversationId& conversation, uint64_t client_seq) const {
  size_t i = 0;
  while (i < outbox.size() &&
         !(outbox[i].client_seq == client_seq && outbox[i].conversation == conversation)) {
    ++i;
  }
  return i;
}

// The outbox is in the order of the commands, so the first of a conversation is its lowest.
uint64_t Client::State::base_of(const ConversationId& conversation) const {
  for (const Outgoing& item : outbox) {
    if (item.conversation == conversation) return item.client_seq;
  }
  return 0;
}

void Client::State::transmit(Now now, Outgoing& item, uint64_t base, Effects& out) {
  Frame frame;
  frame.type = FrameType::send;
  frame.entry.conversation = item.conversation;
  frame.entry.kind = item.kind;
  frame.entry.client_seq = item.client_seq;
  if (item.kind != EntryKind::message) frame.entry.subject = key.user;
  frame.entry.payload = item.payload;
  frame.base = IM_PLANTED(base_of_itself) ? item.client_seq : base;
  if (item.repeat) {
    frame.flags = kFlagRepeat;
    ++sends_repeated;
  }
  out.push(SendPeer{node_address(), std::move(frame)});
  item.phase = SendPhase::in_flight;
  item.repeat = true;
  item.deadline = now.mono_ns + (send_timeout << std::min(item.tries, kMaxTimeoutDoublings));
  if (item.tries < 255) ++item.tries;
  repeat_at = std::min(repeat_at, item.deadline);
}

void Client::State::send_open(Now now, const ConversationId& conversation, Effects& out) {
  const uint64_t base = base_of(conversation);
  for (Outgoing& item : outbox) {
    if (!(item.conversation == conversation)) continue;
    if (item.client_seq >= base + kMaxOpenSends) return;
    if (item.phase == SendPhase::backoff) return;
    const bool release = item.phase == SendPhase::held && item.tries < kMaxEarlyTries;
    if (item.phase == SendPhase::waiting || release) transmit(now, item, base, out);
  }
}

void Client::State::resend_all(Now now, Effects& out) {
  repeat_at = kNever;
  for (Outgoing& item : outbox) {
    if (IM_PLANTED(resend_renumbered) && item.repeat) {
      item.client_seq = ++conversation_of(item.conversation).last_seq;
    }
    const uint64_t base = base_of(item.conversation);
    item.tries = 0;
    item.phase = SendPhase::waiting;
    item.deadline = kNever;
    if (item.client_seq < base + kMaxOpenSends) transmit(now, item, base, out);
  }
}

// Takes an entry out and tells the application how it ended. Whoever is first in its conversation
// now has a way before it, however often it was sent in vain behind that entry.
void Client::State::finish(size_t index, NoticeKind kind, Reason reason, Position position,
                           Effects& out) {
  Outgoing& item = outbox[index];
  Notify notice;
  notice.kind = kind;
  notice.reason = reason;
  notice.tag = item.tag;
  notice.entry.conversation = item.conversation;
  notice.entry.position = position;
  notice.entry.kind = item.kind;
  notice.entry.sender = key.user;
  notice.entry.sender_device = key.device;
  notice.entry.client_seq = item.client_seq;
  if (item.kind != EntryKind::message) notice.entry.subject = key.user;
  notice.entry.payload = std::move(item.payload);
  out.push(std::move(notice));
  const ConversationId conversation = item.conversation;
  outbox.erase(outbox.begin() + static_cast<std::ptrdiff_t>(index));
  const auto first = std::ranges::find(outbox, conversation, &Outgoing::conversation);
  if (first != outbox.end()) first->tries = 0;
  if (outbox.empty()) repeat_at = kNever;
}

void Client::State::on_accepted(Now now, const Frame& frame, Effects& out) {
  const ConversationId conversation = frame.entry.conversation;
  const size_t index = find_outgoing(conversation, frame.entry.client_seq);
  if (index == outbox.size()) return;  // the answer to a repetition
  finish(index, NoticeKind::accepted, Reason::none, frame.entry.position, out);
  send_open(now, conversation, out);
}

void Client::State::on_refused(Now now, const Frame& frame, Effects& out) {
  const ConversationId conversation = frame.entry.conversation;
  const size_t index = find_outgoing(conversation, frame.entry.client_seq);
  if (index == outbox.size()) return;
  if (at_most_once || is_final(frame.reason)) {
    finish(index, NoticeKind::refused, frame.reason, {}, out);
    send_open(now, conversation, out);
    return;
  }
  if (IM_PLANTED(refusal_swallowed)) {
    outbox.erase(outbox.begin() + static_cast<std::ptrdiff_t>(index));
    return;
  }
  if (frame.reason == Reason::out_of_order) return on_out_of_order(now, index, frame.base, out);
  Outgoing& item = outbox[index];
  item.phase = SendPhase::backoff;
  item.deadline = now.mono_ns + backoff(item.tries);
  repeat_at = std::min(repeat_at, item.deadline);
}

// The store wants `expected` first. It is on its way, or waits to be tried again (then its answer
// or its deadline brings this one along); or it was refused like this one, or answered meanwhile:
// then go on from there now. One round of repetitions for a whole window of refusals.
void Client::State::on_out_of_order(Now now, size_t index, uint64_t expected, Effects& out) {
  const ConversationId conversation = outbox[index].conversation;
  outbox[index].phase = SendPhase::held;
  const size_t first = find_outgoing(conversation, expected);
  if (first != outbox.size() && outbox[first].phase != SendPhase::held) return;
  send_open(now, conversation, out);
}

void Client::State::repeat_due(Now now, Effects& out) {
  for (size_t i = 0; i < outbox.size();) {
    Outgoing& item = outbox[i];
    if (item.phase == SendPhase::waiting || item.deadline > now.mono_ns) {
      ++i;
      continue;
    }
    const ConversationId conversation = item.conversation;
    if (at_most_once) {
      finish(i, NoticeKind::refused, Reason::timeout, {}, out);
      send_open(now, conversation, out);
      continue;
    }
    transmit(now, item, base_of(conversation), out);
    send_open(now, conversation, out);
    ++i;
  }
  update_repeat_at();
}

void Client::State::update_repeat_at() {
  repeat_at = kNever;
  for (const Outgoing& item : outbox) {
    if (item.phase != SendPhase::waiting) repeat_at = std::min(repeat_at, item.deadline);
  }
}

// The connection is gone. At least once: all are sent again after the next bind. At most once: what
// was sent may have arrived, so it is not sent again.
void Client::State::drop_in_flight(Effects& out) {
  if (IM_PLANTED(outbox_lost)) {
    std::erase_if(outbox, [](const Outgoing& o) { return o.phase == SendPhase::in_flight; });
  }
  if (at_most_once) {
    for (size_t i = 0; i < outbox.size();) {
      if (outbox[i].phase == SendPhase::waiting) {
        ++i;
      } else {
        finish(i, NoticeKind::refused, Reason::timeout, {}, out);
      }
    }
  }
  repeat_at = kNever;
}

}  // namespace imroute
