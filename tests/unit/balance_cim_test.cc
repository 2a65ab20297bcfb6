// MD5 by its published vectors, and CIM's ring by CIM's.
#include <gtest/gtest.h>

#include <string>

#include "core/balance/cim_ring.h"
#include "core/balance/md5.h"

namespace imroute {
namespace {

std::string hex(std::string_view text) {
  std::string out;
  for (const uint8_t byte : md5(std::as_bytes(std::span(text.data(), text.size())))) {
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

TEST(BalanceMd5, Rfc1321Vectors) {
  EXPECT_EQ(hex(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(hex("a"), "0cc175b9c0f1b6a831c399e269772661");
  EXPECT_EQ(hex("abc"), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(hex("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
  EXPECT_EQ(hex("abcdefghijklmnopqrstuvwxyz"), "c3fcd3d76192e4007dfb496cca67e13b");
  EXPECT_EQ(hex("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"),
            "d174ab98d277d9f5a5611c2c9f419d9f");
  EXPECT_EQ(hex("12345678901234567890123456789012345678901234567890123456789012345678901234567890"),
            "57edf4a22be3c955ac49da2e2107b67a");
}

// Every way the padding can fall: lengths 0 to 130 folded into one digest (the value is Python's).
TEST(BalanceMd5, EveryPaddingLength) {
  std::string all;
  for (size_t length = 0; length <= 130; ++length) all += hex(std::string(length, 'x'));
  EXPECT_EQ(hex(all), "861e4a9e76c88ae6267e22fd76384596");
}

TEST(BalanceCimRing, CimsOwnVectors) {
  std::vector<std::string> nodes;
  for (int i = 0; i < 10; ++i) nodes.push_back("127.0.0." + std::to_string(i));
  CimRing ring;
  ring.update(nodes);
  EXPECT_EQ(ring.find("zhangsan"), 2u);
  EXPECT_EQ(ring.find("zhangsan2"), 3u);
  EXPECT_EQ(ring.find("1551253899106"), 6u);
}

// All three points of each node. The counts are of a ring written in Python after the same rule:
// md5(node), and md5("vir" + decimal(hash(node)) + "0" and "1").
TEST(BalanceCimRing, EveryPointOfEveryNode) {
  std::vector<std::string> nodes;
  for (int i = 0; i < 10; ++i) nodes.push_back("127.0.0." + std::to_string(i));
  CimRing ring;
  ring.update(nodes);
  std::vector<int> keys(nodes.size());
  for (int key = 0; key < 1000; ++key) ++keys[ring.find(std::to_string(key))];
  EXPECT_EQ(keys, (std::vector<int>{127, 103, 133, 99, 88, 135, 102, 109, 69, 35}));
}

TEST(BalanceCimRing, HashIsTheFirstFourBytesLittleEndian) {
  EXPECT_EQ(CimRing::hash(""), 0xd98c1dd4u);
  EXPECT_EQ(CimRing::hash("abc"), 0x98500190u);
}

TEST(BalanceCimRing, EmptyAndNobodyAccepted) {
  CimRing ring;
  EXPECT_EQ(ring.find("x"), 0u);
  ring.update(std::vector<std::string>{"10.0.0.1:11211:8081", "10.0.0.2:11211:8081"});
  EXPECT_EQ(ring.find("x", [](uint32_t) { return false; }), 2u);
  EXPECT_EQ(ring.find("x", [](uint32_t node) { return node == 1; }), 1u);
}

TEST(BalanceCimRing, AsABalancerOnlyADeadNodesKeysMove) {
  BalancerConfig config;
  config.cim_compatible = true;
  const auto balancer = make_balancer(config, 0);
  std::vector<Backend> backends;
  for (uint64_t i = 0; i < 10; ++i) backends.push_back({i, 1, 0, true});
  balancer->update(backends);
  Rng rng(1);
  int orphans = 0;
  for (uint64_t key = 0; key < 5000; ++key) {
    for (Backend& b : backends) b.healthy = true;
    const uint32_t before = balancer->pick(key, backends, rng);
    backends[4].healthy = false;
    const uint32_t after = balancer->pick(key, backends, rng);
    ASSERT_NE(after, 4u);
    ASSERT_TRUE(before == 4 || after == before) << "a survivor's key moved";
    orphans += before == 4 ? 1 : 0;
  }
  EXPECT_GT(orphans, 0);
}

}  // namespace
}  // namespace imroute
