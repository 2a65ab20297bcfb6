// What a process adds to a driver: where servers are, and what is done with messages that are no
// business of the machine.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "cluster/net/link.h"
#include "cluster/wire/control.h"
#include "core/event/effect.h"

namespace imroute::cluster {

// Whom a connection may log in or bind as; what is not set may be anything.
struct Identity {
  std::optional<UserId> user;
  std::optional<uint32_t> device;
  std::optional<uint64_t> generation;
};
struct Admission {
  Reason refused = Reason::none;
  std::string text;  // why, for the client
  Identity identity;
};

class Environment {
 public:
  virtual ~Environment() = default;
  // Where to dial that server; nothing when it is not known (yet).
  virtual std::optional<HostPort> where(Address server) = 0;
  // What a connection dialled there goes through; nullptr: nothing.
  virtual LayerHandle layer_to(const HostPort&) { return nullptr; }
  virtual void on_notice(const Notify&) {}
  virtual void on_trace(const TraceRecord&) {}
  // A connection whose layer failed: one that was dialled there, or one of who knows whom. To who
  // dials as a client also why a server that he dialled is of no use to him.
  virtual void on_trouble(std::optional<Address>, std::string_view) {}
  // What a client shows to that server when it greets.
  virtual std::string proof_for(Address) { return {}; }
  // A client has greeted: `decide` once, at once or later. Nothing of it is read meanwhile.
  using Decide = std::function<void(const Admission&)>;
  virtual void admit(const std::string& /*address*/, const Greeting&, Decide decide) { decide({}); }
  // A frame is about to go to a client: what must arrive before it is sent here.
  virtual void before_client_frame(Link&, const Frame&) {}
  // A control message of a client that was admitted. False: it is not one of ours.
  virtual bool on_client_control(Link&, uint8_t, std::span<const std::byte>) { return false; }
  // Somebody who wants to use the stores of this process; the callee takes the link over. False: it
  // has none.
  virtual bool on_store_user(const LinkHandle&, const Greeting&) { return false; }
  // A control message of a server that this machine dialled.
  virtual void on_server_control(Address, uint8_t, std::span<const std::byte>) {}
};

}  // namespace imroute::cluster
