#include "sim/network/network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace imroute {
namespace {

// Two nodes, a router, two clients, and a log of what they are told.
class NetworkTest : public ::testing::Test, public NetworkHost {
 protected:
  explicit NetworkTest() { start(NetworkConfig{}); }

  void start(const NetworkConfig& config) {
    log_.clear();
    network_.reset();
    queue_ = EventQueue{};
    now_ = 0;
    network_ = std::make_unique<Network>(layout_, config, 1, queue_, 0, pool_, *this);
    for (uint32_t i = 0; i < 2; ++i) network_->set_listening(layout_.node(i), true);
    network_->set_listening(layout_.router(0), true);
  }
  void run(int64_t until = kNever / 8) {
    queue_.push(until, EventPriority::late, ~uint64_t{0});
    while (true) {
      const EventQueue::Entry e = queue_.pop();
      now_ = e.time();
      if (e.what == ~uint64_t{0}) return;
      network_->arrive(now_, static_cast<uint32_t>(e.what));
    }
  }
  Frame ping(uint64_t number) {
    Frame frame;
    frame.type = FrameType::ping;
    frame.number = number;
    return frame;
  }
  std::string name(Endpoint e) const {
    switch (layout_.role(e)) {
      case Role::node:
        return "n" + std::to_string(layout_.index(e));
      case Role::router:
        return "r" + std::to_string(layout_.index(e));
      default:
        return "c" + std::to_string(layout_.index(e));
    }
  }
  void on_up(Endpoint at, Endpoint from, LinkId link) override {
    log_.push_back(name(at) + " up " + name(from));
    if (link != kNoLink) link_ = link;
    times_.push_back(now_);
  }
  void on_down(Endpoint at, Endpoint from, LinkId, Reason reason) override {
    log_.push_back(name(at) + " down " + name(from) + " " + std::string(to_string(reason)));
  }
  void on_frame(Endpoint at, Endpoint from, LinkId, const Frame& frame) override {
    log_.push_back(name(at) + " " + std::to_string(frame.number) + " from " + name(from));
    times_.push_back(now_);
  }
  void on_lost(Endpoint, Endpoint, const Frame& frame) override { lost_.push_back(frame.number); }

  std::vector<std::string> take_log() { return std::exchange(log_, {}); }
  EdgeRule rule(EdgeAction action, Endpoint a, Endpoint b, Disposition disposition) {
    EdgeRule r;
    r.action = action;
    r.disposition = disposition;
    r.match.side.assign(layout_.endpoints(), 0);
    r.match.side[a] = 1;
    r.match.side[b] |= 2;
    return r;
  }

  Layout layout_{2, 1, 2};
  BlobPool pool_;
  EventQueue queue_;
  int64_t now_ = 0;
  LinkId link_ = kNoLink;
  std::vector<std::string> log_;
  std::vector<int64_t> times_;
  std::vector<uint64_t> lost_;
  std::unique_ptr<Network> network_;
  const Endpoint n0_ = layout_.node(0), n1_ = layout_.node(1), c0_ = layout_.client(0);
};

using Log = std::vector<std::string>;

TEST_F(NetworkTest, BothEndsSpeakWhatBothKnow) {
  const Endpoint client = layout_.client(0), router = layout_.router(0);
  Frame login;
  login.type = FrameType::login;
  login.number = 5;
  login.nodes.push_back(NodeId{1});
  const auto bytes_of_login = [&](uint64_t features) {
    start(NetworkConfig{});
    network_->set_hello(router, {kWireVersion, kWireVersion, features});
    network_->connect(0, client, router);
    run(kSecond);
    return network_->send_peer(now_, client, router, login);
  };
  const uint32_t whole = bytes_of_login(kAllFeatures);
  EXPECT_EQ(network_->foreign_links(client), 0u);
  EXPECT_LT(bytes_of_login(kAllFeatures & ~kFeatureUnreachable), whole);
  EXPECT_EQ(network_->foreign_links(client), 1u);
  EXPECT_EQ(network_->foreign_links(router), 1u);
  EXPECT_EQ(network_->foreign_links(layout_.node(0)), 0u);
  // A frame of a type that the other end does not know is not sent.
  network_->set_hello(layout_.node(0), {kWireVersion, kWireVersion, 0});
  network_->connect(now_, layout_.node(0), layout_.node(1));
  run(now_ + kSecond);
  Frame handover;
  handover.type = FrameType::handover;
  EXPECT_EQ(network_->send_peer(now_, layout_.node(1), layout_.node(0), handover), 0u);
  EXPECT_NE(network_->send_peer(now_, layout_.node(1), layout_.node(0), ping(1)), 0u);
}

TEST_F(NetworkTest, WithoutACommonVersionTheDiallerIsToldWhy) {
  network_->set_hello(layout_.node(1), {2, 2, kAllFeatures});
  network_->connect(0, layout_.node(0), layout_.node(1));
  network_->connect(0, layout_.node(1), layout_.router(0));
  run(kSecond);
  std::vector<std::string> log = take_log();
  std::sort(log.begin(), log.end());
  EXPECT_EQ(log,
            (std::vector<std::string>{"n0 down n1 version_refused", "n1 down r0 version_refused"}));
  EXPECT_EQ(network_->foreign_links(layout_.node(1)), 2u);
}

TEST_F(NetworkTest, ConnectsAndCarriesFramesInOrder) {
  network_->connect(0, c0_, n0_);
  network_->connect(0, c0_, n0_);  // no-op
  run(kSecond);
  EXPECT_EQ(take_log(), (Log{"n0 up c0", "c0 up n0"}));
  for (uint64_t i = 1; i <= 5; ++i) EXPECT_GT(network_->send_peer(now_, c0_, n0_, ping(i)), 0u);
  run(2 * kSecond);
  EXPECT_EQ(take_log(),
            (Log{"n0 1 from c0", "n0 2 from c0", "n0 3 from c0", "n0 4 from c0", "n0 5 from c0"}));
  EXPECT_GT(network_->send_link(now_, n0_, link_, ping(9)), 0u);
  EXPECT_EQ(network_->client_of(n0_, link_), c0_);
  run(3 * kSecond);
  EXPECT_EQ(take_log(), (Log{"c0 9 from n0"}));
  EXPECT_EQ(network_->send_peer(now_, c0_, n1_, ping(1)), 0u);  // not connected
}

TEST_F(NetworkTest, WhatIsSentBeforeACloseArrivesAndNothingAfter) {
  network_->connect(0, c0_, n0_);
  run(kSecond);
  take_log();
  network_->send_link(now_, n0_, link_, ping(1));
  network_->close_link(now_, n0_, link_);
  network_->send_peer(now_, c0_, n0_, ping(2));
  run(60 * kSecond);
  EXPECT_EQ(take_log(), (Log{"c0 1 from n0", "c0 down n0 closed_by_peer"}));
  EXPECT_EQ(network_->connections(), 0u);
  EXPECT_EQ(network_->flights(), 0u);
}

TEST_F(NetworkTest, ADeadServerRefusesAndACrashResets) {
  network_->connect(0, n0_, n1_);
  run(kSecond);
  EXPECT_EQ(take_log(), (Log{"n1 up n0", "n0 up n1"}));
  network_->process_died(now_, n1_);
  run(2 * kSecond);
  EXPECT_EQ(take_log(), (Log{"n0 down n1 reset"}));
  network_->connect(now_, n0_, n1_);
  run(3 * kSecond);
  EXPECT_EQ(take_log(), (Log{"n0 down n1 refused"}));
  network_->set_listening(n1_, true);
  network_->connect(now_, n0_, n1_);
  run(4 * kSecond);
  EXPECT_EQ(take_log(), (Log{"n1 up n0", "n0 up n1"}));
}

TEST_F(NetworkTest, ABreakSeenByOneSideIsFoundByTheOthersNextFrame) {
  network_->connect(0, n0_, n1_);
  run(kSecond);
  take_log();
  const EdgeRule r = rule(EdgeAction::block, n0_, n1_, Disposition::drop);
  EXPECT_EQ(network_->break_matching(now_, r.match, 1'000'000, 1, 5), 1u);
  run(2 * kSecond);
  EXPECT_EQ(take_log(), (Log{"n0 down n1 reset"}));
  EXPECT_TRUE(network_->is_up(n1_, n0_));
  network_->send_peer(now_, n1_, n0_, ping(1));
  run(3 * kSecond);
  EXPECT_EQ(take_log(), (Log{"n1 down n0 reset"}));
  run(60 * kSecond);
  EXPECT_EQ(network_->connections(), 0u);
}

TEST_F(NetworkTest, ARedialReplacesAnEndThatHasNotNoticed) {
  network_->connect(0, n0_, n1_);
  run(kSecond);
  take_log();
  const EdgeRule r = rule(EdgeAction::block, n0_, n1_, Disposition::drop);
  network_->break_matching(now_, r.match, 1'000'000, 1, 5);
  run(2 * kSecond);
  network_->connect(now_, n0_, n1_);
  run(3 * kSecond);
  EXPECT_EQ(take_log(), (Log{"n0 down n1 reset", "n1 down n0 reset", "n1 up n0", "n0 up n1"}));
}

TEST_F(NetworkTest, APartitionHoldsTheStreamAndGoesOnInOrder) {
  network_->connect(0, n0_, n1_);
  run(kSecond);
  take_log();
  for (const Disposition d : {Disposition::stall, Disposition::drop}) {
    network_->rules().add(rule(EdgeAction::block, n0_, n1_, d));
    network_->send_peer(now_, n0_, n1_, ping(1));
    network_->send_peer(now_, n0_, n1_, ping(2));
    run(now_ + 3200 * kMillisecond);
    EXPECT_EQ(take_log(), Log{});
    EXPECT_TRUE(network_->rules().remove(0));
    network_->release_held(now_);
    const int64_t healed = now_;
    run(now_ + 30 * kMillisecond);
    EXPECT_EQ(take_log().size(), d == Disposition::stall ? 2u : 0u);  // drop: next retransmission
    run(healed + 4 * kSecond);
    const Log rest = take_log();
    if (d == Disposition::drop) {
      EXPECT_EQ(rest, (Log{"n1 1 from n0", "n1 2 from n0"}));
    }
  }
}

TEST_F(NetworkTest, OverlappingRulesHoldUntilTheLastOneEnds) {
  network_->connect(0, n0_, n1_);
  run(kSecond);
  take_log();
  EdgeRule a = rule(EdgeAction::block, n0_, n1_, Disposition::stall);
  EdgeRule b = a;
  b.fault = 1;
  network_->rules().add(a);
  network_->rules().add(b);
  network_->send_peer(now_, n0_, n1_, ping(1));
  network_->rules().remove(0);
  network_->release_held(now_);
  run(now_ + kSecond);
  EXPECT_EQ(take_log(), Log{});
  network_->rules().remove(1);
  network_->release_held(now_);
  run(now_ + kSecond);
  EXPECT_EQ(take_log(), (Log{"n1 1 from n0"}));
}

TEST_F(NetworkTest, ALongLossBreaksTheSenderAndOneWayBlocksOneWay) {
  network_->connect(0, n0_, n1_);
  run(kSecond);
  take_log();
  EdgeRule r = rule(EdgeAction::block, n0_, n1_, Disposition::drop);
  r.match.both_ways = false;
  network_->rules().add(r);
  network_->send_peer(now_, n0_, n1_, ping(1));
  network_->send_peer(now_, n1_, n0_, ping(2));
  network_->report_lost(true);
  run(now_ + 20 * kSecond);
  EXPECT_EQ(take_log(), (Log{"n0 2 from n1", "n0 down n1 timeout"}));
  EXPECT_EQ(lost_, (std::vector<uint64_t>{1}));
}

// A stream goes on at its next retransmission, and those get rarer: a second after the packets.
TEST_F(NetworkTest, TellsUntilWhenAFaultIsFelt) {
  network_->connect(0, n0_, n1_);
  run(kSecond);
  take_log();
  EXPECT_EQ(network_->late_until(), 0);
  network_->rules().add(rule(EdgeAction::block, n0_, n1_, Disposition::drop));
  const int64_t sent = now_;
  network_->send_peer(now_, n0_, n1_, ping(1));
  run(now_ + 2 * kSecond);  // tried in vain after 0.2, 0.6, 1.4 s
  network_->rules().remove(0);
  network_->release_held(now_);
  EXPECT_EQ(network_->late_until(), sent + 3 * kSecond);
  run(network_->late_until() - 1);
  EXPECT_EQ(take_log(), Log{});
  run(network_->late_until() + kSecond);
  EXPECT_EQ(take_log(), (Log{"n1 1 from n0"}));
  // On its way when the rule ends, and what comes after it waits.
  EdgeRule slow = rule(EdgeAction::delay, n0_, n1_, Disposition::drop);
  slow.delay_ns = 5 * kSecond;
  network_->rules().add(slow);
  network_->send_peer(now_, n0_, n1_, ping(2));
  network_->rules().remove(0);
  network_->release_held(now_);
  network_->send_peer(now_, n0_, n1_, ping(3));
  EXPECT_GE(network_->late_until(), now_ + 5 * kSecond);
  run(network_->late_until() - 1);
  EXPECT_EQ(take_log(), Log{});
  run(network_->late_until() + 1);
  EXPECT_EQ(take_log(), (Log{"n1 2 from n0", "n1 3 from n0"}));
}

TEST_F(NetworkTest, HalfOpenSwallowsWithoutASignAndDialsCanHang) {
  network_->connect(0, n0_, n1_);
  run(kSecond);
  take_log();
  const EdgeRule r = rule(EdgeAction::hang, n0_, n1_, Disposition::drop);
  EXPECT_EQ(network_->swallow_matching(r.match, 1'000'000, 3), 1u);
  network_->send_peer(now_, n0_, n1_, ping(1));
  network_->close_peer(now_, n0_, n1_);
  run(now_ + 30 * kSecond);
  EXPECT_EQ(take_log(), Log{});
  network_->rules().add(r);
  network_->connect(now_, n0_, n1_);
  run(now_ + kConnectTimeoutNs + kSecond);
  EXPECT_EQ(take_log(), (Log{"n0 down n1 timeout"}));
}

TEST_F(NetworkTest, ResetDispositionRefuses) {
  network_->rules().add(rule(EdgeAction::block, n0_, n1_, Disposition::reset));
  network_->connect(0, n0_, n1_);
  run(kSecond);
  EXPECT_EQ(take_log(), (Log{"n0 down n1 refused"}));
}

TEST_F(NetworkTest, ByValueGivesTheSameTimes) {
  std::vector<std::vector<int64_t>> times;
  for (const bool by_value : {false, true}) {
    NetworkConfig config;
    config.by_value = by_value;
    config.client.bandwidth_bits_per_second = 100'000;
    start(config);
    times_.clear();
    network_->connect(0, c0_, n0_);
    run(kSecond);
    for (uint64_t i = 0; i < 50; ++i) {
      Frame frame;
      frame.type = FrameType::send;
      frame.entry.client_seq = i * i;
      const std::vector<std::byte> body(i * 7, std::byte{5});
      frame.entry.payload = pool_.copy(body);
      network_->send_peer(now_, c0_, n0_, frame);
    }
    run(60 * kSecond);
    times.push_back(times_);
  }
  EXPECT_EQ(times[0].size(), 52u);
  EXPECT_EQ(times[0], times[1]);
  network_.reset();
  EXPECT_EQ(pool_.blocks_alive(), 0u);
}

TEST(LatencyTable, IsLinearBetweenItsQuantiles) {
  const LatencyTable table({100, 200, 0, 1000, 2000, false});
  EXPECT_EQ(table.draw(0), 100);
  EXPECT_EQ(table.draw(uint64_t{1} << 62), 150);  // p25
  EXPECT_EQ(table.draw(uint64_t{1} << 63), 200);  // p50
  EXPECT_NEAR(static_cast<double>(table.draw(~uint64_t{0})), 2000, 1);
}

}  // namespace
}  // namespace imroute
