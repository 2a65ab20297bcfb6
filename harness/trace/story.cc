#include "harness/trace/story.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "harness/scenario/names.h"
#include "harness/scenario/scenario_shape.h"

namespace imroute {
namespace {

std::optional<uint64_t> whole(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

std::optional<uint64_t> user_of(const std::string& machine) {
  if (machine.rfind("client:", 0) != 0) return {};
  return whole(std::string_view(machine).substr(7, machine.find('.') - 7));
}

std::string somebody(const TraceLine& line) {
  if (!line.user || *line.user == UINT64_MAX) return "the recipient";  // no one user in a group
  std::string text = "user " + std::to_string(*line.user);
  if (line.device != 0) text += " (device " + std::to_string(line.device) + ")";
  return text;
}

std::string to_node(const TraceLine& line) {
  return line.node ? "node " + std::to_string(*line.node) : "another node";
}

// The number that follows `word` in the text.
std::optional<uint64_t> number_after(std::string_view text, std::string_view word) {
  for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    size_t end = at + word.size();
    while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
    if (const auto number = whole(text.substr(at + word.size(), end - at - word.size()))) {
      return number;
    }
  }
  return {};
}

}  // namespace

std::optional<StoryMessage> parse_story_message(const std::string& text) {
  StoryMessage message;
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) {
    const auto tag = whole(text);
    if (!tag || *tag == 0) return {};
    message.tag = *tag;
    return message;
  }
  const auto seq = whole(std::string_view(text).substr(colon + 1));
  if (!seq || *seq == 0) return {};
  message.conversation = text.substr(0, colon);
  message.seq = *seq;
  return message;
}

std::optional<StoryMessage> message_of_witness(const std::string& witness) {
  StoryMessage message;
  if (const auto tag = number_after(witness, "message ")) {
    message.tag = *tag;
    return message;
  }
  if (const auto group = number_after(witness, "of group ")) {
    message.conversation = "group-" + std::to_string(*group);
  } else if (const auto hi = number_after(witness, "of conversation ")) {
    const auto lo = number_after(witness, "of conversation " + std::to_string(*hi) + "-");
    if (!lo) return {};
    message.conversation = std::to_string(*hi) + "-" + std::to_string(*lo);
  } else {
    return {};
  }
  const auto epoch = number_after(witness, " at ");  // "at 1/12"
  const auto seq =
      epoch ? number_after(witness, " at " + std::to_string(*epoch) + "/") : std::nullopt;
  if (!seq) return {};
  message.seq = *seq;
  return message;
}

void learn(StoryMessage& message, const TraceLine& line) {
  const bool by_tag = message.tag != 0 && line.tag == message.tag;
  const bool by_place = message.tag == 0 && line.kind == "accepted" && message.seq != 0 &&
                        line.conversation == message.conversation &&
                        line.position.seq == message.seq;
  if (!by_tag && !by_place) return;
  message.tag = line.tag;
  message.conversation = line.conversation;
  if (line.kind == "sent") message.sender = user_of(line.machine);
  if (line.kind != "accepted" && line.kind != "refused") return;
  message.sender = user_of(line.machine);
  message.client_seq = line.client_seq;
  if (line.position.seq != 0) message.seq = line.position.seq;
}

bool concerns(const StoryMessage& message, const TraceLine& line) {
  if (line.tag != 0) return line.tag == message.tag;
  if (line.conversation.empty() || line.conversation != message.conversation) return false;
  if (message.seq != 0 && line.position.seq != 0) return line.position.seq == message.seq;
  return message.client_seq != 0 && line.client_seq == message.client_seq &&
         line.sender == message.sender;
}

std::string title_of(const StoryMessage& message) {
  std::string title = message.tag != 0 ? "message " + std::to_string(message.tag) : "the message";
  if (message.sender) title += " of user " + std::to_string(*message.sender);
  title += " in " + message.conversation;
  if (message.seq != 0) title += ", sequence " + std::to_string(message.seq);
  return title;
}

std::string in_words(const TraceLine& line) {
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

std::string faults_at(const Result& result, int64_t t) {
  std::string text;
  for (const FaultOutcome& f : result.faults) {
    if (!f.effective || t < f.fault.at_ns || t > f.until_ns) continue;
    text += (text.empty() ? "" : ", ") + fault_words(f.fault);
  }
  return text;
}

std::string fault_words(const Fault& fault) {
  const std::string target = target_text(fault);
  std::string text(to_string(fault.kind));
  if (!target.empty()) text += " " + target;
  if (fault.kind != FaultKind::partition || fault.is_edge) return text;
  Fault copy = fault;
  const JsonValue written = write_shape(fault_shape(copy));
  text += target.empty() ? " " + written.find("shape")->text : "";
  std::string edges;
  for (const JsonValue& edge : written.find("edges")->items) {
    edges += (edges.empty() ? "" : ", ") + edge.text;
  }
  return text + " (" + edges + ")";
}

std::string promise_of(const std::string& property) {
  struct Row {
    std::string_view property;
    const char* promise;
  };
  static constexpr Row kRows[] = {
      {"no-loss",
       "every message that was accepted reaches every device that is entitled to it, or waits for "
       "it in the mailbox; every send is answered"},
      {"order",
       "in one conversation every device shows all messages in the same order, none left "
       "out"},
      {"reply-order", "no answer is shown before what it answers"},
      {"no-duplicate", "no device shows a message twice"},
      {"no-misdelivery",
       "a message is shown only to the devices that are entitled to it, unchanged, and only nodes "
       "with a lease serve"},
      {"one-owner", "a device has one session at most, and the login policy holds"},
      {"routing-works", "in quiet time a message comes by push, not only when it is synced"},
      {"chains-end", "every chain of attempts ends, and queues keep their limits"},
      {"balancer", "balancers choose only who may be chosen, and count right"},
      {"goodput", "after an overload has ended, sends are served again"},
      {"progress", "a healed core of machines makes progress, whatever stays broken outside"},
      {"vacuous", "a run shows something: it accepts and delivers messages"},
      {"assertion", "no invariant of the program breaks"},
      {"crash", "the program does not crash"},
      {"hang", "the run ends"}};
  for (const Row& row : kRows) {
    if (row.property == property) return row.promise;
  }
  return property.starts_with("expect:") ? "what the scenario expects of the result holds"
                                         : property + " holds";
}

}  // namespace imroute
