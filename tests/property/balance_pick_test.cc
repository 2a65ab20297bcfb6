// What every balancer promises whatever the backends are.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <numeric>

#include "core/balance/load_balancer.h"

namespace imroute {
namespace {

struct Kind {
  BalancerKind kind;
  bool cim;
  uint32_t choices;
};
constexpr Kind kKinds[] = {
    {BalancerKind::consistent_hash, false, 0}, {BalancerKind::consistent_hash, true, 0},
    {BalancerKind::least_active, false, 0},    {BalancerKind::least_active, false, 2},
    {BalancerKind::random, false, 0},          {BalancerKind::round_robin, false, 0}};

std::unique_ptr<LoadBalancer> make(const Kind& kind) {
  BalancerConfig config;
  config.kind = kind.kind;
  config.points_per_node = 8;
  config.cim_compatible = kind.cim;
  config.choices = kind.choices;
  return make_balancer(config, 3);
}

std::vector<Backend> draw_backends() {
  const auto weights = *rc::gen::container<std::vector<uint32_t>>(rc::gen::weightedOneOf<uint32_t>(
      {{6, rc::gen::inRange(0u, 6u)}, {1, rc::gen::arbitrary<uint32_t>()}}));
  std::vector<Backend> out;
  for (const uint32_t w : weights) {
    out.push_back({out.size() * 7 + 1, std::min(w, 200u), *rc::gen::inRange<uint64_t>(0, 20),
                   *rc::gen::inRange(0, 4) != 0});
  }
  return out;
}

RC_GTEST_PROP(BalanceProperty, PicksAHealthyOneOrNobody, ()) {
  std::vector<Backend> backends = draw_backends();
  for (const Kind& kind : kKinds) {
    const auto balancer = make(kind);
    balancer->update(backends);
    Rng rng(*rc::gen::arbitrary<uint64_t>());
    std::vector<Backend> now = backends;
    for (uint64_t i = 0; i < 60; ++i) {
      if (!now.empty() && rng.chance(1, 4)) {
        Backend& b = now[rng.below(now.size())];
        b.healthy = !b.healthy;
        b.load = rng.below(10);
      }
      const bool any = std::any_of(now.begin(), now.end(), [](auto& b) { return b.healthy; });
      const uint32_t place = balancer->pick(rng.next(), now, rng);
      if (!any) {
        RC_ASSERT(place == kNoBackend);
      } else {
        RC_ASSERT(place < now.size());
        RC_ASSERT(now[place].healthy);
      }
    }
  }
}

RC_GTEST_PROP(BalanceProperty, SpanOrderDoesNotMatter, ()) {
  const std::vector<Backend> backends = draw_backends();
  std::vector<Backend> shuffled = backends;
  Rng order(*rc::gen::arbitrary<uint64_t>());
  for (size_t i = shuffled.size(); i > 1; --i) std::swap(shuffled[i - 1], shuffled[order.below(i)]);
  for (const Kind& kind : kKinds) {
    const auto a = make(kind);
    const auto b = make(kind);
    a->update(backends);
    b->update(shuffled);
    Rng rng_a(5);
    Rng rng_b(5);
    for (uint64_t key = 0; key < 40; ++key) {
      const uint32_t at_a = a->pick(key, backends, rng_a);
      const uint32_t at_b = b->pick(key, shuffled, rng_b);
      RC_ASSERT((at_a == kNoBackend) == (at_b == kNoBackend));
      const bool same = at_a == kNoBackend || backends[at_a].id == shuffled[at_b].id;
      RC_ASSERT(same);
    }
  }
}

RC_GTEST_PROP(BalanceProperty, NoSurvivorsKeyMoves, ()) {
  std::vector<Backend> backends = draw_backends();
  RC_PRE(backends.size() >= 2);
  for (Backend& b : backends) b.weight = std::max(b.weight, 1u);
  const auto gone = *rc::gen::inRange<size_t>(0, backends.size());
  std::vector<Backend> fewer = backends;
  fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(gone));
  for (const Kind& kind : {kKinds[0], kKinds[1]}) {
    const auto whole = make(kind);
    const auto rest = make(kind);
    whole->update(backends);
    rest->update(fewer);
    Rng rng(1);
    for (uint64_t key = 0; key < 200; ++key) {
      const uint32_t before = whole->pick(key, backends, rng);
      const uint32_t after = rest->pick(key, fewer, rng);
      if (before == kNoBackend || backends[before].id == backends[gone].id) continue;
      RC_ASSERT(backends[before].id == fewer[after].id);
    }
  }
}

// One round of smooth round robin gives everybody exactly its weight, as the plain algorithm does.
RC_GTEST_PROP(BalanceProperty, RoundRobinIsThePlainAlgorithm, ()) {
  const auto weights =
      *rc::gen::nonEmpty(rc::gen::container<std::vector<uint32_t>>(rc::gen::inRange(1u, 9u)));
  std::vector<Backend> backends;
  for (const uint32_t w : weights) backends.push_back({backends.size(), w, 0, true});
  BalancerConfig config;
  config.kind = BalancerKind::round_robin;
  const auto balancer = make_balancer(config, 0);
  balancer->update(backends);
  const int64_t sum = std::accumulate(weights.begin(), weights.end(), int64_t{0});
  std::vector<int64_t> credit(weights.size(), 0);
  std::vector<uint32_t> counts(weights.size(), 0);
  Rng rng(1);
  for (int64_t i = 0; i < sum; ++i) {
    for (size_t b = 0; b < weights.size(); ++b) credit[b] += weights[b];
    const auto richest = std::max_element(credit.begin(), credit.end()) - credit.begin();
    credit[static_cast<size_t>(richest)] -= sum;
    const uint32_t place = balancer->pick(0, backends, rng);
    RC_ASSERT(place == static_cast<uint32_t>(richest));
    ++counts[place];
  }
  RC_ASSERT(counts == weights);
}

}  // namespace
}  // namespace imroute
