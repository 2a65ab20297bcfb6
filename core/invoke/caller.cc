#include "core/invoke/caller.h"

#include <algorithm>

#include "core/base/assert.h"
#include "core/base/planted.h"

namespace imroute {
namespace {

constexpr uint32_t kSlotBits = 20;
static_assert(kMaxCalls == 1u << kSlotBits);

}  // namespace

Caller::Caller(const InvocationConfig& config, uint64_t seed, uint32_t capacity)
    : config_(config),
      capacity_(capacity),
      rng_(Rng::stream(seed, "invoke")),
      balancer_(make_balancer(config.balancer, seed)),
      budget_(config.retry_budget_percent) {
  IM_ASSERT(capacity <= kMaxCalls);
  balancer_->update(backends_);
}

Caller::~Caller() = default;

// ---- targets -----------------------------------------------------------------------------------

uint32_t Caller::find_target(uint64_t id) const {
  const auto at = std::lower_bound(targets_.begin(), targets_.end(), id,
                                   [](const Target& t, uint64_t want) { return t.id < want; });
  if (at == targets_.end() || at->id != id) return kNone;
  return static_cast<uint32_t>(at - targets_.begin());
}

uint32_t Caller::in_flight(uint64_t target) const {
  const uint32_t at = find_target(target);
  return at == kNone ? 0 : targets_[at].in_flight;
}

CircuitBreaker::State Caller::circuit(uint64_t target) const {
  const uint32_t at = find_target(target);
  return at == kNone ? CircuitBreaker::State::closed : targets_[at].breaker.state();
}

void Caller::update_targets(std::span<const Backend> targets, MonoTime now) {
  std::vector<Target> next;
  std::vector<Backend> seen(targets.begin(), targets.end());
  std::sort(seen.begin(), seen.end(),
            [](const Backend& a, const Backend& b) { return a.id < b.id; });
  // First fail what is open at targets that are gone, restarted or down, so that its calls go on
  // to others; they must not choose by the old list, so everything unwanted is down by then.
  std::vector<uint64_t> ended;
  for (Target& old : targets_) {
    const auto same = std::find_if(seen.begin(), seen.end(), [&](const Backend& b) {
      return b.id == old.id && b.incarnation == old.incarnation && b.healthy;
    });
    if (same == seen.end() && old.in_flight > 0) ended.push_back(old.id);
  }
  for (const Backend& b : seen) {
    Target target;
    const uint32_t at = find_target(b.id);
    if (at != kNone && targets_[at].incarnation == b.incarnation) target = targets_[at];
    if (at != kNone) target.in_flight = targets_[at].in_flight;
    target.id = b.id;
    target.incarnation = b.incarnation;
    target.reported_load = b.load;
    target.up = b.healthy;
    next.push_back(target);
  }
  // Targets that are gone stay, down and with no weight, until their attempts are failed.
  for (const Target& old : targets_) {
    if (!std::binary_search(ended.begin(), ended.end(), old.id)) continue;
    const auto at = std::lower_bound(next.begin(), next.end(), old.id,
                                     [](const Target& t, uint64_t id) { return t.id < id; });
    if (at != next.end() && at->id == old.id) continue;
    Target gone = old;
    gone.up = false;
    const auto place = at - next.begin();
    next.insert(at, gone);
    seen.insert(seen.begin() + place, Backend{old.id, 0, 0, false, old.incarnation});
  }
  targets_ = std::move(next);
  backends_ = std::move(seen);
  for (uint32_t t = 0; t < targets_.size(); ++t) refresh(t);
  balancer_->update(backends_);
  for (const uint64_t id : ended) fail_open_attempts_at(id, now);
  if (targets_.size() == targets.size()) return;
  const auto is_given = [&](uint64_t id) {
    return std::any_of(targets.begin(), targets.end(),
                       [&](const Backend& b) { return b.id == id; });
  };
  std::erase_if(targets_, [&](const Target& t) { return !is_given(t.id); });
  std::erase_if(backends_, [&](const Backend& b) { return !is_given(b.id); });
  balancer_->update(backends_);
}

void Caller::set_target_up(uint64_t target, bool up, MonoTime now) {
  const uint32_t at = find_target(target);
  if (at == kNone || targets_[at].up == up) return;
  targets_[at].up = up;
  // A new connection is a new start.
  if (up) targets_[at].breaker = {};
  refresh(at);
  if (!up) fail_open_attempts_at(target, now);
}

void Caller::report_load(uint64_t target, uint64_t load) {
  const uint32_t at = find_target(target);
  if (at == kNone) return;
  targets_[at].reported_load = load;
  refresh(at);
}

// What the balancer sees of a target.
void Caller::refresh(uint32_t target) {
  const Target& t = targets_[target];
  backends_[target].healthy = t.up && (!config_.breaker || t.breaker.lets_through());
  backends_[target].load = t.reported_load + t.in_flight;
}

void Caller::circuits_on_time(MonoTime now) {
  if (now < next_half_open_) return;
  next_half_open_ = kNever;
  for (uint32_t t = 0; t < targets_.size(); ++t) {
    CircuitBreaker& breaker = targets_[t].breaker;
    if (breaker.on_time(now)) refresh(t);
    if (breaker.state() == CircuitBreaker::State::open) {
      next_half_open_ = std::min(next_half_open_, breaker.open_until());
    }
  }
}

// ---- calls -------------------------------------------------------------------------------------

Caller::Call* Caller::new_call() {
  if (calls_open_ >= capacity_) return nullptr;
  if (free_call_ == kNone) {
    free_call_ = static_cast<uint32_t>(calls_.size());
    calls_.emplace_back();
  }
  const uint32_t slot = free_call_;
  free_call_ = calls_[slot].next_free;
  calls_[slot] = Call{};
  calls_[slot].id = CallId{next_serial_++ << kSlotBits | slot};
  calls_[slot].phase = Phase::running;
  ++calls_open_;
  return &calls_[slot];
}

Caller::Call* Caller::find_call(CallId id) {
  const uint64_t slot = id.value & (kMaxCalls - 1);
  if (slot >= calls_.size() || calls_[slot].id != id || calls_[slot].phase == Phase::free) {
    return nullptr;
  }
  return &calls_[slot];
}

void Caller::release_call(Call& call) {
  IM_ASSERT(call.open == 0 && call.phase != Phase::free);
  for (uint32_t a = call.first_attempt; a != kNone;) {
    const uint32_t next = attempts_[a].next_of_call;
    attempts_[a].next_of_call = free_attempt_;
    free_attempt_ = a;
    a = next;
  }
  if (call.phase == Phase::deferred) --deferred_;
  call.phase = Phase::free;
  call.first_attempt = kNone;
  call.next_free = free_call_;
  free_call_ = slot_of(call);
  --calls_open_;
}

CallId Caller::begin(MonoTime now, uint64_t key, bool idempotent, const TargetOverride& where) {
  Call* call = new_call();
  if (call == nullptr) {
    ++counters_.refused;
    return kNoCall;
  }
  ++counters_.calls;
  budget_.add_call(now);
  call->key = key;
  call->idempotent = idempotent;
  call->where = where;
  const CallId id = call->id;
  start(*call, now);
  return id;
}

void Caller::finish(Call& call, CallResult result, Reason reason, uint64_t target) {
  cancel_open_attempts(call);
  CallAction action;
  action.kind = CallAction::Kind::done;
  action.call = call.id;
  action.result = result;
  action.reason = reason;
  action.target = target;
  action.attempt = call.attempts;
  switch (result) {
    case CallResult::ok:
      ++counters_.ok;
      if (config_.policy == PolicyKind::failback && call.retries > 0) ++counters_.deferred_ok;
      break;
    case CallResult::failed:
      ++counters_.failed;
      // A cached answer is an answer to a question only; and `must` means what it says.
      action.degraded = config_.degraded_answer && call.idempotent &&
                        call.where.mode != TargetOverride::Mode::must;
      counters_.degraded += action.degraded ? 1 : 0;
      break;
    case CallResult::lost:
      ++counters_.lost;
      break;
  }
  actions_.push_back(action);
  release_call(call);
}

void Caller::drop(CallId id) {
  Call* call = find_call(id);
  if (call == nullptr) return;
  cancel_open_attempts(*call);
  release_call(*call);
}

void Caller::emit(CallAction::Kind kind, const Call& call, uint64_t target) {
  CallAction action;
  action.kind = kind;
  action.call = call.id;
  action.target = target;
  action.attempt = call.attempts;
  actions_.push_back(action);
}

// ---- attempts ----------------------------------------------------------------------------------

void Caller::open_attempt(Call& call, uint32_t target, MonoTime now) {
  if (free_attempt_ == kNone) {
    free_attempt_ = static_cast<uint32_t>(attempts_.size());
    attempts_.emplace_back();
  }
  const uint32_t slot = free_attempt_;
  Attempt& attempt = attempts_[slot];
  free_attempt_ = attempt.next_of_call;
  attempt = Attempt{};
  attempt.call = slot_of(call);
  attempt.target = targets_[target].id;
  attempt.deadline = now + config_.call_timeout_ns;
  attempt.open = true;
  attempt.probe = config_.breaker && targets_[target].breaker.on_send();
  attempt.next_of_call = call.first_attempt;
  call.first_attempt = slot;
  attempt.earlier = newest_;
  (newest_ == kNone ? oldest_ : attempts_[newest_].later) = slot;
  newest_ = slot;
  ++attempts_open_;
  ++targets_[target].in_flight;
  ++call.open;
  ++call.attempts;
  attempt.number = ++counters_.attempts;
  refresh(target);
  emit(CallAction::Kind::send, call, attempt.target);
}

// The one place where an open attempt ends.
void Caller::close_attempt(uint32_t slot) {
  Attempt& attempt = attempts_[slot];
  IM_ASSERT(attempt.open);
  attempt.open = false;
  (attempt.earlier == kNone ? oldest_ : attempts_[attempt.earlier].later) = attempt.later;
  (attempt.later == kNone ? newest_ : attempts_[attempt.later].earlier) = attempt.earlier;
  attempt.earlier = attempt.later = kNone;
  IM_ASSERT(attempts_open_ > 0 && calls_[attempt.call].open > 0);
  --attempts_open_;
  --calls_[attempt.call].open;
  const uint32_t target = find_target(attempt.target);
  IM_ASSERT(target != kNone && targets_[target].in_flight > 0);
  const bool repeated = calls_[attempt.call].attempts > 1;
  if (!(IM_PLANTED(counter_leak) && repeated)) --targets_[target].in_flight;
  refresh(target);
}

void Caller::cancel_open_attempts(Call& call) {
  for (uint32_t a = call.first_attempt; a != kNone; a = attempts_[a].next_of_call) {
    if (!attempts_[a].open) continue;
    close_attempt(a);
    const uint32_t target = find_target(attempts_[a].target);
    targets_[target].breaker.on_abandoned(attempts_[a].probe);
    refresh(target);
    ++counters_.cancelled;
    // What a broadcast has sent is meant to be done everywhere, whatever is decided already.
    if (config_.policy == PolicyKind::broadcast) continue;
    emit(CallAction::Kind::cancel, call, attempts_[a].target);
  }
}

// The newest attempt of the call at that target which an answer may belong to.
uint32_t Caller::attempt_at(const Call& call, uint64_t target) const {
  for (uint32_t a = call.first_attempt; a != kNone; a = attempts_[a].next_of_call) {
    if (attempts_[a].target == target && (attempts_[a].open || attempts_[a].expired)) return a;
  }
  return kNone;
}

void Caller::on_success(CallId id, uint64_t target, MonoTime) {
  Call* call = find_call(id);
  const uint32_t slot = call == nullptr ? kNone : attempt_at(*call, target);
  if (slot == kNone) {
    ++counters_.answers_late;
    return;
  }
  Attempt& attempt = attempts_[slot];
  if (attempt.open) {
    close_attempt(slot);
    const uint32_t at = find_target(target);
    targets_[at].breaker.on_success(attempt.probe);
    refresh(at);
  } else {
    ++counters_.answers_late;  // but not too late
    // A broadcast has counted it as a failure.
    if (config_.policy == PolicyKind::broadcast) --call->failures;
  }
  attempt.expired = false;
  if (config_.policy == PolicyKind::broadcast && call->where.mode != TargetOverride::Mode::must) {
    ++call->succeeded;
    after_broadcast_answer(*call, Reason::none, target);
  } else {
    finish(*call, CallResult::ok, Reason::none, target);
  }
}

void Caller::on_failure(CallId id, uint64_t target, Reason reason, MonoTime now) {
  Call* call = find_call(id);
  const uint32_t slot = call == nullptr ? kNone : attempt_at(*call, target);
  if (slot == kNone || !attempts_[slot].open) {
    ++counters_.answers_late;
    return;
  }
  settle_failure(slot, reason, now);
}

void Caller::settle_failure(uint32_t slot, Reason reason, MonoTime now) {
  CircuitBreaker& breaker = targets_[find_target(attempts_[slot].target)].breaker;
  if (!is_fault(reason)) {
    breaker.on_success(attempts_[slot].probe);
  } else if (config_.breaker &&
             breaker.on_failure(attempts_[slot].probe, now, config_.breaker_failures,
                                config_.breaker_open_ns)) {
    ++counters_.circuits_opened;
    next_half_open_ = std::min(next_half_open_, breaker.open_until());
  }
  fail_attempt(slot, reason, reason == Reason::timeout, now);
}

void Caller::fail_attempt(uint32_t slot, Reason reason, bool expired, MonoTime now) {
  close_attempt(slot);
  attempts_[slot].expired = expired;
  Call& call = calls_[attempts_[slot].call];
  after_failure(call, reason, attempts_[slot].target, now);
}

// The link is gone: nobody knows what became of what was sent. That is no reason for the circuit
// breaker: being down says it already.
void Caller::fail_open_attempts_at(uint64_t target, MonoTime now) {
  const uint64_t newest = counters_.attempts;  // a restarted target may be tried again at once
  for (uint32_t slot = 0; slot < attempts_.size(); ++slot) {
    const Attempt& attempt = attempts_[slot];
    if (!attempt.open || attempt.target != target || attempt.number > newest) continue;
    targets_[find_target(target)].breaker.on_abandoned(attempt.probe);
    fail_attempt(slot, Reason::closed_by_peer, false, now);
  }
}

// ---- time --------------------------------------------------------------------------------------

MonoTime Caller::next_deadline() const {
  const MonoTime attempt = oldest_ == kNone ? kNever : attempts_[oldest_].deadline;
  return std::min(attempt, timers_.next_deadline());
}

void Caller::on_wake(MonoTime now) {
  while (oldest_ != kNone && attempts_[oldest_].deadline <= now) {
    ++counters_.timeouts;
    settle_failure(oldest_, Reason::timeout, now);
  }
  TimerQueue<TimerKind>::Timer timer;
  while (timers_.pop_due(now, timer)) {
    Call* call = find_call(CallId{timer.key});
    if (call == nullptr || call->stamp != timer.stamp) continue;
    start(*call, now);
  }
}

}  // namespace imroute
