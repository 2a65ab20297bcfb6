// A warm node allocates nothing per routed message: operator new is counted while one push is
// delivered and acknowledged, and while one send is accepted and pushed on.
#include <cstdlib>
#include <new>

#include "tests/step/node_bench.h"

namespace {
bool g_counting = false;
uint64_t g_allocations = 0;
}  // namespace

// Never inlined: gcc would see malloc paired with delete at the call and warn.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  if (g_counting) ++g_allocations;
  return std::malloc(size == 0 ? 1 : size);
}
[[gnu::noinline]] void* operator new(std::size_t size) {
  if (void* p = operator new(size, std::nothrow)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace imroute {
namespace {

// Steps the node with driver-owned effects, counting only what happens inside the core.
class Counted {
 public:
  explicit Counted(NodeBench& bench) : bench_(bench) {}
  void step(const Event& event) {
    out_.clear();
    g_counting = true;
    bench_.node().step(Now{bench_.now()}, event, out_);
    g_counting = false;
  }
  Effects& out() { return out_; }

 private:
  NodeBench& bench_;
  Effects out_;
};

uint64_t count_pushes(Guarantee guarantee) {
  NodeConfig config = NodeBench::config();
  config.delivery.guarantee = guarantee;
  NodeBench bench(config);
  const UserId ann{1}, bob{2};
  bench.bind(LinkId{20}, bob);
  const ConversationId id = ConversationId::direct(ann, bob);
  Counted counted(bench);
  const auto route_one = [&](uint64_t seq) {
    Frame push = bench.push_frame(bob, id, ann, seq);
    if (guarantee == Guarantee::at_most_once) push.entry.position = {};
    counted.step(PeerFrame{address_of(NodeId{1}), push});
    Frame ack;
    ack.type = FrameType::ack;
    ack.number = seq;
    counted.step(ClientFrame{LinkId{20}, ack});
  };
  for (uint64_t seq = 1; seq <= 300; ++seq) route_one(seq);
  g_allocations = 0;
  for (uint64_t seq = 301; seq <= 1300; ++seq) route_one(seq);
  return g_allocations;
}

uint64_t count_sends(const NodeConfig& config = NodeBench::config()) {
  NodeBench bench(config);
  for (uint32_t r = 0; r < config.routers; ++r) bench.router_up(r);
  const UserId ann{1}, bob{2};
  bench.bind(LinkId{10}, ann);
  const ConversationId id = ConversationId::direct(ann, bob);
  Counted counted(bench);
  const auto route_one = [&](uint64_t seq) {
    const Frame send = bench.send_frame(id, seq);
    counted.step(ClientFrame{LinkId{10}, send});
    OpId op{};
    for (const Effect& e : counted.out()) {
      if (const auto* s = std::get_if<StoreOp>(&e)) op = std::get<MailboxOp>(s->op).id;
    }
    MailboxReply reply = bench.from_store();
    reply.position = {1, seq};
    counted.step(Reply{op, ReplyStatus::ok, nullptr, &reply, nullptr});
    RouteId route{};
    for (const Effect& e : counted.out()) {
      if (const auto* s = std::get_if<SendPeer>(&e)) route = s->frame.route;
      if (const auto* s = std::get_if<SendMesh>(&e)) route = s->frame.route;
    }
    Frame ack;
    ack.type = FrameType::route_ack;
    ack.route = route;
    ack.user = bob;
    ack.version = 2;
    ack.nodes.push_back(NodeId{1});
    counted.step(PeerFrame{address_of(NodeId{1}), ack});
  };
  for (uint64_t seq = 1; seq <= 2100; ++seq) route_one(seq);
  g_allocations = 0;
  for (uint64_t seq = 2101; seq <= 4000; ++seq) route_one(seq);
  return g_allocations;
}

uint64_t count_forwards() {
  NodeConfig config = NodeBench::config();
  config.strategy.kind = StrategyKind::central;
  config.strategy.mode = CentralMode::forward;
  config.routers = 2;
  return count_sends(config);
}

TEST(NodeAllocations, CounterCounts) {
  g_allocations = 0;
  g_counting = true;
  std::vector<int> made(100);
  g_counting = false;
  EXPECT_GE(g_allocations, 1u);
  EXPECT_EQ(made.size(), 100u);
}
TEST(NodeAllocations, NonePerDeliveredPushAtMostOnce) {
  EXPECT_EQ(count_pushes(Guarantee::at_most_once), 0u);
}
TEST(NodeAllocations, NonePerDeliveredPushAtLeastOnce) {
  EXPECT_EQ(count_pushes(Guarantee::at_least_once), 0u);
}
TEST(NodeAllocations, NonePerAcceptedAndPushedSend) { EXPECT_EQ(count_sends(), 0u); }
TEST(NodeAllocations, NonePerForwardedSend) { EXPECT_EQ(count_forwards(), 0u); }

}  // namespace
}  // namespace imroute
