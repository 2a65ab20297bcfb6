#include <gtest/gtest.h>

#include <set>

#include "tests/step/client_bench.h"

namespace imroute {
namespace {

using testing::ClientBench;
using testing::kAlice;
using testing::kChat;

constexpr NodeId kHome{4};
constexpr NodeId kOther{5};

Frame plain(FrameType type, Reason reason = Reason::none) {
  Frame f;
  f.type = type;
  f.reason = reason;
  f.user = kAlice.user;
  f.device = kAlice.device;
  return f;
}

TEST(ClientLogin, RouterThenNodeThenOnline) {
  ClientBench b;
  EXPECT_EQ(b.client->next_deadline(), kNever);
  b.start();
  EXPECT_EQ(b.router.kind, PeerKind::router);
  EXPECT_LT(b.router.index, 3u);
  const Frame login = b.reach_router();
  EXPECT_EQ(login.user, kAlice.user);
  EXPECT_EQ(login.client_type, ClientType::pc);
  EXPECT_EQ(login.generation, 0u);
  EXPECT_EQ(login.node, kNoNode);

  b.login_ok(kHome, 7);
  EXPECT_EQ(b.only<ClosePeer>().peer, b.router);  // before the node is dialled: no router link kept
  EXPECT_EQ(b.only<Connect>().peer, address_of(kHome));
  EXPECT_FALSE(b.client->online());
  EXPECT_EQ(b.client->node(), kNoNode);

  const Frame bind = b.reach_node(kHome);
  EXPECT_EQ(bind.generation, 7u);
  EXPECT_EQ(bind.flags, kFlagNoCursors);  // a device without memory
  EXPECT_TRUE(bind.list.empty());

  b.bound(kHome, 7);
  const Notify online = b.only<Notify>();
  EXPECT_EQ(online.kind, NoticeKind::online);
  EXPECT_EQ(online.node, kHome);
  EXPECT_EQ(online.generation, 7u);
  EXPECT_TRUE(b.traced(TraceKind::online));
  EXPECT_EQ(b.client->node(), kHome);
  EXPECT_EQ(b.client->generation(), 7u);
  EXPECT_EQ(b.client->counters().reconnects, 0u);
}

TEST(ClientLogin, StartTwiceIsOne) {
  ClientBench b;
  b.start();
  b.command(CommandKind::start);
  EXPECT_EQ(b.network_effects(), 0u);
}

TEST(ClientLogin, AnswersOfAnotherLoginAreIgnored) {
  ClientBench b;
  b.start();
  b.reach_router();
  ++b.login_number;
  b.login_ok(kHome, 7);
  EXPECT_EQ(b.network_effects(), 0u);
  EXPECT_EQ(b.client->counters().protocol_errors, 1u);
}

TEST(ClientLogin, FailsOverToAnotherRouterEachTime) {
  ClientBench b;
  b.start();
  for (int round = 0; round < 10; ++round) {
    const Address tried = b.router;
    switch (round % 3) {
      case 0:  // the dial fails
        b.step(PeerDown{tried, Reason::refused});
        EXPECT_EQ(b.network_effects(), 0u);
        break;
      case 1: {  // refused
        b.reach_router();
        Frame refused = plain(FrameType::login_refused, Reason::no_node);
        refused.number = b.login_number;
        b.step(PeerFrame{tried, refused});
        EXPECT_EQ(b.only<ClosePeer>().peer, tried);
        break;
      }
      default:  // silence
        b.reach_router();
        b.now = b.client->next_deadline();
        b.step(Wake{});
        EXPECT_EQ(b.only<ClosePeer>().reason, Reason::timeout);
    }
    b.now = b.client->next_deadline();
    b.step(Wake{});
    b.router = b.only<Connect>().peer;
    EXPECT_NE(b.router, tried) << round;
  }
  EXPECT_EQ(b.client->counters().reconnects, 10u);
}

// With two of three dead for good, the living one is reached with the third try at the latest.
TEST(ClientLogin, TriesEachRouterOnceBeforeOneAgain) {
  for (uint64_t user = 1; user <= 20; ++user) {
    ClientConfig config = ClientBench::config();
    config.key.user = UserId{user};
    config.routers = 5;
    ClientBench b(config);
    b.start();
    std::vector<uint32_t> tried;
    for (int round = 0; round < 15; ++round) {
      tried.push_back(b.router.index);
      b.step(PeerDown{b.router, Reason::refused});
      b.now = b.client->next_deadline();
      b.step(Wake{});
      b.router = b.only<Connect>().peer;
    }
    for (size_t from = 0; from + 5 <= tried.size(); ++from) {
      const auto at = tried.begin() + static_cast<std::ptrdiff_t>(from);
      EXPECT_EQ(std::set<uint32_t>(at, at + 5).size(), 5u) << "user " << user << " from " << from;
    }
  }
}

// A router that answers is asked again when its node did not serve, until it knows no other node.
TEST(ClientLogin, LeavesARouterThatKnowsOnlyNodesThatDidNotServe) {
  ClientBench b;
  b.start();
  const Address first = b.router;
  const auto node_fails = [&](NodeId node) {
    b.reach_router();
    b.login_ok(node, 1);
    b.step(PeerDown{address_of(node), Reason::refused});
    b.now = b.client->next_deadline();
    b.step(Wake{});
    b.router = b.only<Connect>().peer;
  };
  node_fails(NodeId{1});
  EXPECT_EQ(b.router, first);
  node_fails(NodeId{2});
  EXPECT_EQ(b.router, first);
  node_fails(NodeId{1});
  EXPECT_NE(b.router, first);
}

TEST(ClientLogin, BackoffDoublesIsBoundedAndJittered) {
  std::set<DurationNs> first_delays;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    ClientConfig config = ClientBench::config();
    config.seed = seed;
    ClientBench b(config);
    b.start();
    for (int attempt = 0; attempt < 8; ++attempt) {
      b.step(PeerDown{b.router, Reason::refused});
      const DurationNs delay = b.client->next_deadline() - b.now;
      const DurationNs bound =
          std::min(config.sessions.backoff_max_ns, config.sessions.backoff_min_ns << (attempt + 1));
      EXPECT_GE(delay, config.sessions.backoff_min_ns);
      EXPECT_LE(delay, bound);
      if (attempt == 0) first_delays.insert(delay);
      b.now += delay;
      b.step(Wake{});
      b.router = b.only<Connect>().peer;
    }
  }
  EXPECT_GT(first_delays.size(), 45u);
}

TEST(ClientLogin, HugeBackoffDoesNotOverflow) {
  ClientConfig config = ClientBench::config();
  config.sessions.backoff_min_ns = 3600 * kSecond;
  config.sessions.backoff_max_ns = 24 * 3600 * kSecond;
  ClientBench b(config);
  b.start();
  for (int attempt = 0; attempt < 100; ++attempt) {
    b.step(PeerDown{b.router, Reason::refused});
    const DurationNs delay = b.client->next_deadline() - b.now;
    ASSERT_GE(delay, config.sessions.backoff_min_ns);
    ASSERT_LE(delay, config.sessions.backoff_max_ns);
    b.now += delay;
    b.step(Wake{});
    b.router = b.only<Connect>().peer;
  }
}

TEST(ClientLogin, NodeThatDoesNotAnswerIsAvoidedNext) {
  for (const bool dialled : {false, true}) {
    ClientBench b;
    b.start();
    b.reach_router();
    b.login_ok(kHome, 7);
    if (dialled) {
      b.reach_node(kHome);
      b.now = b.client->next_deadline();
      b.step(Wake{});
      EXPECT_EQ(b.only<ClosePeer>().peer, address_of(kHome));
    } else {
      b.step(PeerDown{address_of(kHome), Reason::refused});
    }
    EXPECT_TRUE(b.notices.empty());  // it was never online
    b.wait_for_dial();
    const Frame login = b.reach_router();
    EXPECT_EQ(login.node, kHome);
    EXPECT_EQ(login.generation, 7u);  // the highest seen, so that it is never given out twice
    EXPECT_TRUE(login.nodes.contains(kHome));
  }
}

TEST(ClientLogin, RemembersEveryNodeThatDidNotServeUntilOneDoes) {
  ClientBench b;
  const auto dial_again = [&b] {  // after the backoff, however long
    do {
      b.now = b.client->next_deadline();
      b.step(Wake{});
    } while (b.all<Connect>().empty());
    b.router = b.only<Connect>().peer;
  };
  b.start();
  b.reach_router();
  for (uint32_t n = 1; n <= 3; ++n) {
    b.login_ok(NodeId{n}, n);
    b.step(PeerDown{address_of(NodeId{n}), Reason::refused});
    dial_again();
    EXPECT_EQ(b.reach_router().nodes.size(), n);
  }
  b.login_ok(NodeId{4}, 9);
  b.reach_node(NodeId{4});
  b.bound(NodeId{4}, 9);
  b.step(PeerDown{address_of(NodeId{4}), Reason::reset});
  dial_again();
  EXPECT_TRUE(b.reach_router().nodes.empty());
}

TEST(ClientLogin, BindRefusalsForNowAreTriedAgain) {
  for (const Reason reason :
       {Reason::overloaded, Reason::draining, Reason::fenced, Reason::store_unavailable}) {
    ClientBench b;
    b.start();
    b.reach_router();
    b.login_ok(kHome, 7);
    b.reach_node(kHome);
    b.from(kHome, plain(FrameType::bind_refused, reason));
    EXPECT_EQ(b.only<ClosePeer>().peer, address_of(kHome));
    EXPECT_NE(b.client->next_deadline(), kNever);
    b.wait_for_dial();
  }
}

TEST(ClientLogin, SupersededAndKickedAreFinal) {
  for (const Reason reason : {Reason::superseded, Reason::kicked}) {
    for (const bool at_bind : {true, false}) {
      ClientBench b;
      b.start();
      b.reach_router();
      b.login_ok(kHome, 7);
      b.reach_node(kHome);
      if (!at_bind) b.bound(kHome, 7);
      b.from(kHome, plain(at_bind ? FrameType::bind_refused : FrameType::kick, reason));
      EXPECT_EQ(b.only<ClosePeer>().peer, address_of(kHome));
      EXPECT_EQ(b.only<Notify>().kind, NoticeKind::offline);
      EXPECT_EQ(b.only<Notify>().reason, reason);
      EXPECT_FALSE(b.client->online());
      EXPECT_EQ(b.client->next_deadline(), kNever);  // no kick war
      b.sleep(3600 * kSecond);
      EXPECT_TRUE(b.effects.empty());
      // Only the user brings it back.
      b.command(at_bind ? CommandKind::start : CommandKind::relocate);
      b.router = b.only<Connect>().peer;
      EXPECT_EQ(b.reach_router().generation, 7u);
    }
  }
}

TEST(ClientLogin, OtherKicksAreNotFinal) {
  for (const Reason reason :
       {Reason::shutdown, Reason::fenced, Reason::slow_reader, Reason::draining}) {
    ClientBench b;
    b.go_online(kHome, 7);
    b.from(plain(FrameType::kick, reason));
    EXPECT_EQ(b.only<Notify>().kind, NoticeKind::offline);
    EXPECT_EQ(b.only<Notify>().reason, reason);
    b.wait_for_dial();
    EXPECT_EQ(b.reach_router().node, kHome);  // elsewhere
  }
}

TEST(ClientLogin, LostConnectionComesBackAndMayGoHome) {
  ClientBench b;
  b.go_online(kHome, 7);
  b.step(PeerDown{address_of(kHome), Reason::reset});
  EXPECT_EQ(b.only<Notify>().reason, Reason::reset);
  EXPECT_EQ(b.network_effects(), 0u);
  b.wait_for_dial();
  EXPECT_EQ(b.reach_router().node, kNoNode);
  b.login_ok(kHome, 8);
  EXPECT_EQ(b.reach_node(kHome).flags, 0);  // it has a memory now
}

TEST(ClientLogin, RelocationKeepsTheSessionUntilLoginOk) {
  ClientBench b;
  b.go_online(kHome, 7);
  b.command(CommandKind::relocate);
  EXPECT_TRUE(b.all<ClosePeer>().empty());
  b.router = b.only<Connect>().peer;
  EXPECT_EQ(b.reach_router().node, kHome);
  EXPECT_TRUE(b.client->online());
  EXPECT_TRUE(b.deliver(1, {1, 1}, 1));  // served meanwhile

  b.login_ok(kOther, 8);
  const auto closed = b.all<ClosePeer>();
  ASSERT_EQ(closed.size(), 2u);
  EXPECT_EQ(closed[0].peer, b.router);
  EXPECT_EQ(closed[1].peer, address_of(kHome));
  EXPECT_EQ(b.only<Connect>().peer, address_of(kOther));
  EXPECT_EQ(b.only<Notify>().kind, NoticeKind::offline);
  const Frame bind = b.reach_node(kOther);
  ASSERT_EQ(bind.list.as<Cursor>().size(), 1u);
  EXPECT_EQ(bind.list.as<Cursor>()[0].conversation, kChat);
  EXPECT_EQ(bind.list.as<Cursor>()[0].position, (Position{1, 1}));
  b.bound(kOther, 8);
  EXPECT_EQ(b.client->node(), kOther);
}

TEST(ClientLogin, RelocationToTheSameNodeDialsAnew) {
  ClientBench b;
  b.go_online(kHome, 7);
  b.command(CommandKind::relocate);
  b.router = b.only<Connect>().peer;
  b.reach_router();
  b.login_ok(kHome, 8);
  EXPECT_EQ(b.all<ClosePeer>().back().peer, address_of(kHome));
  EXPECT_EQ(b.only<Connect>().peer, address_of(kHome));
  b.reach_node(kHome);
  b.bound(kHome, 8);
  EXPECT_EQ(b.client->generation(), 8u);
}

TEST(ClientLogin, RelocationThatFailsIsTriedAgainWhileServing) {
  ClientBench b;
  b.go_online(kHome, 7);
  b.command(CommandKind::relocate);
  b.router = b.only<Connect>().peer;
  b.step(PeerDown{b.router, Reason::refused});
  EXPECT_TRUE(b.client->online());
  EXPECT_TRUE(b.all<Notify>().empty());
  b.live(kSecond);
  ASSERT_EQ(b.all<Connect>().size(), 1u);
  b.router = b.only<Connect>().peer;
  EXPECT_EQ(b.reach_router().node, kHome);
}

TEST(ClientLogin, SessionLostDuringRelocationGoesOnWithIt) {
  ClientBench b;
  b.go_online(kHome, 7);
  b.command(CommandKind::relocate);
  b.router = b.only<Connect>().peer;
  b.reach_router();
  b.step(PeerDown{address_of(kHome), Reason::reset});
  EXPECT_EQ(b.only<Notify>().kind, NoticeKind::offline);
  EXPECT_EQ(b.network_effects(), 0u);
  b.login_ok(kOther, 8);
  EXPECT_EQ(b.only<Connect>().peer, address_of(kOther));
  b.reach_node(kOther);
  b.bound(kOther, 8);
}

TEST(ClientLogin, GoAwayLogsInElsewhereAfterJitter) {
  std::set<DurationNs> delays;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    ClientConfig config = ClientBench::config();
    config.seed = seed;
    ClientBench b(config);
    b.go_online(kHome, 7);
    b.from(plain(FrameType::go_away, Reason::draining));
    EXPECT_EQ(b.network_effects(), 0u);
    EXPECT_TRUE(b.client->online());
    delays.insert(b.client->next_deadline() - b.now);
    b.now = b.client->next_deadline();
    b.step(Wake{});
    b.router = b.only<Connect>().peer;
    EXPECT_EQ(b.reach_router().node, kHome);
  }
  EXPECT_GT(delays.size(), 15u);
  EXPECT_LE(*delays.rbegin(), 200 * kMillisecond);
}

TEST(ClientLogin, StopClosesEverythingAndStaysOffline) {
  ClientBench b;
  b.go_online(kHome, 7);
  b.command(CommandKind::relocate);
  b.command(CommandKind::stop);
  EXPECT_EQ(b.all<ClosePeer>().size(), 2u);
  EXPECT_EQ(b.only<Notify>().kind, NoticeKind::offline);
  EXPECT_EQ(b.client->next_deadline(), kNever);
  b.command(CommandKind::stop);
  EXPECT_TRUE(b.effects.empty());
}

TEST(ClientLogin, BoundOfAnotherGenerationIsIgnored) {
  ClientBench b;
  b.start();
  b.reach_router();
  b.login_ok(kHome, 7);
  b.reach_node(kHome);
  b.bound(kHome, 6);
  EXPECT_FALSE(b.client->online());
  EXPECT_EQ(b.client->counters().protocol_errors, 1u);
  b.bound(kHome, 7);
  EXPECT_TRUE(b.client->online());
}

// ---- heartbeats and the lease (defaults: lease 4.5 s, heartbeat 1.5 s)

TEST(ClientLease, AnsweredPingsKeepTheSession) {
  ClientBench b;
  b.go_online();
  b.live(60 * kSecond);
  EXPECT_TRUE(b.client->online());
  EXPECT_TRUE(b.deliver(1, {1, 1}, 1));
}

TEST(ClientLease, UnansweredPingsEndIt) {
  ClientBench b;
  const MonoTime bind_at = b.now;
  b.go_online();
  b.sleep(4500 * kMillisecond - 1);
  EXPECT_EQ(b.frames(FrameType::ping).size(), 2u);
  EXPECT_TRUE(b.client->online());
  b.now = bind_at + 4500 * kMillisecond;
  b.step(Wake{});
  EXPECT_EQ(b.only<ClosePeer>().reason, Reason::lease_lost);
  EXPECT_EQ(b.only<Notify>().reason, Reason::lease_lost);
  EXPECT_FALSE(b.client->online());
  b.wait_for_dial();
}

// What counts is when the answered ping was sent, not when the answer came.
TEST(ClientLease, CountsFromTheSendingOfThePing) {
  ClientBench b;
  b.go_online();
  const MonoTime bind_at = b.now;
  b.now = b.client->next_deadline();
  b.step(Wake{});
  const uint64_t ping = b.frames(FrameType::ping).at(0).number;
  b.now = bind_at + 4 * kSecond;
  b.pong(ping);  // sent at 1.5 s: proves until 6 s
  b.now = bind_at + 6 * kSecond - 1;
  b.step(Wake{});
  EXPECT_TRUE(b.client->online());
  b.now = bind_at + 6 * kSecond;
  b.step(Wake{});
  EXPECT_FALSE(b.client->online());
}

TEST(ClientLease, WokenFromAPauseItShowsNothing) {
  ClientBench b;
  b.go_online();
  b.now += 5 * kSecond;  // paused: no wake-up came; frames were waiting in the socket
  EXPECT_FALSE(b.deliver(1, {1, 1}, 1));
  EXPECT_EQ(b.client->counters().lease_drops, 1u);
  EXPECT_TRUE(b.frames(FrameType::ack).empty());
  EXPECT_EQ(b.only<ClosePeer>().reason, Reason::lease_lost);
  EXPECT_EQ(b.client->counters().shown, 0u);
}

TEST(ClientLease, ForgedPongProvesNothing) {
  ClientBench b;
  b.go_online();
  b.pong(1'000'000'000);  // of a ping that was never sent
  EXPECT_EQ(b.client->counters().protocol_errors, 1u);
  b.now += 4500 * kMillisecond;
  b.step(Wake{});
  EXPECT_FALSE(b.client->online());
}

TEST(ClientLease, PongFromThePastChangesNothing) {
  ClientBench b;
  b.go_online();
  b.live(10 * kSecond);
  const MonoTime before = b.client->next_deadline();
  b.pong(0);
  EXPECT_EQ(b.client->next_deadline(), before);
}

TEST(ClientLogin, ForeignEventsAreCountedAndHarmless) {
  ClientBench b;
  b.step(ClientUp{LinkId{1}});
  b.step(ViewChanged{});
  b.step(PeerUp{address_of(kHome)});
  b.step(PeerDown{address_of(kHome), Reason::reset});
  b.step(PeerFrame{address_of(kHome), plain(FrameType::kick, Reason::kicked)});
  b.step(Wake{});
  EXPECT_EQ(b.network_effects(), 0u);
  EXPECT_EQ(b.client->counters().protocol_errors, 3u);
  EXPECT_EQ(b.client->counters().steps, 6u);
}

TEST(ClientLogin, DigestTellsStatesApart) {
  ClientBench a, b;
  EXPECT_EQ(a.client->digest(), b.client->digest());
  a.go_online();
  EXPECT_NE(a.client->digest(), b.client->digest());
  b.go_online();
  EXPECT_EQ(a.client->digest(), b.client->digest());
  a.send(1);
  EXPECT_NE(a.client->digest(), b.client->digest());
  b.send(1);
  EXPECT_EQ(a.client->digest(), b.client->digest());
  a.deliver(1, {1, 1}, 1);
  b.deliver(1, {1, 1}, 2);
  EXPECT_NE(a.client->digest(), b.client->digest());
}

}  // namespace
}  // namespace imroute
