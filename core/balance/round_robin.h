// Smooth weighted round robin (nginx, 2012): each pick adds everybody's weight to its credit, takes
// the richest and charges it the sum; weights 5,1,1 give a a b a c a a, never five in a row.
//
// A pick of that costs one pass over all. The sequence repeats after as many picks as the (reduced)
// weights sum to, so it is written down once and read; only sums too large to write down are
// played. Health is looked at on every pick of the chosen one, and of all once per round: an
// unhealthy backend is never returned, a recovered one is back within one round.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/balance/backends.h"
#include "core/balance/load_balancer.h"

namespace imroute {

class RoundRobin : public LoadBalancer {
 public:
  // Starts `phase` picks into the sequence, so that dispatchers do not march in step.
  explicit RoundRobin(uint64_t phase) : picks_(phase) {}
  void update(std::span<const Backend> backends) override;
  uint32_t pick(uint64_t key, std::span<const Backend> backends, Rng& rng) override;

 private:
  struct Credit {
    uint32_t place = 0;
    uint32_t weight = 0;
    int64_t credit = 0;
  };
  void rebuild(std::span<const Backend> backends);
  bool health_changed(std::span<const Backend> backends) const;
  uint32_t play();

  Backends backends_;
  std::vector<uint8_t> healthy_;  // by rank, at the last rebuild
  std::vector<Credit> credits_;   // of the backends that take part
  int64_t sum_ = 0;
  std::vector<uint32_t> sequence_;  // places; empty: played, not read
  size_t at_ = 0;
  uint32_t until_look_ = 0;  // picks until all backends' health is looked at
  uint64_t picks_;
};

}  // namespace imroute
