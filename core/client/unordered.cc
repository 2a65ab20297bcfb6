// Order none: entries are shown as they come, each exactly once.
//
// What was shown is known by (conversation, sender device, client_seq), never by position: after a
// failover the same message may be stored again at another place, and another one at its old place.
// Two things are remembered:
//   - a floor for each sender device (`shown_of`, the number that the ordered modes keep too): of
//     what it sent up to there, all that is for this client has been shown;
//   - `ahead`: what was shown above the floor of its sender, because something before it is
//   missing.
// A sender's numbers rise along the log. So its floor rises to an entry once all of the log before
// that entry has been sent here, which `base` says. Only an entry of the same epoch that stands
// behind it proves it: the log of a later epoch may have lost it. One whose proof can no longer
// come loses its place and stays until the floor passes it.
//
// Why this is bounded, and suffices: a node delivers at most kMaxWindow places past `base`, so at
// most that many entries of a conversation have a place. One without can only come again when its
// sender sends it again, and no sender does that with more than its highest kMaxOpenSends numbers.
#include <algorithm>
#include <ranges>
#include <tuple>

#include "core/client/client_state.h"
#include "core/model/limits.h"

namespace imroute {

std::span<Client::State::Ahead> Client::State::ahead_of(const ConversationId& id) {
  const auto mine = std::ranges::equal_range(ahead, id, {}, &Ahead::conversation);
  return {mine.begin(), mine.end()};
}

bool Client::State::show_unordered(Conversation& conversation, const Frame& frame) {
  const Entry& entry = frame.entry;
  const Position at = entry.position;
  bool fresh = false;
  if (entry.client_seq == 0) {  // not from a device: the seeded create, first of its log for ever
    fresh = at.seq > conversation.cursor_seq;
  } else if (entry.client_seq > shown_of(conversation, sender_of(entry))) {
    fresh = remember(conversation, entry);
  }
  // Behind this entry `base` speaks of places whose epoch may be a later one.
  pass(conversation, {at.epoch, std::min(frame.base, at.seq)});
  return fresh || !dedup;
}

// True when it was not remembered yet.
bool Client::State::remember(const Conversation& conversation, const Entry& entry) {
  const Position at = entry.position;
  for (Ahead& a : ahead_of(conversation.id)) {
    // From this place on the log has nothing of an older epoch any more.
    if (a.seq >= at.seq && a.epoch < at.epoch) a.seq = 0;
  }
  const Ahead fresh{.conversation = conversation.id,
                    .sender = sender_of(entry),
                    .client_seq = entry.client_seq,
                    .seq = at.seq > conversation.cursor_seq ? at.seq : 0,
                    .epoch = at.epoch};
  const auto found = std::ranges::lower_bound(ahead, fresh.key(), {}, &Ahead::key);
  if (found == ahead.end() || found->key() != fresh.key()) {
    ahead.insert(found, fresh);
    return true;
  }
  if (found->epoch < fresh.epoch) *found = fresh;  // stored again
  return false;
}

// Everything of the log of `to` up to there has been sent to this client.
void Client::State::pass(Conversation& conversation, Position to) {
  // A redelivery from an older epoch says nothing of what took its place.
  if (to.seq > conversation.cursor_seq && to.epoch >= conversation.cursor_epoch) {
    conversation.set_cursor(to);
  }
  if (ahead.empty()) return;
  for (Ahead& a : ahead_of(conversation.id)) {
    if (a.seq == 0 || a.seq > to.seq) continue;
    a.seq = 0;
    if (a.epoch != to.epoch) continue;
    uint64_t& floor = shown_of(conversation, a.sender);
    floor = std::max(floor, a.client_seq);
  }
  forget_reached(conversation);
}

// Forgets what a floor has reached, and what lies below the numbers that can come again.
void Client::State::forget_reached(Conversation& conversation) {
  uint32_t placeless = 0;
  DeviceKey sender{kNoUser, 0};
  for (Ahead& a : ahead_of(conversation.id) | std::views::reverse) {
    if (a.sender != sender) placeless = 0;
    sender = a.sender;
    const bool too_low = a.seq == 0 && ++placeless > kMaxOpenSends;
    if (too_low || a.client_seq <= shown_of(conversation, sender)) a.client_seq = 0;
  }
  std::erase_if(ahead, [](const Ahead& a) { return a.client_seq == 0; });
}

// The log was cut: what was there has no place any more.
void Client::State::lose_places(const ConversationId& id, uint64_t after_seq) {
  for (Ahead& a : ahead_of(id)) {
    if (a.seq > after_seq) a.seq = 0;
  }
}

}  // namespace imroute
