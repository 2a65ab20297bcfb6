#include "harness/explore/seed_plan.h"

#include <utility>

#include "core/base/hash.h"

namespace imroute {

SeedPlan::SeedPlan(std::vector<Mutation> mutations, const SeedRange& range)
    : mutations_(std::move(mutations)),
      range_(range),
      next_(range.from),
      left_(range.count.value_or(0)),
      ran_twice_(mutations_.size(), 0) {}

std::vector<ExploreJob> SeedPlan::next_round() {
  const std::vector<ExploreJob> mutants = std::exchange(mutants_, {});
  std::vector<ExploreJob> round;
  for (uint64_t taken = 0; taken < kRound && (!range_.count || left_ > 0); ++next_) {
    if (range_.count) --left_;
    if (next_ % range_.shards == range_.shard - 1) {
      ++taken;
      for (size_t s = 0; s < mutations_.size(); ++s) {
        const bool twice = mix64(next_, s) % kTwice == 0 || ran_twice_[s] == 0;
        if (twice) ran_twice_[s] = 1;
        round.push_back({s, next_, {}, twice});
      }
    }
    if (next_ == UINT64_MAX) left_ = 0, range_.count = 0;
  }
  // Nothing left of the range: what was learnt last is for the next exploration.
  if (round.empty()) return {};
  round.insert(round.begin(), mutants.begin(), mutants.end());
  return round;
}

void SeedPlan::learn(const ExploreJob& job, bool novel) {
  if (novel && job.sets.empty()) mutate(job);
}

void SeedPlan::mutate(const ExploreJob& job) {
  const Mutation kind = mutations_[job.scenario];
  if (kind == Mutation::none) return;
  const std::string pointer = kind == Mutation::swarm ? "/swarm/seed=" : "/nemesis/seed=";
  // Short enough to type.
  const uint64_t other = mix64(job.seed, 1 + job.scenario) % 1'000'000'000;
  mutants_.push_back({job.scenario, other, {pointer + std::to_string(job.seed)}, false});
  mutants_.push_back({job.scenario, job.seed, {pointer + std::to_string(other)}, false});
}

}  // namespace imroute
