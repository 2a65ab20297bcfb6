// The central router: places logins and answers "where is this user" for nodes, over the directory
// or a computed placement. Stateless: routers can be several, and any of them may die. It knows the
// cluster through the registry and the nodes' beacons (load, health).
//
// Flows: on_client.cc (LOGIN: reserve a generation in the directory, pick a node, LOGIN_OK),
// on_peer.cc (beacons, RESOLVE, FORWARD), on_reply.cc, on_wake.cc.
#pragma once

#include <cstdint>
#include <memory>

#include "core/base/payload.h"
#include "core/event/effect.h"
#include "core/event/event.h"
#include "core/model/config.h"
#include "core/model/counters.h"

namespace imroute {

class Router {
 public:
  // The pool outlives the router.
  Router(const RouterConfig& config, BlobPool& pool);
  ~Router();

  void step(Now now, const Event& event, Effects& out) noexcept;
  MonoTime next_deadline() const;
  uint64_t digest() const;
  const Counters& counters() const;
  // Users with a session at that node, by its last beacon; 0 when it is not connected.
  uint64_t users_at(NodeId node) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace imroute
