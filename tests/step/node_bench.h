// One Node on a bench: events by hand, effects in a list, the stores answered by the test (or by
// the defaults below). No mocks: what the node asks is looked at, what it is told is an event.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "core/node/node.h"
#include "core/node/pump.h"

namespace imroute {

class NodeBench {
 public:
  explicit NodeBench(NodeConfig config, uint32_t nodes = 3)
      : nodes_in_view_(nodes), config_(config), node_(config, pool_) {
    step(Wake{});
    answer_registry_open();
    run_until(now_);  // asks for the view
    answer_list();
  }
  static NodeConfig config() {
    NodeConfig c;
    c.id = NodeId{0};
    c.seed = 7;
    c.strategy.kind = StrategyKind::cached_broadcast;
    return c;
  }

  // ---- driving
  void step(const Event& event) {
    Effects out;
    node_.step(Now{now_}, event, out);
    for (Effect& e : out) effects_.push_back(std::move(e));
  }
  void run_until(MonoTime time) {
    while (node_.next_deadline() <= time) {
      now_ = std::max(now_, node_.next_deadline());
      step(Wake{});
    }
    now_ = std::max(now_, time);
  }
  void advance(DurationNs by) { run_until(now_ + by); }
  void sleep(DurationNs by) { now_ += by; }  // no timer runs: the machine was paused
  void client(LinkId link, Frame frame) { step(ClientFrame{link, frame}); }
  void peer(NodeId from, Frame frame) { step(PeerFrame{address_of(from), frame}); }
  void peer_up(uint32_t index) { step(PeerUp{address_of(NodeId{index})}); }
  void router_up(uint32_t index) { step(PeerUp{address_of(RouterId{index})}); }

  // ---- looking (and taking away what was looked at)
  template <class T>
  std::vector<T> take() {
    std::vector<T> found;
    std::vector<Effect> rest;
    for (Effect& e : effects_) {
      if (auto* t = std::get_if<T>(&e))
        found.push_back(std::move(*t));
      else
        rest.push_back(std::move(e));
    }
    effects_ = std::move(rest);
    return found;
  }
  std::vector<Frame> to_client(LinkId link, FrameType type) {
    std::vector<Frame> found;
    std::vector<Effect> rest;
    for (Effect& e : effects_) {
      auto* s = std::get_if<SendClient>(&e);
      if (s != nullptr && s->link == link && s->frame.type == type)
        found.push_back(s->frame);
      else
        rest.push_back(std::move(e));
    }
    effects_ = std::move(rest);
    return found;
  }
  std::vector<SendPeer> to_peers(FrameType type) {
    std::vector<SendPeer> found;
    std::vector<Effect> rest;
    for (Effect& e : effects_) {
      auto* s = std::get_if<SendPeer>(&e);
      if (s != nullptr && s->frame.type == type)
        found.push_back(*s);
      else
        rest.push_back(std::move(e));
    }
    effects_ = std::move(rest);
    return found;
  }
  std::vector<Frame> to_mesh(FrameType type) {
    std::vector<Frame> found;
    std::vector<Effect> rest;
    for (Effect& e : effects_) {
      auto* s = std::get_if<SendMesh>(&e);
      if (s != nullptr && s->frame.type == type)
        found.push_back(s->frame);
      else
        rest.push_back(std::move(e));
    }
    effects_ = std::move(rest);
    return found;
  }
  template <class Op, class Kind>
  std::optional<Op> take_op(Kind kind) {
    for (size_t i = 0; i < effects_.size(); ++i) {
      auto* s = std::get_if<StoreOp>(&effects_[i]);
      Op* op = s == nullptr ? nullptr : std::get_if<Op>(&s->op);
      if (op == nullptr || op->kind != kind) continue;
      Op found = *op;
      effects_.erase(effects_.begin() + static_cast<std::ptrdiff_t>(i));
      return found;
    }
    return std::nullopt;
  }

  // ---- answering
  void answer(OpId id, const DirectoryReply& r) {
    step(Reply{id, ReplyStatus::ok, &r, nullptr, nullptr});
  }
  void answer(OpId id, const MailboxReply& r) {
    step(Reply{id, ReplyStatus::ok, nullptr, &r, nullptr});
  }
  void answer(OpId id, const RegistryReply& r) {
    step(Reply{id, ReplyStatus::ok, nullptr, nullptr, &r});
  }
  void answer_unknown(OpId id) { step(Reply{id, ReplyStatus::unknown, nullptr, nullptr, nullptr}); }
  void answer_registry_open() {
    const auto op = take_op<RegistryOp>(RegistryOpKind::open);
    ASSERT_TRUE(op.has_value());
    RegistryReply r;
    r.kind = RegistryOpKind::open;
    r.session = 11;
    r.incarnation = 101;
    answer(op->id, r);
  }
  void answer_list() {
    const auto op = take_op<RegistryOp>(RegistryOpKind::list);
    ASSERT_TRUE(op.has_value());
    auto view = std::make_shared<ClusterView>();
    view->version = ++view_version_;
    for (uint32_t n = 0; n < nodes_in_view_; ++n)
      view->members.push_back({NodeId{n}, 1, 101 + n, false});
    RegistryReply r;
    r.kind = RegistryOpKind::list;
    r.view = view;
    answer(op->id, r);
  }
  // Renewals answered while time passes.
  void live_for(DurationNs by) {
    for (DurationNs t = 0; t < by; t += 100 * kMillisecond) {
      advance(100 * kMillisecond);
      while (auto op = take_op<RegistryOp>(RegistryOpKind::renew)) {
        RegistryReply r;
        r.kind = RegistryOpKind::renew;
        answer(op->id, r);
      }
    }
  }
  MailboxReply from_store() const {
    MailboxReply r;
    r.identity = 500;
    return r;
  }
  // The mailbox tells its identity, the registry its epoch.
  void learn_epoch() {
    while (auto op = take_op<MailboxOp>(MailboxOpKind::compare)) {
      MailboxReply r = from_store();
      r.kind = MailboxOpKind::compare;
      answer(op->id, r);
    }
    if (auto op = take_op<RegistryOp>(RegistryOpKind::raise_epoch)) {
      RegistryReply r;
      r.kind = RegistryOpKind::raise_epoch;
      r.epoch = 1;
      answer(op->id, r);
    }
  }
  // What the directory is asked for.
  std::optional<DirectoryOp> begin_bind(LinkId link, UserId user, uint64_t generation = 1,
                                        uint32_t device = 0) {
    step(ClientUp{link});
    Frame f;
    f.type = FrameType::bind;
    f.user = user;
    f.device = device;
    f.generation = generation;
    client(link, f);
    return take_op<DirectoryOp>(DirectoryOpKind::bind);
  }
  void bind(LinkId link, UserId user, uint64_t generation = 1, uint32_t device = 0) {
    const auto op = begin_bind(link, user, generation, device);
    if (!op.has_value()) return;
    DirectoryReply r;
    r.kind = DirectoryOpKind::bind;
    r.record.user = user;
    r.record.version = generation;
    r.record.rows.push_back(op->row);
    answer(op->id, r);
    if (const auto index = take_op<MailboxOp>(MailboxOpKind::open_device)) {
      MailboxReply m = from_store();
      m.kind = MailboxOpKind::open_device;
      m.index_version = 1;
      answer(index->id, m);
      learn_epoch();
    }
  }
  // The user has logged in at that node meanwhile.
  void superseded(UserId user, uint64_t generation, NodeId there) {
    Frame f;
    f.type = FrameType::displace;
    f.user = user;
    f.generation = generation;
    f.node = there;
    f.reason = Reason::superseded;
    peer(there, f);
  }
  Frame send_frame(ConversationId id, uint64_t client_seq) {
    Frame f;
    f.type = FrameType::send;
    f.entry.conversation = id;
    f.entry.client_seq = client_seq;
    f.entry.payload = pool_.copy(std::as_bytes(std::span("hello", 5)));
    f.base = client_seq;
    return f;
  }
  void answer_append(uint64_t seq) {
    const auto op = take_op<MailboxOp>(MailboxOpKind::append);
    ASSERT_TRUE(op.has_value());
    MailboxReply r = from_store();
    r.position = {1, seq};
    answer(op->id, r);
  }
  Frame push_frame(UserId user, ConversationId id, UserId sender, uint64_t seq,
                   uint64_t route = 77) {
    Frame f;
    f.type = FrameType::push;
    f.route = RouteId{route};
    f.node = NodeId{1};
    f.user = user;
    f.entry.conversation = id;
    f.entry.position = {1, seq};
    f.entry.sender = sender;
    f.entry.client_seq = seq;
    f.entry.payload = pool_.copy(std::as_bytes(std::span("hi", 2)));
    return f;
  }

  Node& node() { return node_; }
  BlobPool& pool() { return pool_; }
  MonoTime now() const { return now_; }
  std::vector<Effect>& effects() { return effects_; }
  uint32_t nodes_in_view_;

 private:
  BlobPool pool_;
  NodeConfig config_;
  MonoTime now_ = kSecond;
  uint64_t view_version_ = 0;
  std::vector<Effect> effects_;
  Node node_;
};

}  // namespace imroute
