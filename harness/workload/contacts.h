// Who talks to whom, computed instead of stored, so that a million users with ten contacts each
// cost nothing. Three shapes:
//   - even (default): user u knows u +- offset, the same few drawn offsets for everybody. Contacts
//     are mutual, every user has the same number, and two users share one conversation.
//   - skewed: u's contacts are drawn by Zipf from all users; user 0 is the most popular.
//   - senders only (cost scenarios): users below `senders` write to the others, each of whom hears
//     from the same number of senders.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/ids.h"
#include "core/base/rng.h"
#include "harness/scenario/scenario.h"
#include "harness/workload/fixed_math.h"

namespace imroute {

class Contacts {
 public:
  Contacts(const Scenario& scenario, uint64_t seed);

  // One of the contacts of `user`, drawn with `rng`. Nothing when the user has nobody to talk to.
  std::optional<UserId> pick(UserId user, Rng& rng) const;
  // Users 0 .. senders()-1 start messages of their own; all when the scenario does not restrict it.
  uint64_t senders() const { return senders_; }
  bool restricted() const { return senders_ < users_; }
  // The users who are written to: all, or those from senders() on.
  uint64_t first_recipient() const { return restricted() ? senders_ : 0; }

 private:
  uint64_t users_, senders_, count_;
  uint64_t key_;
  std::vector<uint64_t> offsets_;  // even shape; empty = everybody knows everybody nearby
  std::optional<ZipfTable> zipf_;
};

}  // namespace imroute
