// Targets: circuit breaker, degraded answer, override, and targets that come and go.
#include <string>

#include <set>

#include "tests/unit/invoke_rig.h"

namespace imroute {
namespace {

using InvokeTarget = InvokeRig;

// ---- circuit breaker ---------------------------------------------------------------------------

TEST_F(InvokeTarget, CircuitOpensAndLetsOneProbeThrough) {
  config_.breaker_failures = 3;
  make(PolicyKind::failfast, 1);
  for (int i = 0; i < 3; ++i) fail(begin(), 1);
  actions();
  EXPECT_EQ(caller_->circuit(1), CircuitBreaker::State::open);
  EXPECT_EQ(count().circuits_opened, 1u);
  begin();
  EXPECT_EQ(actions(), "failed circuit_open");
  now_ += config_.breaker_open_ns;
  const CallId probe = begin();
  EXPECT_EQ(actions(), "send 1");
  EXPECT_EQ(caller_->circuit(1), CircuitBreaker::State::probing);
  begin();
  EXPECT_EQ(actions(), "failed circuit_open") << "one probe at a time";
  fail(probe, 1);
  EXPECT_EQ(caller_->circuit(1), CircuitBreaker::State::open);
  now_ += config_.breaker_open_ns;
  actions();
  succeed(begin(), 1);
  EXPECT_EQ(actions(), "send 1, ok 1");
  EXPECT_EQ(caller_->circuit(1), CircuitBreaker::State::closed);
  expect_idle();
}

TEST_F(InvokeTarget, CircuitCountsFailuresInARowOnly) {
  config_.breaker_failures = 3;
  make(PolicyKind::failfast, 1);
  for (int i = 0; i < 10; ++i) {
    fail(begin(), 1);
    fail(begin(), 1);
    succeed(begin(), 1);
  }
  EXPECT_EQ(caller_->circuit(1), CircuitBreaker::State::closed);
  for (int i = 0; i < 3; ++i) {
    begin();
    pass(kTimeout);
  }
  EXPECT_EQ(caller_->circuit(1), CircuitBreaker::State::open) << "timeouts count";
}

TEST_F(InvokeTarget, OldAnswersDecideNothingAboutAnOpenCircuit) {
  config_.breaker_failures = 1;
  make(PolicyKind::failfast, 1);
  const CallId old_good = begin();
  const CallId old_bad = begin();
  fail(begin(), 1);
  succeed(old_good, 1);
  EXPECT_EQ(caller_->circuit(1), CircuitBreaker::State::open);
  now_ += config_.breaker_open_ns;
  const CallId probe = begin();
  fail(old_bad, 1);
  EXPECT_EQ(caller_->circuit(1), CircuitBreaker::State::probing);
  succeed(probe, 1);
  EXPECT_EQ(caller_->circuit(1), CircuitBreaker::State::closed);
}

TEST_F(InvokeTarget, AnAbandonedProbeFreesItsPlace) {
  config_.breaker_failures = 1;
  make(PolicyKind::failfast, 1);
  fail(begin(), 1);
  now_ += config_.breaker_open_ns;
  const CallId probe = begin();
  caller_->drop(probe);
  EXPECT_EQ(caller_->circuit(1), CircuitBreaker::State::half_open);
  succeed(begin(), 1);
  EXPECT_EQ(caller_->circuit(1), CircuitBreaker::State::closed);
  expect_idle();
}

TEST_F(InvokeTarget, ABroadcastThatIsDoneBlamesNobodyForTheRest) {
  config_.breaker_failures = 1;
  config_.required_percent = 50;
  make(PolicyKind::broadcast, 2);
  succeed(begin(), 1);
  pass(kTimeout);
  EXPECT_EQ(caller_->circuit(2), CircuitBreaker::State::closed);
  expect_idle();
}

TEST_F(InvokeTarget, ALostLinkIsNotACircuitMatterAndANewOneIsANewStart) {
  config_.breaker_failures = 2;
  make(PolicyKind::failfast, 1);
  for (int i = 0; i < 5; ++i) begin();
  actions();
  caller_->set_target_up(1, false, now_);
  EXPECT_EQ(actions(),
            "failed closed_by_peer 1, failed closed_by_peer 1, failed closed_by_peer 1, "
            "failed closed_by_peer 1, failed closed_by_peer 1");
  EXPECT_EQ(caller_->circuit(1), CircuitBreaker::State::closed);
  caller_->set_target_up(1, true, now_);
  fail(begin(), 1);
  fail(begin(), 1);
  EXPECT_EQ(caller_->circuit(1), CircuitBreaker::State::open);
  caller_->set_target_up(1, false, now_);
  caller_->set_target_up(1, true, now_);
  EXPECT_EQ(caller_->circuit(1), CircuitBreaker::State::closed);
  expect_idle();
}

// ---- degraded answer ---------------------------------------------------------------------------

TEST_F(InvokeTarget, DegradedAnswerForQuestionsOnly) {
  config_.degraded_answer = true;
  make(PolicyKind::failfast);
  fail(begin(), 1);
  EXPECT_EQ(actions(), "send 1, failed refused 1 degraded");
  fail(begin(false), 2);
  EXPECT_EQ(actions(), "send 2, failed refused 2");
  fail(begin(true, must(3)), 3);
  EXPECT_EQ(actions(), "send 3, failed refused 3");
  EXPECT_EQ(count().degraded, 1u);
}

// ---- target override ---------------------------------------------------------------------------

TEST_F(InvokeTarget, MustNeverSubstitutes) {
  make(PolicyKind::failover);
  begin(true, must(9));
  EXPECT_EQ(actions(), "failed unknown_node");
  begin(true, must(2, 11));
  EXPECT_EQ(actions(), "failed wrong_incarnation");
  succeed(begin(true, must(2, 12)), 2);
  EXPECT_EQ(actions(), "send 2, ok 2");
  fail(begin(true, must(2)), 2);
  EXPECT_EQ(actions(), "send 2, failed refused 2") << "and is not repeated";
  fail(begin(true, must(2)), 2, Reason::no_session);
  EXPECT_EQ(actions(), "send 2, failed no_session 2");
  caller_->set_target_up(2, false, now_);
  begin(true, must(2, 12));
  EXPECT_EQ(actions(), "failed node_down");
  expect_idle();
}

TEST_F(InvokeTarget, MustPassesAnOpenCircuit) {
  config_.breaker_failures = 1;
  make(PolicyKind::failfast, 1);
  fail(begin(), 1);
  actions();
  succeed(begin(true, must(1)), 1);
  EXPECT_EQ(actions(), "send 1, ok 1");
}

TEST_F(InvokeTarget, MustUnderEveryPolicyIsOneTarget) {
  for (const PolicyKind policy :
       {PolicyKind::failover, PolicyKind::failfast, PolicyKind::failsafe, PolicyKind::failback,
        PolicyKind::forking, PolicyKind::broadcast, PolicyKind::available}) {
    make(policy);
    succeed(begin(true, must(3)), 3);
    EXPECT_EQ(actions(), "send 3, ok 3");
    expect_idle();
  }
}

TEST_F(InvokeTarget, PreferFallsBackToAlternatesThenToTheBalancer) {
  make(PolicyKind::failfast, 4);
  succeed(begin(true, prefer(3, {4, 2})), 3);
  EXPECT_EQ(actions(), "send 3, ok 3");
  caller_->set_target_up(3, false, now_);
  succeed(begin(true, prefer(3, {4, 2})), 4);
  EXPECT_EQ(actions(), "send 4, ok 4");
  caller_->set_target_up(4, false, now_);
  succeed(begin(true, prefer(3, {4, 2})), 2);
  EXPECT_EQ(actions(), "send 2, ok 2");
  caller_->set_target_up(2, false, now_);
  succeed(begin(true, prefer(3, {4, 2})), 1);
  EXPECT_EQ(actions(), "send 1, ok 1");
  TargetOverride restarted = prefer(1);
  restarted.incarnation = 99;
  succeed(begin(true, restarted), 1);
  EXPECT_EQ(actions(), "send 1, ok 1") << "no longer the preferred one, but the only one";
}

TEST_F(InvokeTarget, PreferUnderFailoverTriesTheAlternatesNext) {
  config_.backoff_ns = 0;
  make(PolicyKind::failover, 4);
  const CallId call = begin(true, prefer(3, {4}));
  fail(call, 3);
  fail(call, 4);
  EXPECT_EQ(actions(), "send 3, send 4, send 1");
}

// ---- targets come and go -----------------------------------------------------------------------

TEST_F(InvokeTarget, CallsMoveOnWhenATargetLeavesOrRestarts) {
  make(PolicyKind::failover);
  const CallId call = begin();
  EXPECT_EQ(actions(), "send 1");
  targets_.erase(targets_.begin());
  caller_->update_targets(targets_, now_);
  EXPECT_EQ(actions(), "send 3");
  EXPECT_EQ(caller_->in_flight(1), 0u);
  targets_.erase(targets_.begin());
  targets_[0].incarnation = 77;  // 3 restarted, and is the only one
  caller_->update_targets(targets_, now_);
  EXPECT_EQ(actions(), "") << "the second retry waits";
  pass(kSecond);
  EXPECT_EQ(actions(), "send 3");
  EXPECT_EQ(caller_->in_flight(3), 1u);
  succeed(call, 3);
  EXPECT_EQ(actions(), "ok 3");
  expect_idle();
}

TEST_F(InvokeTarget, ARestartedTargetMayBeTriedAgainAtOnce) {
  make(PolicyKind::failover, 1);
  const CallId call = begin();
  targets_[0].incarnation = 77;
  caller_->update_targets(targets_, now_);
  EXPECT_EQ(actions(), "send 1, send 1") << "the second goes to the new one and stays open";
  EXPECT_EQ(caller_->in_flight(1), 1u);
  succeed(call, 1);
  EXPECT_EQ(actions(), "ok 1");
  expect_idle();
}

TEST_F(InvokeTarget, UpdateKeepsHistoryOfThoseThatStay) {
  config_.breaker_failures = 1;
  make(PolicyKind::failfast, 2);
  fail(begin(true, must(1)), 1);
  const CallId open = begin(true, must(2));
  actions();
  targets_.push_back({3, 1, 0, true});
  caller_->update_targets(targets_, now_);
  EXPECT_EQ(caller_->circuit(1), CircuitBreaker::State::open);
  EXPECT_EQ(caller_->in_flight(2), 1u);
  succeed(open, 2);
  EXPECT_EQ(actions(), "ok 2");
  expect_idle();
}

TEST_F(InvokeTarget, LeastActiveSeesReportedLoadAndItsOwnCalls) {
  config_.balancer.kind = BalancerKind::least_active;
  make(PolicyKind::failfast, 3);
  caller_->report_load(1, 10);
  caller_->report_load(2, 10);
  for (int i = 0; i < 10; ++i) begin();
  EXPECT_EQ(caller_->in_flight(3), 10u);
  begin();
  begin();
  begin();
  EXPECT_EQ(caller_->in_flight(1), 1u);
  EXPECT_EQ(caller_->in_flight(2), 1u);
  EXPECT_EQ(caller_->in_flight(3), 11u);
}

TEST_F(InvokeTarget, ConsistentHashAsksTheSameTargetForTheSameUser) {
  config_.balancer.kind = BalancerKind::consistent_hash;
  make(PolicyKind::failfast, 3);
  std::set<std::string> asked;
  for (uint64_t user = 1; user <= 20; ++user) {
    caller_->begin(now_, user, true, {});
    const std::string first = actions();
    caller_->begin(now_, user, true, {});
    EXPECT_EQ(actions(), first);
    asked.insert(first);
  }
  EXPECT_EQ(asked.size(), 3u);
}

}  // namespace
}  // namespace imroute
