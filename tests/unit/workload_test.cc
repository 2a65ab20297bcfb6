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
  ScriptedMessage message;
  message.at_ns = 6 * kSecond;
  message.from = 3;
  message.to = 9;
  s.workload.messages.push_back(message);
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

Scenario silent(uint64_t users, double seconds) {
  Scenario s = chat(users, seconds);
  s.workload.rate_microhz = 0;
  s.workload.contacts_per_user = 3;
  return s;
}

TEST(Workload, AScriptedAnswerWaitsForItsTimeAndItsQuestion) {
  BlobPool pool;
  Scenario s = silent(10, 60);
  const auto message = [&](int64_t at, uint64_t from, uint64_t to,
                           std::optional<uint32_t> answers) {
    ScriptedMessage m;
    m.at_ns = at * kSecond;
    m.from = from;
    m.to = to;
    m.bytes = 40;
    m.answers = answers;
    s.workload.messages.push_back(m);
  };
  message(10, 1, 2, {});
  message(12, 2, 1, 0);  // shown at 11 s: sent at its time
  message(12, 1, 2, {});
  message(13, 2, 1, 2);  // shown at 20 s: sent then
  message(14, 2, 1, 0);  // a second answer to the same message
  message(15, 3, 1, {});
  message(16, 1, 3, 5);  // never shown: never sent
  Workload w(s, 3, pool);
  const Action question = w.take();
  EXPECT_EQ(question.command.tag, 1u);
  EXPECT_EQ(question.command.payload.size(), 40u);
  w.on_shown(11 * kSecond, {UserId{1}, 0}, entry_of(question));  // on another device: no answer
  EXPECT_EQ(w.next_at(), 12 * kSecond);
  w.on_shown(11 * kSecond, {UserId{2}, 0}, entry_of(question));
  w.on_shown(11 * kSecond, {UserId{2}, 0}, entry_of(question));  // shown twice, answered once
  std::vector<Action> rest;
  for (int i = 0; i < 4; ++i) rest.push_back(w.take());
  std::map<uint64_t, std::pair<int64_t, uint64_t>> sent;  // tag -> when, what it answers
  for (const Action& a : rest) sent[a.command.tag] = {a.at_ns / kSecond, a.answers_tag};
  using Sent [[maybe_unused]] = std::pair<int64_t, uint64_t>;
  EXPECT_EQ(sent[2], Sent(12, 1));
  EXPECT_EQ(sent[3], Sent(12, 0));
  EXPECT_EQ(sent[5], Sent(14, 1));
  EXPECT_EQ(sent[6], Sent(15, 0));
  EXPECT_EQ(w.next_at(), kNever);
  for (const Action& a : rest) {
    if (a.command.tag == 3) w.on_shown(20 * kSecond, {UserId{2}, 0}, entry_of(a));
  }
  ASSERT_EQ(w.next_at(), 20 * kSecond);
  EXPECT_EQ(w.take().command.tag, 4u);
  EXPECT_EQ(w.next_at(), kNever);
}

TEST(Workload, ScriptedActionsThatMakeSense) {
  BlobPool pool;
  Scenario s = silent(6, 60);
  s.topology.group_members = {{3, 1, 0}};
  s.topology.group_count = 1;
  s.topology.group_size = 3;
  const auto act = [&](int64_t at, ActionKind kind, uint64_t user,
                       std::optional<uint32_t> group = {}) {
    ScriptedAction a;
    a.at_ns = at * kSecond;
    a.kind = kind;
    a.user = user;
    a.for_ns = 5 * kSecond;
    a.group = group;
    s.workload.actions.push_back(a);
  };
  act(10, ActionKind::offline, 2);
  act(11, ActionKind::relocate, 2);  // is away
  act(12, ActionKind::join, 1, 0);   // is a member
  act(16, ActionKind::relocate, 2);
  act(17, ActionKind::join, 5, 0);
  act(18, ActionKind::leave, 0, 0);
  act(19, ActionKind::leave, 3, 0);
  act(20, ActionKind::leave, 1, 0);  // two must stay
  Workload w(s, 3, pool);
  EXPECT_EQ(w.groups(), (std::vector<std::vector<UserId>>{{UserId{0}, UserId{1}, UserId{3}}}));
  std::vector<std::pair<int64_t, CommandKind>> seen;
  for (const Action& a : all(w)) seen.emplace_back(a.at_ns / kSecond, a.command.kind);
  using K = CommandKind;
  EXPECT_EQ(seen, (std::vector<std::pair<int64_t, K>>{{10, K::stop},
                                                      {15, K::start},
                                                      {16, K::relocate},
                                                      {17, K::join},
                                                      {18, K::leave},
                                                      {19, K::leave}}));
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
