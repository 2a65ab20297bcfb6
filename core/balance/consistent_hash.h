// Consistent hashing: a key stays with its backend while that one lives, whatever the others do.
// An unhealthy backend's keys walk on to the next healthy point, as if its points were not there.
#pragma once

#include <cstdint>
#include <span>

#include "core/balance/backends.h"
#include "core/balance/hash_ring.h"
#include "core/balance/load_balancer.h"

namespace imroute {

class ConsistentHash : public LoadBalancer {
 public:
  explicit ConsistentHash(uint32_t points_per_node) : ring_(points_per_node) {}
  void update(std::span<const Backend> backends) override;
  uint32_t pick(uint64_t key, std::span<const Backend> backends, Rng& rng) override;

 private:
  Backends backends_;
  HashRing ring_;
};

}  // namespace imroute
