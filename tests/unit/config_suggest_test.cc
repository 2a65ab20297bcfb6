#include "config/suggest.h"

#include <gtest/gtest.h>

#include <vector>

namespace imroute {
namespace {

TEST(Suggest, EditDistance) {
  EXPECT_EQ(edit_distance("", "", 3), 0u);
  EXPECT_EQ(edit_distance("abc", "abc", 3), 0u);
  EXPECT_EQ(edit_distance("abc", "acb", 3), 1u);  // neighbours swapped
  EXPECT_EQ(edit_distance("kitten", "sitting", 5), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting", 2), 3u);  // over the limit
  EXPECT_EQ(edit_distance("", "abcdef", 2), 3u);
}

TEST(Suggest, NearestIsATypoAway) {
  const std::vector<std::string_view> words{"duration", "delivery", "round_robin", "s", "ms"};
  EXPECT_EQ(nearest("durration", words), "duration");
  EXPECT_EQ(nearest("Delivery", words), "delivery");
  EXPECT_EQ(nearest("round-robin", words), "round_robin");
  EXPECT_EQ(nearest("robin", words), "round_robin");
  EXPECT_EQ(nearest("topology", words), "");
  EXPECT_EQ(nearest("x", words), "");
  EXPECT_EQ(nearest("", words), "");
  EXPECT_EQ(nearest(std::string(10'000'000, 'x'), words), "");
}

}  // namespace
}  // namespace imroute
