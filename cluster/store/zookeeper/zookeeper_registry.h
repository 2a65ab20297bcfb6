// The registry in ZooKeeper. Below the root:
//   members                the list; its data is touched when a member's data changes
//   members/3-1a2b-1       ephemeral, one per open node: {"node":3,"weight":1,"draining":false,
//                          "client":"host:port","peer":"host:port"}; the name is node, session and
//                          how often this session has opened, so no two lives share one
//   epochs                 {"epoch":4,"identities":[...]}: of the mailboxes, the last one is valid
// A member's incarnation, and the number of its session here, is the transaction that made its
// node.
//
// Lease. The library keeps the ZooKeeper session alive by itself; what proves it to the core is a
// renewal: a sync through the leader and then a look at the own node, so that no server that lags
// can confirm what the leader has ended. The node counts its lease from the sending of it. A leader
// hears of a client that another server serves half a tick late, and a session timeout is at least
// two ticks: so the timeout asked for is 4/3 of the lease, and still a whole lease remains after
// the sending. A server that grants less is refused.
//
// Watches. `list` sets two one-shot watches, on children and data of `members`; the first event
// after it is the notice, whichever it is, and the next list sets them again. A watch does not
// outlive its session, so an expired session is a notice, too.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cluster/net/loop.h"
#include "cluster/store/store.h"
#include "cluster/store/zookeeper/session.h"

namespace imroute::cluster {

struct ZookeeperSettings {
  std::string servers = {};  // "host:port,host:port"
  std::string root = "/imroute";
  DurationNs lease_ns = 6 * kSecond;
  uint32_t most_open = 4096;  // operations; the rest is answered unknown
  std::function<void(std::string_view)> on_trouble = {};
};

class ZookeeperRegistry : public RegistryStore {
 public:
  ZookeeperRegistry(Loop& loop, Address self, ServerPlace place, ZookeeperSettings settings);
  ~ZookeeperRegistry() override;

  void submit(RegistryOp op, Done<RegistryReply> done) override;
  void on_view_changed(std::function<void()> callback) override { changed_ = std::move(callback); }
  std::optional<ServerPlace> place_of(NodeId node) const override;

  bool ready() const { return ready_; }  // connected, and the tree is there
  const ZookeeperSession& session() const { return *session_; }

 private:
  struct Listing;
  using Answered = std::function<void(ReplyStatus, RegistryReply)>;

  void prepare();
  void open(const RegistryOp& op, Answered answered);
  void renew(const RegistryOp& op, Answered answered);
  void close(const RegistryOp& op, Answered answered);
  void announce(const RegistryOp& op, Answered answered);
  void list(Answered answered);
  void finish_list(Listing& listing);
  void raise_epoch(uint64_t identity, Answered answered);
  bool holds(const RegistryOp& op) const { return own_ != 0 && op.session == own_; }
  std::string data(uint32_t weight, bool draining) const;
  void expired();
  void watched();
  void trouble(std::string_view what);

  Loop& loop_;
  Address self_;
  ServerPlace place_;
  ZookeeperSettings settings_;
  std::string members_, epochs_;  // paths
  std::function<void()> changed_;
  std::map<NodeId, ServerPlace> places_;
  uint64_t own_ = 0;      // our node's transaction; 0: none
  std::string own_path_;  // of our node, or the one that is being made
  uint32_t weight_ = 1;
  uint32_t opens_ = 0;
  uint32_t open_ops_ = 0;
  bool ready_ = false;
  bool armed_ = false;  // a list was asked since the last notice
  Timer silence_;       // it has not answered since the start
  std::unique_ptr<ZookeeperSession> session_;
};

}  // namespace imroute::cluster
