#include "core/base/hash.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace imroute {
namespace {

// The buffer of xxHash's own sanity check, from which its published values are made.
std::vector<std::byte> sanity_buffer(size_t size) {
  std::vector<std::byte> buffer(size);
  uint64_t generator = 2654435761u;
  for (std::byte& b : buffer) {
    b = static_cast<std::byte>(generator >> 56);
    generator *= 11400714785074694797ull;
  }
  return buffer;
}

TEST(Hash, Xxh64PublishedVectors) {
  constexpr uint64_t kSeed = 2654435761u;
  const struct {
    size_t size;
    uint64_t seed, expected;
  } kVectors[] = {
      {0, 0, 0xEF46DB3751D8E999ull},       {0, kSeed, 0xAC75FDA2929B17EFull},
      {1, 0, 0xE934A84ADB052768ull},       {1, kSeed, 0x5014607643A9B4C3ull},
      {4, 0, 0x9136A0DCA57457EEull},       {14, 0, 0x8282DCC4994E35C8ull},
      {14, kSeed, 0xC3BD6BF63DEB6DF0ull},  {222, 0, 0xB641AE8CB691C174ull},
      {222, kSeed, 0x20CB8AB7AE10C14Aull},
  };
  for (const auto& v : kVectors) {
    EXPECT_EQ(hash_bytes(sanity_buffer(v.size), v.seed), v.expected) << v.size << " " << v.seed;
  }
  EXPECT_EQ(hash_text("a"), 0xD24EC4F1A98C6E5Bull);
  EXPECT_EQ(hash_text("abc"), 0x44BC2CF5AD770999ull);
}

TEST(Hash, Mix64IsSplitMix64) {  // its first outputs for seed 1234567
  constexpr uint64_t kGamma = 0x9e3779b97f4a7c15ull;
  constexpr uint64_t kSeed = 1234567;
  EXPECT_EQ(mix64(kSeed), 6457827717110365317ull);
  EXPECT_EQ(mix64(kSeed + kGamma), 3203168211198807973ull);
  EXPECT_EQ(mix64(kSeed + 2 * kGamma), 9817491932198370423ull);
  EXPECT_EQ(mix64(kSeed + 3 * kGamma), 4593380528125082431ull);
}

TEST(Hash, PairsAndKeysAreTold) {
  EXPECT_NE(mix64(1, 2), mix64(2, 1));
  const IdHash hash;
  std::set<uint64_t> seen;
  for (uint32_t user = 0; user < 100; ++user) {
    for (uint32_t device = 0; device < 100; ++device) {
      seen.insert(hash(DeviceKey{UserId{user}, device}));
    }
  }
  EXPECT_EQ(seen.size(), 10'000u);
  EXPECT_NE(hash(ConversationId{1, 2}), hash(ConversationId{2, 1}));
  EXPECT_EQ(hash(UserId{7}), hash(uint64_t{7}));
}

TEST(Hash, DigestDependsOnOrder) {
  Digest a, b, c;
  a.add(1);
  a.add(2);
  b.add(2);
  b.add(1);
  c.add(1);
  c.add(2);
  EXPECT_NE(a.value(), b.value());
  EXPECT_EQ(a.value(), c.value());
  EXPECT_NE(Digest{}.value(), a.value());
}

}  // namespace
}  // namespace imroute
