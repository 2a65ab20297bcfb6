// libFuzzer target: a byte-driven stream of events into Node. Nothing that arrives, in any order,
// may break an assertion, read where it should not, leak a block, hang, or exceed the capacity.
#include "core/node/node.h"
#include "tests/fuzz/byte_world.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace imroute;
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
  {
    Node node(config, pool);
    ByteWorld<Node> world(node, bytes, pool);
    world.run(true, false);
    const NodeStatus status = node.status();
    require(status.sessions <= config.capacity.sessions);
    require(status.routes_in_flight <= config.capacity.routes);
    require(status.cache_entries_max <= config.strategy.cache_entries);
    static_cast<void>(node.digest());
  }
  require(pool.blocks_alive() == 0);
  return 0;
}
