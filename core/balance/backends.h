// What every balancer does first with the backends it is given: look at them by id, whatever order
// they came in, and settle what a weight of zero means. Zero takes no share while anybody has a
// weight; when all are zero, all are equal. When only zeros are left healthy, `any_healthy` serves.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/balance/load_balancer.h"

namespace imroute {

class Backends {
 public:
  // REQUIRES: distinct ids.
  void update(std::span<const Backend> backends);

  uint32_t size() const { return static_cast<uint32_t>(order_.size()); }
  // Place in the caller's span of the backend that is `rank`-th by id.
  uint32_t place(uint32_t rank) const { return order_[rank]; }
  uint32_t weight(uint32_t rank) const { return weights_[rank]; }
  // All weights that count are the same, and nobody's is zero.
  bool uniform() const { return uniform_; }

 private:
  std::vector<uint32_t> order_;
  std::vector<uint32_t> weights_;
  bool uniform_ = true;
};

// The place of one healthy backend, chosen evenly by `draw`; kNoBackend when none is. Linear: for
// the rare case that a policy's own tables lead to nobody.
uint32_t any_healthy(uint64_t draw, const Backends& backends, std::span<const Backend> given);

}  // namespace imroute
