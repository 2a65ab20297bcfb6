// Fixed-size records of decisions worth seeing: golden traces, `explain`, debugging. The driver
// adds time and machine. Recording is free of charge to behaviour: no machine reads its own trace.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/ids.h"
#include "core/model/message.h"
#include "core/model/reason.h"

namespace imroute {

enum class TraceKind : uint8_t {
  // node
  session_bound,
  session_closed,
  session_displaced,
  session_checked_out,
  append_sent,
  append_ok,
  append_duplicate,
  append_out_of_order,
  append_refused,
  append_unknown,
  route_local,
  route_push,
  route_broadcast,
  route_lookup,
  route_resolve,
  route_forward,
  route_ack,
  route_nack,
  route_hint,
  route_retry,
  route_collapsed,
  route_done,
  route_given_up,
  deliver,
  redeliver,
  gap_buffered,
  gap_pull,
  demoted,
  handover_sent,
  handover_received,
  compare_behind,
  rewind,
  reset,
  view_applied,
  fenced,
  suspended,
  unfenced,
  epoch_raised,
  drain_started,
  drain_done,
  // router
  login_placed,
  login_refused,
  resolved,
  forwarded,
  // client
  online,
  offline,
  shown,
  dropped_duplicate,
  dropped_stale,
  kicked,
  count_
};

std::string_view to_string(TraceKind kind);

struct TraceRecord {
  TraceKind kind = TraceKind::count_;
  Reason reason = Reason::none;
  Via via = Via::push;
  NodeId node = kNoNode;
  UserId user;
  uint32_t device = 0;
  ConversationId conversation;
  Position position;
  UserId sender;
  uint64_t client_seq = 0;
  uint64_t route = 0;
  uint64_t value = 0;  // attempts, counts, generation: said beside each site
};

}  // namespace imroute
