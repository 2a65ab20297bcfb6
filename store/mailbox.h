// A mailbox in memory: conversations with a gapless sequence, idempotent appends, membership by
// sequence, and devices' cursors. It has the semantics that a Redis script or SQLite must have
// (tests/contract); time is an argument.
//
// Shape: ten million entries pass through one run, in millions of conversations of a few entries
// each, so records are small and numbered (Records), direct conversations keep their two or three
// devices in a list, and entries that every device of the members has behind its stored cursor are
// trimmed. A trimmed entry is never needed again: who reads past it has shown it or sent it.
//
// A simulated world reports to the history: an append with result ok as appended (the operation's
// entry at the reply's position), what failover() returns as discarded.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "core/base/flat_map.h"
#include "store/answer.h"
#include "store/records.h"

namespace imroute {

struct MailboxSettings {
  DurationNs unsynced_window_ns = 0;  // what a failover may lose at most; 0 = durable (sync)
  DurationNs retention_ns = 0;        // 0 = for ever
  bool trim = true;                   // false: keep what everybody has
  uint64_t identity = 1;              // higher than that of an earlier one that was lost
};

class Mailbox {
 public:
  // The pool of the payloads outlives the mailbox.
  explicit Mailbox(const MailboxSettings& settings = {});
  ~Mailbox();

  MailboxAnswer handle(const MailboxOp& op, int64_t now);

  // A group that exists from the start, made by nobody: entry `create` at {1, 1}, payload = its
  // members. REQUIRES: the group does not exist; members not empty.
  void seed_group(ConversationId group, std::span<const UserId> members, Payload payload,
                  int64_t now);

  // A replica takes over: a new identity; what was appended after now - lose_tail (at most the
  // unsynced window) is gone. Returns it in order of append.
  std::vector<Entry> failover(int64_t now, DurationNs lose_tail);
  // The process dies in the middle of this write: only what is a record of its own, written before
  // the rest, is there at the return (the index entry before the first entry, the first cursors of
  // a batch); the half record is discarded.
  void tear(const MailboxOp& op, int64_t now);
  // Out of memory: writes fail, reads are answered.
  void set_oom(bool on) { oom_ = on; }

  uint64_t identity() const { return identity_; }
  Position head(ConversationId conversation) const;
  Position stored_cursor(DeviceKey key, ConversationId conversation) const;
  uint64_t entries_kept() const { return entries_.alive(); }
  uint64_t appended() const { return appended_; }

 private:
  // One entry of a log. Linked both ways: reads start near the end.
  struct Item {
    Payload payload;
    UserId sender;
    UserId subject;
    int64_t at = 0;
    uint64_t client_seq = 0;
    uint32_t sender_device = 0;
    uint32_t epoch = 0;
    uint32_t seq = 0;
    uint32_t next = 0;
    uint32_t previous = 0;
    EntryKind kind = EntryKind::message;
  };
  struct Spot {  // where a client_seq went; {0, 0}: not known any more
    uint32_t epoch = 0;
    uint32_t seq = 0;
  };
  static constexpr uint32_t kRefusedEpoch = ~uint32_t{0};  // mark in a Spot
  using SpotRing = std::unique_ptr<Spot[]>;
  // A device in a conversation: its cursor, and what it sent.
  struct Party {
    UserId user;
    uint32_t device = 0;
    uint32_t next = 0;
    uint32_t cursor_epoch = 0;
    uint32_t cursor_seq = 0;
    uint64_t last_client_seq = 0;
    uint32_t spot_count = 1;  // doubles up to kMaxOpenSends
    SpotRing spots;           // of client_seqs up to the last, by client_seq % spot_count ...
    Spot only_spot;           // ... this one while spot_count is 1
  };
  struct EpochRun {  // entries from `first_seq` on have `epoch`
    uint32_t first_seq = 0;
    uint32_t epoch = 0;
  };
  struct Log {
    ConversationId id;
    uint32_t head_seq = 0;
    uint32_t head_epoch = 0;
    uint32_t first = 0;  // items kept
    uint32_t last = 0;
    uint32_t read_last = 0;  // of these, by whomever; 0: none
    uint32_t kept = 0;
    uint32_t expired_seq = 0;  // last one that retention took
    uint32_t parties = 0;
    uint32_t group = 0;
    uint32_t runs = 0;  // only when there was more than one epoch
  };
  struct Interval {
    uint32_t join = 0;
    uint32_t leave = 0;  // 0 = still a member
  };
  struct Group {
    FlatMap<UserId, std::vector<Interval>> intervals;  // of all who ever were members
    FlatMap<DeviceKey, uint32_t> parties;
    std::vector<UserId> ever;  // keys of `intervals`, in order of first join
    Batch<UserId> members;     // now, sorted; immutable
    uint64_t members_version = 1;
    uint32_t cursor_writes = 0;  // since the last attempt to trim
  };
  struct IndexLink {
    uint32_t log = 0;
    uint32_t next = 0;
  };
  struct User {
    uint64_t index_version = 0;
    uint64_t devices = 0;  // bit per device that was opened
    uint32_t first = 0;    // index: conversations, oldest first
    uint32_t last = 0;
  };
  struct Recent {  // of the unsynced window
    int64_t at = 0;
    uint32_t log = 0;
  };

  MailboxAnswer append(const MailboxOp& op, int64_t now);
  bool permitted(const Log* log, const Entry& entry) const;
  void store(uint32_t log, const MailboxOp& op, int64_t now);
  void apply_membership(uint32_t log, const Entry& entry, uint32_t seq);
  MailboxAnswer read(const MailboxOp& op, int64_t now);
  MailboxAnswer open_device(const MailboxOp& op);
  MailboxAnswer compare(const MailboxOp& op) const;
  MailboxAnswer write_cursors(const MailboxOp& op, int64_t now);
  MailboxAnswer list_members(const MailboxOp& op) const;

  uint32_t find_log(ConversationId id) const;
  uint32_t make_log(ConversationId id);
  uint32_t make_direct(ConversationId id);
  uint32_t make_group(ConversationId id);
  uint32_t make_empty(const Entry& first);
  void enter(uint32_t number, UserId user, uint32_t seq);
  void add_to_index(UserId user, uint32_t log);
  Party* find_party(const Log& log, DeviceKey key);
  const Party* find_party(const Log& log, DeviceKey key) const;
  Party& ensure_party(Log& log, DeviceKey key);
  uint32_t epoch_at(const Log& log, uint32_t seq) const;
  Position last_common(const Log& log, Position from) const;
  bool contains(const Log& log, Position position) const;
  bool entitled(const Log& log, UserId user, uint32_t seq) const;
  bool is_member(const Log& log, UserId user) const;
  bool belongs_after(const Log& log, UserId user, uint64_t seq) const;
  void set_members(Group& group, std::vector<UserId> members);
  Entry entry_of(const Log& log, const Item& item) const;

  static void note_spot(Party& party, uint64_t client_seq, Spot spot);
  static Spot spot_of(const Party& party, uint64_t client_seq);
  static void take_back_spot(Party& party, uint64_t client_seq);

  bool needed(const Log& log, const Item& item) const;
  bool needed_by(const Log& log, UserId user, const Item& item) const;
  void trim(Log& log, int64_t now);
  void expire(Log& log, int64_t now);
  uint32_t first_after(const Log& log, uint64_t seq) const;
  void drop_first(Log& log);
  Entry discard_last(uint32_t log_number);

  MailboxSettings settings_;
  FlatMap<ConversationId, uint32_t> numbers_;
  FlatMap<UserId, User> users_;
  Records<Log> logs_;
  Records<Item> entries_;
  Records<Party> parties_;
  Records<IndexLink> links_;
  Records<Group, 2> groups_;
  Records<std::vector<EpochRun>, 4> runs_;
  std::deque<Recent> recent_;
  uint64_t identity_;
  uint32_t epoch_ = 0;
  uint64_t appended_ = 0;
  bool oom_ = false;
};

}  // namespace imroute
