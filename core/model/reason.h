// Why something was refused, closed, dropped or failed: one enum for the whole project, so that a
// cause keeps its name from the core through the wire to the report.
#pragma once

#include <cstdint>
#include <string_view>

namespace imroute {

enum class Reason : uint8_t {
  none,
  // login and bind
  superseded,  // a newer login of the same device holds the row
  kicked,      // the login policy chose another device
  no_node,     // no healthy node to log in to
  overloaded,  // admission rate or capacity reached
  draining,    // the node is going away: log in elsewhere
  fenced,      // the node cannot prove its lease
  bad_token,   // login token refused
  not_bound,   // frame before a completed bind
  // sending
  not_member,         // the sender is not in the group at this sequence
  out_of_order,       // client_seq is ahead of what the store expects
  too_large,          // payload over kMaxPayloadBytes
  store_unavailable,  // the mailbox did not answer; the send may be repeated
  outbox_full,        // too many open sends
  // routing
  no_session,  // NACK: the user has no session here
  no_route,    // nobody answered in time: unknown where the user is
  attempts_exhausted,
  offline,       // directory says: no session
  unknown_node,  // target override: not in the view
  node_down,
  wrong_incarnation,
  // connections
  closed_by_peer,
  reset,
  timeout,  // heartbeat or connect deadline passed
  refused,
  protocol_error,
  version_refused,  // unknown frame version
  slow_reader,
  shutdown,
  lease_lost,  // client side: no answered ping within client_lease
  duplicate,
  circuit_open,
  cancelled,
  count_  // number of reasons
};

std::string_view to_string(Reason reason);

}  // namespace imroute
