#include "core/base/rng.h"

#include <bit>

#include "core/base/assert.h"
#include "core/base/hash.h"

namespace imroute {

Rng::Rng(uint64_t seed) {
  for (uint64_t& word : state_) {
    word = mix64(seed);
    seed += 0x9e3779b97f4a7c15ull;
  }
}

Rng Rng::stream(uint64_t seed, std::string_view purpose, uint64_t entity) {
  return Rng(mix64(hash_text(purpose, seed), entity));
}

uint64_t Rng::next() {
  const uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
  const uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

uint64_t Rng::below(uint64_t bound) {
  IM_ASSERT(bound > 0);
  unsigned __int128 m = static_cast<unsigned __int128>(next()) * bound;
  auto low = static_cast<uint64_t>(m);
  if (low < bound) {
    const uint64_t threshold = (0 - bound) % bound;
    while (low < threshold) {
      m = static_cast<unsigned __int128>(next()) * bound;
      low = static_cast<uint64_t>(m);
    }
  }
  return static_cast<uint64_t>(m >> 64);
}

int64_t Rng::between(int64_t lo, int64_t hi) {
  IM_ASSERT(lo <= hi);
  const uint64_t width = static_cast<uint64_t>(hi) - static_cast<uint64_t>(lo);
  if (width == ~uint64_t{0}) return static_cast<int64_t>(next());
  return static_cast<int64_t>(static_cast<uint64_t>(lo) + below(width + 1));
}

}  // namespace imroute
