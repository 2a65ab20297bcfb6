// Who was in a group at which point of its sequence, from the create, join and leave entries of the
// log. Every user that was ever a member keeps a small number (slot), so that a message's readers
// are bits.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/flat_map.h"
#include "core/base/time.h"
#include "core/model/message.h"

namespace imroute {

class Membership {
 public:
  static constexpr uint32_t kNone = ~uint32_t{0};

  // Applies a create, join or leave entry at its sequence, stored at time `t`.
  void apply(const Entry& entry, int64_t t);
  // The store lost this entry: as if it had never been.
  void undo(const Entry& entry);
  // Adds a member from the beginning (at_most_once, where nothing is sequenced).
  void add(UserId user);

  uint32_t slots() const { return static_cast<uint32_t>(members_.size()); }
  uint32_t slot_of(UserId user) const;  // kNone when it was never a member
  UserId user_at(uint32_t slot) const { return members_[slot].user; }
  // Membership is [join, leave): the join entry is seen by who joins, the leave entry is not.
  bool member_at(uint32_t slot, uint64_t seq) const;
  // When the membership began that is still open; the end of time when there is none.
  int64_t member_since(uint32_t slot) const;

 private:
  struct Interval {
    uint64_t from, to;
    int64_t since;
  };
  struct Member {
    UserId user;
    std::vector<Interval> intervals;
  };
  static constexpr uint64_t kOpen = ~uint64_t{0};
  Member& member(UserId user);

  FlatMap<uint64_t, uint32_t> slot_of_;
  std::vector<Member> members_;
};

}  // namespace imroute
