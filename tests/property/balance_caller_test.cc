// Whatever happens to a Caller, in whatever order: every call ends once, and no counter of calls in
// flight leaks. A model outside follows the actions and the answers.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>

#include "core/base/hash.h"
#include "core/invoke/caller.h"

namespace imroute {
namespace {

constexpr uint64_t kTargets = 5;

struct Model {
  std::map<uint64_t, std::vector<uint64_t>> sent;  // call -> targets, for answers to come
  std::set<uint64_t> running;                      // begun, neither done nor dropped

  void follow(Caller& caller) {
    for (const CallAction& action : caller.actions()) {
      if (action.kind == CallAction::Kind::send) sent[action.call.value].push_back(action.target);
      if (action.kind != CallAction::Kind::done) continue;
      const size_t ended = running.erase(action.call.value);
      RC_ASSERT(ended == 1u);
      const bool typed = (action.result == CallResult::ok) == (action.reason == Reason::none);
      RC_ASSERT(typed);
    }
    caller.clear_actions();
  }
};

void check_counts(const Caller& caller) {
  uint64_t sum = 0;
  for (uint64_t t = 1; t <= kTargets; ++t) sum += caller.in_flight(t);
  RC_ASSERT(sum == caller.attempts_in_flight());
  RC_ASSERT(caller.attempts_in_flight() < 10'000u);
  RC_ASSERT(caller.calls_deferred() <= caller.calls_in_flight());
}

std::vector<Backend> draw_targets(Rng& rng) {
  std::vector<Backend> out;
  for (uint64_t t = 1; t <= kTargets; ++t) {
    if (rng.chance(1, 5)) continue;
    out.push_back(
        {t, static_cast<uint32_t>(rng.below(3)), rng.below(5), rng.chance(4, 5), 1 + rng.below(2)});
  }
  return out;
}

TargetOverride draw_override(Rng& rng) {
  TargetOverride where;
  where.mode = static_cast<TargetOverride::Mode>(rng.below(8) < 6 ? 0 : 1 + rng.below(2));
  where.target = 1 + rng.below(kTargets + 1);
  where.incarnation = rng.below(3);
  where.alternates.push_back(1 + rng.below(kTargets));
  return where;
}

InvocationConfig draw_config(Rng& rng) {
  InvocationConfig config;
  config.policy = static_cast<PolicyKind>(rng.below(7));
  config.balancer.kind = static_cast<BalancerKind>(rng.below(4));
  config.balancer.points_per_node = 8;
  config.retries = static_cast<uint32_t>(rng.below(4));
  config.forks = static_cast<uint32_t>(1 + rng.below(4));
  config.required_percent = static_cast<uint32_t>(rng.below(101));
  config.breaker = rng.chance(3, 4);
  config.breaker_failures = static_cast<uint32_t>(1 + rng.below(3));
  config.failback_queue = static_cast<uint32_t>(rng.below(5));
  config.degraded_answer = rng.chance(1, 2);
  config.backoff_ns = rng.chance(1, 4) ? 0 : 50 * kMillisecond;
  return config;
}

// One thing that can happen.
void happen(Caller& caller, Model& model, Rng& rng, MonoTime& now) {
  const uint64_t what = rng.below(20);
  if (what < 7) {
    const uint64_t key = rng.next();
    const bool idempotent = rng.chance(2, 3);
    const CallId call = caller.begin(now, key, idempotent, draw_override(rng));
    if (call != kNoCall) model.running.insert(call.value);
  } else if (what < 14 && !model.sent.empty()) {
    auto at = model.sent.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(rng.below(model.sent.size())));
    const uint64_t target =
        rng.chance(1, 20) ? 1 + rng.below(kTargets) : at->second[rng.below(at->second.size())];
    constexpr Reason kReasons[] = {Reason::refused, Reason::timeout, Reason::offline,
                                   Reason::overloaded};
    if (rng.chance(1, 2)) {
      caller.on_success(CallId{at->first}, target, now);
    } else {
      caller.on_failure(CallId{at->first}, target, kReasons[rng.below(4)], now);
    }
    if (rng.chance(1, 3)) model.sent.erase(at);
  } else if (what < 16) {
    const uint64_t target = 1 + rng.below(kTargets);
    caller.set_target_up(target, rng.chance(2, 3), now);
  } else if (what == 16) {
    caller.update_targets(draw_targets(rng), now);
  } else if (what == 17 && !model.running.empty()) {
    const uint64_t call = *model.running.begin();
    caller.drop(CallId{call});
    model.running.erase(call);
  } else {
    const MonoTime deadline = caller.next_deadline();
    now = deadline == kNever || rng.chance(1, 2) ? now + rng.between(0, 300 * kMillisecond)
                                                 : std::max(now, deadline);
    caller.on_wake(now);
  }
}

RC_GTEST_PROP(CallerProperty, EveryCallEndsOnceAndNothingLeaks, (uint64_t seed)) {
  Rng rng(seed);
  const InvocationConfig config = draw_config(rng);
  Caller caller(config, seed, 40);
  Model model;
  MonoTime now = -3 * kSecond;
  caller.update_targets(draw_targets(rng), now);
  for (int i = 0; i < 400; ++i) {
    happen(caller, model, rng, now);
    // `begin` may end the call it began before its id is known outside: follow after.
    model.follow(caller);
    check_counts(caller);
  }
  // Left alone, everything ends.
  for (int i = 0; i < 2000 && caller.next_deadline() != kNever; ++i) {
    now = std::max(now, caller.next_deadline());
    caller.on_wake(now);
    model.follow(caller);
    check_counts(caller);
  }
  RC_ASSERT(caller.next_deadline() == kNever);
  RC_ASSERT(model.running.empty());
  RC_ASSERT(caller.calls_in_flight() == 0u);
  RC_ASSERT(caller.attempts_in_flight() == 0u);
  RC_ASSERT(caller.calls_deferred() == 0u);
  const CallerCounters& c = caller.counters();
  RC_ASSERT(c.ok + c.failed + c.lost <= c.calls);
}

RC_GTEST_PROP(CallerProperty, SameSeedSameActions, (uint64_t seed)) {
  const auto run = [&] {
    Rng rng(seed);
    const InvocationConfig config = draw_config(rng);
    Caller caller(config, seed, 40);
    Model model;
    MonoTime now = 0;
    Digest digest;
    caller.update_targets(draw_targets(rng), now);
    for (int i = 0; i < 150; ++i) {
      happen(caller, model, rng, now);
      for (const CallAction& a : caller.actions()) {
        digest.add(a.call.value);
        digest.add(static_cast<uint64_t>(a.kind) << 32 | a.target);
        digest.add(static_cast<uint64_t>(a.reason));
      }
      model.follow(caller);
    }
    return digest.value();
  };
  const uint64_t first = run();
  const uint64_t second = run();
  RC_ASSERT(first == second);
}

}  // namespace
}  // namespace imroute
