// The learned cache alone: what is remembered, for how long, and what gives way when it is full.
#include "core/session/route_cache.h"

#include <gtest/gtest.h>

namespace imroute {
namespace {

const UserId kAnn{1}, kBob{2}, kCy{3};
constexpr DurationNs kTtl = 5 * kSecond, kNegativeTtl = 200 * kMillisecond;
constexpr MonoTime kNow = 100 * kSecond;
constexpr uint64_t kSalt = 9;

NodeSet nodes(std::initializer_list<uint32_t> values) {
  NodeSet set;
  for (const uint32_t value : values) set.insert(NodeId{value});
  return set;
}

RouteCache cache(uint32_t entries = 16, DurationNs ttl_ns = kTtl) {
  return RouteCache(entries, ttl_ns, kNegativeTtl, kSalt);
}

// What it says of the user, an empty set when it says nothing.
NodeSet found(RouteCache& cache, UserId user, MonoTime now = kNow) {
  const NodeSet* set = cache.find(user, now);
  return set == nullptr ? NodeSet{} : *set;
}

TEST(RouteCache, RemembersAllNodesOfAUser) {
  RouteCache c = cache();
  EXPECT_EQ(c.find(kAnn, kNow), nullptr);
  c.learn(kAnn, nodes({3, 5}), 1, kNow);
  EXPECT_EQ(found(c, kAnn), nodes({3, 5}));
  EXPECT_EQ(c.find(kBob, kNow), nullptr);
  c.drop(kAnn);
  EXPECT_EQ(c.find(kAnn, kNow), nullptr);
  EXPECT_EQ(c.size(), 0u);
}

TEST(RouteCache, AnOlderVersionTeachesNothing) {
  RouteCache c = cache();
  c.learn(kAnn, nodes({3}), 7, kNow);
  c.learn(kAnn, nodes({4}), 6, kNow);
  EXPECT_EQ(found(c, kAnn), nodes({3}));
  c.learn(kAnn, nodes({4}), 7, kNow);
  EXPECT_EQ(found(c, kAnn), nodes({4}));
  // Once it has aged the version held is no reason any more.
  c.learn(kAnn, nodes({5}), 1, kNow + kTtl);
  EXPECT_EQ(found(c, kAnn, kNow + kTtl), nodes({5}));
}

TEST(RouteCache, AgesFromWhatWasLearntLast) {
  RouteCache c = cache();
  c.learn(kAnn, nodes({3}), 1, kNow);
  EXPECT_NE(c.find(kAnn, kNow + kTtl - 1), nullptr) << "and looking does not prolong it";
  c.learn(kBob, nodes({3}), 1, kNow + 1);
  EXPECT_EQ(c.find(kAnn, kNow + kTtl), nullptr);
  EXPECT_NE(c.find(kBob, kNow + kTtl), nullptr);
  EXPECT_EQ(c.size(), 1u);
  c.learn(kBob, nodes({3}), 1, kNow + kSecond);
  EXPECT_NE(c.find(kBob, kNow + kTtl + 1), nullptr);
  EXPECT_EQ(c.find(kBob, kNow + kTtl + kSecond), nullptr);
}

TEST(RouteCache, WithoutATimeToLiveNothingAges) {
  RouteCache c = cache(16, 0);
  c.learn(kAnn, nodes({3}), 1, kNow);
  EXPECT_NE(c.find(kAnn, kNow + 1'000'000 * kSecond), nullptr);
}

TEST(RouteCache, OfflineIsBelievedForAMoment) {
  RouteCache c = cache();
  c.learn(kAnn, nodes({3}), 7, kNow);
  EXPECT_FALSE(c.known_offline(kAnn, kNow));
  c.learn(kAnn, {}, 8, kNow);  // nobody has the user
  EXPECT_TRUE(c.known_offline(kAnn, kNow + kNegativeTtl - 1));
  EXPECT_EQ(c.find(kAnn, kNow), nullptr);
  EXPECT_FALSE(c.known_offline(kAnn, kNow + kNegativeTtl));
  c.learn_offline(kAnn, kNow);
  c.learn(kAnn, nodes({4}), 1, kNow);  // a login, whatever its version
  EXPECT_FALSE(c.known_offline(kAnn, kNow));
  EXPECT_EQ(found(c, kAnn), nodes({4}));
  // However long it is configured.
  RouteCache stubborn(16, kTtl, 3600 * kSecond, kSalt);
  stubborn.learn_offline(kAnn, kNow);
  EXPECT_TRUE(stubborn.known_offline(kAnn, kNow + kSecond - 1));
  EXPECT_FALSE(stubborn.known_offline(kAnn, kNow + kSecond));
}

TEST(RouteCache, FullTheLeastRecentlyUsedGivesWay) {
  RouteCache c = cache(2);
  c.learn(kAnn, nodes({3}), 1, kNow);
  c.learn(kBob, nodes({4}), 1, kNow);
  c.find(kAnn, kNow);
  c.learn(kCy, nodes({5}), 1, kNow);
  EXPECT_EQ(c.find(kBob, kNow), nullptr);
  EXPECT_EQ(found(c, kAnn), nodes({3}));
  EXPECT_EQ(found(c, kCy), nodes({5}));
  c.learn(kAnn, nodes({6}), 2, kNow);  // one that is known takes no room of another
  EXPECT_NE(c.find(kCy, kNow), nullptr);
  EXPECT_EQ(c.size(), 2u);
  EXPECT_EQ(c.size_max(), 2u);
  c.learn(kBob, nodes({4}), 1, kNow);
  EXPECT_EQ(c.find(kAnn, kNow), nullptr) << "learnt, then Cy was looked at";
}

TEST(RouteCache, WithoutRoomNothingIsRemembered) {
  RouteCache c = cache(0);
  c.learn(kAnn, nodes({3}), 1, kNow);
  c.learn_offline(kBob, kNow);
  EXPECT_EQ(c.find(kAnn, kNow), nullptr);
  EXPECT_FALSE(c.known_offline(kBob, kNow));
  EXPECT_EQ(c.size(), 0u);
}

TEST(RouteCache, OneNodeOfSeveralIsForgotten) {
  RouteCache c = cache();
  c.learn(kAnn, nodes({3, 5}), 1, kNow);
  c.drop_node(kAnn, NodeId{4});
  c.drop_node(kBob, NodeId{3});
  EXPECT_EQ(found(c, kAnn), nodes({3, 5}));
  c.drop_node(kAnn, NodeId{3});
  EXPECT_EQ(found(c, kAnn), nodes({5}));
  c.drop_node(kAnn, NodeId{5});
  EXPECT_EQ(c.find(kAnn, kNow), nullptr);
  EXPECT_FALSE(c.known_offline(kAnn, kNow)) << "not there is not nowhere";
}

TEST(RouteCache, CoveredIsWhatWasKnownAllTheTime) {
  RouteCache c = cache();
  EXPECT_FALSE(c.covered(kAnn, nodes({3}), kNow));
  c.learn(kAnn, nodes({3, 5}), 1, kNow);
  EXPECT_TRUE(c.covered(kAnn, nodes({3, 5}), kNow));
  EXPECT_TRUE(c.covered(kAnn, nodes({5}), kNow));
  EXPECT_FALSE(c.covered(kAnn, nodes({3, 4}), kNow));
  EXPECT_FALSE(c.covered(kAnn, nodes({3}), kNow - 1)) << "learnt after";
  c.learn(kAnn, nodes({3, 5}), 2, kNow + 10);  // nothing new
  EXPECT_TRUE(c.covered(kAnn, nodes({3}), kNow));
  c.learn(kAnn, nodes({3}), 3, kNow + 20);
  EXPECT_FALSE(c.covered(kAnn, nodes({3}), kNow + 19));
  EXPECT_TRUE(c.covered(kAnn, nodes({3}), kNow + 20));
}

}  // namespace
}  // namespace imroute
