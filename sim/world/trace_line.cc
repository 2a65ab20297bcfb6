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

std::string fault_line(int64_t t, size_t index, std::string_view kind, std::string_view what) {
  return "{\"t_ns\":" + std::to_string(t) + ",\"machine\":\"world\",\"kind\":\"fault_" +
         std::string(what) + "\",\"fault\":\"" + std::string(kind) +
         "\",\"value\":" + std::to_string(index) + "}";
}

}  // namespace imroute
