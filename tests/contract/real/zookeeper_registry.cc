// The registry in a real ZooKeeper. Each server of the cluster has a session of its own, through a
// door of its own. Time cannot be passed by decree: the ZooKeeper judges it, so `pass` waits until
// that has ended a session that nobody keeps alive. When more than a lease passes, the nodes are
// behind shut doors meanwhile, as if they had been stopped: a process that runs keeps its session.
#include "cluster/store/zookeeper/zookeeper_registry.h"

#include <zookeeper/zookeeper.h>

#include <cstring>
#include <map>

#include "tests/contract/real/ground.h"
#include "tests/contract/real/makers.h"
#include "tests/contract/real/relay.h"
#include "tests/contract/real/zookeeper_server.h"

namespace imroute::contract {

namespace {

constexpr DurationNs kRealLease = 3 * kSecond;

class ZookeeperBackend : public RegistryBackend {
 public:
  explicit ZookeeperBackend(DurationNs lease) : lease_(lease) {
    server(kObserver);  // waits until the ZooKeeper serves
  }

  RegistryAnswer ask(Address from, const RegistryOp& op) override {
    return ask(server(from).registry, op);
  }
  void pass(DurationNs time) override {
    if (time < lease_ / 2) return;
    const bool outlasts_a_lease = time >= lease_;
    for (auto& [address, server] : servers_) server->door.shut(outlasts_a_lease && server->opened);
    end_of_an_unkept_session();
    if (!outlasts_a_lease) return;
    end_of_members(*servers_[kObserver]);
    for (auto& [address, server] : servers_) {
      server->door.shut(false);
      if (!server->opened) continue;
      server->opened = false;
      await_session(*server, server->session);
    }
  }
  // Every watch that has fired is seen before the answer to a later question.
  std::vector<Address> fired() override {
    RegistryOp none;
    none.kind = RegistryOpKind::raise_epoch;  // of no mailbox: changes nothing
    for (auto& [address, server] : servers_) {
      EXPECT_EQ(ask(server->registry, none).status, ReplyStatus::error);
    }
    return std::exchange(fired_, {});
  }
  // Whoever knows a session may end it.
  void expire_session(NodeId node) override {
    Server& its = server(address_of(node));
    its.door.shut(true);  // or it would take the session back
    const int64_t before = its.registry.session().id();
    clientid_t id{};
    id.client_id = before;
    const std::string password = its.registry.session().password();
    std::memcpy(id.passwd, password.data(), password.size());
    zhandle_t* const thief = zookeeper_init(
        zookeeper_.address().c_str(), [](zhandle_t*, int, int, const char*, void*) {}, 10'000, &id,
        nullptr, 0);
    ASSERT_NE(thief, nullptr);
    run_until(loop_, "the thief", [thief] { return zoo_state(thief) == ZOO_CONNECTED_STATE; });
    zookeeper_close(thief);
    its.door.shut(false);
    await_session(its, before);
  }
  void outage(DurationNs) override {
    const auto all = [this](bool connected) {
      return std::all_of(servers_.begin(), servers_.end(), [connected](const auto& entry) {
        return entry.second->registry.session().connected() == connected;
      });
    };
    zookeeper_.kill();
    run_until(loop_, "the loss", [&] { return all(false); });
    zookeeper_.start();
    run_until(loop_, "the return", [&] { return all(true); });
    EXPECT_TRUE(zookeeper_.runs());
  }
  void lag_reads(DurationNs) override { FAIL() << "not asked for"; }

 private:
  struct Server {
    Server(cluster::Loop& loop, uint16_t port, Address self, const std::string& root)
        : door(port),
          registry(loop, self, {"client:1", "peer:1"},
                   {.servers = door.address(), .root = root, .lease_ns = kRealLease * 3 / 4}) {
      registry.on_view_changed([this] { changed = true; });
    }
    Relay door;
    bool opened = false;  // may have a member
    bool changed = true;  // since it listed
    int64_t session = 0;
    cluster::ZookeeperRegistry registry;
  };
  static constexpr Address kObserver = {PeerKind::router, 999};

  RegistryAnswer ask(cluster::ZookeeperRegistry& registry, const RegistryOp& op) {
    return answer_of<RegistryReply>(loop_,
                                    [&](auto done) { registry.submit(op, std::move(done)); });
  }
  Server& server(Address self) {
    std::unique_ptr<Server>& there = servers_[self];
    if (there == nullptr) {
      there = std::make_unique<Server>(loop_, zookeeper_.port(), self, "/imroute");
      if (self != kObserver) {
        there->registry.on_view_changed([this, self] { fired_.push_back(self); });
      }
      run_until(loop_, "a session", [&there] { return there->registry.ready(); });
    }
    there->session = there->registry.session().id();
    there->opened |= self.kind == PeerKind::node;
    return *there;
  }
  // Lists again whenever that is said to show something else.
  void end_of_members(Server& observer) {
    RegistryOp op;
    op.kind = RegistryOpKind::list;
    do {
      run_until(loop_, "a change of the view", [&] { return observer.changed; });
      observer.changed = false;
    } while (!ask(observer.registry, op).reply.view->members.empty());
    observer.changed = true;
  }
  void await_session(Server& server, int64_t other_than) {
    run_until(loop_, "another session", [&] {
      return server.registry.ready() && server.registry.session().id() != other_than;
    });
  }
  // A member of another cluster, behind a shut door, is gone: so long have all that are kept lived.
  void end_of_an_unkept_session() {
    const std::string root = "/unkept" + std::to_string(++unkept_);
    Server unkept(loop_, zookeeper_.port(), address_of(NodeId{1}), root);
    Server observer(loop_, zookeeper_.port(), kObserver, root);
    run_until(loop_, "sessions",
              [&] { return unkept.registry.ready() && observer.registry.ready(); });
    RegistryOp op;
    op.kind = RegistryOpKind::open;
    EXPECT_EQ(ask(unkept.registry, op).status, ReplyStatus::ok);
    unkept.door.shut(true);
    end_of_members(observer);
    unkept.door.shut(false);
  }

  DurationNs lease_;
  Folder folder_;
  ZookeeperServer zookeeper_{folder_.path()};
  cluster::Loop loop_;
  std::vector<Address> fired_;
  int unkept_ = 0;
  std::map<Address, std::unique_ptr<Server>> servers_;
};

}  // namespace

RegistryMaker zookeeper_registry() {
  return {"zookeeper",
          [](DurationNs lease) { return std::make_unique<ZookeeperBackend>(lease); },
          {{"lagging reads",
            "a server that lags is one of several, and cannot be told to lag by a given time"}}};
}

}  // namespace imroute::contract
