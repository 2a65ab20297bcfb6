// One pick through the public interface, warm, by policy and number of backends; with the ring of a
// std::map beside them as the yardstick that everybody knows.
#include <benchmark/benchmark.h>

#include <map>
#include <vector>

#include "core/balance/hash_ring.h"
#include "core/balance/load_balancer.h"

namespace imroute {
namespace {

constexpr uint32_t kPoints = 160;

std::vector<Backend> backends_of(uint64_t count, bool weighted) {
  std::vector<Backend> out;
  for (uint64_t i = 0; i < count; ++i) {
    out.push_back({i, weighted ? static_cast<uint32_t>(1 + i % 4) : 1, mix64(i) % 64, true});
  }
  return out;
}

void pick(benchmark::State& state, BalancerConfig config, bool weighted) {
  const std::vector<Backend> backends =
      backends_of(static_cast<uint64_t>(state.range(0)), weighted);
  const auto balancer = make_balancer(config, 0);
  balancer->update(backends);
  Rng rng(1);
  uint64_t key = 0;
  for (auto _ : state) benchmark::DoNotOptimize(balancer->pick(++key, backends, rng));
}

void map_ring(benchmark::State& state) {
  std::map<uint64_t, uint32_t> ring;
  for (uint32_t m = 0; m < state.range(0); ++m) {
    for (uint32_t p = 0; p < kPoints; ++p) ring[HashRing::point_hash(m, p)] = m;
  }
  uint64_t key = 0;
  for (auto _ : state) {
    const auto at = ring.lower_bound(HashRing::key_hash(++key));
    benchmark::DoNotOptimize(at == ring.end() ? ring.begin()->second : at->second);
  }
}

// A view change: one member more, one member less.
void ring_update(benchmark::State& state) {
  std::vector<Backend> backends = backends_of(static_cast<uint64_t>(state.range(0)), false);
  std::vector<Backend> fewer(backends.begin(), backends.end() - 1);
  const auto balancer = make_balancer({}, 0);
  balancer->update(backends);
  for (auto _ : state) {
    balancer->update(fewer);
    balancer->update(backends);
  }
}

#define SIZES Arg(10)->Arg(100)->Arg(1000)
BENCHMARK_CAPTURE(pick, consistent_hash, {}, false)->SIZES;
BENCHMARK_CAPTURE(pick, cim, {.cim_compatible = true}, false)->SIZES;
BENCHMARK_CAPTURE(pick, least_active, {.kind = BalancerKind::least_active}, false)->SIZES;
BENCHMARK_CAPTURE(pick, least_active_weighted, {.kind = BalancerKind::least_active}, true)->SIZES;
BENCHMARK_CAPTURE(pick, two_choices, {.kind = BalancerKind::least_active, .choices = 2}, false)
    ->SIZES;
BENCHMARK_CAPTURE(pick, random, {.kind = BalancerKind::random}, false)->SIZES;
BENCHMARK_CAPTURE(pick, random_weighted, {.kind = BalancerKind::random}, true)->SIZES;
BENCHMARK_CAPTURE(pick, round_robin, {.kind = BalancerKind::round_robin}, false)->SIZES;
BENCHMARK_CAPTURE(pick, round_robin_weighted, {.kind = BalancerKind::round_robin}, true)->SIZES;
BENCHMARK(map_ring)->SIZES;
BENCHMARK(ring_update)->SIZES->Unit(benchmark::kMicrosecond);
#undef SIZES

}  // namespace
}  // namespace imroute
