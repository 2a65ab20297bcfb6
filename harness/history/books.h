// The harness's own account of the world: devices, conversations, and the messages that are still
// open, each with the devices that wait for it. A message leaves the books when every device that
// is entitled to it has shown it, so memory follows users and open messages, not all messages; what
// is needed to judge a late repeat stays in its conversation (head, epochs, last client_seq).
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "core/base/flat_map.h"
#include "core/base/ids.h"
#include "core/base/time.h"
#include "core/model/message.h"
#include "harness/history/membership.h"
#include "harness/scenario/scenario.h"

namespace imroute {

inline constexpr uint32_t kNothing = ~uint32_t{0};
inline constexpr int64_t kLongAgo = -(int64_t{1} << 62);

struct DeviceBook {
  int64_t bound_at = kNever;         // start of the session; kNever when there is none
  int64_t first_bind = kNever;       // entitled to what is stored from here on
  int64_t returned_at = kNever;      // last time it came online after an absence by choice
  int64_t overlap_since = kNever;    // a device that its user's policy excludes is online too
  int64_t unpushed_at = kLongAgo;    // last time it rightly had to do without a push
  int64_t changed_at = kLongAgo;     // last time it gained or lost its session
  int64_t forgot_before = kLongAgo;  // reinstalled then: its sends before are nobody's
  uint32_t waiting = 0;              // open entries that it has yet to show
  uint32_t in_window = 0;            // of these and of what it may not have acknowledged yet
  uint32_t in_window_bytes = 0;
  uint32_t open_sends = 0;        // not yet accepted or refused
  uint32_t node = ~uint32_t{0};   // of the session, or of the last one
  bool absent : 1 = true;         // by choice (stopped, kicked, never online): nobody waits
  bool wiped : 1 = false;         // was reinstalled: may show again what it showed before
  bool put_out : 1 = false;       // told that it was superseded or kicked; its user knows
  bool left : 1 = false;          // lost its last session by its user's choice: stop, move, replace
  bool there_at_end : 1 = false;  // had a session when the drain ended
  bool online() const { return bound_at != kNever; }
};

// Message flags.
enum : uint8_t {
  kStored = 1,     // in the mailbox's log (at_most_once: sent)
  kAccepted = 2,   // the sender was told so
  kRefused = 4,    // the sender was told not
  kDiscarded = 8,  // the store lost it again
  kLinked = 16,    // in its conversation's list
  kTimed = 32,     // counted in the availability of its slice
  kDropped = 64,   // at_most_once: put down to a cause for some device
  kParked = 128,   // at_most_once: long in its sender's outbox, and not waited for meanwhile
};

struct MessageBook {
  uint64_t tag = 0;
  uint64_t answers = 0;
  uint64_t body_hash = 0;
  int64_t sent_at = 0;
  int64_t stored_at = 0;
  uint32_t conversation = 0;
  uint32_t seq = 0, epoch = 0;
  uint32_t previous = kNothing, next = kNothing;  // in sequence; next also chains free ones
  uint32_t sender = kNothing;                     // device index
  uint32_t client_seq = 0;
  uint32_t waiting_count = 0;
  uint32_t bytes = 0;               // of the payload
  uint32_t bits = kNothing;         // group: index of the bit sets
  uint16_t waiting = 0, shown = 0;  // direct: bit 8 * side + device
  uint16_t missed = 0;              // readers who had not shown it when the store lost it
  EntryKind kind = EntryKind::message;
  uint8_t flags = 0;
  bool is(uint8_t flag) const { return (flags & flag) != 0; }
  Position position() const { return {epoch, seq}; }
};

struct ConversationBook {
  ConversationId id;
  uint32_t seq = 0, epoch = 0;                 // head of the log
  uint32_t first = kNothing, last = kNothing;  // open messages, in sequence
  uint32_t closed_max = 0;                     // highest sequence that all its readers have shown
  uint32_t group = kNothing;
  uint32_t discard_epoch = 0, discard_base = 0;  // the store lost what followed this
  uint32_t sender_seq[2] = {0, 0};  // last client_seq of two senders, named by `sender_key`
  uint32_t sender_key[2] = {kNothing, kNothing};
};

class Books {
 public:
  explicit Books(const Scenario& scenario);

  uint32_t devices_per_user() const { return devices_per_user_; }
  uint32_t device_count() const { return static_cast<uint32_t>(devices_.size()); }
  // kNothing for a device that the scenario does not have.
  uint32_t device_index(DeviceKey key) const;
  DeviceKey key_of(uint32_t device) const;
  DeviceBook& device(uint32_t index) { return devices_[index]; }
  const DeviceBook& device(uint32_t index) const { return devices_[index]; }

  // `likely`: a conversation that it probably is.
  uint32_t intern(ConversationId id, uint32_t likely = kNothing);
  uint32_t find(ConversationId id, uint32_t likely = kNothing) const;
  ConversationBook& conversation(uint32_t index) { return conversations_[index]; }
  Membership& group(uint32_t conversation);

  uint32_t make(uint64_t tag);  // a fresh message, found by its tag when that is not 0
  uint32_t find_tag(uint64_t tag) const;
  MessageBook& message(uint32_t index) { return messages_[index]; }
  void release(uint32_t index);
  void link(uint32_t index);  // at the end of its conversation's list
  void unlink(uint32_t index);
  // The open message at this place, kNothing when it is closed or never was.
  uint32_t at_position(uint32_t conversation, Position position) const;
  // Calls fn(index) for every message in the books, in index order.
  template <class Fn>
  void for_each_message(Fn&& fn) {
    for (uint32_t i = 0; i < messages_.size(); ++i) {
      if (alive_[i]) fn(i);
    }
  }
  size_t open_messages() const { return open_; }

  // Readers of a message. `place` is a device's bit; kNothing: the device cannot be a reader.
  uint32_t place(const MessageBook& m, uint32_t device) const;
  bool waiting(const MessageBook& m, uint32_t place) const;
  bool shown(const MessageBook& m, uint32_t place) const;
  void set_waiting(MessageBook& m, uint32_t place, bool value);
  void set_shown(MessageBook& m, uint32_t place);
  // Makes room for the bits of a group message: one for each device of each member slot.
  void make_bits(MessageBook& m);
  uint32_t device_at(const MessageBook& m, uint32_t place) const;
  // Calls fn(device index, place) for every reader that waits, in rising order.
  template <class Fn>
  void for_each_waiting(const MessageBook& m, Fn&& fn);
  uint32_t shown_count(const MessageBook& m) const;

  // Last client_seq seen of a sender in a conversation; 0 = none.
  uint32_t& sender_seq(uint32_t conversation, uint32_t device);

 private:
  struct Bits {
    std::vector<uint64_t> waiting, shown;
  };
  uint32_t places(const MessageBook& m) const;

  uint64_t users_;
  uint32_t devices_per_user_;
  std::vector<DeviceBook> devices_;
  std::deque<ConversationBook> conversations_;
  // Open addressing over conversations_; half of the hash beside the index spares most misses.
  struct Slot {
    uint32_t index = kNothing, hash = 0;
  };
  std::vector<Slot> conversation_slots_;
  std::deque<Membership> groups_;
  std::deque<MessageBook> messages_;
  std::vector<bool> alive_;
  uint32_t free_message_ = kNothing;
  size_t open_ = 0;
  FlatMap<uint64_t, uint32_t> by_tag_;
  std::vector<Bits> bits_;
  std::vector<uint32_t> free_bits_;
  FlatMap<uint64_t, uint32_t> more_senders_;  // (conversation, device) past the first two
};

template <class Fn>
void Books::for_each_waiting(const MessageBook& m, Fn&& fn) {
  const uint32_t n = places(m);
  for (uint32_t p = 0; p < n; ++p) {
    if (waiting(m, p)) fn(device_at(m, p), p);
  }
}

}  // namespace imroute
