#include "harness/trace/trace_line.h"

#include <nlohmann/json.hpp>

namespace imroute {
namespace {

// Names and numbers need no escaping: every text here is a word of the project.
class Line {
 public:
  Line(int64_t t_ns, std::string_view machine, std::string_view kind)
      : out_("{\"t_ns\":" + std::to_string(t_ns)) {
    word("machine", machine);
    word("kind", kind);
  }
  void word(const char* key, std::string_view value) {
    if (value.empty() || value == "none") return;
    out_ += std::string(",\"") + key + "\":\"" + std::string(value) + "\"";
  }
  void number(const char* key, uint64_t value) {
    out_ += std::string(",\"") + key + "\":" + std::to_string(value);
  }
  void count(const char* key, uint64_t value) {
    if (value != 0) number(key, value);
  }
  std::string done() { return out_ + "}"; }

 private:
  std::string out_;
};

constexpr std::string_view kVia[] = {"push", "handover", "sync", "login"};

bool is_arrival(TraceKind kind) {
  return kind == TraceKind::deliver || kind == TraceKind::redeliver || kind == TraceKind::shown ||
         kind == TraceKind::dropped_duplicate || kind == TraceKind::dropped_stale;
}

}  // namespace

std::string conversation_text(ConversationId conversation) {
  if (conversation == ConversationId{}) return {};
  if (conversation.is_group()) return "group-" + std::to_string(conversation.lo);
  return std::to_string(conversation.hi) + "-" + std::to_string(conversation.lo);
}

std::string write_trace_line(int64_t t_ns, std::string_view machine, const TraceRecord& record) {
  Line line(t_ns, machine, to_string(record.kind));
  line.word("reason", to_string(record.reason));
  if (is_arrival(record.kind)) line.word("via", kVia[static_cast<size_t>(record.via)]);
  if (record.node != kNoNode) line.number("node", record.node.value);
  const bool about_message = record.conversation != ConversationId{};
  line.number("user", record.user.value);  // user 0 is a user
  line.count("device", record.device);
  line.word("conversation", conversation_text(record.conversation));
  line.count("epoch", record.position.epoch);
  line.count("seq", record.position.seq);
  if (about_message && record.client_seq != 0) {
    line.number("sender", record.sender.value);
    line.number("client_seq", record.client_seq);
  }
  line.count("route", record.route);
  line.count("value", record.value);
  return line.done();
}

std::string write_sent_line(int64_t t_ns, std::string_view machine, ConversationId conversation,
                            uint64_t tag) {
  Line line(t_ns, machine, "sent");
  line.word("conversation", conversation_text(conversation));
  line.number("tag", tag);
  return line.done();
}

std::string write_notice_line(int64_t t_ns, std::string_view machine, const Notify& notice) {
  const bool accepted = notice.kind == NoticeKind::accepted;
  if (!accepted && notice.kind != NoticeKind::refused) return {};
  Line line(t_ns, machine, accepted ? "accepted" : "refused");
  line.word("reason", to_string(notice.reason));
  line.word("conversation", conversation_text(notice.entry.conversation));
  line.count("epoch", notice.entry.position.epoch);
  line.count("seq", notice.entry.position.seq);
  line.count("client_seq", notice.entry.client_seq);
  line.number("tag", notice.tag);
  return line.done();
}

std::optional<TraceLine> read_trace_line(const std::string& text) {
  const nlohmann::json document = nlohmann::json::parse(text, nullptr, false);
  if (!document.is_object()) return {};
  try {
    TraceLine line;
    line.t_ns = document.at("t_ns").get<int64_t>();
    line.machine = document.at("machine").get<std::string>();
    line.kind = document.at("kind").get<std::string>();
    line.fault = document.value("fault", "");
    line.reason = document.value("reason", "");
    line.via = document.value("via", "");
    if (document.contains("node")) line.node = document["node"].get<uint32_t>();
    if (document.contains("user")) line.user = document["user"].get<uint64_t>();
    line.device = document.value("device", uint32_t{0});
    line.conversation = document.value("conversation", "");
    line.position = {document.value("epoch", uint32_t{0}), document.value("seq", uint64_t{0})};
    if (document.contains("sender")) line.sender = document["sender"].get<uint64_t>();
    line.client_seq = document.value("client_seq", uint64_t{0});
    line.route = document.value("route", uint64_t{0});
    line.value = document.value("value", uint64_t{0});
    line.tag = document.value("tag", uint64_t{0});
    return line;
  } catch (const nlohmann::json::exception&) {
    return {};
  }
}

}  // namespace imroute
