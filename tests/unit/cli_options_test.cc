#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/options.h"

namespace imroute {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

ParsedCommandLine parse(std::vector<std::string> arguments) {
  return parse_command_line(arguments);
}

TEST(CommandLine, RunTakesItsOptions) {
  const auto parsed = parse({"run", "x.json", "--seed", "9", "--set", "/a=1", "--set", "/b/c=two",
                             "--json", "--until", "12s", "--out", "o", "--trace"});
  ASSERT_FALSE(parsed.exit_code) << parsed.text;
  const Options& o = parsed.options;
  EXPECT_EQ(o.command, "run");
  EXPECT_THAT(o.scenarios, ElementsAre("x.json"));
  EXPECT_EQ(o.seed, 9u);
  EXPECT_THAT(o.sets, ElementsAre("/a=1", "/b/c=two"));
  EXPECT_TRUE(o.json);
  EXPECT_TRUE(o.trace);
  EXPECT_EQ(o.until_ns, 12 * kSecond);
  EXPECT_EQ(o.out, "o");
}

TEST(CommandLine, ExploreTakesItsOptions) {
  const auto parsed = parse({"explore", "a.json", "b", "--seeds", "9", "--from", "3", "--shard",
                             "2/8", "--budget", "90s", "--require-coverage", "--jobs", "1"});
  ASSERT_FALSE(parsed.exit_code) << parsed.text;
  const Options& o = parsed.options;
  EXPECT_THAT(o.scenarios, ElementsAre("a.json", "b"));
  EXPECT_EQ(o.explore_seeds, 9u);
  EXPECT_EQ(o.from, 3u);
  EXPECT_EQ(o.shard, 2u);
  EXPECT_EQ(o.shards, 8u);
  EXPECT_EQ(o.budget_ns, 90 * kSecond);
  EXPECT_TRUE(o.require_coverage);
  EXPECT_EQ(parse({"explore", "a.json"}).options.explore_seeds, 100u);
  EXPECT_EQ(parse({"explore", "a.json", "--budget", "1m"}).options.explore_seeds, std::nullopt);
}

TEST(CommandLine, CompareTakesListsAndSeveralFiles) {
  const auto parsed = parse({"compare", "--strategies", "a:b:c,d@e", "x.json", "y.json",
                             "--balancers", "random", "--seeds", "3", "--jobs", "2"});
  ASSERT_FALSE(parsed.exit_code) << parsed.text;
  EXPECT_THAT(parsed.options.scenarios, ElementsAre("x.json", "y.json"));
  EXPECT_THAT(parsed.options.strategies, ElementsAre("a:b:c", "d@e"));
  EXPECT_THAT(parsed.options.balancers, ElementsAre("random"));
  EXPECT_EQ(parsed.options.seeds, 3u);
  EXPECT_EQ(parsed.options.jobs, 2u);
}

struct BadLine {
  std::vector<std::string> arguments;
  const char* says;
};

class BadCommandLine : public testing::TestWithParam<BadLine> {};

TEST_P(BadCommandLine, IsExitCodeTwoAndOneClearSentence) {
  const auto parsed = parse(GetParam().arguments);
  EXPECT_EQ(parsed.exit_code, kExitUsage);
  EXPECT_THAT(parsed.text, HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadCommandLine,
    testing::Values(BadLine{{"compere", "x"}, "Did you mean compare?"},
                    BadLine{{"qqqqqq"}, "There is no command \"qqqqqq\"."},
                    BadLine{{"run"}, "SCENARIO is required"},
                    BadLine{{"run", "x", "--sede", "1"},
                            "There is no option --sede here. Did you mean --seed?"},
                    BadLine{{"run", "x", "y"}, "Too many arguments"},
                    BadLine{{"run", "x", "--seed", "-1"}, "--seed"},
                    BadLine{{"run", "x", "--seed", "seven"}, "whole number"},
                    BadLine{{"run", "x", "--seed"}, "--seed"},
                    BadLine{{"run", "x", "--until", "12"}, "--until"},
                    BadLine{{"run", "x", "--trace"}, "--out"},
                    BadLine{{"run", "x", "--plant", "dedup_off"}, "no option --plant here"},
                    BadLine{{"run", "x", "--set", "a=1"}, "/json/pointer=VALUE"},
                    BadLine{{"run", "x", "--set", "/a"}, "/json/pointer=VALUE"},
                    BadLine{{"run", "x", "--world", "cluster"}, "not in this version"},
                    BadLine{{"compare", "x", "--worlds", "sim,cluster"}, "not in this version"},
                    BadLine{{"run", "x", "--world", "moon"}, "moon"},
                    BadLine{{"compare", "x", "--seeds", "0"}, "from 1"},
                    BadLine{{"list", "strategys"}, "Did you mean strategies?"},
                    BadLine{{"list"}, "WHAT is required"},
                    BadLine{{"completions", "csh"}, "bash, zsh or fish"},
                    BadLine{{"help", "rum"}, "Did you mean run?"},
                    BadLine{{"run", ""}, "SCENARIO is empty"},
                    BadLine{{"shrink", ""}, "SCENARIO is empty"},
                    BadLine{{"compare", "x", ""}, "SCENARIO is empty"},
                    BadLine{{"explore", "x", "--seeds", ""}, "--seeds is empty"},
                    BadLine{{"explore", "x", "--shard", ""}, "--shard is empty"},
                    BadLine{{"run", "x", "--seed", ""}, "--seed is empty"},
                    BadLine{{"run", "x", "--seed="}, "--seed"},
                    BadLine{{"run", "x", "--until", ""}, "--until is empty"},
                    BadLine{{"run", "x", "--out", ""}, "--out is empty"},
                    BadLine{{"run", "x", "-y"}, "no option -y here"},
                    BadLine{{"explore", "x", "--from", "18446744073709551614", "--seeds", "5"},
                            "beyond the last seed"},
                    BadLine{{"walk", "x"}, "no command"}, BadLine{{"--json"}, "no option"}));

TEST(CommandLine, HelpAndVersionAreNoMistakes) {
  EXPECT_EQ(parse({"--version"}).exit_code, 0);
  EXPECT_THAT(parse({"--version"}).text, HasSubstr("imroute 0."));
  EXPECT_THAT(parse({"--help"}).text, HasSubstr("compare"));
  EXPECT_THAT(parse({"help"}).text, HasSubstr("Exit codes"));
  EXPECT_EQ(parse({"help", "run"}).exit_code, 0);
  EXPECT_THAT(parse({"help", "run"}).text, HasSubstr("--until"));
  EXPECT_EQ(parse({"run", "--help"}).exit_code, 0);
  EXPECT_EQ(parse({}).exit_code, kExitUsage);
}

TEST(CommandLine, Shrink) {
  const auto parsed = parse({"shrink", "a.json", "--seed", "9", "--fingerprint", "no-loss",
                             "--jobs", "2", "--budget", "2m", "--seed-limit", "5s", "--set",
                             "/topology/nodes=3", "--out", "b.json"});
  ASSERT_FALSE(parsed.exit_code) << parsed.text;
  const Options& o = parsed.options;
  EXPECT_EQ(o.scenarios, std::vector<std::string>{"a.json"});
  EXPECT_EQ(o.seed, 9u);
  EXPECT_EQ(o.fingerprint, "no-loss");
  EXPECT_EQ(o.jobs, 2u);
  EXPECT_EQ(o.budget_ns, 120 * kSecond);
  EXPECT_EQ(o.seed_limit_ns, 5 * kSecond);
  EXPECT_EQ(o.out, "b.json");
  EXPECT_THAT(parse({"shrink", "a.json", "--budget", "soon"}).text, HasSubstr("--budget"));
  EXPECT_EQ(parse({"shrink"}).exit_code, kExitUsage);
}

TEST(CommandLine, CommandsOfLaterReleasesAreNotListed) {
  const std::string help = parse({"help"}).text;
  for (const char* later : {"bench"}) {
    EXPECT_EQ(help.find(later), std::string::npos) << later;
  }
}

}  // namespace
}  // namespace imroute
