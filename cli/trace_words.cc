#include "cli/trace_words.h"

namespace imroute {
namespace {

std::string somebody(const TraceLine& line) {
  if (!line.user) return "the recipient";
  std::string text = "user " + std::to_string(*line.user);
  if (line.device != 0) text += " (device " + std::to_string(line.device) + ")";
  return text;
}

std::string to_node(const TraceLine& line) {
  return line.node ? "node " + std::to_string(*line.node) : "another node";
}

}  // namespace

std::string trace_words(const TraceLine& line) {
  const std::string& k = line.kind;
  const std::string why = line.reason.empty() ? "" : " (" + line.reason + ")";
  const std::string via = line.via.empty() ? "" : " by " + line.via;
  if (k == "fault_begin") return "the fault " + line.fault + " begins";
  if (k == "fault_end") return "the fault " + line.fault + " ends";
  if (k == "fault_crash") return "crashes by the fault " + line.fault;
  if (k == "sent") return "the user sends it";
  if (k == "accepted") return "the sender's client is told: accepted";
  if (k == "refused" || k == "append_refused") return "refused" + why;
  if (k == "append_sent") return "asks the mailbox to append it";
  if (k == "append_ok")
    return "the mailbox appended it at sequence " + std::to_string(line.position.seq);
  if (k == "append_duplicate") return "the mailbox had it already";
  if (k == "append_out_of_order") return "the mailbox wants an earlier send of this device first";
  if (k == "append_unknown") return "the mailbox did not answer in time; it will be asked again";
  if (k == "route_local") return "a session of " + somebody(line) + " is here: no hop needed";
  if (k == "route_push") return "pushes it to " + to_node(line) + " for " + somebody(line);
  if (k == "route_broadcast") return "broadcasts it to all nodes" + why;
  if (k == "route_lookup") return "asks the directory where " + somebody(line) + " is";
  if (k == "route_resolve") return "asks a router where " + somebody(line) + " is";
  if (k == "route_forward") return "hands it to a router to forward";
  if (k == "route_ack") return to_node(line) + " has the session and took it";
  if (k == "route_nack") return to_node(line) + " answers: not here" + why;
  if (k == "route_hint") return "follows a hint to " + to_node(line);
  if (k == "route_retry") return "tries to route it again" + why;
  if (k == "route_collapsed") return "waits for another route's broadcast";
  if (k == "route_done") return "routing is done" + why;
  if (k == "route_given_up") return "gives up routing; the mailbox path will deliver it" + why;
  if (k == "deliver") return "delivers it to " + somebody(line) + via;
  if (k == "redeliver") return "delivers it again to " + somebody(line) + via;
  if (k == "gap_buffered") return "holds it back: an earlier entry is missing";
  if (k == "gap_pull") return "reads the missing entries from the mailbox";
  if (k == "handover_sent") return "hands it over to " + to_node(line);
  if (k == "handover_received") return "takes it over from " + to_node(line);
  if (k == "resolved") return "the router answers" + why;
  if (k == "forwarded") return "the router forwards it to " + to_node(line);
  if (k == "shown") return "shown to the user" + via;
  if (k == "dropped_duplicate") return "arrives again and is hidden" + via;
  if (k == "dropped_stale") return "arrives too late and is dropped" + via;
  return k + why;
}

}  // namespace imroute
