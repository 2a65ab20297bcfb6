// The registry of a list, as the router that holds it and its nodes see it. A member that comes or
// goes, and a lease that ends, are what it has not; its own rules are in
// tests/cluster/static_registry_test.cc.
#include <map>

#include "cluster/store/held.h"
#include "cluster/store/without_lease.h"
#include "tests/contract/real/ground.h"
#include "tests/contract/real/makers.h"

namespace imroute::contract {

namespace {

class StaticBackend : public RegistryBackend {
 public:
  explicit StaticBackend(DurationNs lease) : lease_(lease) { begin(); }

  RegistryAnswer ask(Address from, const RegistryOp& op) override {
    cluster::RegistryStore& store = server(from);
    return answer_of<RegistryReply>(loop_, [&](auto done) { store.submit(op, std::move(done)); });
  }
  void pass(DurationNs) override {}  // nothing depends on it
  std::vector<Address> fired() override {
    bool turned = false;  // what was posted before this comes before it
    loop_.post([&turned] { turned = true; });
    run_until(loop_, "a turn", [&turned] { return turned; });
    return std::exchange(fired_, {});
  }
  void expire_session(NodeId) override { FAIL() << "not asked for"; }
  void outage(DurationNs) override {  // the holder begins anew, from its file
    for (auto& [self, server] : servers_) server.door->behind = nullptr;
    begin();
    for (auto& [self, server] : servers_) open_door(self, server);
  }
  void lag_reads(DurationNs) override { FAIL() << "not asked for"; }

 private:
  void begin() {
    held_ = std::make_unique<cluster::HeldRegistry>(
        loop_, lease_, folder_.path() / "registry.json",
        cluster::HeldRegistry::Listed{{NodeId{1}, place_}, {NodeId{2}, place_}});
  }
  // The way to the holder: a node goes on when that is another one.
  struct Door : cluster::RegistryStore {
    void submit(RegistryOp op, cluster::Done<RegistryReply> done) override {
      behind->submit(std::move(op), std::move(done));
    }
    void on_view_changed(std::function<void()>) override {}
    std::optional<cluster::ServerPlace> place_of(NodeId node) const override {
      return behind->place_of(node);
    }
    std::unique_ptr<cluster::RegistryStore> behind;
  };
  struct Server {
    Door* door = nullptr;
    std::unique_ptr<cluster::RegistryStore> store;
  };
  void open_door(Address self, Server& server) {
    server.door->behind = held_->for_server(self, place_);
    server.door->behind->on_view_changed([this, self] { fired_.push_back(self); });
  }
  cluster::RegistryStore& server(Address self) {
    Server& there = servers_[self];
    if (there.store == nullptr) {
      auto door = std::make_unique<Door>();
      there.door = door.get();
      open_door(self, there);
      there.store = std::move(door);
      if (self.kind == PeerKind::node) {
        there.store = cluster::without_lease(loop_, std::move(there.store));
      }
    }
    return *there.store;
  }

  DurationNs lease_;
  Folder folder_;
  cluster::Loop loop_;
  cluster::ServerPlace place_{"client:1", "peer:1"};
  std::vector<Address> fired_;
  std::unique_ptr<cluster::HeldRegistry> held_;
  std::map<Address, Server> servers_;
};

}  // namespace

RegistryMaker static_registry() {
  return {"static",
          [](DurationNs lease) { return std::make_unique<StaticBackend>(lease); },
          {{"members that come and go", "who belongs is written down"},
           {"leases that end", "there are none: a dead node stays a member"},
           {"lagging reads", "there is one holder, and no follower of it"}}};
}

}  // namespace imroute::contract
