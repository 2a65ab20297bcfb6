// One line of trace.jsonl: what a machine decided, or what the application above a client did and
// saw. Both worlds write lines through this file and `explain` and the timeline read them through
// it, so the format has one place. Fields that say nothing (zero, none) are left out of the JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/event/effect.h"
#include "core/event/trace.h"

namespace imroute {

struct TraceLine {
  int64_t t_ns = 0;
  std::string machine;  // "node:3", "router:0", "client:17.0" (user.device)
  // A TraceKind by name; of the application "sent", "accepted", "refused"; of the world
  // "fault_begin", "fault_end", "fault_crash".
  std::string kind;
  std::string fault;        // its kind: of lines of the world
  std::string reason, via;  // empty = none
  std::optional<uint32_t> node;
  std::optional<uint64_t> user;
  uint32_t device = 0;
  std::string conversation;  // "3-9", "group-2", or empty
  Position position;
  std::optional<uint64_t> sender;
  uint64_t client_seq = 0, route = 0, value = 0;
  uint64_t tag = 0;  // application lines: the number of the message in the workload
};

// A decision of a machine (effect Trace).
std::string write_trace_line(int64_t t_ns, std::string_view machine, const TraceRecord& record);
// The application handed message `tag` to a client.
std::string write_sent_line(int64_t t_ns, std::string_view machine, ConversationId conversation,
                            uint64_t tag);
// A client told the application: accepted or refused (other notices: empty, nothing to write).
std::string write_notice_line(int64_t t_ns, std::string_view machine, const Notify& notice);

// Nothing when the text is not such a line.
std::optional<TraceLine> read_trace_line(const std::string& text);

// "3-9" for two users, "group-2" for a group, "" for none.
std::string conversation_text(ConversationId conversation);

}  // namespace imroute
