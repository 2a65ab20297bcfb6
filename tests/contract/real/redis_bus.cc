// The bus on a real Redis. Every node has a loop of its own, so that one that does not read leaves
// its frames with the kernel and then with Redis. The contract counts bytes in a buffer; here a
// byte is a kilobyte, since the kernel holds some 200 KB before Redis does.
#include "cluster/store/redis/redis_bus.h"

#include <map>
#include <sstream>

#include "tests/contract/real/ground.h"
#include "tests/contract/real/makers.h"
#include "tests/contract/real/redis_server.h"

namespace imroute::contract {

namespace {

constexpr uint64_t kScale = 1000;
constexpr uint64_t kOverhead = 100'000;  // of Redis, less than a frame

class RedisBusBackend : public BusBackend {
 public:
  explicit RedisBusBackend(uint64_t buffer_bytes) {
    const uint64_t limit = buffer_bytes * kScale + kOverhead;
    server_.say({"CONFIG", "SET", "client-output-buffer-limit",
                 "pubsub " + std::to_string(limit) + " 0 0"});
  }
  ~RedisBusBackend() override {
    for (auto& [node, subscriber] : subscribers_) {
      if (connected(node)) read(node);
    }
  }

  void subscribe(NodeId node) override {
    subscribers_[node] = std::make_unique<Subscriber>(server_.address(), node);
    Subscriber& its = *subscribers_[node];
    run_until(its.loop, "a subscription", [&its] { return its.bus.is_up(); });
  }
  void disconnect(NodeId node) override { subscribers_.erase(node); }
  std::vector<NodeId> publish(uint64_t bytes) override {
    const std::vector<std::byte> frame(bytes * kScale, std::byte{++published_});
    run_until(publisher_.loop, "the publisher's link", [&] {
      const uint64_t before = publisher_.bus.dropped();
      publisher_.bus.publish(frame);
      return publisher_.bus.dropped() == before;
    });
    run_until(publisher_.loop, "the publication",
              [this] { return publisher_.bus.unanswered_bytes() == 0; });
    std::vector<NodeId> hear;
    for (auto& [node, subscriber] : subscribers_) {
      if (!connected(node)) continue;
      hear.push_back(node);
      subscriber->expected.push_back(frame);
    }
    return hear;
  }
  void read(NodeId node) override {
    Subscriber& its = *subscribers_[node];
    run_until(its.loop, "its frames", [&its] { return its.heard.size() >= its.expected.size(); });
    EXPECT_TRUE(its.heard == its.expected) << "whole, in order, once";
  }
  // What Redis says: the node itself has perhaps not heard yet.
  bool connected(NodeId node) override {
    std::istringstream clients(server_.say({"CLIENT", "LIST", "TYPE", "pubsub"}));
    for (std::string line; std::getline(clients, line);) {
      if (line.find("name=" + name(node) + " ") != std::string::npos) return true;
    }
    return false;
  }

 private:
  static std::string name(NodeId node) { return "node-" + std::to_string(node.value); }
  struct Subscriber {
    Subscriber(const std::string& address, NodeId node)
        : bus(loop, {.address = {address}, .client_name = name(node)}) {
      bus.start({[this](std::span<const std::byte> frame) {
                   heard.emplace_back(frame.begin(), frame.end());
                 },
                 [] {}, [](Reason) {}});
    }
    cluster::Loop loop;
    std::vector<std::vector<std::byte>> heard, expected;
    cluster::RedisBus bus;
  };
  struct Publisher {
    explicit Publisher(const std::string& address)
        : bus(loop, {.address = {address}, .client_name = "publisher"}) {}
    cluster::Loop loop;
    cluster::RedisBus bus;
  };

  Folder folder_;
  RedisServer server_{folder_.path(), false};
  Publisher publisher_{server_.address()};
  uint8_t published_ = 0;
  std::map<NodeId, std::unique_ptr<Subscriber>> subscribers_;
};

}  // namespace

BusMaker redis_bus() {
  return {"redis", [](uint32_t, uint64_t buffer_bytes) {
            return std::make_unique<RedisBusBackend>(buffer_bytes);
          }};
}

}  // namespace imroute::contract
