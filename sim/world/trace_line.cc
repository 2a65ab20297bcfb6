#include "sim/world/trace_line.h"

namespace imroute {

std::string machine_name(const Layout& layout, Endpoint e) {
  const std::string number = std::to_string(layout.index(e));
  switch (layout.role(e)) {
    case Role::registry:
      return "registry";
    case Role::directory:
      return "directory";
    case Role::mailbox:
      return "mailbox";
    case Role::bus:
      return "bus";
    case Role::node:
      return "node:" + number;
    case Role::router:
      return "router:" + number;
    case Role::client:
      return "client:" + number;
  }
  return "";
}

std::string trace_line(int64_t t, const Layout& layout, Endpoint at, const TraceRecord& r) {
  std::string line = "{\"t\":" + std::to_string(t) + ",\"at\":\"" + machine_name(layout, at) +
                     "\",\"kind\":\"" + std::string(to_string(r.kind)) + "\"";
  const auto number = [&line](const char* name, uint64_t value) {
    line += ",\"";
    line += name;
    line += "\":" + std::to_string(value);
  };
  if (r.user.value != 0 || r.device != 0) {
    number("user", r.user.value);
    number("device", r.device);
  }
  if (r.conversation != ConversationId{}) {
    line += ",\"conversation\":[" + std::to_string(r.conversation.hi) + "," +
            std::to_string(r.conversation.lo) + "]";
    number("epoch", r.position.epoch);
    number("seq", r.position.seq);
    number("sender", r.sender.value);
    number("client_seq", r.client_seq);
  }
  if (r.node != kNoNode) number("node", r.node.value);
  if (r.route != 0) number("route", r.route);
  if (r.value != 0) number("value", r.value);
  if (r.reason != Reason::none) {
    line += ",\"reason\":\"" + std::string(to_string(r.reason)) + "\"";
  }
  if (r.kind == TraceKind::deliver || r.kind == TraceKind::redeliver ||
      r.kind == TraceKind::shown) {
    static constexpr const char* kVia[] = {"push", "handover", "sync", "login"};
    line += std::string(",\"via\":\"") + kVia[static_cast<size_t>(r.via)] + "\"";
  }
  return line + "}";
}

std::string fault_line(int64_t t, size_t index, std::string_view kind, std::string_view what) {
  return "{\"t\":" + std::to_string(t) + ",\"fault\":" + std::to_string(index) + ",\"kind\":\"" +
         std::string(kind) + "\",\"what\":\"" + std::string(what) + "\"}";
}

}  // namespace imroute
