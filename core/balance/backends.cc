#include "core/balance/backends.h"

#include <algorithm>
#include <numeric>

#include "core/base/assert.h"

namespace imroute {

void Backends::update(std::span<const Backend> backends) {
  order_.resize(backends.size());
  std::iota(order_.begin(), order_.end(), 0u);
  std::sort(order_.begin(), order_.end(),
            [&](uint32_t a, uint32_t b) { return backends[a].id < backends[b].id; });
  weights_.clear();
  uint64_t sum = 0;
  for (uint32_t rank = 0; rank < order_.size(); ++rank) {
    const Backend& backend = backends[order_[rank]];
    IM_ASSERT(rank == 0 || backends[order_[rank - 1]].id != backend.id);
    weights_.push_back(backend.weight);
    sum += backend.weight;
  }
  if (sum == 0) weights_.assign(weights_.size(), 1);
  uniform_ = std::all_of(weights_.begin(), weights_.end(),
                         [&](uint32_t w) { return w == weights_.front(); });
}

uint32_t any_healthy(uint64_t draw, const Backends& backends, std::span<const Backend> given) {
  uint32_t healthy = 0;
  for (const Backend& backend : given) healthy += backend.healthy ? 1 : 0;
  if (healthy == 0) return kNoBackend;
  auto left = static_cast<uint32_t>(draw % healthy);
  for (uint32_t rank = 0;; ++rank) {
    const uint32_t place = backends.place(rank);
    if (given[place].healthy && left-- == 0) return place;
  }
}

}  // namespace imroute
