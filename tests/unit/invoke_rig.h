// A Caller with its time, its targets and its answers in the test's hands, for the tests of
// core/invoke. Actions are compared as text: "send 2" (target), "cancel 2", "deferred timeout", "ok
// 2", "failed timeout 2", "failed timeout 2 degraded", "lost refused 1".
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "core/invoke/caller.h"

namespace imroute {

inline constexpr DurationNs kTimeout = 500 * kMillisecond;  // of a call, by default

class InvokeRig : public testing::Test {
 protected:
  InvokeRig() {
    config_.balancer.kind = BalancerKind::round_robin;  // targets in order: 1, 2, 3 ...
    config_.backoff_ns = 40 * kMillisecond;
  }

  void make(PolicyKind policy, uint32_t targets = 3, uint32_t capacity = 100) {
    config_.policy = policy;
    caller_ = std::make_unique<Caller>(config_, 0, capacity);
    set_targets(targets);
  }
  void set_targets(uint32_t count) {
    targets_.clear();
    for (uint32_t i = 1; i <= count; ++i) targets_.push_back({i, 1, 0, true, 10 + i});
    caller_->update_targets(targets_, now_);
  }
  CallId begin(bool idempotent = true, const TargetOverride& where = {}) {
    return caller_->begin(now_, 7, idempotent, where);
  }
  void succeed(CallId call, uint64_t target) { caller_->on_success(call, target, now_); }
  void fail(CallId call, uint64_t target, Reason reason = Reason::refused) {
    caller_->on_failure(call, target, reason, now_);
  }
  void pass(DurationNs time) {
    now_ += time;
    caller_->on_wake(now_);
  }
  std::string actions() {
    std::string out;
    for (const CallAction& a : caller_->actions()) {
      if (!out.empty()) out += ", ";
      out += text(a);
    }
    caller_->clear_actions();
    return out;
  }
  static std::string text(const CallAction& a) {
    const std::string target = a.target == 0 ? "" : " " + std::to_string(a.target);
    switch (a.kind) {
      case CallAction::Kind::send:
        return "send" + target;
      case CallAction::Kind::cancel:
        return "cancel" + target;
      case CallAction::Kind::deferred:
        return "deferred " + std::string(to_string(a.reason));
      case CallAction::Kind::done:
        break;
    }
    if (a.result == CallResult::ok) return "ok" + target;
    return (a.result == CallResult::failed ? "failed " : "lost ") +
           std::string(to_string(a.reason)) + target + (a.degraded ? " degraded" : "");
  }
  void expect_idle() {
    EXPECT_EQ(caller_->calls_in_flight(), 0u);
    EXPECT_EQ(caller_->calls_deferred(), 0u);
    EXPECT_EQ(caller_->attempts_in_flight(), 0u);
    for (const Backend& t : targets_) EXPECT_EQ(caller_->in_flight(t.id), 0u);
  }
  const CallerCounters& count() const { return caller_->counters(); }

  InvocationConfig config_;
  std::vector<Backend> targets_;
  MonoTime now_ = 100 * kSecond;
  std::unique_ptr<Caller> caller_;
};

inline TargetOverride must(uint64_t target, uint64_t incarnation = 0) {
  TargetOverride where;
  where.mode = TargetOverride::Mode::must;
  where.target = target;
  where.incarnation = incarnation;
  return where;
}

inline TargetOverride prefer(uint64_t target, std::initializer_list<uint64_t> alternates = {}) {
  TargetOverride where = must(target);
  where.mode = TargetOverride::Mode::prefer;
  for (const uint64_t a : alternates) where.alternates.push_back(a);
  return where;
}

}  // namespace imroute
