// What each policy does at the start of a call and after a failed attempt.
#include <algorithm>

#include "core/base/assert.h"
#include "core/invoke/caller.h"

namespace imroute {
namespace {

// The call may have been carried out: only the answer is missing.
bool is_outcome_unknown(Reason reason) {
  return reason == Reason::timeout || reason == Reason::closed_by_peer || reason == Reason::reset;
}

// There was nobody to send to; that may change.
bool is_nobody(Reason reason) {
  return reason == Reason::no_node || reason == Reason::unknown_node ||
         reason == Reason::wrong_incarnation || reason == Reason::circuit_open;
}

}  // namespace

bool Caller::is_fault(Reason reason) {
  switch (reason) {
    case Reason::timeout:
    case Reason::reset:
    case Reason::closed_by_peer:
    case Reason::refused:
    case Reason::node_down:
    case Reason::overloaded:
    case Reason::draining:
    case Reason::fenced:
    case Reason::shutdown:
    case Reason::slow_reader:
    case Reason::store_unavailable:
    case Reason::protocol_error:
      return true;
    default:
      return false;
  }
}

// ---- the start ---------------------------------------------------------------------------------

// Also the start of every later attempt of failover and failback: the targets are those of now.
void Caller::start(Call& call, MonoTime now) {
  circuits_on_time(now);
  if (call.phase == Phase::deferred) --deferred_;
  call.phase = Phase::running;
  if (call.where.mode == TargetOverride::Mode::must) return start_must(call, now);
  if (config_.policy == PolicyKind::broadcast) return start_broadcast(call, now);
  if (config_.policy == PolicyKind::forking) return start_forks(call, now);
  const uint32_t target = choose(call, Tried::last_resort);
  if (target == kNone) return on_nobody(call, why_nobody(), now);
  open_attempt(call, target, now);
}

void Caller::start_must(Call& call, MonoTime now) {
  const uint32_t target = find_target(call.where.target);
  if (target == kNone) return on_nobody(call, Reason::unknown_node, now);
  const uint64_t wanted = call.where.incarnation;
  if (wanted != 0 && wanted != targets_[target].incarnation) {
    return on_nobody(call, Reason::wrong_incarnation, now);
  }
  if (!targets_[target].up) return on_nobody(call, Reason::node_down, now);
  open_attempt(call, target, now);
}

void Caller::start_broadcast(Call& call, MonoTime now) {
  call.asked = static_cast<uint32_t>(targets_.size());
  if (call.asked == 0) return give_up(call, Reason::no_node, 0);
  const uint64_t share = std::min(config_.required_percent, 100u);
  call.wanted = std::max(1u, static_cast<uint32_t>((uint64_t{call.asked} * share + 99) / 100));
  for (uint32_t target = 0; target < targets_.size(); ++target) {
    if (backends_[target].healthy) {
      open_attempt(call, target, now);
    } else {
      ++call.failures;
    }
  }
  if (call.failures > call.asked - call.wanted) give_up(call, why_nobody(), 0);
}

void Caller::start_forks(Call& call, MonoTime now) {
  const uint32_t forks = call.idempotent ? std::max(config_.forks, 1u) : 1;
  for (uint32_t i = 0; i < forks; ++i) {
    const uint32_t target = choose(call, Tried::never_again);
    if (target == kNone) break;
    open_attempt(call, target, now);
  }
  if (call.open == 0) on_nobody(call, why_nobody(), now);
}

void Caller::on_nobody(Call& call, Reason reason, MonoTime now) {
  if (config_.policy == PolicyKind::failback) return after_failback_failure(call, reason, 0, now);
  give_up(call, reason, 0);
}

Reason Caller::why_nobody() const {
  if (targets_.empty()) return Reason::no_node;
  const bool up =
      std::any_of(targets_.begin(), targets_.end(), [](const Target& t) { return t.up; });
  return up ? Reason::circuit_open : Reason::node_down;
}

// ---- the choice --------------------------------------------------------------------------------

uint32_t Caller::choose(const Call& call, Tried tried) {
  const uint32_t wished = preferred(call);
  if (wished != kNone) return wished;
  if (config_.policy == PolicyKind::available) {
    const auto up = std::find_if(backends_.begin(), backends_.end(),
                                 [](const Backend& b) { return b.healthy; });
    return up == backends_.end() ? kNone : static_cast<uint32_t>(up - backends_.begin());
  }
  return balanced(call, tried);
}

bool Caller::is_tried(const Call& call, uint64_t target) const {
  for (uint32_t a = call.first_attempt; a != kNone; a = attempts_[a].next_of_call) {
    if (attempts_[a].target == target) return true;
  }
  return false;
}

uint32_t Caller::preferred(const Call& call) const {
  if (call.where.mode != TargetOverride::Mode::prefer) return kNone;
  const auto usable = [&](uint64_t id, uint64_t incarnation) {
    const uint32_t target = find_target(id);
    if (target == kNone || !backends_[target].healthy || is_tried(call, id)) return kNone;
    if (incarnation != 0 && incarnation != targets_[target].incarnation) return kNone;
    return target;
  };
  const uint32_t first = usable(call.where.target, call.where.incarnation);
  if (first != kNone) return first;
  for (const uint64_t alternate : call.where.alternates) {
    const uint32_t target = usable(alternate, 0);
    if (target != kNone) return target;
  }
  return kNone;
}

uint32_t Caller::balanced(const Call& call, Tried tried) {
  for (uint32_t a = call.first_attempt; a != kNone; a = attempts_[a].next_of_call) {
    const uint32_t target = find_target(attempts_[a].target);
    if (target != kNone) backends_[target].healthy = false;
  }
  uint32_t place = balancer_->pick(call.key, backends_, rng_);
  for (uint32_t a = call.first_attempt; a != kNone; a = attempts_[a].next_of_call) {
    const uint32_t target = find_target(attempts_[a].target);
    if (target != kNone) refresh(target);
  }
  if (place == kNoBackend && tried == Tried::last_resort && call.attempts > 0) {
    place = balancer_->pick(call.key, backends_, rng_);
  }
  return place == kNoBackend ? kNone : place;
}

// ---- after a failed attempt --------------------------------------------------------------------

void Caller::after_failure(Call& call, Reason reason, uint64_t target, MonoTime now) {
  const bool must = call.where.mode == TargetOverride::Mode::must;
  switch (config_.policy) {
    case PolicyKind::failover:
      // A second attempt at a target that somebody insists on would only hammer it.
      return must ? give_up(call, reason, target)
                  : after_failover_failure(call, reason, target, now);
    case PolicyKind::failback:
      return after_failback_failure(call, reason, target, now);
    case PolicyKind::broadcast:
      if (must) return give_up(call, reason, target);
      ++call.failures;
      return after_broadcast_answer(call, reason, target);
    case PolicyKind::forking:
      if (call.open == 0) give_up(call, reason, target);
      return;
    case PolicyKind::failfast:
    case PolicyKind::failsafe:
    case PolicyKind::available:
      return give_up(call, reason, target);
  }
}

void Caller::after_failover_failure(Call& call, Reason reason, uint64_t target, MonoTime now) {
  const bool repeatable = is_fault(reason) && (call.idempotent || !is_outcome_unknown(reason));
  if (!repeatable || call.retries >= config_.retries) return give_up(call, reason, target);
  if (!budget_.take(now)) {
    ++counters_.retries_denied;
    return give_up(call, reason, target);
  }
  ++call.retries;
  ++counters_.retries;
  if (call.retries == 1 || config_.backoff_ns <= 0) return start(call, now);
  // Doubling, and somewhere in its upper half, so that callers that failed together part.
  const DurationNs longest = config_.backoff_ns << std::min(call.retries - 2, 16u);
  call.phase = Phase::backing_off;
  timers_.set(now + rng_.between(longest / 2, longest), TimerKind::retry, call.id.value,
              ++call.stamp);
}

void Caller::after_failback_failure(Call& call, Reason reason, uint64_t target, MonoTime now) {
  const bool repeatable =
      is_nobody(reason) || (is_fault(reason) && (call.idempotent || !is_outcome_unknown(reason)));
  if (!repeatable || call.retries >= config_.retries) return give_up(call, reason, target);
  if (deferred_ >= config_.failback_queue) {
    ++counters_.deferred_overflow;
    return give_up(call, Reason::overloaded, target);
  }
  ++deferred_;
  call.phase = Phase::deferred;
  if (call.retries == 0) {
    ++counters_.deferred;
    emit(CallAction::Kind::deferred, call, target);
    actions_.back().reason = reason;
  }
  ++call.retries;
  ++counters_.retries;
  timers_.set(now + config_.failback_interval_ns, TimerKind::retry, call.id.value, ++call.stamp);
}

// Decided as soon as enough succeeded or too many failed.
void Caller::after_broadcast_answer(Call& call, Reason reason, uint64_t target) {
  if (call.succeeded >= call.wanted) return finish(call, CallResult::ok, Reason::none, target);
  if (call.failures > call.asked - call.wanted) give_up(call, reason, target);
}

void Caller::give_up(Call& call, Reason reason, uint64_t target) {
  const bool harmless = config_.policy == PolicyKind::failsafe;
  finish(call, harmless ? CallResult::lost : CallResult::failed, reason, target);
}

}  // namespace imroute
