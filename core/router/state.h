// The inside of a Router: the cluster as it knows it, and the calls it is working on. Nothing here
// outlives a restart, and nothing needs to.
#pragma once

#include <memory>
#include <vector>

#include "core/balance/load_balancer.h"
#include "core/base/flat_map.h"
#include "core/base/rng.h"
#include "core/base/slab.h"
#include "core/base/timer_queue.h"
#include "core/placement/placement.h"
#include "core/router/router.h"

namespace imroute {

// What a node's beacons say of it.
struct NodeHealth {
  bool up = false;
  MonoTime last_heard = 0;
  uint64_t load = 0;    // users it reported
  uint64_t placed = 0;  // logins sent there since that report: else a burst lands on one node
  uint8_t flags = 0;
  MonoTime new_until = 0;  // slow start: it joined while this router watched
};
inline constexpr DurationNs kSlowStart = 30 * kSecond;

// One login, RESOLVE or FORWARD waiting for the directory.
struct RouterCall {
  enum class Kind : uint8_t { login, resolve, forward } kind = Kind::login;
  LinkId link;  // login
  NodeId origin;
  // A part of a FORWARD whose other part was pushed already: silence when nobody is found.
  bool rest = false;
  Frame frame;  // as it came
};

enum class RouterTimer : uint8_t { beacon, list, retry_list };

struct Router::State {
  State(const RouterConfig& config, BlobPool& pool);

  void step(MonoTime now, const Event& event, Effects& out);

  // on_client.cc
  void on_client_frame(LinkId link, const Frame& frame);
  void refuse_login(const RouterCall& call, Reason reason);
  void place_login(const RouterCall& call, uint64_t generation);
  NodeId pick_node(UserId user, NodeId avoid, const NodeSet& unreachable, uint8_t unless);
  bool offer_nodes(NodeId avoid, const NodeSet& unreachable, uint8_t unless);
  void start_slowly();
  bool healthy(NodeId node, uint8_t unless) const;  // flags of beacons that rule it out

  // on_peer.cc
  void on_peer_frame(Address peer, const Frame& frame);
  void on_beacon(NodeId from, const Frame& frame);
  void on_resolve(NodeId from, const Frame& frame);
  void on_forward(NodeId from, const Frame& frame);
  void ask_directory(RouterCall&& call);
  void answer_one(const RouterCall& call, Reason reason, const NodeSet& nodes, uint64_t version);
  void answer_batch(const RouterCall& call, const std::vector<UserLocation>& locations);
  void push(const Frame& forward, NodeId to, std::span<const UserId> users);
  void trace_call(TraceKind kind, const Frame& call, NodeId node, Reason reason);
  NodeSet computed(UserId user) const;
  void forward_computed(RouterCall&& call);
  void answer_computed(const RouterCall& call);
  bool must_ask(const Frame& frame) const;

  // on_reply.cc
  void on_reply(const Reply& reply);
  void on_directory(const RouterCall& call, const DirectoryReply* reply);
  NodeSet nodes_of(const UserRecord& record);
  void apply_view(const ViewHandle& view);

  // on_wake.cc
  void on_wake();
  void list_nodes();
  void send_beacon();

  NodeHealth* health_of(uint32_t index);
  NodeHealth* health_at(Address peer);  // nullptr when it is no node

  RouterConfig config_;
  BlobPool& pool_;
  Rng rng_;
  Counters counters_;
  MonoTime now_ = 0;
  Effects* out_ = nullptr;
  TimerQueue<RouterTimer> timers_;
  bool started_ = false;
  bool listing_ = false;
  bool list_again_ = false;  // the watch fired while a list was under way
  std::unique_ptr<LoadBalancer> balancer_;
  std::unique_ptr<Placement> placement_;
  ViewHandle view_;
  MonoTime watching_since_ = 0;      // when its first view came
  uint64_t newest_incarnation_ = 0;  // of the view
  std::vector<Backend> backends_;    // of the view, in its order
  std::vector<NodeHealth> nodes_;    // by node id
  Slab<RouterCall> calls_;
  uint64_t next_op_ = 1;
  struct Waiting {
    uint32_t call = kNil;  // kNil: the list of nodes
    uint32_t stamp = 0;
  };
  FlatMap<OpId, Waiting> operations_;
};

}  // namespace imroute
