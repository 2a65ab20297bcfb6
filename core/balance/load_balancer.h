// Chooses one of several backends: for login (user -> node) and for calls (caller -> router or
// node). A policy is chosen once at start-up. Deterministic given (backends, key, rng).
//
// Tables are rebuilt by `update`, on a change of the view only; `pick` allocates nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "core/base/rng.h"
#include "core/model/config.h"

namespace imroute {

struct Backend {
  uint64_t id = 0;  // stable key: node or router number
  uint32_t weight = 1;
  uint64_t load = 0;         // active things as *reported* by the backend (users, calls in flight)
  bool healthy = true;       // false: excluded
  uint64_t incarnation = 0;  // calls that name one (core/invoke) check it; balancers do not look
};

inline constexpr uint32_t kNoBackend = ~uint32_t{0};

class LoadBalancer {
 public:
  virtual ~LoadBalancer() = default;
  // The backends changed (membership or weights). Order does not matter: they are sorted by id
  // inside.
  virtual void update(std::span<const Backend> backends) = 0;
  // Index into `backends` of a healthy one, or kNoBackend. `key` is the user or call key.
  // REQUIRES: same ids in the same order as at the last update; load and health may differ.
  virtual uint32_t pick(uint64_t key, std::span<const Backend> backends, Rng& rng) = 0;
};

// `phase` starts round robin at different places in different dispatchers.
std::unique_ptr<LoadBalancer> make_balancer(const BalancerConfig& config, uint64_t phase);

}  // namespace imroute
