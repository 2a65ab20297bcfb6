// libFuzzer target: a byte-driven stream of events into Client: commands of its user, and servers
// that answer whatever they like.
#include "core/client/client.h"
#include "tests/fuzz/byte_world.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace imroute;
  Bytes bytes(data, size);
  ClientConfig config;
  config.key = {UserId{1}, 0};
  config.seed = bytes.next();
  config.routers = 1 + static_cast<uint32_t>(bytes.below(3));
  config.delivery = fuzzed_delivery(bytes);
  config.delivery.dedup = bytes.flip();
  config.outbox = 8;
  BlobPool pool;
  {
    Client client(config, pool);
    ByteWorld<Client> world(client, bytes, pool);
    world.run(false, true);
    require(client.open_sends() <= config.outbox);
    static_cast<void>(client.digest());
  }
  require(pool.blocks_alive() == 0);
  return 0;
}
