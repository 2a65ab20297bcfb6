#include "harness/workload/workload.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>
#include <set>

#include "core/base/hash.h"
#include "harness/workload/fixed_math.h"
#include "harness/workload/message.h"

namespace imroute {
namespace {

Scenario chat(uint64_t users, double seconds) {
  Scenario s;
  s.topology.nodes = 2;
  s.topology.users = users;
  s.duration_ns = static_cast<int64_t>(seconds * 1e9);
  s.warmup_ns = kSecond;
  s.workload.reply_share_ppm = 0;
  return s;
}

std::vector<Action> all(Workload& w) {
  std::vector<Action> actions;
  while (w.next_at() != kNever) {
    const int64_t at = w.next_at();
    actions.push_back(w.take());
    EXPECT_EQ(actions.back().at_ns, at);
  }
  return actions;
}

Entry entry_of(const Action& a) {
  Entry e;
  e.conversation = a.command.conversation;
  e.sender = a.device.user;
  e.sender_device = a.device.device;
  e.payload = a.command.payload;
  return e;
}

TEST(FixedMath, LogarithmAndPower) {
  EXPECT_EQ(log2_q32(1), 0u);
  EXPECT_EQ(log2_q32(8), uint64_t{3} << 32);
  for (uint64_t x : {3ull, 10ull, 1'000'003ull, ~0ull}) {
    EXPECT_NEAR(static_cast<double>(log2_q32(x)) / 4294967296.0, std::log2(x), 1e-8);
  }
  for (double e : {0.0, 0.5, 1.0, 3.25, 17.7}) {
    const auto q = static_cast<uint64_t>(e * 4294967296.0);
    EXPECT_NEAR(static_cast<double>(exp2_neg_q32(q)) / 4294967296.0, std::exp2(-e), 1e-9);
  }
}

TEST(FixedMath, ExponentialHasItsMeanAndTail) {
  Rng rng(5);
  double sum = 0;
  int above = 0;
  constexpr int kDraws = 200'000;
  for (int i = 0; i < kDraws; ++i) {
    const double e = static_cast<double>(exponential_q32(rng)) / 4294967296.0;
    sum += e;
    above += e > 2 ? 1 : 0;
  }
  EXPECT_NEAR(sum / kDraws, 1.0, 0.01);
  EXPECT_NEAR(above / double{kDraws}, std::exp(-2), 0.005);
}

TEST(FixedMath, QuantilesArePiecewiseLinear) {
  Quantiles q{0, 100, 200, 1000, 2000, true};
  Rng rng(1);
  int below_50 = 0, below_200 = 0, above_1000 = 0;
  for (int i = 0; i < 100'000; ++i) {
    const int64_t v = draw(q, rng);
    ASSERT_GE(v, 0);
    ASSERT_LE(v, 2000);
    below_50 += v < 50;
    below_200 += v < 200;
    above_1000 += v > 1000;
  }
  EXPECT_NEAR(below_50, 25'000, 700);
  EXPECT_NEAR(below_200, 90'000, 500);
  EXPECT_NEAR(above_1000, 1'000, 200);
}

TEST(FixedMath, ZipfFavoursTheFirst) {
  ZipfTable zipf(1000, 1'000'000);
  Rng rng(1);
  std::map<uint64_t, int> hits;
  for (int i = 0; i < 100'000; ++i) ++hits[zipf.rank(rng)];
  EXPECT_NEAR(hits[0] / double(hits[9]), 10, 2);  // 1/1 against 1/10
}

TEST(Workload, RateIsPoissonAndTimesRise) {
  BlobPool pool;
  Scenario s = chat(1000, 50);
  Workload w(s, 1, pool);
  const std::vector<Action> actions = all(w);
  EXPECT_NEAR(static_cast<double>(actions.size()), 10'000, 400);
  int64_t last = 0;
  std::set<uint64_t> tags;
  for (const Action& a : actions) {
    EXPECT_GE(a.at_ns, last);
    EXPECT_LT(a.at_ns, s.duration_ns);
    last = a.at_ns;
    EXPECT_EQ(payload_tag(a.command.payload), a.command.tag);
    EXPECT_GE(a.command.payload.size(), 60u);
    EXPECT_TRUE(tags.insert(a.command.tag).second);
    EXPECT_TRUE(a.command.conversation.has_party(a.device.user));
  }
  EXPECT_EQ(*tags.begin(), 1u);
  EXPECT_EQ(*tags.rbegin(), tags.size());
}

TEST(Workload, EveryUserHasTheSameNumberOfContacts) {
  BlobPool pool;
  Scenario s = chat(100, 600);
  s.workload.contacts_per_user = 5;
  Workload w(s, 1, pool);
  std::map<UserId, std::set<UserId>> to, from;
  for (const Action& a : all(w)) {
    const UserId other = a.command.conversation.other(a.device.user);
    EXPECT_NE(other, a.device.user);
    to[a.device.user].insert(other);
    from[other].insert(a.device.user);
  }
  for (auto& [user, contacts] : to) EXPECT_EQ(contacts.size(), 5u);
  for (auto& [user, contacts] : from) EXPECT_EQ(contacts.size(), 5u);
}

TEST(Workload, SendersOnlyWriteToTheOthersEvenly) {
  BlobPool pool;
  Scenario s = chat(40, 2000);
  s.workload.senders = 20;
  s.workload.contacts_per_user = 4;
  s.workload.relocations_microhz = 100'000;
  s.workload.relocate_recipients_only = true;
  Workload w(s, 1, pool);
  std::map<UserId, std::set<UserId>> from;
  for (const Action& a : all(w)) {
    if (a.command.kind == CommandKind::relocate) {
      EXPECT_GE(a.device.user.value, 20u);
      continue;
    }
    EXPECT_LT(a.device.user.value, 20u);
    from[a.command.conversation.other(a.device.user)].insert(a.device.user);
  }
  EXPECT_EQ(from.size(), 20u);
  for (auto& [user, senders] : from) EXPECT_EQ(senders.size(), 4u);
}

TEST(Workload, SkewMakesAHotUser) {
  BlobPool pool;
  Scenario s = chat(1000, 50);
  s.workload.contact_skew_ppm = 1'000'000;
  Workload w(s, 1, pool);
  std::map<UserId, int> heard;
  for (const Action& a : all(w)) ++heard[a.command.conversation.other(a.device.user)];
  EXPECT_GT(heard[UserId{0}], 500);
  EXPECT_LT(heard[UserId{500}], 50);
}

TEST(Workload, AnswersDoNotDependOnTheOrderOfShowing) {
  BlobPool pool;
  Scenario s = chat(50, 20);
  s.workload.reply_share_ppm = 500'000;
  const auto run = [&](bool backwards) {
    Workload w(s, 9, pool);
    std::vector<Entry> shown;
    std::map<uint64_t, uint64_t> answers;
    std::vector<Action> base;
    for (int i = 0; i < 40; ++i) base.push_back(w.take());
    if (backwards) std::reverse(base.begin(), base.end());
    for (const Action& a : base) {
      const DeviceKey to{a.command.conversation.other(a.device.user), 0};
      w.on_shown(10 * kSecond, to, entry_of(a));
      w.on_shown(10 * kSecond, to, entry_of(a));  // twice: one answer
    }
    while (w.next_at() != kNever) {
      const Action a = w.take();
      if (a.answers_tag != 0) answers[a.command.tag] = a.answers_tag;
    }
    return answers;
  };
  const auto forward = run(false);
  EXPECT_NEAR(static_cast<double>(forward.size()), 20, 12);
  EXPECT_EQ(forward, run(true));
  for (auto [tag, answered] : forward) EXPECT_EQ(tag, answered + (uint64_t{1} << 40));
}

TEST(Workload, AnswersDoNotDisturbTheRest) {
  BlobPool pool;
  Scenario s = chat(50, 30);
  s.workload.offline_share_ppm = 100'000;
  s.workload.offline_away_ns = 3 * kSecond;
  const auto run = [&](bool answer) {
    s.workload.reply_share_ppm = answer ? 300'000 : 0;
    Workload w(s, 9, pool);
    std::vector<std::pair<int64_t, uint64_t>> base;
    while (w.next_at() != kNever) {
      const Action a = w.take();
      if (a.answers_tag == 0) base.push_back({a.at_ns, mix64(a.device.user.value, a.command.tag)});
      if (answer && a.command.kind == CommandKind::send) {
        w.on_shown(a.at_ns, {a.command.conversation.other(a.device.user), 0}, entry_of(a));
      }
    }
    return base;
  };
  EXPECT_EQ(run(false), run(true));
}

TEST(Workload, ShareOfUsersIsAwayAndComesBack) {
  BlobPool pool;
  Scenario s = chat(1000, 60);
  s.workload.offline_share_ppm = 200'000;
  s.workload.offline_away_ns = 10 * kSecond;
  Workload w(s, 3, pool);
  std::set<UserId> away;
  double sum = 0;
  int samples = 0;
  for (const Action& a : all(w)) {
    if (a.command.kind == CommandKind::stop) {
      EXPECT_TRUE(away.insert(a.device.user).second);
    } else if (a.command.kind == CommandKind::start) {
      EXPECT_EQ(away.erase(a.device.user), 1u);
    } else {
      EXPECT_FALSE(away.contains(a.device.user));
      if (a.at_ns > 20 * kSecond) sum += static_cast<double>(away.size()), ++samples;
    }
  }
  EXPECT_NEAR(sum / samples, 200, 40);
}

TEST(Workload, GroupsAreJoinedLeftAndWrittenTo) {
  BlobPool pool;
  Scenario s = chat(100, 100);
  s.topology.group_count = 5;
  s.topology.group_size = 10;
  s.workload.group_share_ppm = 500'000;
  s.workload.group_changes_microhz = 200'000;
  Workload w(s, 3, pool);
  std::vector<std::set<UserId>> members;
  for (const auto& g : w.groups()) {
    members.emplace_back(g.begin(), g.end());
    EXPECT_EQ(members.back().size(), 10u);
  }
  int joins = 0, leaves = 0, messages = 0;
  for (const Action& a : all(w)) {
    if (!a.command.conversation.is_group()) continue;
    auto& g = members[a.command.conversation.lo];
    if (a.command.kind == CommandKind::join) {
      ++joins;
      EXPECT_TRUE(g.insert(a.device.user).second);
    } else if (a.command.kind == CommandKind::leave) {
      ++leaves;
      EXPECT_EQ(g.erase(a.device.user), 1u);
    } else {
      ++messages;
      EXPECT_TRUE(g.contains(a.device.user));
    }
  }
  EXPECT_GT(joins, 20);
  EXPECT_GT(leaves, 20);
  EXPECT_GT(messages, 100);
}

TEST(Workload, BurstMultipliesTheRateOfSomeUsers) {
  BlobPool pool;
  Scenario s = chat(1000, 60);
  Workload w(s, 3, pool);
  w.burst(20 * kSecond, 40 * kSecond, 500'000, 9);
  int before = 0, during = 0, after = 0;
  for (const Action& a : all(w)) {
    (a.at_ns < 20 * kSecond ? before : a.at_ns < 40 * kSecond ? during : after) += 1;
  }
  EXPECT_NEAR(before, 4000, 300);
  EXPECT_NEAR(during, 20'000, 1500);
  EXPECT_NEAR(after, 4000, 300);
}

TEST(Workload, ScriptAndLimit) {
  BlobPool pool;
  Scenario s = chat(10, 1000);
  s.workload.messages.push_back({.at_ns = 6 * kSecond, .from = 3, .to = 9, .group = {}});
  s.workload.message_limit = 100;
  Workload w(s, 3, pool);
  int scripted = 0;
  const std::vector<Action> actions = all(w);
  for (const Action& a : actions) {
    scripted += a.at_ns == 6 * kSecond && a.device.user == UserId{3} &&
                a.command.conversation == ConversationId::direct(UserId{3}, UserId{9});
  }
  EXPECT_EQ(scripted, 1);
  EXPECT_EQ(actions.size(), 100u);
}

TEST(Workload, BodyFollowsFromTheNumber) {
  BlobPool pool;
  const Payload a = make_body(pool, 77, 100), b = make_body(pool, 77, 100),
                c = make_body(pool, 78, 100);
  EXPECT_EQ(a, b);
  EXPECT_FALSE(a == c);
  EXPECT_EQ(payload_tag(a), 77u);
  EXPECT_EQ(make_body(pool, 1, 2).size(), 8u);
  EXPECT_NE(reply_tag(5, UserId{1}, true), reply_tag(5, UserId{2}, true));
}

}  // namespace
}  // namespace imroute
