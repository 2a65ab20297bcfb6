// The backend with the least to do, for its weight: lowest (load + 1) / weight, the load it would
// have after this pick (shortest expected delay), so that weights matter on an idle cluster too;
// with equal weights simply the fewest active. Ties go at random, or everybody would choose the
// same one. Load is what backends *report*: counting only one's own picks decays to random choice
// as dispatchers multiply.
//
// `choices` = 2 looks at two drawn at random instead of all (Mitzenmacher 2001): nearly as good, at
// a cost that does not grow, and without a stampede onto one backend when reports are old.
#pragma once

#include <cstdint>
#include <span>

#include "core/balance/backends.h"
#include "core/balance/load_balancer.h"

namespace imroute {

class LeastActive : public LoadBalancer {
 public:
  // 0 = look at all.
  explicit LeastActive(uint32_t choices) : choices_(choices) {}
  void update(std::span<const Backend> backends) override { backends_.update(backends); }
  uint32_t pick(uint64_t key, std::span<const Backend> backends, Rng& rng) override;

 private:
  uint32_t least_of_all(std::span<const Backend> backends, Rng& rng) const;
  uint32_t fewest(std::span<const Backend> backends, Rng& rng) const;
  uint32_t least_of_some(std::span<const Backend> backends, Rng& rng) const;

  Backends backends_;
  const uint32_t choices_;
};

}  // namespace imroute
