// What a machine counted since it started. Plain numbers; the table gives each its name and meaning
// for metrics and results. One struct for all machines: a counter that a machine does not use stays
// 0.
#pragma once

#include <cstdint>

namespace imroute {

// X(name, help)
#define IMROUTE_COUNTERS(X)                                                     \
  X(steps, "events handled")                                                    \
  X(sends, "SEND frames received")                                              \
  X(accepted, "sends accepted")                                                 \
  X(refused, "sends refused")                                                   \
  X(appends_repeated, "appends repeated after an unknown answer")               \
  X(append_duplicates, "appends answered as duplicates by the store")           \
  X(groups_created, "groups that clients created")                              \
  X(deliveries, "DELIVER frames sent the first time")                           \
  X(redeliveries, "DELIVER frames sent again")                                  \
  X(acked, "deliveries acknowledged")                                           \
  X(window_full, "entries left in the mailbox because a window was full")       \
  X(demotions, "devices demoted to pull")                                       \
  X(gaps_buffered, "entries that waited for a predecessor")                     \
  X(gaps_pulled, "gaps filled from the mailbox")                                \
  X(pulls, "mailbox reads")                                                     \
  X(compares, "mailbox compares")                                               \
  X(compare_behind, "conversations found behind by a compare")                  \
  X(rewinds, "REWINDs from the store")                                          \
  X(resets, "RESETs from the store")                                            \
  X(routes, "messages routed to a user or group")                               \
  X(route_local, "routes answered by a local session alone")                    \
  X(cache_hits, "routes answered by the cache")                                 \
  X(cache_misses, "routes not answered by the cache")                           \
  X(pushes, "PUSH frames sent to a node")                                       \
  X(broadcasts, "broadcasts sent")                                              \
  X(rebroadcasts, "broadcasts after a NACK or a lost answer")                   \
  X(rebroadcasts_collapsed, "routes that waited for what another route learns") \
  X(lookups, "directory lookups for routing")                                   \
  X(resolves, "router resolves for routing")                                    \
  X(forwards, "messages forwarded through a router")                            \
  X(calls_retried, "router calls tried again")                                  \
  X(calls_deferred, "router calls that went to the background (failback)")      \
  X(failbacks_done, "router calls of the background that came through")         \
  X(calls_cancelled, "router calls whose answer was no longer wanted")          \
  X(calls_degraded, "router calls that failed, answered by the cache")          \
  X(circuits_opened, "routers left alone because calls kept failing")           \
  X(route_acks, "ROUTE_ACKs received")                                          \
  X(nacks_sent, "NACKs sent")                                                   \
  X(nacks_received, "NACKs received")                                           \
  X(hints_followed, "NACK hints followed")                                      \
  X(routes_retried, "routes tried again after a timeout")                       \
  X(routes_given_up, "routes left to the mailbox path")                         \
  X(pushes_received, "PUSH frames received")                                    \
  X(pushes_ignored, "PUSH frames for users not here (broadcast)")               \
  X(pushes_stale, "PUSH entries already delivered or of an old epoch")          \
  X(binds, "sessions bound")                                                    \
  X(binds_superseded, "binds refused as superseded")                            \
  X(binds_refused, "binds refused for other reasons")                           \
  X(kicks, "sessions closed by login policy")                                   \
  X(displacements, "sessions closed because the device logged in elsewhere")    \
  X(handovers_sent, "entries handed over to a new holder")                      \
  X(handovers_received, "entries taken over from an old holder")                \
  X(stale_generations, "frames or rows of an old generation refused")           \
  X(session_checks, "session check batches sent")                               \
  X(rows_reasserted, "rows written again after a session check")                \
  X(sessions_checked_out, "sessions closed by a session check")                 \
  X(fences, "times the node fenced itself")                                     \
  X(suspensions, "times the node was suspended with the registry gone")         \
  X(epochs_raised, "mailbox epochs learnt")                                     \
  X(replies_late, "store replies nobody waited for")                            \
  X(ops_unknown, "store operations without an answer")                          \
  X(drops_no_route, "at_most_once: nobody answered")                            \
  X(drops_offline, "at_most_once: user offline")                                \
  X(drops_stale, "at_most_once: older than the last shown")                     \
  X(logins, "logins placed")                                                    \
  X(logins_refused, "logins refused")                                           \
  X(shown, "client: entries shown")                                             \
  X(duplicates_hidden, "client: deliveries hidden as duplicates")               \
  X(lease_drops, "client: frames dropped because the lease was not proven")     \
  X(sends_repeated, "client: SENDs repeated")                                   \
  X(reconnects, "client: connections tried again")                              \
  X(perturbed, "rare branches taken because a perturbation asked for it")       \
  X(protocol_errors, "frames that made no sense here")

struct Counters {
#define IMROUTE_X(name, help) uint64_t name = 0;
  IMROUTE_COUNTERS(IMROUTE_X)
#undef IMROUTE_X
  friend constexpr bool operator==(const Counters&, const Counters&) = default;
};

struct CounterInfo {
  const char* name;
  const char* help;
  uint64_t Counters::* value;
};

inline constexpr CounterInfo kCounterTable[] = {
#define IMROUTE_X(name, help) {#name, help, &Counters::name},
    IMROUTE_COUNTERS(IMROUTE_X)
#undef IMROUTE_X
};

}  // namespace imroute
