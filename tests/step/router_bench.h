// One Router on a bench: events by hand, effects in a list, the directory and the registry answered
// by the test.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "core/placement/placement.h"
#include "core/router/router.h"

namespace imroute {

class RouterBench {
 public:
  static RouterConfig config() {
    RouterConfig c;
    c.seed = 3;
    return c;
  }
  explicit RouterBench(const RouterConfig& config) : config_(config), router_(config, pool_) {
    step(Wake{});
  }

  // ---- driving
  void step(const Event& event) {
    Effects out(true);
    router_.step(Now{now_}, event, out);
    for (Effect& e : out) effects_.push_back(std::move(e));
  }
  void advance(DurationNs by) {
    const MonoTime until = now_ + by;
    while (router_.next_deadline() <= until) {
      now_ = std::max(now_, router_.next_deadline());
      step(Wake{});
    }
    now_ = until;
  }
  void beacon(uint32_t node, uint64_t load = 0, uint8_t flags = 0) {
    Frame frame;
    frame.type = FrameType::beacon;
    frame.node = NodeId{node};
    frame.load = load;
    frame.flags = flags;
    peer(node, frame);
  }
  void peer(uint32_t node, const Frame& frame) { step(PeerFrame{address_of(NodeId{node}), frame}); }
  // Nodes 0 .. count-1 register (incarnation 10 + n), dial, and send a beacon.
  void cluster(uint32_t count) {
    std::vector<Member> members;
    for (uint32_t n = 0; n < count; ++n) members.push_back({NodeId{n}, 1, 10 + n, false});
    see(1, members);
    for (uint32_t n = 0; n < count; ++n) {
      step(PeerUp{address_of(NodeId{n})});
      beacon(n);
    }
  }
  // The registry answers the list that is under way.
  void see(uint64_t version, std::vector<Member> members) {
    const auto op = take_op<RegistryOp>();
    ASSERT_TRUE(op.has_value());
    ASSERT_EQ(op->kind, RegistryOpKind::list);
    RegistryReply reply;
    reply.view = std::make_shared<const ClusterView>(ClusterView{version, std::move(members)});
    step(Reply{op->id, ReplyStatus::ok, nullptr, nullptr, &reply});
  }

  // ---- looking (and taking away what was looked at)
  template <class Op>
  std::optional<Op> take_op() {
    for (size_t i = 0; i < effects_.size(); ++i) {
      auto* store = std::get_if<StoreOp>(&effects_[i]);
      Op* op = store == nullptr ? nullptr : std::get_if<Op>(&store->op);
      if (op == nullptr) continue;
      Op found = *op;
      effects_.erase(effects_.begin() + static_cast<std::ptrdiff_t>(i));
      return found;
    }
    return std::nullopt;
  }
  template <class T>
  std::vector<T> take() {
    std::vector<T> found;
    std::erase_if(effects_, [&](Effect& e) {
      auto* t = std::get_if<T>(&e);
      if (t != nullptr) found.push_back(std::move(*t));
      return t != nullptr;
    });
    return found;
  }

  // ---- answering the directory
  void answer(const DirectoryReply& reply) {
    const auto op = take_op<DirectoryOp>();
    ASSERT_TRUE(op.has_value());
    step(Reply{op->id, ReplyStatus::ok, &reply, nullptr, nullptr});
  }
  void fail(ReplyStatus status) {
    const auto op = take_op<DirectoryOp>();
    ASSERT_TRUE(op.has_value());
    step(Reply{op->id, status, nullptr, nullptr, nullptr});
  }
  static DeviceRow row(uint32_t device, uint32_t node, uint64_t incarnation,
                       ConnectState state = ConnectState::online) {
    DeviceRow r;
    r.device = device;
    r.node = NodeId{node};
    r.incarnation = incarnation;
    r.state = state;
    return r;
  }
  static UserRecord record(uint64_t user, uint64_t version, std::vector<DeviceRow> rows) {
    UserRecord out;
    out.user = UserId{user};
    out.version = version;
    for (const DeviceRow& r : rows) out.rows.push_back(r);
    return out;
  }

  // ---- frames of the flows
  void login(uint64_t user, NodeId avoid = kNoNode, uint64_t link = 5, uint64_t seen = 0,
             const NodeSet& unreachable = {}) {
    Frame frame;
    frame.type = FrameType::login;
    frame.user = UserId{user};
    frame.device = 1;
    frame.client_type = ClientType::pc;
    frame.generation = seen;
    frame.node = avoid;
    frame.nodes = unreachable;
    frame.number = 77;
    step(ClientUp{LinkId{link}});
    step(ClientFrame{LinkId{link}, frame});
  }
  // Logs a user in and says where it was sent; kNoNode when it was refused.
  NodeId place(uint64_t user, NodeId avoid = kNoNode, const NodeSet& unreachable = {}) {
    login(user, avoid, 5, 0, unreachable);
    DirectoryReply reply;
    reply.kind = DirectoryOpKind::reserve;
    reply.generation = 9;
    answer(reply);
    const auto sent = take<SendClient>();
    EXPECT_EQ(sent.size(), 1u);
    return sent.empty() || sent[0].frame.type != FrameType::login_ok ? kNoNode : sent[0].frame.node;
  }
  Frame call(FrameType type, uint64_t user, std::vector<UserId> list = {}) {
    Frame frame;
    frame.type = type;
    frame.number = 31;
    frame.route = RouteId{31};
    frame.user = UserId{user};
    if (!list.empty()) frame.list = pool_.copy_list(std::span<const UserId>(list));
    if (type == FrameType::forward) {
      frame.node = NodeId{0};
      frame.entry.conversation = ConversationId::direct(UserId{1}, UserId{user});
      frame.entry.position = {1, 4};
      frame.entry.sender = UserId{1};
      frame.entry.client_seq = 2;
    }
    return frame;
  }

  RouterConfig config_;
  BlobPool pool_;
  MonoTime now_ = kSecond;
  Router router_;
  std::vector<Effect> effects_;
};

}  // namespace imroute
