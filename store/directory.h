// A directory in memory: user records under compare-and-set, as a script in Redis would keep them.
// One operation decides login policy and losers. The simulator asks it, and the router process of a
// cluster without a Redis holds it. Failover loses the writes of the last moments and changes the
// identity; eviction forgets records. Of what is forgotten one number stays, the highest
// generation: a device that has forgotten too numbers its messages by generations and must never
// get one twice.
//
// Rows live in Records, linked per user: a million users with one device each cost about 100 MB.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "core/base/flat_map.h"
#include "store/answer.h"
#include "store/records.h"

namespace imroute {

class Directory {
 public:
  // `undo_window`: how far back a failover may reach; 0 keeps no log. `identity`: when an earlier
  // directory was lost, the next number. Its generations are then above all that the earlier one
  // can have handed out (65,536 a device).
  explicit Directory(DurationNs undo_window = 0, uint64_t identity = 1);

  DirectoryAnswer handle(const DirectoryOp& op, int64_t now);

  // Takes back what was written after now - lose_tail (at most the undo window). Returns how many
  // writes were lost. The identity is a new one in any case.
  uint64_t failover(int64_t now, DurationNs lose_tail);
  // Forgets about `fraction_ppm` of the records, chosen by `salt`. Returns how many.
  uint64_t evict(uint32_t fraction_ppm, uint64_t salt);
  // Out of memory: writes fail, reads are answered.
  void set_oom(bool on) { oom_ = on; }

  uint64_t identity() const { return identity_; }
  uint32_t users() const { return users_.size(); }
  // What a lookup would answer.
  UserRecord record(UserId user) const;

 private:
  struct Row {
    DeviceRow row;
    uint64_t reserved = 0;  // highest generation handed out
    uint32_t next = 0;
  };
  struct User {
    uint64_t version = 0;
    uint32_t first = 0;
  };
  struct Undo {
    int64_t at = 0;
    UserId user;
    bool existed = false;
    uint64_t version = 0;
    std::vector<Row> rows;
  };

  void reserve(const DirectoryOp& op, int64_t now, DirectoryAnswer& answer);
  void bind(const DirectoryOp& op, int64_t now, DirectoryAnswer& answer);
  void unbind(const DirectoryOp& op, int64_t now, DirectoryReply& reply);
  void check(const DirectoryOp& op, DirectoryReply& reply) const;
  Row* find_row(const User& user, uint32_t device);
  const Row* find_row(const User& user, uint32_t device) const;
  // The row of `device`, made when absent; nullptr when the user has no room for another device.
  Row* ensure_row(User& user, uint32_t device);
  void remember(UserId user, int64_t now);
  void forget(UserId user);
  // One counter for all users, under the identity: a record that was evicted or lost its tail does
  // not come back with a version that somebody has seen already.
  uint64_t next_version() { return (identity_ << 32) | ++versions_; }

  DurationNs undo_window_;
  uint64_t least_generation_;  // all that is given out is above it
  FlatMap<UserId, User> users_;
  Records<Row> rows_;
  std::deque<Undo> undo_;
  uint64_t identity_;
  uint64_t versions_ = 0;
  bool oom_ = false;
};

}  // namespace imroute
