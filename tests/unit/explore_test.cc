// What an exploration is made of, without running anything: which seeds in which order, lines that
// merge, failures in groups, coverage and what it has to cover.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "harness/explore/coverage.h"
#include "harness/explore/groups.h"
#include "harness/explore/record.h"
#include "harness/explore/seed_plan.h"
#include "harness/explore/sites.h"
#include "harness/scenario/loader.h"

namespace imroute {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

// ---- seed plan

std::vector<ExploreJob> all_jobs(SeedPlan& plan) {
  std::vector<ExploreJob> jobs;
  for (auto round = plan.next_round(); !round.empty(); round = plan.next_round()) {
    jobs.insert(jobs.end(), round.begin(), round.end());
  }
  return jobs;
}

TEST(SeedPlan, ShardsAreExact) {
  std::vector<std::pair<size_t, uint64_t>> seen;
  for (uint64_t shard = 1; shard <= 3; ++shard) {
    SeedPlan plan({Mutation::none, Mutation::none}, {10, 200, shard, 3});
    for (const ExploreJob& job : all_jobs(plan)) seen.emplace_back(job.scenario, job.seed);
  }
  EXPECT_EQ(seen.size(), 400u);
  const std::set<std::pair<size_t, uint64_t>> unique(seen.begin(), seen.end());
  EXPECT_EQ(unique.size(), 400u);
  EXPECT_EQ(unique.begin()->second, 10u);
  EXPECT_EQ(unique.rbegin()->second, 209u);
}

TEST(SeedPlan, ConsecutiveRangesMeet) {
  SeedPlan a({Mutation::none}, {1, 100, 1, 1}), b({Mutation::none}, {101, 50, 1, 1});
  const auto first = all_jobs(a), second = all_jobs(b);
  EXPECT_EQ(first.back().seed + 1, second.front().seed);
  EXPECT_EQ(first.size() + second.size(), 150u);
}

TEST(SeedPlan, TheEndOfTheSeedsIsAnEnd) {
  SeedPlan plan({Mutation::none}, {UINT64_MAX - 1, std::nullopt, 1, 1});
  EXPECT_EQ(all_jobs(plan).size(), 2u);
}

TEST(SeedPlan, SomeRunTwiceAndAtLeastOneOfEachScenario) {
  SeedPlan plan({Mutation::none, Mutation::none}, {1, 1000, 1, 1});
  size_t twice[2] = {0, 0};
  for (const ExploreJob& job : all_jobs(plan)) twice[job.scenario] += job.twice ? 1 : 0;
  for (const size_t n : twice) {
    EXPECT_GE(n, 8u);
    EXPECT_LE(n, 50u);
  }
  SeedPlan one({Mutation::none}, {7, 1, 1, 1});
  EXPECT_TRUE(all_jobs(one).front().twice);
}

TEST(SeedPlan, WhatReachedSomethingNewIsMutatedFirst) {
  SeedPlan plan({Mutation::swarm, Mutation::nemesis, Mutation::none}, {1, 128, 1, 1});
  const auto first = plan.next_round();
  for (const ExploreJob& job : first) plan.learn(job, job.seed == 5);
  const auto second = plan.next_round();
  ASSERT_EQ(second.size(), 64u * 3 + 4);
  EXPECT_THAT(second[0].sets, ElementsAre("/swarm/seed=5"));
  EXPECT_NE(second[0].seed, 5u);
  EXPECT_EQ(second[1].seed, 5u);
  EXPECT_THAT(second[1].sets, ElementsAre("/swarm/seed=" + std::to_string(second[0].seed)));
  EXPECT_THAT(second[2].sets, ElementsAre("/nemesis/seed=5"));
  EXPECT_EQ(second[2].scenario, 1u);
  EXPECT_EQ(second[4].seed, 65u);
  // A mutant has no mutants, and what the last round teaches makes no round of its own.
  for (const ExploreJob& job : second) plan.learn(job, !job.sets.empty());
  EXPECT_THAT(plan.next_round(), IsEmpty());
}

// ---- records

SeedRecord record(const std::string& scenario, uint64_t seed, const std::string& property = "",
                  uint64_t events = 100) {
  SeedRecord r;
  r.scenario = scenario;
  r.seed = seed;
  r.verdict = property.empty() ? "pass" : "fail";
  r.trace_hash = 0xabcdef0123456789 + seed;
  r.events = events;
  if (!property.empty()) r.fingerprints.push_back({property, "chaos", "message # of user #"});
  return r;
}

TEST(SeedRecord, LineAndBack) {
  SeedRecord r = record("a \"b\"", UINT64_MAX, "no-loss");
  r.sets = {"/strategy={\"kind\":\"broadcast\"}", "/x=1"};
  r.ci = true;
  r.file = "some/a.json";
  r.text = 0x0123456789abcdef;
  r.coverage["crash"]["node/serving"] = 3;
  r.sites["self-fence"] = 7;
  const std::string line = record_line(r);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_EQ(parse_record(line, nullptr), r);
  EXPECT_EQ(record_line(*parse_record(line, nullptr)), line);
  const SeedRecord crash = record_of_end("s", 3, {}, false, "crash", "ended by signal 11 at 0x7f");
  EXPECT_EQ(parse_record(record_line(crash), nullptr), crash);
  EXPECT_FALSE(crash.passed());
}

TEST(SeedRecord, WhatIsNoLineIsSaid) {
  std::string problem;
  EXPECT_FALSE(parse_record("{\"scenario\": \"x\"}", &problem));
  EXPECT_THAT(problem, testing::HasSubstr("file"));
  EXPECT_FALSE(parse_record("{\"scen", &problem));
}

TEST(SeedRecord, MergingIsIdempotentAndSorted) {
  std::vector<SeedRecord> records{record("b", 2), record("a", 10), record("b", 1), record("a", 9)};
  std::vector<SeedRecord> again = records;
  merge_records(records);
  EXPECT_EQ(records[0].seed, 9u);
  EXPECT_EQ(records[1].seed, 10u);
  EXPECT_EQ(records[2].seed, 1u);
  again.insert(again.end(), records.begin(), records.end());
  merge_records(again);
  EXPECT_EQ(again, records);
  // Run anew: the newer line stands. Other overrides are another run.
  SeedRecord newer = record("a", 9, "order");
  SeedRecord mutant = record("a", 9);
  mutant.sets = {"/swarm/seed=3"};
  again.push_back(newer);
  again.push_back(mutant);
  merge_records(again);
  EXPECT_EQ(again.size(), 5u);
  EXPECT_EQ(again[0], newer);
  EXPECT_EQ(again[1], mutant);
  // So is a scenario of the same name that stands elsewhere.
  SeedRecord elsewhere = record("a", 9);
  elsewhere.file = "elsewhere/a.json";
  again.push_back(elsewhere);
  merge_records(again);
  EXPECT_EQ(again.size(), 6u);
}

// ---- groups

TEST(FailureGroups, ByFingerprintTheFastestFirst) {
  const std::vector<SeedRecord> records{
      record("s", 1, "order", 900),
      record("s", 2),
      record("s", 3, "no-loss", 500),
      record("s", 4, "order", 300),
      record("s", 5, "no-loss", 2000),
      record_of_end("s", 6, {}, false, "hang", "no end after 9 s"),
      record_of_end("s", 7, {}, false, "hang", "no end after 10 s")};
  const auto groups = group_failures(records);
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups[0].print.property, "order");
  EXPECT_EQ(groups[0].records[0]->seed, 4u);
  EXPECT_EQ(groups[1].print.property, "no-loss");
  EXPECT_EQ(groups[1].records[0]->seed, 3u);
  EXPECT_EQ(groups[2].print.property, "hang");  // numbers make no difference
  EXPECT_EQ(groups[2].records.size(), 2u);
}

// ---- coverage

Scenario with_faults(const std::vector<std::string>& targets) {
  Scenario s;
  s.topology.nodes = 3;
  s.topology.users = 10;
  s.workload.relocations_microhz = 0;
  for (const std::string& target : targets) {
    Fault fault;
    fault.kind = FaultKind::crash;
    fault.target.kind = target == "router" ? TargetKind::router : TargetKind::node;
    s.faults.push_back(fault);
  }
  return s;
}

TEST(Coverage, OnlyWhatIsNewIsNew) {
  Coverage coverage;
  SeedRecord r = record("s", 1);
  r.coverage["crash"]["node/serving"] = 2;
  r.sites["kicked"] = 1;
  EXPECT_TRUE(coverage.add(r));
  EXPECT_FALSE(coverage.add(r));
  r.coverage["crash"]["node/appending"] = 1;
  EXPECT_TRUE(coverage.add(r));
  r.sites["self-fence"] = 1;
  EXPECT_TRUE(coverage.add(r));
  EXPECT_EQ(coverage.hits("crash", "node"), 10u);
  EXPECT_EQ(coverage.hits("crash", "router"), 0u);
  EXPECT_EQ(coverage.sites().at("kicked"), 4u);
}

TEST(Coverage, RequiredIsWhatCanBeDrawnAndRareIsNot) {
  Requirement requirement;
  for (int i = 0; i < 100; ++i) requirement.add(with_faults({"node"}));
  requirement.add(with_faults({"node", "router"}));
  EXPECT_THAT(requirement.cells(), UnorderedElementsAre(FaultCell{"crash", "node"}));
  for (int i = 0; i < 10; ++i) requirement.add(with_faults({"router"}));
  EXPECT_EQ(requirement.cells().size(), 2u);
}

TEST(Coverage, NamesWhatIsMissing) {
  Requirement requirement;
  requirement.add(with_faults({"node", "router"}));
  Coverage coverage;
  SeedRecord r = record("s", 1);
  r.coverage["crash"]["node/serving"] = 1;
  for (const Site& site : all_sites()) r.sites[site.name] = 1;
  r.sites.erase("displaced");
  coverage.add(r);
  EXPECT_THAT(missing(requirement, coverage),
              ElementsAre("fault crash on router", "site displaced"));
}

TEST(Coverage, TheSwarmCanReachEverySite) {
  const std::string file = std::string(IMROUTE_SOURCE_DIR) + "/scenarios/swarm.json";
  Requirement requirement;
  for (int seed = 1; seed <= 150; ++seed) {
    const auto loaded = load_scenario(file, {.overrides = {"/seed=" + std::to_string(seed)}});
    ASSERT_TRUE(loaded.ok());
    requirement.add(*loaded.scenario);
  }
  // All but those of which few draws can tell.
  EXPECT_GE(requirement.sites().size() + 4, all_sites().size());
  const auto cells = requirement.cells();
  for (const char* kind : {"crash", "pause", "partition", "loss", "reset", "failover", "evict"}) {
    EXPECT_TRUE(std::any_of(cells.begin(), cells.end(), [&](const FaultCell& cell) {
      return cell.kind == kind;
    })) << kind;
  }
}

TEST(Sites, NamesAreUniqueAndCountersCounted) {
  std::set<std::string> names;
  for (const Site& site : all_sites()) names.insert(site.name);
  EXPECT_EQ(names.size(), all_sites().size());
  Counters counters;
  EXPECT_THAT(sites_hit(counters), IsEmpty());
  counters.fences = 2;
  EXPECT_THAT(sites_hit(counters),
              ElementsAre(std::pair<const std::string, uint64_t>("self-fence", 2)));
}

}  // namespace
}  // namespace imroute
