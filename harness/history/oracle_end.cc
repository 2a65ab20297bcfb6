// Oracles 8 and 10, judged from the end of the run: chains of attempts ended and kept their limits,
// service came back after an overload; and whether anything was judged at all.
#include <algorithm>
#include <tuple>

#include "core/model/limits.h"
#include "harness/history/state.h"

namespace imroute {
namespace {

struct Served {
  uint64_t sent = 0, prompt = 0;
};

Served served_between(const History::State& s, int64_t from, int64_t to) {
  Served sum;
  for (auto i = static_cast<size_t>((from + kSlice - 1) / kSlice);
       i < s.slices.size() && static_cast<int64_t>(i + 1) * kSlice <= to; ++i) {
    sum.sent += s.slices[i].sent;
    sum.prompt += s.slices[i].prompt;
  }
  return sum;
}

}  // namespace

void judge_chains(History::State& s, int64_t t, const FinalState& state) {
  s.judge(Property::chains_end);
  const std::pair<const char*, uint64_t> left[] = {
      {"routes", state.routes_in_flight},
      {"appends", state.appends_in_flight},
      {"store operations", state.operations_in_flight}};
  for (const auto& [what, count] : left) {
    if (count == 0) continue;
    s.violate(Property::chains_end, t,
              std::to_string(count) + " " + what + " are still in flight after the drain");
  }
  const std::tuple<const char*, uint64_t, uint64_t> most[] = {
      {"deliveries of one session unacknowledged at a time", state.unacked_max,
       s.delivery.effective_window()},
      {"attempts of one route", state.route_attempts_max, kMaxRouteAttempts}};
  for (const auto& [what, seen, limit] : most) {
    if (seen <= limit) continue;
    s.violate(Property::chains_end, t,
              "there were " + std::to_string(seen) + " " + what + ", " + std::to_string(limit) +
                  " is the limit");
  }
}

void judge_goodput(History::State& s, int64_t t) {
  s.books.for_each_message([&s](uint32_t index) {
    const MessageBook& m = s.books.message(index);
    const bool answered = m.is(kAccepted) || m.is(kRefused);
    if (answered || !m.is(kTimed) || !s.waited_for_its_user(m)) return;
    --s.slices[static_cast<size_t>(m.sent_at / kSlice)].sent;
  });
  for (const FaultLog::Calm& calm : s.faults.calms_after_overload(std::min(s.duration_ns, t))) {
    // The last second's sends may still be on their way: into the next fault, or the end.
    const Served served =
        served_between(s, calm.from + s.faults.convergence_bound(), calm.to - kSecond);
    if (served.sent < 20) continue;
    s.judge(Property::goodput);
    if (served.prompt * 100 >= served.sent * 95) continue;
    s.violate(Property::goodput, calm.to,
              "after the overload that ended at " + std::to_string(calm.from / 1'000'000) +
                  " ms, only " + std::to_string(served.prompt) + " of " +
                  std::to_string(served.sent) + " sends were answered within a second");
  }
}

bool judge_vacuity(History::State& s, int64_t t) {
  std::string why;
  const auto& m = s.result.messages;
  const auto judged = [&](Property p) { return s.judged[static_cast<size_t>(p)] > 0; };
  if (m.accepted == 0) {
    why = "no message was accepted";
  } else if (m.deliveries_expected == 0) {
    why = "no delivery was expected";
  } else if (m.delivered == 0 && m.lost + m.undelivered_in_mailbox + m.excused == 0 &&
             m.dropped.empty()) {
    why = "nothing was delivered";
  } else if (!judged(Property::no_loss)) {
    why = "no-loss judged nothing";
  } else if (m.delivered > 0 && !judged(Property::order)) {
    why = "order judged nothing";
  } else if (s.lossless() && s.replies_sent > 100 && !judged(Property::reply_order)) {
    why = "reply-order judged nothing";
  } else if (!s.core_nodes.empty() && !judged(Property::progress)) {
    why = "progress judged nothing: nobody had a session, or has been without one for long enough";
  }
  if (why.empty()) return false;
  s.violate(Property::vacuous, t, why + ", so the run says nothing");
  return true;
}

// Sum of the spans of 100 ms (a second, with little traffic) in which fewer than half of the sends
// were answered within a second.
int64_t unavailable_ns(const History::State& s) {
  const Served all = served_between(s, s.warmup_ns, s.duration_ns);
  const int64_t measured = std::max<int64_t>(s.duration_ns - s.warmup_ns, 1);
  const bool busy = all.sent >= static_cast<uint64_t>(measured / kSecond) * 100;
  const int64_t span = busy ? kSlice : kSecond;
  int64_t sum = 0;
  for (int64_t from = s.warmup_ns; from + span <= s.duration_ns; from += span) {
    const Served served = served_between(s, from, from + span);
    if (served.sent > 0 && served.prompt * 2 < served.sent) sum += span;
  }
  return sum;
}

}  // namespace imroute
