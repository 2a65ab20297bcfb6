// Operations on the outside stores, and their answers. A machine sends an operation as an effect
// with an id and a deadline; the driver answers with exactly one Reply event per operation: ok,
// error, or *unknown* when the deadline passed without an answer (the operation may or may not have
// happened). Operations are therefore idempotent or guarded by compare-and-set. Batches are cold
// paths and travel as shared vectors.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/ids.h"
#include "core/base/inline_vector.h"
#include "core/base/time.h"
#include "core/model/cluster_view.h"
#include "core/model/message.h"
#include "core/model/reason.h"
#include "core/model/session.h"

namespace imroute {

template <class T>
using Batch = std::shared_ptr<const std::vector<T>>;

// ---- directory (Redis): which session is where -------------------------------------------------

enum class DirectoryOpKind : uint8_t {
  reserve,  // user, row.device, seen_generation -> a generation above seen and above all that the
            // device was given, whatever the directory has forgotten. Blocks nobody.
  bind,     // user, row, policy -> ok + record + losers, or superseded (row has a higher or equal
            // generation)
  unbind,   // user, row: compare (generation, incarnation, link), set offline; the generation
            // counter stays
  lookup,   // user -> record
  lookup_many,  // users -> records
  check,        // claims -> verdicts that differ from "yours is current"
};

struct SessionClaim {  // "this node holds that session"
  DeviceKey key;
  uint64_t generation = 0;
  uint64_t incarnation = 0;  // of the node: a row under an earlier one is void for every reader
  uint64_t version = 0;      // of the user's record, as the node knows it
};
struct SessionVerdict {
  DeviceKey key;
  uint64_t claimed_generation = 0;
  bool missing = false;             // no row, a lower, offline or void one: assert it again
  uint64_t current_generation = 0;  // higher than claimed: the session is superseded
  bool outdated = false;            // the user's record is newer than the node knows: look it up
};

struct DirectoryOp {
  OpId id;
  MonoTime deadline = kNever;
  DirectoryOpKind kind = DirectoryOpKind::lookup;
  UserId user;
  DeviceRow row;
  uint64_t seen_generation = 0;
  LoginPolicy policy = LoginPolicy::all;
  Batch<UserId> users;
  Batch<SessionClaim> claims;
};

enum class DirectoryResult : uint8_t { ok, superseded, mismatch };

struct DirectoryReply {
  DirectoryOpKind kind = DirectoryOpKind::lookup;
  DirectoryResult result = DirectoryResult::ok;
  uint64_t identity = 0;  // changes when the store may have lost writes: check sessions at once
  uint64_t generation = 0;
  UserRecord record;
  InlineVector<DeviceRow, kMaxDevicesPerUser>
      losers;  // rows that bind removed: policy, or same device elsewhere
  Batch<UserRecord> records;
  Batch<SessionVerdict> verdicts;
};

// ---- mailbox (Redis or SQLite): durable entries and cursors ------------------------------------

enum class MailboxOpKind : uint8_t {
  append,  // entry, base, identity, epoch, members_version
  read,    // user, conversation, from, limit -> entries the user is entitled to, next; or rewind
  open_device,  // device key -> conversations of the user with head, cursor; first time: cursors =
                // heads
  compare,      // known -> what is ahead of it
  cursors,      // updates: max-merge within an epoch
  members,      // conversation -> members, members_version
};

struct CompareItem {  // conversation's known head; or, with conversation {0,0}, a user's index
                      // version
  ConversationId conversation;
  UserId user;
  Position known;
  uint64_t index_version = 0;
};
struct ConversationState {
  ConversationId conversation;
  Position head;
  Position cursor;     // stored cursor of the device asked for
  bool member = true;  // now
};
struct CursorUpdate {
  DeviceKey key;
  Cursor cursor;
};

struct MailboxOp {
  OpId id;
  MonoTime deadline = kNever;
  MailboxOpKind kind = MailboxOpKind::append;
  uint64_t identity =
      0;               // the store the caller believes in; 0 = any (reads). Another one is refused
  uint32_t epoch = 0;  // store epoch of that identity, from the registry
  Entry entry;         // append; read and members use entry.conversation
  uint64_t base = 0;   // append: lowest client_seq the sender has not seen accepted
  uint64_t members_version = 0;  // append: version of the member list the caller holds
  DeviceKey key;                 // read (user), open_device
  Position from;       // read: the last position the reader has; entries after it are returned
  uint32_t limit = 0;  // read: entries at most
  Batch<CompareItem> known;
  Batch<CursorUpdate> updates;
};

enum class MailboxResult : uint8_t {
  ok,
  duplicate,       // append: already there, at `position`
  out_of_order,    // append: expected client_seq in `expected`; nothing appended
  refused,         // append: sender is not a member; the client_seq is consumed
  wrong_identity,  // the store is another one now: learn its epoch from the registry, then repeat
  rewind,          // read: `from` is not in this log; `position` is the last common one
  reset,           // read: entries before `position` are past retention; `skipped` counts them
};

struct MailboxReply {
  MailboxOpKind kind = MailboxOpKind::append;
  MailboxResult result = MailboxResult::ok;
  uint64_t identity = 0;
  Position position;      // append: where; rewind, reset: see above
  Position next;          // read: position of the last entry examined (entitled or not)
  Position head;          // read: the conversation's last position
  uint64_t expected = 0;  // append out_of_order
  uint64_t skipped = 0;   // read reset
  uint64_t members_version = 0;
  uint64_t index_version = 0;              // open_device
  bool first_bind = false;                 // open_device: the device was unknown
  bool member = true;                      // read: the user is a member after `next`,
                                           // of a rewind or reset after `position`
  Batch<Entry> entries;                    // read, in sequence
  Batch<UserId> members;                   // append (when members_version differs), members
  Batch<ConversationState> conversations;  // open_device
  Batch<CompareItem>
      ahead;  // compare: conversation + its head (known), or user + its index_version
};

// ---- registry (ZooKeeper): which nodes live ----------------------------------------------------

enum class RegistryOpKind : uint8_t {
  open,         // start a session and register: weight -> session, incarnation
  renew,        // session: keeps the lease; error when the session is gone
  close,        // session: leave at once
  announce,     // session, draining: change the member's data
  list,         // -> view; arms a one-shot watch for its next change
  raise_epoch,  // identity -> epoch of that mailbox identity (made when new); error when superseded
};

struct RegistryOp {
  OpId id;
  MonoTime deadline = kNever;
  RegistryOpKind kind = RegistryOpKind::list;
  uint64_t session = 0;
  uint64_t identity = 0;
  uint32_t weight = 1;
  bool draining = false;
};

struct RegistryReply {
  RegistryOpKind kind = RegistryOpKind::list;
  uint64_t session = 0;
  uint64_t incarnation = 0;
  uint32_t epoch = 0;
  ViewHandle view;
};

}  // namespace imroute
