// Logins that this router's process asks of its own machine, on behalf of who came by another way
// than a client's connection: over HTTP, or to send for a user.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "cluster/machine/driver.h"

namespace imroute::cluster {

struct LoginAnswer {
  Reason refused = Reason::none;
  NodeId node;
  std::string address;  // of the node, for clients
  uint64_t generation = 0;
};

class LoginDesk {
 public:
  using OnAnswer = std::function<void(const LoginAnswer&)>;
  // The driver outlives the desk.
  explicit LoginDesk(Driver& driver) : driver_(driver) {}

  // Answered once, later. `avoid`: a node that did not serve, or kNoNode.
  void ask(DeviceKey key, ClientType client_type, NodeId avoid, OnAnswer on_answer);

 private:
  void on_frame(const Frame& frame);

  Driver& driver_;
  std::optional<LinkId> link_;
  uint64_t next_ = 1;
  std::map<uint64_t, OnAnswer> open_;  // as many as the machine keeps open
};

}  // namespace imroute::cluster
