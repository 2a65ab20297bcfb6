#include "core/balance/least_active.h"

#include <algorithm>

#include "core/base/assert.h"
#include "core/base/inline_vector.h"

namespace imroute {
namespace {

constexpr uint32_t kMaxChoices = 16;
constexpr uint32_t kMaxDraws = 64;  // repeats and sick ones among them are drawn again

struct Burden {
  uint64_t load = ~uint64_t{0};
  uint32_t weight = 0;  // 0: nobody yet
};

// -1, 0, 1 as `a` is less, equally, more burdened than `b`.
int compare(const Burden& a, const Burden& b) {
  using Wide = unsigned __int128;
  const Wide left = (Wide{a.load} + 1) * b.weight;
  const Wide right = (Wide{b.load} + 1) * a.weight;
  return left < right ? -1 : left > right ? 1 : 0;
}

}  // namespace

uint32_t LeastActive::pick(uint64_t, std::span<const Backend> backends, Rng& rng) {
  IM_ASSERT(backends.size() == backends_.size());
  if (choices_ != 0 && choices_ < backends_.size()) {
    const uint32_t place = least_of_some(backends, rng);
    if (place != kNoBackend) return place;
  }
  return least_of_all(backends, rng);
}

uint32_t LeastActive::least_of_all(std::span<const Backend> backends, Rng& rng) const {
  if (backends_.uniform()) return fewest(backends, rng);
  Burden least;
  uint32_t ties = 0;
  const auto relation = [&](uint32_t rank) {
    const Backend& backend = backends[backends_.place(rank)];
    if (!backend.healthy || backends_.weight(rank) == 0) return 1;
    if (least.weight == 0) return -1;
    return compare({backend.load, backends_.weight(rank)}, least);
  };
  const uint32_t size = backends_.size();
  for (uint32_t rank = 0; rank < size; ++rank) {
    const int order = relation(rank);
    if (order > 0) continue;
    ties = order < 0 ? 1 : ties + 1;
    if (order < 0) least = {backends[backends_.place(rank)].load, backends_.weight(rank)};
  }
  if (ties == 0) return any_healthy(rng.next(), backends_, backends);
  uint64_t skip = ties == 1 ? 0 : rng.below(ties);
  for (uint32_t rank = 0;; ++rank) {
    if (relation(rank) == 0 && skip-- == 0) return backends_.place(rank);
  }
}

// Equal weights: the plain minimum, in a loop without jumps.
uint32_t LeastActive::fewest(std::span<const Backend> backends, Rng& rng) const {
  uint64_t least = ~uint64_t{0};
  uint32_t ties = 0;
  for (const Backend& backend : backends) {
    const uint64_t load = backend.healthy ? backend.load : ~uint64_t{0};
    ties = load < least ? 1 : ties + (load == least ? 1 : 0);
    least = std::min(load, least);
  }
  if (least == ~uint64_t{0}) return any_healthy(rng.next(), backends_, backends);
  uint64_t skip = ties == 1 ? 0 : rng.below(ties);
  for (uint32_t rank = 0;; ++rank) {
    const Backend& backend = backends[backends_.place(rank)];
    if (backend.healthy && backend.load == least && skip-- == 0) return backends_.place(rank);
  }
}

// Distinct healthy backends, drawn evenly; kNoBackend when the draws met none.
uint32_t LeastActive::least_of_some(std::span<const Backend> backends, Rng& rng) const {
  const uint32_t wanted = std::min(choices_, kMaxChoices);
  InlineVector<uint32_t, kMaxChoices> seen;
  uint32_t best = kNoBackend;
  Burden least;
  for (uint32_t draws = kMaxDraws; draws > 0 && seen.size() < wanted; --draws) {
    const auto rank = static_cast<uint32_t>(rng.below(backends_.size()));
    const uint32_t place = backends_.place(rank);
    if (!backends[place].healthy || backends_.weight(rank) == 0 || seen.contains(rank)) continue;
    seen.push_back(rank);
    // The order of the draws is random, so that the first of equals is a random one.
    const Burden burden{backends[place].load, backends_.weight(rank)};
    if (best != kNoBackend && compare(burden, least) >= 0) continue;
    best = place;
    least = burden;
  }
  return best;
}

}  // namespace imroute
