// Which runs an exploration makes, in rounds. A round takes the next seeds of the range for every
// scenario; before them come mutants of the seeds that reached something new in the round before:
// the same cluster under other streams, and other clusters under the same streams. What is learnt
// counts from one round to the next and in the order of the jobs, never in the order in which
// workers finish, so the plan does not depend on how many there are.
//
// The seeds of a range are split over shards by seed modulo shards: none twice, none left out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace imroute {

// What of a scenario can be mutated.
enum class Mutation : uint8_t { none, nemesis, swarm };

struct ExploreJob {
  size_t scenario = 0;
  uint64_t seed = 0;
  std::vector<std::string> sets;  // of a mutant
  bool twice = false;             // run again and compare: determinism is checked, not assumed
  friend bool operator==(const ExploreJob&, const ExploreJob&) = default;
};

struct SeedRange {
  uint64_t from = 1;
  std::optional<uint64_t> count;  // none: until somebody stops
  uint64_t shard = 1, shards = 1;
};

class SeedPlan {
 public:
  static constexpr uint64_t kRound = 64;  // seeds of a shard in a round
  static constexpr uint64_t kTwice = 50;  // one in so many runs twice

  // `mutations` has one entry a scenario.
  SeedPlan(std::vector<Mutation> mutations, const SeedRange& range);

  // Empty when the range is done.
  std::vector<ExploreJob> next_round();
  // A job of the round in progress, told in their order: did it reach something new?
  void learn(const ExploreJob& job, bool novel);

 private:
  void mutate(const ExploreJob& job);

  std::vector<Mutation> mutations_;
  SeedRange range_;
  uint64_t next_;                   // seed
  uint64_t left_ = 0;               // seeds of the range, all shards; when it has an end
  std::vector<uint8_t> ran_twice_;  // by scenario
  std::vector<ExploreJob> mutants_;
};

}  // namespace imroute
