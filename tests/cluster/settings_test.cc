// Configuration of the servers: all mistakes at once, each at its place; overrides of the
// environment; what is written is what was read.
#include "cluster/process/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imroute::cluster {
namespace {

std::vector<std::string> texts(const std::vector<Diagnostic>& mistakes) {
  std::vector<std::string> out;
  for (const Diagnostic& d : mistakes) out.push_back(d.to_string());
  return out;
}

TEST(ServerSettings, AllMistakesAtTheirPlaces) {
  NodeSettings node;
  const auto mistakes = texts(read_settings(R"({
  "node": 1,
  "clinet": "127.0.0.1:1",
  "peer": "127.0.0.1",
  "routers": [{"client": "0.0.0.0:7000", "peer": "127.0.0.1:0"}],
  "sessions": {"lease": 5}
})",
                                            "node.json", {}, node));
  ASSERT_EQ(mistakes.size(), 5u) << testing::PrintToString(mistakes);
  EXPECT_EQ(mistakes[0].find("node.json:3:3: error: /clinet: "), 0u) << mistakes[0];
  EXPECT_NE(mistakes[0].find("\"client\"?"), std::string::npos) << mistakes[0];
  EXPECT_NE(mistakes[1].find("expected host:port"), std::string::npos) << mistakes[1];
  EXPECT_NE(mistakes[2].find("none that others can dial"), std::string::npos) << mistakes[2];
  EXPECT_NE(mistakes[3].find("port 0 cannot be dialled"), std::string::npos) << mistakes[3];
  EXPECT_EQ(mistakes[4].find("node.json:6:25: error: /sessions/lease: "), 0u) << mistakes[4];
}

TEST(ServerSettings, AServerHasTheFeaturesThatWereNotTurnedOff) {
  NodeSettings node;
  EXPECT_EQ(node.server.wire.hello(), Hello{});
  EXPECT_TRUE(read_settings(R"({"node": 1, "wire": {"hints": false}})", "node.json",
                            {{"IMROUTE_WIRE__HANDOVER", "false"}}, node)
                  .empty());
  EXPECT_EQ(node.server.wire.hello().features,
            kFeatureSelectiveAck | kFeatureUnreachable | kFeaturePointers);
  const auto mistakes =
      texts(read_settings(R"({"node": 1, "wire": {"hint": false}})", "node.json", {}, node));
  ASSERT_EQ(mistakes.size(), 1u);
  EXPECT_EQ(mistakes[0].find("node.json:1:22: error: /wire/hint: "), 0u) << mistakes[0];
  EXPECT_NE(mistakes[0].find("\"hints\"?"), std::string::npos) << mistakes[0];
}

TEST(ServerSettings, AddressesOfStoresAreLookedAt) {
  const auto of = [](const std::string& redis, const std::string& zookeeper,
                     const std::string& root) {
    NodeSettings node;
    const std::string text = R"({"node": 1, "stores": {"redis": {"address": ")" + redis +
                             R"("}, "zookeeper": {"servers": ")" + zookeeper + R"(", "root": ")" +
                             root + R"("}}})";
    return texts(read_settings(text, "node.json", {}, node));
  };
  for (const char* good : {"127.0.0.1:6379", "[::1]:6379", "/run/redis.sock", "unix:redis.sock"}) {
    EXPECT_THAT(of(good, "a:2181,b:2181", "/a/b"), testing::IsEmpty()) << good;
  }
  for (const char* bad : {"bogus", "127.0.0.1:99999", "127.0.0.1:0", "", "unix:"}) {
    EXPECT_THAT(of(bad, "a:1", "/a"),
                testing::ElementsAre(testing::HasSubstr("error: /stores/redis/address: found")))
        << bad;
  }
  for (const char* bad : {"", "a", "a:1,", "a:1,b:99999"}) {
    EXPECT_THAT(of("a:1", bad, "/a"),
                testing::ElementsAre(testing::HasSubstr("/stores/zookeeper/servers: found")))
        << bad;
  }
  for (const char* bad : {"", "/", "nix", "/a//b", "/x/"}) {
    EXPECT_THAT(of("a:1", "a:1", bad),
                testing::ElementsAre(testing::HasSubstr("/stores/zookeeper/root: found")))
        << bad;
  }
}

TEST(ServerSettings, AStaticRegistryIsAListOfNodesEachOnce) {
  RouterSettings router;
  EXPECT_TRUE(read_settings(R"({"stores": {"registry": "static"},
    "nodes": [{"node": 0, "client": "10.0.0.1:7100", "peer": "10.0.0.1:7101"}]})",
                            "router.json", {}, router)
                  .empty());
  ASSERT_EQ(router.nodes.size(), 1u);
  EXPECT_EQ(router.nodes[0].peer, "10.0.0.1:7101");
  const auto of = [](const char* text) {
    RouterSettings settings;
    return texts(read_settings(text, "router.json", {}, settings));
  };
  const auto none = of(R"({"stores": {"registry": "static"}})");
  ASSERT_EQ(none.size(), 1u);
  EXPECT_NE(none[0].find("so nodes must list the nodes of the cluster"), std::string::npos);
  const auto mistakes = of(R"({"stores": {"registry": "static"}, "nodes": [
    {"node": 3, "client": "10.0.0.1:7100", "peer": "0.0.0.0:7101"},
    {"client": "10.0.0.3", "peer": "10.0.0.3:7101"}]})");
  ASSERT_EQ(mistakes.size(), 3u) << testing::PrintToString(mistakes);
  EXPECT_EQ(mistakes[0].find("router.json:2:52: error: /nodes/0/peer: "), 0u) << mistakes[0];
  EXPECT_EQ(mistakes[1].find("router.json:3:5: error: /nodes/1: "), 0u) << mistakes[1];
  EXPECT_EQ(mistakes[2].find("router.json:3:16: error: /nodes/1/client: "), 0u) << mistakes[2];
  const auto twice = of(R"({"stores": {"registry": "static"}, "nodes": [
    {"node": 3, "client": "10.0.0.1:7100", "peer": "10.0.0.1:7101"},
    {"node": 3, "client": "10.0.0.2:7100", "peer": "10.0.0.2:7101"}]})");
  ASSERT_EQ(twice.size(), 1u) << testing::PrintToString(twice);
  EXPECT_EQ(twice[0].find("router.json:3:5: error: node 3 is listed already"), 0u) << twice[0];
  const auto other = of(R"({"nodes": [{"node": 0, "client": "a:1", "peer": "a:2"}]})");
  ASSERT_EQ(other.size(), 1u);
  EXPECT_EQ(other[0].find("router.json:1:11: error: a list of nodes is for"), 0u) << other[0];
  for (const RouterSettings& settings : {RouterSettings{}, router}) {
    const std::string text = settings_text(settings);
    RouterSettings again;
    EXPECT_THAT(texts(read_settings(text, "again", {}, again)), testing::IsEmpty());
    EXPECT_EQ(again.nodes.size(), settings.nodes.size());
  }
}

TEST(ServerSettings, TheEnvironmentOverridesAndIsBlamed) {
  NodeSettings node;
  EXPECT_TRUE(read_settings(R"({"node": 1})", "node.json",
                            {{"IMROUTE_SESSIONS__LEASE", "9s"},
                             {"IMROUTE_STRATEGY__KIND", "mesh_directory"},
                             {"IMROUTE_MAX_CLIENTS", "77"}},
                            node)
                  .empty());
  EXPECT_EQ(node.server.sessions.lease_ns, 9 * kSecond);
  EXPECT_EQ(node.server.strategy.kind, StrategyKind::mesh_directory);
  EXPECT_EQ(node.server.clients.most, 77u);
  const auto mistakes =
      texts(read_settings(R"({"node": 1})", "node.json", {{"IMROUTE_NODES", "2"}}, node));
  ASSERT_EQ(mistakes.size(), 1u);
  EXPECT_EQ(mistakes[0].find("IMROUTE_NODES: error: /nodes: "), 0u) << mistakes[0];
}

TEST(ServerSettings, AServerThatListensEverywhereSaysWhereItIs) {
  RouterSettings router;
  const auto mistakes =
      texts(read_settings(R"({"client": "0.0.0.0:7000"})", "router.json", {}, router));
  ASSERT_EQ(mistakes.size(), 1u);
  EXPECT_NE(mistakes[0].find("advertise.client must say"), std::string::npos) << mistakes[0];
  EXPECT_TRUE(read_settings(R"({"client": "0.0.0.0:7000",
                                "advertise": {"client": "im.example:7000"}})",
                            "router.json", {}, router)
                  .empty());
}

TEST(ServerSettings, ContradictionsBetweenKeysAreFound) {
  NodeSettings node;
  const auto mistakes = texts(read_settings(
      R"({"node": 0, "sessions": {"lease": "2s", "client_lease": "3s"}})", "n.json", {}, node));
  ASSERT_EQ(mistakes.size(), 1u);
  EXPECT_NE(mistakes[0].find("sessions.client_lease (3s) must be below sessions.lease (2s)"),
            std::string::npos)
      << mistakes[0];
}

// Half of a lock is none.
TEST(ServerSettings, SecurityThatWouldSecureNothingIsFound) {
  const auto mistake_in = [](const std::string& text) {
    RouterSettings router;
    const auto mistakes = texts(read_settings(text, "r.json", {}, router));
    return mistakes.size() == 1 ? mistakes[0] : testing::PrintToString(mistakes);
  };
  const auto expect = [&](const std::string& text, const char* why) {
    const std::string mistake = mistake_in(text);
    EXPECT_NE(mistake.find(why), std::string::npos) << mistake;
  };
  expect(R"({"tls": {"certificate": "a.crt"}})", "certificate and key go together");
  expect(R"({"tls": {"authority": "a.crt"}})", "each must show a certificate");
  expect(R"({"auth": {"key_file": "k"}})", "without tokens.key_file");
  expect(R"({"auth": {"callback": "http://127.0.0.1:1/"}})", "without tokens.key_file");
  for (const char* url : {"https://127.0.0.1/x", "127.0.0.1", "http://", "http://:80/",
                          "http://a:0/", "http://a:99999/", "http://a/x y", "http://a/\\r\\nX:y"}) {
    expect(std::string(R"({"tokens": {"key_file": "k"}, "auth": {"callback": ")") + url + "\"}}",
           "expected http://host:port/path");
  }
  expect(R"({"limits": {"half_open": 0}})", "/limits/half_open");
  RouterSettings router;
  EXPECT_TRUE(read_settings(R"({"tokens": {"key_file": "k", "valid": "30s"},
                                "auth": {"callback": "http://[::1]:81/who", "timeout": "1s"},
                                "tls": {"certificate": "a", "key": "b", "authority": "c"},
                                "limits": {"half_open_time": "1s", "logins_per_address": 3}})",
                            "r.json", {}, router)
                  .empty());
  EXPECT_EQ(router.server.clients.logins_per_address, 3u);
  EXPECT_EQ(router.server.tokens.valid_ns, 30 * kSecond);
}

TEST(ServerSettings, WhatIsWrittenIsWhatWasRead) {
  NodeSettings node;
  ASSERT_TRUE(read_settings(R"({"node": 3, "client": "127.0.0.1:0", "weight": 5,
                                "strategy": {"kind": "broadcast"}, "drain_timeout": "7s"})",
                            "node.json", {}, node)
                  .empty());
  const std::string text = settings_text(node);
  NodeSettings again;
  ASSERT_TRUE(read_settings(text, "again", {}, again).empty()) << text;
  EXPECT_EQ(settings_text(again), text);
  EXPECT_EQ(again.weight, 5u);
}

}  // namespace
}  // namespace imroute::cluster
