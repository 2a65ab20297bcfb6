#include "core/base/payload.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace imroute {
namespace {

Payload filled(BlobPool& pool, size_t size, uint8_t value) {
  Payload p = pool.make(size);
  for (std::byte& b : p.writable()) b = std::byte{value};
  return p;
}

TEST(Payload, CountsReferences) {
  BlobPool pool;
  {
    Payload a = filled(pool, 10, 1);
    EXPECT_EQ(pool.blocks_alive(), 1u);
    const std::byte* at = a.bytes().data();
    Payload b = a;
    EXPECT_EQ(b.bytes().data(), at);  // no copy of the body
    Payload c = std::move(a);
    EXPECT_TRUE(a.empty());  // NOLINT: a moved-from handle is the empty one
    b = Payload{};
    EXPECT_EQ(pool.blocks_alive(), 1u);
    EXPECT_EQ(c.bytes().data(), at);
    const Payload& itself = c;
    c = itself;
    EXPECT_EQ(c.size(), 10u);
  }
  EXPECT_EQ(pool.blocks_alive(), 0u);
}

TEST(Payload, EmptyNeedsNoBlock) {
  BlobPool pool;
  const Payload none = pool.make(0);
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.size(), 0u);
  EXPECT_TRUE(none.bytes().empty());
  EXPECT_TRUE(none.as<uint64_t>().empty());
  EXPECT_EQ(pool.blocks_alive(), 0u);
  EXPECT_EQ(none, Payload{});
}

TEST(Payload, BlocksAreReusedBySizeClass) {
  BlobPool pool;
  for (const size_t size : {size_t{1}, size_t{64}, size_t{65}, size_t{1000}, size_t{64} << 11}) {
    const std::byte* first = filled(pool, size, 1).bytes().data();
    EXPECT_EQ(filled(pool, size, 2).bytes().data(), first) << size;
  }
  // A small one never takes a large block.
  const Payload small = filled(pool, 1, 1);
  const Payload large = filled(pool, 64 << 11, 2);
  EXPECT_NE(small.bytes().data(), large.bytes().data());
}

TEST(Payload, LargerThanTheLastClass) {
  BlobPool pool;
  const size_t size = (size_t{64} << 11) + 1;
  {
    const Payload p = filled(pool, size, 3);
    EXPECT_EQ(p.size(), size);
    EXPECT_EQ(p.bytes().back(), std::byte{3});
  }
  EXPECT_EQ(pool.blocks_alive(), 0u);
}

TEST(Payload, ComparesByContent) {
  BlobPool pool, other;
  EXPECT_EQ(filled(pool, 5, 1), filled(other, 5, 1));
  EXPECT_NE(filled(pool, 5, 1), filled(pool, 5, 2));
  EXPECT_NE(filled(pool, 5, 1), filled(pool, 6, 1));
}

TEST(Payload, ListsOfItems) {
  BlobPool pool;
  const std::array<uint64_t, 3> items{7, 8, 9};
  const Payload list = pool.copy_list(std::span<const uint64_t>(items));
  ASSERT_EQ(list.as<uint64_t>().size(), 3u);
  EXPECT_EQ(list.as<uint64_t>()[2], 9u);
  const Payload odd = pool.copy(list.bytes().first(20));
  EXPECT_EQ(odd.as<uint64_t>().size(), 2u);  // a partial item is ignored
}

TEST(PayloadDeathTest, PoolOutlivesItsHandles) {
  EXPECT_DEATH(
      {
        Payload survivor;
        BlobPool pool;
        survivor = pool.make(1);
      },
      "");
}

}  // namespace
}  // namespace imroute
