// What only the ZooKeeper registry promises: a former self that still runs is told that it was
// replaced, a lease that the server does not grant is refused, and places are known by the list.
#include <gmock/gmock.h>

#include "cluster/store/zookeeper/zookeeper_registry.h"
#include "tests/contract/real/ground.h"
#include "tests/contract/real/zookeeper_server.h"

namespace imroute::contract {
namespace {

class ZookeeperRegistryTest : public testing::Test {
 protected:
  struct Server {
    Server(cluster::Loop& loop, const ZookeeperServer& zookeeper, Address self,
           const cluster::ServerPlace& place, DurationNs lease, std::vector<std::string>& troubles)
        : registry(
              loop, self, place,
              {.servers = zookeeper.address(),
               .lease_ns = lease,
               .on_trouble = [&troubles](std::string_view what) { troubles.emplace_back(what); }}) {
    }
    cluster::ZookeeperRegistry registry;
    uint64_t session = 0;
  };
  std::unique_ptr<Server> server(Address self, const cluster::ServerPlace& place,
                                 DurationNs lease = 3 * kSecond) {
    return std::make_unique<Server>(loop_, zookeeper_, self, place, lease, troubles_);
  }
  RegistryAnswer ask(Server& server, RegistryOpKind kind) {
    RegistryOp op;
    op.kind = kind;
    op.session = server.session;
    run_until(loop_, "a session", [&] { return server.registry.ready(); });
    const RegistryAnswer answer = answer_of<RegistryReply>(
        loop_, [&](auto done) { server.registry.submit(op, std::move(done)); });
    if (kind == RegistryOpKind::open) server.session = answer.reply.session;
    return answer;
  }

  Folder folder_;
  ZookeeperServer zookeeper_{folder_.path()};
  cluster::Loop loop_;
  std::vector<std::string> troubles_;
};

TEST_F(ZookeeperRegistryTest, AFormerSelfThatStillRunsIsToldAndLeavesTheLaterOneAlone) {
  const auto former = server(address_of(NodeId{1}), {"a:1", "a:2"});
  const auto later = server(address_of(NodeId{1}), {"b:1", "b:2"});
  ask(*former, RegistryOpKind::open);
  EXPECT_EQ(ask(*former, RegistryOpKind::renew).status, ReplyStatus::ok);
  EXPECT_GT(ask(*later, RegistryOpKind::open).reply.incarnation, former->session);
  EXPECT_EQ(ask(*former, RegistryOpKind::renew).status, ReplyStatus::error);
  EXPECT_EQ(ask(*former, RegistryOpKind::announce).status, ReplyStatus::error);
  EXPECT_EQ(ask(*former, RegistryOpKind::close).status, ReplyStatus::error);
  EXPECT_EQ(ask(*later, RegistryOpKind::renew).status, ReplyStatus::ok);
  EXPECT_EQ(ask(*later, RegistryOpKind::list).reply.view->members.size(), 1u);
}

TEST_F(ZookeeperRegistryTest, AServerThatIsGoneOrNotThereYetIsNamed) {
  const auto first = server(address_of(NodeId{1}), {"a:1", "a:2"});
  run_until(loop_, "a session", [&] { return first->registry.ready(); });
  EXPECT_THAT(troubles_, testing::IsEmpty());
  zookeeper_.kill();
  run_until(loop_, "a trouble", [&] { return !troubles_.empty(); });
  EXPECT_EQ(troubles_.front(), "ZooKeeper at " + zookeeper_.address() + ": the connection is lost");
  troubles_.clear();
  const auto second = server(address_of(NodeId{2}), {"b:1", "b:2"}, kMillisecond);
  run_until(loop_, "a trouble", [&] { return !troubles_.empty(); });
  EXPECT_EQ(troubles_.front(), "ZooKeeper at " + zookeeper_.address() + ": no answer yet");
}

TEST_F(ZookeeperRegistryTest, TheListTellsWhereNodesAre) {
  const auto node = server(address_of(NodeId{4}), {"a:1", "a:2"});
  const auto router = server(address_of(RouterId{0}), {});
  EXPECT_EQ(ask(*router, RegistryOpKind::open).status, ReplyStatus::error);  // no member
  ask(*node, RegistryOpKind::open);
  EXPECT_EQ(router->registry.place_of(NodeId{4}), std::nullopt);
  ask(*router, RegistryOpKind::list);
  EXPECT_EQ(router->registry.place_of(NodeId{4}), (cluster::ServerPlace{"a:1", "a:2"}));
  ask(*node, RegistryOpKind::close);
  ask(*router, RegistryOpKind::list);
  EXPECT_EQ(router->registry.place_of(NodeId{4}), std::nullopt);
}

TEST_F(ZookeeperRegistryTest, AServerThatGrantsLessThanTheLeaseNeedsIsRefused) {
  const auto node = server(address_of(NodeId{1}), {}, 60 * kSecond);  // it grants 20 ticks: 4 s
  run_until(loop_, "the refusal", [this] { return !troubles_.empty(); });
  EXPECT_THAT(troubles_.front(), testing::HasSubstr("raise maxSessionTimeout"));
  EXPECT_FALSE(node->registry.ready());
  RegistryOp op;
  op.kind = RegistryOpKind::open;
  EXPECT_EQ(answer_of<RegistryReply>(loop_,
                                     [&](auto done) { node->registry.submit(op, std::move(done)); })
                .status,
            ReplyStatus::unknown);
}

}  // namespace
}  // namespace imroute::contract
