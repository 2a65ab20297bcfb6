#include "core/balance/consistent_hash.h"

#include <vector>

#include "core/base/assert.h"

namespace imroute {

void ConsistentHash::update(std::span<const Backend> backends) {
  backends_.update(backends);
  std::vector<HashRing::Member> members;
  for (uint32_t rank = 0; rank < backends_.size(); ++rank) {
    members.push_back({backends[backends_.place(rank)].id, backends_.weight(rank)});
  }
  ring_.update(members);
}

uint32_t ConsistentHash::pick(uint64_t key, std::span<const Backend> backends, Rng&) {
  IM_ASSERT(backends.size() == backends_.size());
  const uint64_t hash = HashRing::key_hash(key);
  const uint32_t rank =
      ring_.find(hash, [&](uint32_t member) { return backends[backends_.place(member)].healthy; });
  return rank < backends_.size() ? backends_.place(rank) : any_healthy(hash, backends_, backends);
}

}  // namespace imroute
