// The end of a run: what is left is judged, and the result is filled.
#include <algorithm>

#include "harness/history/state.h"

namespace imroute {
namespace {

double ratio(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::vector<uint32_t> weights_of(const History::State& s, const std::vector<NodeId>& nodes) {
  const std::vector<uint32_t>& weights = s.topology.node_weights;
  if (weights.empty()) return {};
  std::vector<uint32_t> out;
  for (const NodeId node : nodes) {
    out.push_back(node.value < weights.size() ? weights[node.value] : 1);
  }
  return out;
}

void fill(History::State& s, const FinalState& state, Result& out) {
  Result& mine = s.result;
  out.violations = std::move(mine.violations);
  out.violations_total = mine.violations_total;
  out.messages = mine.messages;
  // The clients count repeats that they hid; a world may report more.
  out.messages.raw_duplicates =
      std::max(out.messages.raw_duplicates,
               state.counters.duplicates_hidden + out.messages.visible_duplicates);
  out.accept_ns = std::move(mine.accept_ns);
  out.delivery_ns = std::move(mine.delivery_ns);
  out.windows = std::move(mine.windows);
  out.frames = state.frames;
  out.frames_per_delivery = ratio(state.frames.counted, s.expected_measured);
  const Counters& c = state.counters;
  out.counters = c;
  out.route.hit_ratio = ratio(c.cache_hits, c.cache_hits + c.cache_misses);
  out.route.nacks = c.nacks_received;
  out.route.rebroadcasts = c.rebroadcasts;
  out.route.cache_entries_max = state.cache_entries_max;
  out.balance.sessions = balance_of(state.sessions_by_node, weights_of(s, state.nodes));
  out.balance.frames = balance_of(state.frames_by_node);
  out.balance.routers = balance_of(state.calls_by_router);
  out.balance.moved_share = ratio(s.binds_elsewhere, s.binds_again);
  // The world may know more about its faults; how long recovery took is known here.
  const std::vector<FaultOutcome>& outcomes = s.faults.outcomes();
  if (out.faults.size() != outcomes.size()) out.faults = outcomes;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    out.faults[i].recovered_after_ns = outcomes[i].recovered_after_ns;
  }
  out.converged_ns = s.converged_ns;
  out.unavailable_ns = unavailable_ns(s);
}

}  // namespace

void History::finish(int64_t t, const FinalState& state, Result& result) {
  State& s = *state_;
  s.phase = Phase::final;
  close_recovery(s, t);
  if (s.lossless()) {
    judge_loss_at_end(s, t);
  } else {
    judge_conservation(s, t, state);
  }
  judge_answers(s, t);
  judge_owners(s, t, state);
  judge_chains(s, t, state);
  judge_balancers(s, t, state);
  judge_goodput(s, t);
  const bool vacuous = judge_vacuity(s, t);
  result.verdict = s.result.violations_total == 0 ? Verdict::pass
                   : vacuous                      ? Verdict::vacuous
                                                  : Verdict::fail;
  fill(s, state, result);
}

}  // namespace imroute
