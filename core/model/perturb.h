// Rare branches that a node can be told to take more often. Each is a choice the node always has: a
// cache may have evicted the entry, an answer may have been lost, a buffer may be full. A run that
// takes them often meets in minutes the states that a cluster meets in months.
//
// A site is known by its name here, never by file and line, so that a recorded run stays valid when
// code moves. How often is a table in the node's configuration, in millionths, all zero in
// production: then a site costs one load and a branch never taken, and draws nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace imroute {

// X(name, help)
#define IMROUTE_PERTURB_SITES(X)                                                                  \
  X(cache_entry_dropped, "the route cache forgot where a user is, just before it is asked")       \
  X(route_answer_lost, "a ROUTE_ACK is not heard: the push counts as unanswered")                 \
  X(route_impatient, "a route waits only an eighth of its deadline for answers")                  \
  X(hint_withheld, "a NACK does not tell where the user went")                                    \
  X(hint_ignored, "the hint of a NACK is not followed")                                           \
  X(window_full, "a device with deliveries on the way counts as full, and is demoted to pull")    \
  X(early_entry_dropped, "the buffer for early entries is full: the mailbox must fill the gap")   \
  X(gap_wait_zero, "an early entry does not wait for its predecessor: it is read at once")        \
  X(pull_limit_one, "a mailbox read takes one entry at a time")                                   \
  X(compare_early, "a beacon is sent and a lost frame suspected: cursors are compared")           \
  X(batch_cut_short, "a batch of compares, cursors or claims is sent when it has one item")       \
  X(append_answer_lost, "the mailbox's answer to an append is not heard: it is appended again")   \
  X(members_forgotten, "the list of a group's members is not cached: the append brings it again") \
  X(redeliver_early, "everything unacknowledged is delivered again, however young")               \
  X(handover_skipped, "an entry of the unacknowledged tail is not handed over")                   \
  X(answer_forgotten, "DISPLACED or OWNERS_ACK is not heard: the question is repeated")           \
  X(admission_refused, "a login is refused as if too many came in this second")                   \
  X(renewal_skipped, "the lease is not renewed this time")                                        \
  X(peer_given_up, "a connection to another server is closed as if it had been silent")

enum class PerturbSite : uint8_t {
#define IMROUTE_X(name, help) name,
  IMROUTE_PERTURB_SITES(IMROUTE_X)
#undef IMROUTE_X
      count_
};

inline constexpr size_t kPerturbSites = static_cast<size_t>(PerturbSite::count_);

struct PerturbSiteInfo {
  const char* name;
  const char* help;
};

// By value of PerturbSite.
inline constexpr PerturbSiteInfo kPerturbSiteTable[] = {
#define IMROUTE_X(name, help) {#name, help},
    IMROUTE_PERTURB_SITES(IMROUTE_X)
#undef IMROUTE_X
};

using PerturbTable = std::array<uint32_t, kPerturbSites>;  // millionths, by value of PerturbSite

}  // namespace imroute
