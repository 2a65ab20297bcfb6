// Every strategy, answer by answer, and that every chain of answers ends.
#include <gtest/gtest.h>

#include "core/route/routing_strategy.h"

namespace imroute {
namespace {

ClusterView view_of(uint32_t nodes) {
  ClusterView view;
  for (uint32_t n = 0; n < nodes; ++n) view.members.push_back({NodeId{n}, 1, n + 1, false});
  return view;
}

NodeSet set_of(std::initializer_list<uint32_t> nodes) {
  NodeSet out;
  for (const uint32_t n : nodes) out.push_back(NodeId{n});
  return out;
}

// Owner and owner before are what the test says.
class FixedPlacement : public Placement {
 public:
  void update(const ClusterView&) override {}
  NodeId owner(UserId) const override { return owner_; }
  NodeId previous_owner(UserId) const override { return before_; }
  NodeId owner_{3};
  NodeId before_{3};
};

class RouteStrategy : public testing::Test {
 protected:
  void use(StrategyKind kind, CentralMode mode = CentralMode::resolve,
           const Placement* placement = nullptr) {
    config_.kind = kind;
    config_.mode = mode;
    strategy_ = make_strategy(config_, placement);
  }
  Decision decide(RouteQuery query) { return strategy_->decide(query, view_, rng_); }
  Decision first(NodeSet known = {}) { return decide({UserId{7}, LastAnswer::nothing, known}); }
  Decision after(LastAnswer last, uint32_t attempts = 1, bool retried = false,
                 NodeId hint = kNoNode) {
    return decide({UserId{7}, last, {}, hint, attempts, retried});
  }
  Decision hinted(uint32_t node) {
    return after(LastAnswer::nack_with_hint, 1, false, NodeId{node});
  }

  static void expect(const Decision& decision, RouteAction action, NodeSet nodes = {}) {
    EXPECT_EQ(decision.action, action);
    EXPECT_EQ(decision.nodes, nodes);
  }

  StrategyConfig config_;
  ClusterView view_ = view_of(10);
  Rng rng_{1};
  std::unique_ptr<RoutingStrategy> strategy_;
};

TEST_F(RouteStrategy, BroadcastTriesTwiceThenStores) {
  use(StrategyKind::broadcast);
  expect(first(), RouteAction::broadcast);
  expect(first(set_of({2})), RouteAction::broadcast);
  expect(after(LastAnswer::timeout), RouteAction::broadcast);
  expect(after(LastAnswer::timeout, 2, true), RouteAction::store);
  EXPECT_FALSE(strategy_->uses_cache());
}

TEST_F(RouteStrategy, CachedBroadcastPushesWhatItKnows) {
  use(StrategyKind::cached_broadcast);
  EXPECT_TRUE(strategy_->uses_cache());
  expect(first(), RouteAction::broadcast);
  expect(first(set_of({2, 5})), RouteAction::push, set_of({2, 5}));
  expect(hinted(4), RouteAction::push, set_of({4}));
  expect(after(LastAnswer::nack), RouteAction::broadcast);
  expect(after(LastAnswer::timeout), RouteAction::broadcast);
  expect(after(LastAnswer::timeout, 2, true), RouteAction::store);
}

TEST_F(RouteStrategy, DeadNodesAreNotPushedTo) {
  use(StrategyKind::cached_broadcast);
  expect(first(set_of({2, 99})), RouteAction::push, set_of({2}));
  expect(first(set_of({99})), RouteAction::broadcast);
  expect(hinted(99), RouteAction::broadcast);
  use(StrategyKind::central);
  expect(hinted(99), RouteAction::resolve);
}

TEST_F(RouteStrategy, HintsCanBeSwitchedOff) {
  config_.hints = false;
  use(StrategyKind::cached_broadcast);
  expect(hinted(4), RouteAction::broadcast);
  use(StrategyKind::mesh_directory);
  expect(hinted(4), RouteAction::lookup);
}

TEST_F(RouteStrategy, CentralResolveAsksThenPushes) {
  use(StrategyKind::central);
  EXPECT_TRUE(strategy_->uses_cache());
  expect(first(), RouteAction::resolve);
  EXPECT_FALSE(first().authoritative);
  expect(first(set_of({1})), RouteAction::push, set_of({1}));
  expect(hinted(4), RouteAction::push, set_of({4}));
  expect(after(LastAnswer::nack), RouteAction::resolve);
  EXPECT_TRUE(after(LastAnswer::nack).authoritative);
  expect(decide({UserId{7}, LastAnswer::looked_up, set_of({6, 8}), kNoNode, 1}), RouteAction::push,
         set_of({6, 8}));
  expect(after(LastAnswer::looked_up), RouteAction::store);
  expect(after(LastAnswer::lookup_failed), RouteAction::resolve);
  expect(after(LastAnswer::lookup_failed, 2, true), RouteAction::store);
  expect(after(LastAnswer::timeout), RouteAction::resolve);
  EXPECT_TRUE(after(LastAnswer::timeout).authoritative);
  expect(after(LastAnswer::timeout, 2, true), RouteAction::store);
}

TEST_F(RouteStrategy, ComputedPlacementIsTheFirstGuess) {
  FixedPlacement placement;
  use(StrategyKind::central, CentralMode::resolve, &placement);
  expect(first(), RouteAction::push, set_of({3}));
  expect(first(set_of({1})), RouteAction::push, set_of({1}));  // learnt beats computed
  expect(hinted(4), RouteAction::push, set_of({4}));
  expect(after(LastAnswer::nack), RouteAction::resolve);
  EXPECT_TRUE(after(LastAnswer::nack).authoritative);
  placement.owner_ = kNoNode;
  expect(first(), RouteAction::resolve);
}

TEST_F(RouteStrategy, OwnerBeforeIsAskedOnceDuringAResize) {
  FixedPlacement placement;
  placement.before_ = NodeId{5};
  use(StrategyKind::central, CentralMode::resolve, &placement);
  expect(after(LastAnswer::nack, 1), RouteAction::push, set_of({5}));
  expect(after(LastAnswer::nack, 2), RouteAction::resolve);
  placement.before_ = NodeId{99};  // it left the cluster
  expect(after(LastAnswer::nack, 1), RouteAction::resolve);
}

TEST_F(RouteStrategy, ForwardGoesThroughTheRouter) {
  use(StrategyKind::central, CentralMode::forward);
  EXPECT_FALSE(strategy_->uses_cache());
  expect(first(), RouteAction::forward);
  EXPECT_FALSE(first().authoritative);
  expect(first(set_of({1})), RouteAction::forward);
  expect(hinted(4), RouteAction::push, set_of({4}));
  expect(after(LastAnswer::nack), RouteAction::forward);
  EXPECT_TRUE(after(LastAnswer::nack).authoritative);
  expect(after(LastAnswer::looked_up), RouteAction::store);  // router: offline
  expect(after(LastAnswer::lookup_failed), RouteAction::forward);
  expect(after(LastAnswer::timeout), RouteAction::forward);
  expect(after(LastAnswer::timeout, 2, true), RouteAction::store);
}

TEST_F(RouteStrategy, MeshDirectoryReadsTheDirectory) {
  use(StrategyKind::mesh_directory);
  EXPECT_TRUE(strategy_->uses_cache());
  expect(first(), RouteAction::lookup);
  expect(first(set_of({1})), RouteAction::push, set_of({1}));
  expect(after(LastAnswer::nack), RouteAction::lookup);
  expect(after(LastAnswer::looked_up), RouteAction::store);
  expect(after(LastAnswer::lookup_failed), RouteAction::lookup);
  expect(after(LastAnswer::timeout, 1, true), RouteAction::store);
}

TEST_F(RouteStrategy, NoCacheMeansNoCache) {
  config_.cache_entries = 0;
  for (const StrategyKind kind :
       {StrategyKind::cached_broadcast, StrategyKind::central, StrategyKind::mesh_directory}) {
    use(kind);
    EXPECT_FALSE(strategy_->uses_cache());
  }
}

// Whatever is answered, and in whatever order, the chain ends within the ceiling.
TEST_F(RouteStrategy, EveryChainEnds) {
  FixedPlacement placement;
  placement.before_ = NodeId{5};
  struct Kind {
    StrategyKind kind;
    CentralMode mode;
    const Placement* placement;
  };
  const Kind kinds[] = {{StrategyKind::broadcast, {}, nullptr},
                        {StrategyKind::cached_broadcast, {}, nullptr},
                        {StrategyKind::central, CentralMode::resolve, nullptr},
                        {StrategyKind::central, CentralMode::resolve, &placement},
                        {StrategyKind::central, CentralMode::forward, nullptr},
                        {StrategyKind::mesh_directory, {}, nullptr}};
  constexpr LastAnswer kAnswers[] = {LastAnswer::nack_with_hint, LastAnswer::nack,
                                     LastAnswer::looked_up, LastAnswer::lookup_failed,
                                     LastAnswer::timeout};
  Rng draw(42);
  for (const Kind& kind : kinds) {
    use(kind.kind, kind.mode, kind.placement);
    for (int run = 0; run < 2000; ++run) {
      RouteQuery query;
      query.user = UserId{7};
      uint32_t decisions = 0;
      while (decide(query).action != RouteAction::store) {
        ASSERT_LE(++decisions, kMaxRouteAttempts);
        query.attempts = decisions;
        query.last = kAnswers[draw.below(std::size(kAnswers))];
        query.hint = NodeId{static_cast<uint32_t>(draw.below(12))};
        query.known.clear();
        if (draw.chance(1, 2)) query.known.push_back(NodeId{1});
        // `retried` stays false: the ceiling alone must end the chain.
      }
    }
  }
}

}  // namespace
}  // namespace imroute
