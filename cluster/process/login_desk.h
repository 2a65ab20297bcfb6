// Logins that this router's process asks of its own machine, on behalf of who came by another way
// than a client's connection: over HTTP, or to send for a user.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "cluster/machine/driver.h"

namespace imroute::cluster {

struct LoginAnswer {
  Reason refused = Reason::none;
  NodeId node;
  std::string address;  // of the node, for clients
  uint64_t generation = 0;
  std::string token;  // to show there; empty when none is asked for
};

class LoginDesk {
 public:
  using OnAnswer = std::function<void(const LoginAnswer&)>;
  using TokenFor = std::function<std::string(const Frame& login_ok)>;
  // The driver outlives the desk.
  LoginDesk(Driver& driver, TokenFor token_for)
      : driver_(driver), token_for_(std::move(token_for)) {}

  // Answered once, later. `avoid`: a node that did not serve, or kNoNode.
  void ask(DeviceKey key, ClientType client_type, NodeId avoid, OnAnswer on_answer);

 private:
  void on_frame(const Frame& frame);

  Driver& driver_;
  TokenFor token_for_;
  std::optional<LinkId> link_;
  uint64_t next_ = 1;
  std::map<uint64_t, OnAnswer> open_;  // as many as the machine keeps open
};

}  // namespace imroute::cluster
