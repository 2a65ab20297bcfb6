// Each state machine alone under a byte-driven stream of events (byte_world.h), as often as wanted:
// the fuzz targets ask for crashes and broken bounds, the property tests also for determinism, and
// shrink what they find.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/client/client.h"
#include "core/node/node.h"
#include "core/router/router.h"
#include "tests/fuzz/byte_world.h"

namespace imroute {

// Each returns the machine's digest at the end. Nothing that arrives, in any order, may break an
// assertion, read where it should not, leak a block, hang, or exceed the capacity.
inline uint64_t node_under_fire(const uint8_t* data, size_t size, bool polite = false) {
  Bytes bytes(data, size);
  NodeConfig config;
  config.id = NodeId{0};
  config.seed = bytes.next();
  config.routers = static_cast<uint32_t>(bytes.below(3));
  config.strategy = fuzzed_strategy(bytes);
  config.delivery = fuzzed_delivery(bytes);
  config.sessions.policy = static_cast<LoginPolicy>(bytes.below(4));
  config.capacity = {
      .sessions = 4, .conversations = 8, .routes = 8, .operations = 64, .appends = 8, .groups = 4};
  BlobPool pool;
  uint64_t digest = 0;
  {
    Node node(config, pool);
    ByteWorld<Node> world(node, bytes, pool, polite);
    world.run(true, false);
    const NodeStatus status = node.status();
    require(status.sessions <= config.capacity.sessions);
    require(status.routes_in_flight <= config.capacity.routes);
    require(status.cache_entries_max <= config.strategy.cache_entries);
    digest = node.digest();
  }
  require(pool.blocks_alive() == 0);
  return digest;
}

inline uint64_t router_under_fire(const uint8_t* data, size_t size, bool polite = false) {
  Bytes bytes(data, size);
  RouterConfig config;
  config.seed = bytes.next();
  config.strategy = fuzzed_strategy(bytes);
  config.delivery = fuzzed_delivery(bytes);
  config.balancer.kind = static_cast<BalancerKind>(bytes.below(4));
  config.balancer.points_per_node = 8;
  config.calls = 8;
  BlobPool pool;
  uint64_t digest = 0;
  {
    Router router(config, pool);
    ByteWorld<Router> world(router, bytes, pool, polite);
    world.run(true, false);
    digest = router.digest();
  }
  require(pool.blocks_alive() == 0);
  return digest;
}

inline uint64_t client_under_fire(const uint8_t* data, size_t size, bool polite = false) {
  Bytes bytes(data, size);
  ClientConfig config;
  config.key = {UserId{1}, 0};
  config.seed = bytes.next();
  config.routers = 1 + static_cast<uint32_t>(bytes.below(3));
  config.delivery = fuzzed_delivery(bytes);
  config.delivery.dedup = bytes.flip();
  config.outbox = 8;
  BlobPool pool;
  uint64_t digest = 0;
  {
    Client client(config, pool);
    ByteWorld<Client> world(client, bytes, pool, polite);
    world.run(false, true);
    require(client.open_sends() <= config.outbox);
    digest = client.digest();
  }
  require(pool.blocks_alive() == 0);
  return digest;
}

}  // namespace imroute
