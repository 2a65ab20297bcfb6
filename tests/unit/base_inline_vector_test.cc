#include "core/base/inline_vector.h"

#include <gtest/gtest.h>

#include <vector>

namespace imroute {
namespace {

using Three = InlineVector<int, 3>;

Three make(std::vector<int> items) {
  Three v;
  for (const int i : items) v.push_back(i);
  return v;
}

TEST(InlineVector, FullSaysNo) {
  Three v = make({1, 2, 3});
  EXPECT_TRUE(v.full());
  EXPECT_FALSE(v.push_back(4));
  EXPECT_EQ(v, make({1, 2, 3}));
  EXPECT_TRUE(v.insert(2));  // there already
  EXPECT_FALSE(v.insert(4));
}

TEST(InlineVector, RemovesByMovingTheLast) {
  Three v = make({1, 2, 3});
  v.remove_at(0);
  EXPECT_EQ(v, make({3, 2}));
  EXPECT_TRUE(v.erase(2));
  EXPECT_FALSE(v.erase(2));
  EXPECT_EQ(v, make({3}));
  v.remove_at(0);
  EXPECT_TRUE(v.empty());
}

TEST(InlineVector, ComparesOnlyWhatIsInUse) {
  Three a = make({1, 2});
  Three b = make({1, 9});
  b.erase(9);
  b.push_back(2);
  EXPECT_EQ(a, b);
  a.remove_at(1);
  EXPECT_FALSE(a == b);
  int sum = 0;
  for (const int i : b) sum += i;
  EXPECT_EQ(sum, 3);
}

TEST(InlineVectorDeathTest, PastTheEnd) {
  Three v = make({1});
  EXPECT_DEATH(v[1] = 0, "");
  EXPECT_DEATH(v.remove_at(1), "");
}

}  // namespace
}  // namespace imroute
