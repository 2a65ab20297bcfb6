#include "core/base/flat_map.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <memory>
#include <vector>

namespace imroute {
namespace {

// Few homes: long runs that wrap around the end of the table.
struct CrowdedHash {
  uint64_t operator()(uint64_t v, uint64_t) const { return v % 3 == 0 ? 7 : v % 5; }
};

// Against std::map, through growth, clusters and backward-shift deletion.
template <class Hash>
void same_as_map() {
  FlatMap<uint64_t, uint64_t, Hash> map;
  std::map<uint64_t, uint64_t> model;
  const auto steps = *rc::gen::container<std::vector<std::pair<int, uint64_t>>>(
      rc::gen::pair(rc::gen::inRange(0, 5), rc::gen::inRange<uint64_t>(0, 40)));
  for (const auto& [action, key] : steps) {
    if (action < 3) {
      uint64_t* value = map.insert(key);
      RC_ASSERT(value != nullptr);
      RC_ASSERT(*value == model[key]);
      model[key] = *value = key * 10 + static_cast<uint64_t>(action);
    } else {
      RC_ASSERT(map.erase(key) == (model.erase(key) == 1));
    }
    RC_ASSERT(map.size() == model.size());
    for (uint64_t k = 0; k < 40; ++k) {
      const uint64_t* found = map.find(k);
      const auto want = model.find(k);
      RC_ASSERT((found != nullptr) == (want != model.end()));
      if (found != nullptr) RC_ASSERT(*found == want->second);
    }
  }
  std::map<uint64_t, uint64_t> seen;
  map.for_each([&seen](uint64_t key, uint64_t value) { seen.emplace(key, value); });
  RC_ASSERT(seen == model);
}

RC_GTEST_PROP(FlatMap, BehavesAsAMap, ()) { same_as_map<IdHash>(); }
RC_GTEST_PROP(FlatMap, BehavesAsAMapWhenHashesCollide, ()) { same_as_map<CrowdedHash>(); }

// What keys collide is nobody's to know who does not know the salt.
TEST(FlatMap, TheSaltDecidesWhichKeysShareASlot) {
  const auto in_order = [](uint64_t salt) {
    FlatMap<ConversationId, int> map(100, salt);
    for (uint64_t k = 0; k < 40; ++k) *map.insert({k, k * k}) = 1;
    std::vector<uint64_t> keys;
    map.for_each([&](const ConversationId& id, int) { keys.push_back(id.hi); });
    return keys;
  };
  EXPECT_EQ(in_order(1), in_order(1));
  EXPECT_NE(in_order(1), in_order(2));
  // Two conversations that one who knows the hash can make collide, whatever the table's size.
  const ConversationId a{1, 2};
  constexpr uint64_t kOdd = 0x9fb21c651e98df25ull;
  uint64_t inverse = kOdd;
  for (int i = 0; i < 6; ++i) inverse *= 2 - kOdd * inverse;
  const ConversationId b{7, (mix64(1) ^ mix64(7) ^ (2 * kOdd)) * inverse};
  const IdHash hash;
  EXPECT_EQ(hash(a), hash(b));
  EXPECT_NE(hash(a, 1), hash(b, 1));
}

TEST(FlatMap, StopsAtItsCeiling) {
  FlatMap<uint64_t, int> map(3);
  for (uint64_t k = 0; k < 3; ++k) EXPECT_NE(map.insert(k), nullptr);
  EXPECT_TRUE(map.full());
  EXPECT_EQ(map.insert(3), nullptr);
  EXPECT_NE(map.insert(2), nullptr);  // it is there
  EXPECT_TRUE(map.erase(0));
  EXPECT_NE(map.insert(3), nullptr);
}

TEST(FlatMap, ReleasesWhatItErases) {
  FlatMap<uint64_t, std::shared_ptr<int>> map;
  const auto value = std::make_shared<int>(1);
  for (uint64_t k = 0; k < 20; ++k) *map.insert(k) = value;
  EXPECT_EQ(value.use_count(), 21);
  for (uint64_t k = 0; k < 10; ++k) map.erase(k);
  EXPECT_EQ(value.use_count(), 11);
  map.clear();
  EXPECT_EQ(value.use_count(), 1);
  EXPECT_TRUE(map.empty());
  EXPECT_EQ(*map.insert(1), nullptr);  // a default value, not the old one
}

}  // namespace
}  // namespace imroute
