// Each invocation policy and the bounds, action by action.
#include <algorithm>
#include <string>

#include "tests/unit/invoke_rig.h"

namespace imroute {
namespace {

using InvokeCaller = InvokeRig;

// ---- failfast, failsafe, available -------------------------------------------------------------

TEST_F(InvokeCaller, FailfastTriesOnce) {
  make(PolicyKind::failfast);
  const CallId good = begin();
  EXPECT_EQ(actions(), "send 1");
  EXPECT_EQ(caller_->in_flight(1), 1u);
  succeed(good, 1);
  EXPECT_EQ(actions(), "ok 1");
  fail(begin(), 2);
  EXPECT_EQ(actions(), "send 2, failed refused 2");
  begin();
  EXPECT_EQ(caller_->next_deadline(), now_ + kTimeout);
  pass(kTimeout - 1);
  EXPECT_EQ(actions(), "send 3");
  pass(1);
  EXPECT_EQ(actions(), "failed timeout 3");
  EXPECT_EQ(caller_->next_deadline(), kNever);
  expect_idle();
}

TEST_F(InvokeCaller, FailsafeCountsTheLoss) {
  make(PolicyKind::failsafe);
  fail(begin(), 1);
  EXPECT_EQ(actions(), "send 1, lost refused 1");
  set_targets(0);
  begin();
  EXPECT_EQ(actions(), "lost no_node");
  EXPECT_EQ(count().lost, 2u);
  EXPECT_EQ(count().failed, 0u);
  expect_idle();
}

TEST_F(InvokeCaller, AvailableTakesTheFirstThatIsUp) {
  make(PolicyKind::available);
  succeed(begin(), 1);
  EXPECT_EQ(actions(), "send 1, ok 1");
  caller_->set_target_up(1, false, now_);
  succeed(begin(), 2);
  EXPECT_EQ(actions(), "send 2, ok 2");
  caller_->set_target_up(2, false, now_);
  caller_->set_target_up(3, false, now_);
  begin();
  EXPECT_EQ(actions(), "failed node_down");
  expect_idle();
}

// ---- failover ----------------------------------------------------------------------------------

TEST_F(InvokeCaller, FailoverPrefersUntriedTargetsAndBacksOff) {
  make(PolicyKind::failover);
  const CallId call = begin();
  EXPECT_EQ(actions(), "send 1");
  fail(call, 1);
  EXPECT_EQ(actions(), "send 2") << "the first retry goes at once";
  fail(call, 2);
  EXPECT_EQ(actions(), "");
  const MonoTime due = caller_->next_deadline();
  EXPECT_GE(due, now_ + 20 * kMillisecond);
  EXPECT_LE(due, now_ + 40 * kMillisecond);
  pass(due - now_);
  EXPECT_EQ(actions(), "send 3");
  fail(call, 3);
  EXPECT_EQ(actions(), "failed refused 3") << "two retries";
  EXPECT_EQ(count().retries, 2u);
  expect_idle();
}

TEST_F(InvokeCaller, FailoverReadmitsTriedTargetsOnlyWhenNobodyElseIsLeft) {
  config_.retries = 6;
  config_.retry_budget_percent = 1000;
  config_.backoff_ns = 0;
  config_.breaker = false;
  make(PolicyKind::failover);
  const CallId call = begin();
  std::string sent;
  for (int i = 0; i < 7; ++i) {
    const uint64_t target = caller_->actions().back().target;
    sent += std::to_string(target);
    fail(call, target);
  }
  std::string first = sent.substr(0, 3);
  std::sort(first.begin(), first.end());
  EXPECT_EQ(first, "123");
  EXPECT_EQ(count().attempts, 7u);
  EXPECT_EQ(count().failed, 1u);
  expect_idle();
}

TEST_F(InvokeCaller, FailoverRepeatsAfterATimeoutOnlyWhatIsIdempotent) {
  make(PolicyKind::failover);
  begin(false);
  pass(kTimeout);
  EXPECT_EQ(actions(), "send 1, failed timeout 1");
  fail(begin(false), 2);  // refused: certainly not carried out
  EXPECT_EQ(actions(), "send 2, send 3");
  fail(begin(true), 1, Reason::timeout);
  EXPECT_EQ(actions().substr(0, 6), "send 1");
  EXPECT_EQ(count().retries, 2u);
}

TEST_F(InvokeCaller, FailoverTakesAnswersAsAnswers) {
  make(PolicyKind::failover);
  fail(begin(), 1, Reason::offline);  // the target is well, the news is bad
  EXPECT_EQ(actions(), "send 1, failed offline 1");
  for (int i = 0; i < 10; ++i) {
    begin();
    const CallAction sent = caller_->actions().back();
    fail(sent.call, sent.target, Reason::no_session);
  }
  EXPECT_EQ(count().circuits_opened, 0u);
  expect_idle();
}

TEST_F(InvokeCaller, FailoverWelcomesALateAnswer) {
  make(PolicyKind::failover);
  const CallId call = begin();
  pass(kTimeout);
  EXPECT_EQ(actions(), "send 1, send 2");
  succeed(call, 1);  // late, but nobody has answered since
  EXPECT_EQ(actions(), "cancel 2, ok 1");
  succeed(call, 2);  // nobody waits for it
  EXPECT_EQ(actions(), "");
  EXPECT_EQ(count().answers_late, 2u);
  EXPECT_EQ(count().cancelled, 1u);
  expect_idle();
}

TEST_F(InvokeCaller, RetryBudgetStopsAStorm) {
  config_.breaker = false;
  make(PolicyKind::failover, 3, 1000);
  for (int i = 0; i < 200; ++i) {
    const CallId call = begin();
    while (caller_->attempts_in_flight() > 0) fail(call, caller_->actions().back().target);
    caller_->clear_actions();
  }
  pass(kSecond);
  EXPECT_LE(count().retries, 40u) << "20 % of 200 calls";
  EXPECT_GE(count().retries, 30u);
  EXPECT_GT(count().retries_denied, 100u);
  now_ += 11 * kSecond;  // the window passes
  const uint64_t before = count().retries;
  fail(begin(), caller_->actions().back().target);
  EXPECT_EQ(count().retries, before + 1);
}

// ---- failback ----------------------------------------------------------------------------------

TEST_F(InvokeCaller, FailbackGoesOnInTheBackground) {
  make(PolicyKind::failback, 1);
  const CallId call = begin();
  fail(call, 1);
  EXPECT_EQ(actions(), "send 1, deferred refused");
  EXPECT_EQ(caller_->calls_deferred(), 1u);
  caller_->set_target_up(1, false, now_);
  pass(config_.failback_interval_ns);  // nobody there: that was one of the two
  EXPECT_EQ(actions(), "");
  targets_ = {{5, 1, 0, true}};
  caller_->update_targets(targets_, now_);
  pass(config_.failback_interval_ns);
  EXPECT_EQ(actions(), "send 5") << "a fresh list of targets";
  succeed(call, 5);
  EXPECT_EQ(actions(), "ok 5");
  expect_idle();
}

TEST_F(InvokeCaller, FailbackEnds) {
  make(PolicyKind::failback, 1);
  const CallId call = begin();
  fail(call, 1);
  pass(config_.failback_interval_ns);
  fail(call, 1);
  pass(config_.failback_interval_ns);
  fail(call, 1);
  EXPECT_EQ(actions(), "send 1, deferred refused, send 1, send 1, failed refused 1");
  expect_idle();
}

TEST_F(InvokeCaller, FailbackWaitsForSomebodyToBeThere) {
  const TargetOverride nowhere = must(9), outdated = must(1, 99);
  for (const TargetOverride& where : {TargetOverride{}, nowhere, outdated}) {
    make(PolicyKind::failback, 1);
    if (where.mode != TargetOverride::Mode::must) set_targets(0);
    begin(true, where);
    const std::string first = actions();
    EXPECT_TRUE(first.starts_with("deferred ")) << first;
    targets_ = {{1, 1, 0, true, 99}, {9, 1, 0, true}};
    caller_->update_targets(targets_, now_);
    pass(config_.failback_interval_ns);
    const std::string then = actions();
    EXPECT_TRUE(then.starts_with("send ")) << first << ", then " << then;
  }
}

TEST_F(InvokeCaller, FailbackQueueIsBoundedAndItsOverflowCounted) {
  config_.failback_queue = 2;
  config_.breaker = false;
  make(PolicyKind::failback, 1);
  for (int i = 0; i < 3; ++i) fail(begin(), 1);
  EXPECT_EQ(actions(),
            "send 1, deferred refused, send 1, deferred refused, send 1, failed overloaded 1");
  EXPECT_EQ(count().deferred_overflow, 1u);
  EXPECT_EQ(caller_->calls_deferred(), 2u);
}

TEST_F(InvokeCaller, FailbackDoesNotRepeatWhatMayHaveHappened) {
  make(PolicyKind::failback, 1);
  begin(false);
  pass(kTimeout);
  EXPECT_EQ(actions(), "send 1, failed timeout 1");
  fail(begin(false), 1, Reason::reset);
  EXPECT_EQ(actions(), "send 1, failed reset 1");
  begin(false);
  caller_->set_target_up(1, false, now_);
  EXPECT_EQ(actions(), "send 1, failed closed_by_peer 1");
  expect_idle();
}

// ---- forking -----------------------------------------------------------------------------------

TEST_F(InvokeCaller, ForkingFirstSuccessWins) {
  make(PolicyKind::forking);
  const CallId call = begin();
  EXPECT_EQ(actions(), "send 1, send 2");
  succeed(call, 2);
  EXPECT_EQ(actions(), "cancel 1, ok 2");
  expect_idle();
}

TEST_F(InvokeCaller, ForkingFailsWhenAllFailAndATimeoutIsAnError) {
  make(PolicyKind::forking);
  const CallId call = begin();
  fail(call, 1);
  EXPECT_EQ(actions(), "send 1, send 2");
  pass(kTimeout);
  EXPECT_EQ(actions(), "failed timeout 2");
  expect_idle();
}

TEST_F(InvokeCaller, ForkingTakesWhatThereIsAndForksNoOneTimeThing) {
  config_.forks = 5;
  make(PolicyKind::forking);
  begin();
  EXPECT_EQ(actions(), "send 1, send 2, send 3");
  begin(false);
  EXPECT_EQ(actions().size(), std::string("send 1").size());
  set_targets(0);
  EXPECT_EQ(actions(), "failed closed_by_peer 1, failed closed_by_peer 3")
      << "the targets went away";
  begin();
  EXPECT_EQ(actions(), "failed no_node");
  expect_idle();
}

// ---- broadcast ---------------------------------------------------------------------------------

TEST_F(InvokeCaller, BroadcastNeedsAll) {
  make(PolicyKind::broadcast);
  CallId call = begin();
  EXPECT_EQ(actions(), "send 1, send 2, send 3") << "in parallel";
  succeed(call, 3);
  succeed(call, 1);
  EXPECT_EQ(actions(), "");
  succeed(call, 2);
  EXPECT_EQ(actions(), "ok 2");
  expect_idle();
  call = begin();
  actions();
  fail(call, 2);
  EXPECT_EQ(actions(), "failed refused 2") << "decided; the others are not called back";
  EXPECT_EQ(caller_->calls_in_flight(), 0u);
  succeed(call, 1);  // too late to matter
  pass(kTimeout);
  EXPECT_EQ(actions(), "");
  expect_idle();
}

TEST_F(InvokeCaller, BroadcastNeedsAShare) {
  config_.required_percent = 60;  // 3 of 5
  make(PolicyKind::broadcast, 5);
  const CallId call = begin();
  actions();
  fail(call, 1);
  fail(call, 2);
  succeed(call, 3);
  succeed(call, 4);
  EXPECT_EQ(actions(), "");
  succeed(call, 5);
  EXPECT_EQ(actions(), "ok 5");
  const CallId again = begin();
  actions();
  fail(again, 1);
  fail(again, 2);
  fail(again, 3);
  EXPECT_EQ(actions(), "failed refused 3");
}

// One that says it ran out of time and answers after all counts once.
TEST_F(InvokeCaller, BroadcastWelcomesALateAnswer) {
  config_.required_percent = 60;  // 3 of 5
  make(PolicyKind::broadcast, 5);
  const CallId call = begin();
  actions();
  fail(call, 1, Reason::timeout);
  succeed(call, 1);
  fail(call, 2);
  fail(call, 3);
  EXPECT_EQ(actions(), "");
  succeed(call, 4);
  succeed(call, 5);
  EXPECT_EQ(actions(), "ok 5");
}

TEST_F(InvokeCaller, BroadcastCountsTheUnreachableAsFailed) {
  make(PolicyKind::broadcast);
  caller_->set_target_up(2, false, now_);
  begin();
  EXPECT_EQ(actions(), "send 1, send 3, failed circuit_open");
  set_targets(0);
  begin();
  EXPECT_EQ(actions(), "failed no_node");
  expect_idle();
}

// ---- bounds ------------------------------------------------------------------------------------

TEST_F(InvokeCaller, CallsInFlightAreBounded) {
  make(PolicyKind::failfast, 3, 2);
  const CallId first = begin();
  EXPECT_NE(begin(), kNoCall);
  EXPECT_EQ(begin(), kNoCall);
  EXPECT_EQ(count().refused, 1u);
  succeed(first, 1);
  EXPECT_NE(begin(), kNoCall);
}

TEST_F(InvokeCaller, WarmSlabsDoNotGrow) {
  make(PolicyKind::failover, 3, 50);
  size_t warm = 0;
  for (int round = 0; round < 200; ++round) {
    for (int i = 0; i < 50; ++i) begin();
    caller_->clear_actions();
    pass(kTimeout);
    for (int i = 0; i < 4; ++i) pass(kTimeout);
    caller_->clear_actions();
    ASSERT_EQ(caller_->calls_in_flight(), 0u);
    if (round == 2) warm = caller_->slots();
    ASSERT_TRUE(round <= 2 || caller_->slots() == warm);
  }
}

TEST_F(InvokeCaller, AnswersNobodyWaitsForAreCounted) {
  make(PolicyKind::failfast);
  const CallId call = begin();
  succeed(call, 2);        // not asked
  fail(CallId{12345}, 1);  // no such call
  succeed(kNoCall, 1);
  succeed(call, 1);
  succeed(call, 1);  // twice
  fail(call, 1);
  EXPECT_EQ(actions(), "send 1, ok 1");
  EXPECT_EQ(count().answers_late, 5u);
  expect_idle();
}

}  // namespace
}  // namespace imroute
