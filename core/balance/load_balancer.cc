#include "core/balance/load_balancer.h"

#include <algorithm>

#include "core/balance/cim_ring.h"
#include "core/balance/consistent_hash.h"
#include "core/balance/least_active.h"
#include "core/balance/round_robin.h"
#include "core/balance/weighted_random.h"
#include "core/base/assert.h"

namespace imroute {

std::unique_ptr<LoadBalancer> make_balancer(const BalancerConfig& config, uint64_t phase) {
  switch (config.kind) {
    case BalancerKind::consistent_hash:
      if (config.cim_compatible) return std::make_unique<CimBalancer>();
      return std::make_unique<ConsistentHash>(std::max(config.points_per_node, 1u));
    case BalancerKind::least_active:
      return std::make_unique<LeastActive>(config.choices);
    case BalancerKind::random:
      return std::make_unique<WeightedRandom>();
    case BalancerKind::round_robin:
      return std::make_unique<RoundRobin>(phase);
  }
  assert_failed("unknown balancer kind", __FILE__, __LINE__);
}

}  // namespace imroute
