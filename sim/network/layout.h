// Who is in the simulated world, as dense numbers: services first, then nodes, routers, clients.
// Everything the driver keeps per machine is an array over these.
#pragma once

#include <cstdint>

#include "core/base/assert.h"
#include "core/event/event.h"
#include "harness/scenario/scenario.h"

namespace imroute {

using Endpoint = uint32_t;
inline constexpr Endpoint kNoEndpoint = ~Endpoint{0};

enum class Role : uint8_t { registry, directory, mailbox, bus, node, router, client };
inline constexpr Endpoint kServices = 4;  // registry, directory, mailbox, bus, in the order of Role

class Layout {
 public:
  Layout(uint32_t nodes, uint32_t routers, uint32_t clients)
      : nodes_(nodes), routers_(routers), clients_(clients) {}

  uint32_t nodes() const { return nodes_; }
  uint32_t routers() const { return routers_; }
  uint32_t clients() const { return clients_; }
  uint32_t endpoints() const { return kServices + nodes_ + routers_ + clients_; }
  uint32_t servers() const { return nodes_ + routers_; }

  Endpoint service(Role role) const { return static_cast<Endpoint>(role); }
  Endpoint node(uint32_t i) const { return kServices + i; }
  Endpoint router(uint32_t i) const { return kServices + nodes_ + i; }
  Endpoint client(uint32_t i) const { return kServices + nodes_ + routers_ + i; }

  Role role(Endpoint e) const {
    if (e < kServices) return static_cast<Role>(e);
    if (e < kServices + nodes_) return Role::node;
    return e < kServices + nodes_ + routers_ ? Role::router : Role::client;
  }
  bool is_server(Endpoint e) const { return e >= kServices && e < kServices + servers(); }
  // Number among nodes, routers or clients; 0 for a service.
  uint32_t index(Endpoint e) const {
    switch (role(e)) {
      case Role::node:
        return e - kServices;
      case Role::router:
        return e - kServices - nodes_;
      case Role::client:
        return e - kServices - servers();
      default:
        return 0;
    }
  }
  uint32_t server_index(Endpoint e) const { return e - kServices; }

  // kNoEndpoint when there is no such server.
  Endpoint of(Address a) const {
    if (a.kind == PeerKind::node) return a.index < nodes_ ? node(a.index) : kNoEndpoint;
    if (a.kind == PeerKind::router) return a.index < routers_ ? router(a.index) : kNoEndpoint;
    return service(Role::bus);
  }
  // REQUIRES: a server or the bus.
  Address address(Endpoint e) const {
    if (role(e) == Role::node) return {PeerKind::node, index(e)};
    if (role(e) == Role::router) return {PeerKind::router, index(e)};
    IM_ASSERT(role(e) == Role::bus);
    return kBusAddress;
  }

  // The EdgeClass bit of a pair, 0 when the scenario language has no name for it.
  uint8_t edge_class(Endpoint a, Endpoint b) const;

 private:
  uint32_t nodes_, routers_, clients_;
};

inline uint8_t Layout::edge_class(Endpoint a, Endpoint b) const {
  Role x = role(a), y = role(b);
  if (x == Role::node) {
    const Role swap = x;
    x = y;
    y = swap;
  }
  if (y != Role::node) return 0;
  switch (x) {
    case Role::client:
      return kEdgeClientNode;
    case Role::node:
      return kEdgeNodeNode;
    case Role::directory:
      return kEdgeNodeDirectory;
    case Role::mailbox:
      return kEdgeNodeMailbox;
    case Role::registry:
      return kEdgeNodeRegistry;
    case Role::router:
      return kEdgeNodeRouter;
    case Role::bus:
      return 0;
  }
  return 0;
}

}  // namespace imroute
