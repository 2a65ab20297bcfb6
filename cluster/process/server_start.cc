#include "cluster/process/server_start.h"

#include <random>

namespace imroute::cluster {

uint64_t fresh_seed() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

std::unique_ptr<Listener> listen_at(Loop& loop, const std::string& address,
                                    Listener::Accept accept) {
  return std::make_unique<Listener>(loop, *parse_host_port(address), std::move(accept));
}

}  // namespace imroute::cluster
