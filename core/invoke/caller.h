// Calls from one machine to others (node to routers, router to nodes, client to routers): which
// target, how long, what after a failure. Sans-IO like the machines it lives in: the owner tells it
// of time, answers and links, and carries out the actions it lists; it never sees a frame.
//
// One policy (InvocationConfig) serves all calls of a Caller:
//   failover   another target after a failure, untried ones first, with backoff and a retry budget;
//              after an unknown outcome (timeout, lost link) only when the call is idempotent
//   failfast   one attempt
//   failsafe   one attempt; a failure ends as `lost`: counted and visible, never an error
//   failback   a failed call is `deferred` and tried again in the background, a few times
//   forking    several targets at once, the first success wins, the others are cancelled; calls
//              that are not idempotent go to one target only
//   broadcast  every target at once; a share of them must succeed. Once that is decided the answers
//              still due are not wanted: what was sent is done, and silence blames nobody
//   available  the first target that is up, no balancing
// Around any of them a circuit breaker for each target, and a mark that the owner may answer from
// its cache (`degraded`) when all fails.
//
// Every call ends in exactly one `done` unless its owner drops it. Attempts have one opening and
// one closing place, so that a target's count of calls in flight cannot leak. Calls and attempts
// live in slabs and are reused: a warm Caller allocates nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/balance/load_balancer.h"
#include "core/base/ids.h"
#include "core/base/inline_vector.h"
#include "core/base/rng.h"
#include "core/base/time.h"
#include "core/base/timer_queue.h"
#include "core/invoke/circuit_breaker.h"
#include "core/invoke/retry_budget.h"
#include "core/model/config.h"
#include "core/model/reason.h"

namespace imroute {

using CallId = Id<struct CallTag, uint64_t>;  // never used twice by one Caller
inline constexpr CallId kNoCall{0};
inline constexpr uint32_t kMaxAlternates = 4;
inline constexpr uint32_t kMaxCalls = 1u << 20;

// Sends a call to a certain target instead of a chosen one.
//   must    that target or a typed failure (unknown_node, wrong_incarnation, node_down, or what it
//           answers): no substitute, no second attempt at once, no circuit breaker
//   prefer  that target, else the alternates in order, else the balancer's choice
struct TargetOverride {
  enum class Mode : uint8_t { none, must, prefer };
  Mode mode = Mode::none;
  uint64_t target = 0;
  uint64_t incarnation = 0;  // of `target`; 0 = any
  InlineVector<uint64_t, kMaxAlternates> alternates;
};

enum class CallResult : uint8_t { ok, failed, lost };

struct CallAction {
  enum class Kind : uint8_t {
    send,      // call, target, attempt (from 1)
    cancel,    // call, target: the answer is no longer wanted
    deferred,  // call, reason: it goes on in the background (failback)
    done,      // call, result, reason, target (whose answer decided), degraded
  };
  Kind kind = Kind::send;
  CallResult result = CallResult::ok;
  Reason reason = Reason::none;
  bool degraded = false;  // failed, but the owner may answer from its cache, marked stale
  uint32_t attempt = 0;
  CallId call;
  uint64_t target = 0;
};

struct CallerCounters {
  uint64_t calls = 0;
  uint64_t ok = 0;
  uint64_t failed = 0;
  uint64_t lost = 0;       // failsafe
  uint64_t degraded = 0;   // of the failed ones
  uint64_t refused = 0;    // too many calls in flight: not begun
  uint64_t attempts = 0;   // sent
  uint64_t timeouts = 0;   // attempts without an answer in time
  uint64_t cancelled = 0;  // attempts whose answer was no longer wanted
  uint64_t retries = 0;
  uint64_t retries_denied = 0;  // by the budget
  uint64_t deferred = 0;        // failback: went to the background
  uint64_t deferred_ok = 0;     // and came through there
  uint64_t deferred_overflow = 0;
  uint64_t circuits_opened = 0;
  uint64_t answers_late = 0;  // to calls or attempts that nobody waits for
};

class Caller {
 public:
  // `capacity`: calls in flight at most, background ones included, <= kMaxCalls.
  Caller(const InvocationConfig& config, uint64_t seed, uint32_t capacity = 65'536);
  ~Caller();

  // The targets changed (or their weight, incarnation, reported load). `healthy` says whether one
  // is up; a target that stays keeps its history, a restarted one (other incarnation) does not.
  void update_targets(std::span<const Backend> targets, MonoTime now);
  // The link to a target came up or went down (what is open there has failed, outcome unknown).
  void set_target_up(uint64_t target, bool up, MonoTime now);
  void report_load(uint64_t target, uint64_t load);

  // Begins a call. kNoCall when too many are in flight. `key` is for balancers that hash.
  CallId begin(MonoTime now, uint64_t key, bool idempotent, const TargetOverride& where = {});
  // A target answered. Late and unknown ones are counted and ignored.
  void on_success(CallId call, uint64_t target, MonoTime now);
  void on_failure(CallId call, uint64_t target, Reason reason, MonoTime now);
  // The owner no longer wants the call: open attempts are cancelled, there is no `done`.
  void drop(CallId call);
  void on_wake(MonoTime now);
  MonoTime next_deadline() const;

  // What to do, in order. Valid until the next call of a non-const function.
  std::span<const CallAction> actions() const { return actions_; }
  void clear_actions() { actions_.clear(); }

  uint32_t calls_in_flight() const { return calls_open_; }
  uint32_t calls_deferred() const { return deferred_; }
  uint32_t attempts_in_flight() const { return attempts_open_; }
  // Attempts open at a target; 0 when it is not known.
  uint32_t in_flight(uint64_t target) const;
  CircuitBreaker::State circuit(uint64_t target) const;
  const CallerCounters& counters() const { return counters_; }
  // Slots ever made, calls and attempts: constant once warm.
  size_t slots() const { return calls_.size() + attempts_.size(); }

 private:
  static constexpr uint32_t kNone = ~uint32_t{0};
  enum class TimerKind : uint8_t { retry };
  enum class Phase : uint8_t { free, running, backing_off, deferred };

  struct Target {
    uint64_t id = 0;
    uint64_t incarnation = 0;
    uint64_t reported_load = 0;
    bool up = true;
    uint32_t in_flight = 0;
    CircuitBreaker breaker;
  };
  struct Attempt {
    uint32_t call = kNone;  // slot; kNone: the attempt is free
    uint64_t target = 0;
    uint64_t number = 0;  // rises with every attempt of the Caller
    MonoTime deadline = kNever;
    bool open = false;
    bool probe = false;
    bool expired = false;           // closed without an answer: one may still come
    uint32_t next_of_call = kNone;  // also the free list
    uint32_t earlier = kNone;       // open attempts, by deadline
    uint32_t later = kNone;
  };
  struct Call {
    CallId id = kNoCall;
    Phase phase = Phase::free;
    bool idempotent = false;
    TargetOverride where;
    uint64_t key = 0;
    uint32_t first_attempt = kNone;
    uint32_t attempts = 0;   // sent
    uint32_t open = 0;       // attempts open
    uint32_t retries = 0;    // failover: retries made; failback: background attempts made
    uint32_t succeeded = 0;  // broadcast
    uint32_t wanted = 0;     // broadcast: successes that make the call one
    uint32_t asked = 0;      // broadcast: targets, reachable or not
    uint32_t failures = 0;   // broadcast
    uint64_t stamp = 0;      // of the timer that counts
    uint32_t next_free = kNone;
  };
  // What a choice of a target may fall back to.
  enum class Tried : uint8_t { never_again, last_resort };

  // caller.cc: calls, attempts, targets
  Call* find_call(CallId id);
  uint32_t find_target(uint64_t id) const;  // index or kNone
  uint32_t slot_of(const Call& call) const { return static_cast<uint32_t>(&call - calls_.data()); }
  Call* new_call();
  void release_call(Call& call);
  void open_attempt(Call& call, uint32_t target, MonoTime now);
  void close_attempt(uint32_t attempt);
  void settle_failure(uint32_t attempt, Reason reason, MonoTime now);
  void fail_attempt(uint32_t attempt, Reason reason, bool expired, MonoTime now);
  void fail_open_attempts_at(uint64_t target, MonoTime now);
  uint32_t attempt_at(const Call& call, uint64_t target) const;
  void refresh(uint32_t target);
  void circuits_on_time(MonoTime now);
  void finish(Call& call, CallResult result, Reason reason, uint64_t target);
  void cancel_open_attempts(Call& call);
  void emit(CallAction::Kind kind, const Call& call, uint64_t target);

  // caller_policy.cc: what each policy does at the start and after a failure
  // The target did not do its job, as opposed to an answer that the caller may not like
  // (no_session, offline, superseded ...): those say that the target is well.
  static bool is_fault(Reason reason);
  void start(Call& call, MonoTime now);
  void start_must(Call& call, MonoTime now);
  void start_broadcast(Call& call, MonoTime now);
  void start_forks(Call& call, MonoTime now);
  void on_nobody(Call& call, Reason reason, MonoTime now);
  uint32_t choose(const Call& call, Tried tried);
  uint32_t preferred(const Call& call) const;
  uint32_t balanced(const Call& call, Tried tried);
  bool is_tried(const Call& call, uint64_t target) const;
  Reason why_nobody() const;
  void after_failure(Call& call, Reason reason, uint64_t target, MonoTime now);
  void after_failover_failure(Call& call, Reason reason, uint64_t target, MonoTime now);
  void after_failback_failure(Call& call, Reason reason, uint64_t target, MonoTime now);
  void after_broadcast_answer(Call& call, Reason reason, uint64_t target);
  void give_up(Call& call, Reason reason, uint64_t target);

  const InvocationConfig config_;
  const uint32_t capacity_;
  Rng rng_;
  std::unique_ptr<LoadBalancer> balancer_;
  RetryBudget budget_;
  std::vector<Target> targets_;    // by id
  std::vector<Backend> backends_;  // the same, as the balancer sees them
  MonoTime next_half_open_ = kNever;

  std::vector<Call> calls_;
  uint32_t free_call_ = kNone;
  uint32_t calls_open_ = 0;
  uint32_t deferred_ = 0;
  uint64_t next_serial_ = 1;

  std::vector<Attempt> attempts_;
  uint32_t free_attempt_ = kNone;
  uint32_t attempts_open_ = 0;
  uint32_t oldest_ = kNone;  // of the open attempts: all have the same timeout
  uint32_t newest_ = kNone;

  TimerQueue<TimerKind> timers_;
  std::vector<CallAction> actions_;
  CallerCounters counters_;
};

}  // namespace imroute
