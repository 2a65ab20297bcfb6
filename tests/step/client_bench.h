// A Client on the bench: events by hand, its effects in a readable form. Time stands still unless a
// test moves it; `sleep` fires each deadline at its time, as a driver would.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "core/client/client.h"

namespace imroute::testing {

inline constexpr DeviceKey kAlice{UserId{10}, 0};
inline constexpr UserId kBob{20};
inline const ConversationId kChat = ConversationId::direct(kAlice.user, kBob);
inline const ConversationId kGroup = ConversationId::group(3);

class ClientBench {
 public:
  static ClientConfig config() {
    ClientConfig c;
    c.key = kAlice;
    c.client_type = ClientType::pc;
    c.seed = 1;
    c.routers = 3;
    return c;
  }

  explicit ClientBench(const ClientConfig& c = config())
      : key(c.key), client(std::make_unique<Client>(c, pool)), out_(true) {}

  // One step; `effects` holds what it asked for (of this step only).
  void step(const Event& event) {
    out_.clear();
    client->step(Now{now}, event, out_);
    effects.assign(out_.begin(), out_.end());
    for (const Effect& e : effects) {
      if (const auto* n = std::get_if<Notify>(&e)) notices.push_back(*n);
    }
  }
  // Moves time; every deadline on the way is woken at its time. Returns all effects asked for.
  std::vector<Effect> sleep(DurationNs duration) {
    const MonoTime end = now + duration;
    std::vector<Effect> all;
    while (client->next_deadline() <= end) {
      const MonoTime due = std::max(now, client->next_deadline());
      now = due;
      step(Wake{});
      all.insert(all.end(), effects.begin(), effects.end());
      EXPECT_GT(client->next_deadline(), now) << "a deadline that its wake-up did not clear";
      if (client->next_deadline() <= now) break;
    }
    now = end;
    effects = all;
    return all;
  }
  void command(CommandKind kind) {
    Command c;
    c.kind = kind;
    step(c);
  }
  void send(uint64_t tag, ConversationId conversation = kChat, size_t size = 4) {
    Command c;
    c.kind = CommandKind::send;
    c.conversation = conversation;
    c.payload = pool.make(size);
    for (std::byte& b : c.payload.writable()) b = static_cast<std::byte>(tag);
    c.tag = tag;
    step(c);
  }

  // ---- what the client asked for in the last step
  template <class T>
  std::vector<T> all() const {
    std::vector<T> found;
    for (const Effect& e : effects) {
      if (const T* x = std::get_if<T>(&e)) found.push_back(*x);
    }
    return found;
  }
  template <class T>
  T only() const {
    const std::vector<T> found = all<T>();
    EXPECT_EQ(found.size(), 1u);
    return found.empty() ? T{} : found.front();
  }
  std::vector<Frame> frames(FrameType type) const {
    std::vector<Frame> found;
    for (const SendPeer& s : all<SendPeer>()) {
      if (s.frame.type == type) found.push_back(s.frame);
    }
    return found;
  }
  std::vector<uint64_t> sent() const {  // client_seq of the SENDs
    std::vector<uint64_t> seqs;
    for (const Frame& f : frames(FrameType::send)) seqs.push_back(f.entry.client_seq);
    return seqs;
  }
  std::vector<Notify> noticed(NoticeKind kind) const {
    std::vector<Notify> found;
    for (const Notify& n : all<Notify>()) {
      if (n.kind == kind) found.push_back(n);
    }
    return found;
  }
  bool traced(TraceKind kind) const {
    for (const Trace& t : all<Trace>()) {
      if (t.record.kind == kind) return true;
    }
    return false;
  }
  // Frames and connections, nothing else: what the network would notice.
  size_t network_effects() const {
    return all<SendPeer>().size() + all<Connect>().size() + all<ClosePeer>().size();
  }

  // ---- the way to a session
  Address router{};  // that was dialled last

  void start() {
    command(CommandKind::start);
    router = only<Connect>().peer;
  }
  // From a dialled router to a sent LOGIN.
  Frame reach_router() {
    step(PeerUp{router});
    const SendPeer sent = only<SendPeer>();
    EXPECT_EQ(sent.peer, router);
    EXPECT_EQ(sent.frame.type, FrameType::login);
    login_number = sent.frame.number;
    return sent.frame;
  }
  void login_ok(NodeId node, uint64_t generation) {
    Frame f;
    f.type = FrameType::login_ok;
    f.user = key.user;
    f.device = key.device;
    f.node = node;
    f.incarnation = 1;
    f.generation = generation;
    f.number = login_number;
    step(PeerFrame{router, f});
  }
  Frame reach_node(NodeId node) {
    step(PeerUp{address_of(node)});
    const SendPeer sent = only<SendPeer>();
    EXPECT_EQ(sent.peer, address_of(node));
    EXPECT_EQ(sent.frame.type, FrameType::bind);
    return sent.frame;
  }
  void bound(NodeId node, uint64_t generation) {
    Frame f;
    f.type = FrameType::bound;
    f.user = key.user;
    f.device = key.device;
    f.generation = generation;
    from(node, f);
  }
  // All of it. The last step is BOUND.
  void go_online(NodeId node = NodeId{4}, uint64_t generation = 1) {
    start();
    connect(node, generation);
  }
  // From a dialled router to a bound session.
  void connect(NodeId node, uint64_t generation) {
    reach_router();
    login_ok(node, generation);
    EXPECT_EQ(only<Connect>().peer, address_of(node));
    reach_node(node);
    bound(node, generation);
    EXPECT_TRUE(client->online());
  }
  // From a lost session to the next router dialled.
  void wait_for_dial() {
    sleep(3 * kSecond);
    const auto dialled = all<Connect>();
    ASSERT_FALSE(dialled.empty());
    router = dialled.back().peer;
  }

  // ---- frames from the node
  void from(NodeId node, const Frame& frame) { step(PeerFrame{address_of(node), frame}); }
  void from(const Frame& frame) { from(client->node(), frame); }
  void accepted(uint64_t client_seq, Position position, ConversationId conversation = kChat) {
    Frame f;
    f.type = FrameType::accepted;
    f.entry.conversation = conversation;
    f.entry.client_seq = client_seq;
    f.entry.position = position;
    from(f);
  }
  void refused(uint64_t client_seq, Reason reason, uint64_t expected = 0,
               ConversationId conversation = kChat) {
    Frame f;
    f.type = FrameType::refused;
    f.entry.conversation = conversation;
    f.entry.client_seq = client_seq;
    f.reason = reason;
    f.base = expected;
    from(f);
  }
  // Delivers; true when it was shown.
  bool deliver(uint64_t number, Position position, uint64_t client_seq, UserId sender = kBob,
               uint32_t device = 0, ConversationId conversation = kChat, uint64_t base = 0) {
    Frame f;
    f.type = FrameType::deliver;
    f.number = number;
    f.base = base;
    f.entry.conversation = conversation;
    f.entry.position = position;
    f.entry.sender = sender;
    f.entry.sender_device = device;
    f.entry.client_seq = client_seq;
    from(f);
    return !noticed(NoticeKind::shown).empty();
  }
  void pong(uint64_t number) {
    Frame f;
    f.type = FrameType::pong;
    f.number = number;
    from(f);
  }
  // Answers every ping for a while, as a living node does.
  void live(DurationNs duration) {
    const MonoTime end = now + duration;
    while (client->online() && client->next_deadline() <= end) {
      now = client->next_deadline();
      step(Wake{});
      for (const Frame& f : frames(FrameType::ping)) pong(f.number);
    }
    now = end;
  }

  DeviceKey key;
  BlobPool pool;
  std::unique_ptr<Client> client;
  MonoTime now = 100 * kSecond;
  uint64_t login_number = 0;
  std::vector<Effect> effects;
  std::vector<Notify> notices;  // of all steps

 private:
  Effects out_;
};

}  // namespace imroute::testing
