#include "core/balance/weighted_random.h"

#include "core/base/assert.h"

namespace imroute {
namespace {

constexpr int kDraws = 8;  // with half of the backends down, 1 pick in 256 searches

}  // namespace

void WeightedRandom::update(std::span<const Backend> backends) {
  backends_.update(backends);
  slots_.clear();
  total_ = 0;
  if (backends_.uniform()) return;
  const uint32_t size = backends_.size();
  for (uint32_t rank = 0; rank < size; ++rank) total_ += backends_.weight(rank);
  // Each slot holds total_ units; a backend brings weight * size of them.
  std::vector<uint64_t> units(size);
  std::vector<uint32_t> poor;
  std::vector<uint32_t> rich;
  for (uint32_t rank = 0; rank < size; ++rank) {
    units[rank] = uint64_t{backends_.weight(rank)} * size;
    (units[rank] < total_ ? poor : rich).push_back(rank);
  }
  slots_.resize(size);
  while (!poor.empty()) {
    const uint32_t taker = poor.back();
    const uint32_t giver = rich.back();  // the sum is size * total_: who lacks, lacks what one has
    poor.pop_back();
    slots_[taker] = {units[taker], giver};
    units[giver] -= total_ - units[taker];
    if (units[giver] < total_) {
      rich.pop_back();
      poor.push_back(giver);
    }
  }
  for (const uint32_t rank : rich) slots_[rank] = {total_, rank};
}

uint32_t WeightedRandom::draw(Rng& rng) const {
  const auto rank = static_cast<uint32_t>(rng.below(backends_.size()));
  if (slots_.empty()) return rank;
  return rng.below(total_) < slots_[rank].own ? rank : slots_[rank].alias;
}

uint32_t WeightedRandom::pick(uint64_t, std::span<const Backend> backends, Rng& rng) {
  IM_ASSERT(backends.size() == backends_.size());
  if (backends.empty()) return kNoBackend;
  for (int i = 0; i < kDraws; ++i) {
    const uint32_t place = backends_.place(draw(rng));
    if (backends[place].healthy) [[likely]]
      return place;
  }
  return search(backends, rng);
}

uint32_t WeightedRandom::search(std::span<const Backend> backends, Rng& rng) const {
  uint64_t sum = 0;
  for (uint32_t rank = 0; rank < backends_.size(); ++rank) {
    if (backends[backends_.place(rank)].healthy) sum += backends_.weight(rank);
  }
  if (sum == 0) return any_healthy(rng.next(), backends_, backends);
  uint64_t left = rng.below(sum);
  for (uint32_t rank = 0;; ++rank) {
    const uint32_t place = backends_.place(rank);
    if (!backends[place].healthy) continue;
    if (left < backends_.weight(rank)) return place;
    left -= backends_.weight(rank);
  }
}

}  // namespace imroute
