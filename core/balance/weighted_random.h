// Random by weight, in two draws whatever the number of backends: the alias method (Walker 1977,
// Vose 1991) in integers, so that every backend's share is exact. An unhealthy draw is thrown away
// and drawn again, which leaves the others' proportions as they are; when that happens too often,
// the healthy weights are summed and searched.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/balance/backends.h"
#include "core/balance/load_balancer.h"

namespace imroute {

class WeightedRandom : public LoadBalancer {
 public:
  void update(std::span<const Backend> backends) override;
  uint32_t pick(uint64_t key, std::span<const Backend> backends, Rng& rng) override;

 private:
  uint32_t draw(Rng& rng) const;
  uint32_t search(std::span<const Backend> backends, Rng& rng) const;

  struct Slot {
    uint64_t own = 0;  // below it: the slot's own backend, from it on: the alias
    uint32_t alias = 0;
  };
  Backends backends_;
  std::vector<Slot> slots_;  // empty when uniform
  uint64_t total_ = 0;
};

}  // namespace imroute
