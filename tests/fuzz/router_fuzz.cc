// libFuzzer target: a byte-driven stream of events into Router.
#include "core/router/router.h"
#include "tests/fuzz/byte_world.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace imroute;
  Bytes bytes(data, size);
  RouterConfig config;
  config.seed = bytes.next();
  config.strategy = fuzzed_strategy(bytes);
  config.delivery = fuzzed_delivery(bytes);
  config.balancer.kind = static_cast<BalancerKind>(bytes.below(4));
  config.balancer.points_per_node = 8;
  config.calls = 8;
  BlobPool pool;
  {
    Router router(config, pool);
    ByteWorld<Router> world(router, bytes, pool);
    world.run(true, false);
    static_cast<void>(router.digest());
  }
  require(pool.blocks_alive() == 0);
  return 0;
}
