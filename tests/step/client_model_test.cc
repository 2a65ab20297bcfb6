// Clients against a small world that behaves as protocol.md 6 promises and breaks whatever it may:
// connections drop, stores refuse for now, answers come late or never, a failover loses the tail.
// Whatever was drawn, once it heals: every send is answered once, in order, and what the other
// device was shown is what the log says, once.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <optional>

#include "core/model/limits.h"
#include "tests/step/client_bench.h"

namespace imroute {
namespace {

using testing::ClientBench;
using testing::kBob;
using testing::kChat;

constexpr NodeId kHome{4};

// One conversation's log with the check inside the append (protocol.md 6.1).
class Log {
 public:
  struct Item {
    Position position;
    uint64_t client_seq;
    uint64_t tag;
  };

  // The answer to a SEND.
  Frame append(const Frame& send) {
    Frame answer;
    answer.type = FrameType::accepted;
    answer.entry.conversation = send.entry.conversation;
    answer.entry.client_seq = send.entry.client_seq;
    const uint64_t last = items.empty() ? 0 : items.back().client_seq;
    const uint64_t expected = std::max(last + 1, send.base);
    if (send.entry.client_seq > expected) {
      answer.type = FrameType::refused;
      answer.reason = Reason::out_of_order;
      answer.base = expected;
    } else if (send.entry.client_seq < expected) {
      for (const Item& item : items) {
        if (item.client_seq == send.entry.client_seq) answer.entry.position = item.position;
      }
    } else {
      const uint64_t tag = static_cast<uint64_t>(send.entry.payload.bytes()[0]);
      items.push_back({{epoch, items.size() + 1}, send.entry.client_seq, tag});
      answer.entry.position = items.back().position;
    }
    return answer;
  }
  void fail_over(size_t lose) {
    ++epoch;
    items.resize(items.size() - std::min(lose, items.size()));
  }

  uint32_t epoch = 1;
  std::vector<Item> items;
};

// The node's side of a sender's connection: what was sent and not yet worked on, what was answered
// and not yet arrived. Both in order.
class SenderWorld {
 public:
  SenderWorld() { bench.go_online(kHome, generation_); }

  void collect() {
    for (const Frame& f : bench.frames(FrameType::send)) {
      RC_ASSERT(f.base >= 1u && f.entry.client_seq >= f.base);
      RC_ASSERT(f.entry.client_seq < f.base + kMaxOpenSends);
      arrived_.push_back(f);
    }
    for (const Frame& f : bench.frames(FrameType::ping)) {
      Frame pong = f;
      pong.type = FrameType::pong;
      answers_.push_back(pong);
    }
    for (const Notify& n : bench.noticed(NoticeKind::accepted)) answered.push_back(n.tag);
    RC_ASSERT(bench.noticed(NoticeKind::refused).empty());
  }
  void send(uint64_t tag) {
    bench.send(tag);
    collect();
  }
  void work(bool refuse) {
    if (arrived_.empty()) return;
    const Frame send = arrived_.front();
    arrived_.pop_front();
    if (!refuse) {
      answers_.push_back(log.append(send));
      return;
    }
    Frame no;
    no.type = FrameType::refused;
    no.reason = Reason::store_unavailable;
    no.entry.conversation = send.entry.conversation;
    no.entry.client_seq = send.entry.client_seq;
    answers_.push_back(no);
  }
  void lose_answer() {
    if (!answers_.empty()) answers_.pop_front();
  }
  void answer() {
    if (answers_.empty() || !bench.client->online()) return;
    const Frame f = answers_.front();
    answers_.pop_front();
    bench.from(f);
    collect();
  }
  void wait(DurationNs duration) {
    const MonoTime end = bench.now + duration;
    while (bench.client->next_deadline() <= end) {
      bench.now = std::max(bench.now, bench.client->next_deadline());
      bench.step(Wake{});
      collect();
      heal_connection();
    }
    bench.now = end;
  }
  void drop_connection() {
    if (!bench.client->online()) return;
    arrived_.clear();
    answers_.clear();
    bench.step(PeerDown{address_of(kHome), Reason::reset});
    collect();
  }
  // Every dial works at once.
  void heal_connection() {
    const auto dialled = bench.all<Connect>();
    if (dialled.empty()) return;
    arrived_.clear();
    answers_.clear();
    bench.router = dialled.back().peer;
    bench.reach_router();
    bench.login_ok(kHome, ++generation_);
    bench.reach_node(kHome);
    bench.bound(kHome, generation_);
    collect();
  }
  void settle() {
    for (int round = 0; round < 2000 && (bench.client->open_sends() > 0 || !answers_.empty());
         ++round) {
      while (!arrived_.empty()) work(false);
      while (!answers_.empty() && bench.client->online()) answer();
      if (arrived_.empty()) wait(100 * kMillisecond);
    }
  }

  ClientBench bench;
  Log log;
  std::vector<uint64_t> answered;  // tags

 private:
  std::deque<Frame> arrived_, answers_;
  uint64_t generation_ = 1;
};

RC_GTEST_PROP(ClientModel, EverySendIsAcceptedOnceInOrder, ()) {
  SenderWorld world;
  uint64_t tag = 0;
  bool lost_tail = false;
  const auto actions =
      *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 100)).as("what happens");
  for (const int action : actions) {
    if (action < 40) {
      if (tag < 200) world.send(++tag);
    } else if (action < 55) {
      world.work(false);
    } else if (action < 65) {
      world.work(true);
    } else if (action < 80) {
      world.answer();
    } else if (action < 84) {
      world.lose_answer();
    } else if (action < 88) {
      world.drop_connection();
    } else if (action < 90) {
      world.log.fail_over(static_cast<size_t>(action - 88));
      lost_tail = lost_tail || action > 88;
    } else {
      world.wait((action - 89) * 100 * kMillisecond);
    }
  }
  world.settle();
  RC_ASSERT(world.bench.client->open_sends() == 0u);
  RC_ASSERT(world.answered.size() == tag);
  std::vector<uint64_t> sorted = world.answered;
  std::sort(sorted.begin(), sorted.end());
  for (uint64_t t = 1; t <= tag; ++t) RC_ASSERT(sorted[t - 1] == t);
  uint64_t before = 0;
  for (const Log::Item& item : world.log.items) {
    RC_ASSERT(item.client_seq > before);
    RC_ASSERT(item.client_seq == item.tag);
    if (!lost_tail) RC_ASSERT(item.client_seq == before + 1);
    before = item.client_seq;
  }
  if (!lost_tail) RC_ASSERT(world.log.items.size() == tag);
  RC_ASSERT(world.bench.client->next_deadline() != kNever);  // heartbeats go on
}

// A node that delivers a log in order, again from the cursor after each loss of the connection.
// The store may lose its tail, which then comes again at other positions.
RC_GTEST_PROP(ClientModel, TheLogIsShownOnceInOrder, ()) {
  ClientBench b;
  std::vector<Log::Item> log;
  std::vector<uint64_t> shown;
  uint64_t generation = 1, number = 0, next_seq = 0;
  uint32_t epoch = 1;
  size_t at = 0;  // entries of the log that were delivered on this connection, or before
  b.go_online(kHome, generation);
  const auto deliver = [&](const Log::Item& item, uint64_t as_number) {
    b.deliver(as_number, item.position, item.client_seq);
    for (const Notify& n : b.noticed(NoticeKind::shown)) shown.push_back(n.entry.client_seq);
  };
  const auto reconnect = [&] {
    b.step(PeerDown{address_of(kHome), Reason::reset});
    b.wait_for_dial();
    b.reach_router();
    b.login_ok(kHome, ++generation);
    const Frame bind = b.reach_node(kHome);
    b.bound(kHome, generation);
    number = 0;
    Position cursor{};
    for (const Cursor& c : bind.list.as<Cursor>()) cursor = c.position;
    // What the store says of this cursor: go on after it, or rewind to the last common position.
    at = 0;
    while (at < log.size() && log[at].position <= cursor) ++at;
    const Position common = at == 0 ? Position{} : log[at - 1].position;
    if (common == cursor) return;
    Frame f;
    f.type = FrameType::rewind;
    f.entry.conversation = kChat;
    f.entry.position = common;
    b.from(f);
  };
  const auto actions = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 100));
  for (const int action : actions) {
    if (action < 45) {
      log.push_back({{epoch, log.size() + 1}, ++next_seq, 0});
    } else if (action < 80) {
      if (at < log.size()) deliver(log[at++], ++number);
    } else if (action < 88) {  // a redelivery
      if (number > 0 && at > 0) deliver(log[at - 1], number);
    } else if (action < 94) {
      reconnect();
    } else {  // a failover loses the tail; its sender sends it again
      const size_t lose = std::min<size_t>(static_cast<size_t>(action - 93), log.size());
      ++epoch;
      const size_t kept = log.size() - lose;
      std::vector<Log::Item> tail(log.begin() + static_cast<std::ptrdiff_t>(kept), log.end());
      log.resize(kept);
      for (const Log::Item& item : tail) {
        log.push_back({{epoch, log.size() + 1}, item.client_seq, 0});
      }
      reconnect();
    }
  }
  while (at < log.size()) deliver(log[at++], ++number);
  RC_ASSERT(shown.size() == next_seq);
  for (uint64_t i = 0; i < next_seq; ++i) RC_ASSERT(shown[i] == i + 1);
}

// Any events in any order: it answers, stays within its limits, and its digest is reproducible.
RC_GTEST_PROP(ClientModel, SurvivesAnyEvents, ()) {
  ClientConfig config = ClientBench::config();
  config.outbox = 8;
  config.delivery.guarantee = *rc::gen::element(Guarantee::at_least_once, Guarantee::at_most_once);
  config.delivery.order = *rc::gen::element(Order::windowed, Order::none);
  const auto actions = *rc::gen::container<std::vector<std::pair<int, uint64_t>>>(
      rc::gen::pair(rc::gen::inRange(0, 60), rc::gen::inRange<uint64_t>(0, 70)));
  std::vector<uint64_t> digests[2];
  for (auto& trail : digests) {
    ClientBench b(config);
    Address last{PeerKind::router, 0};
    for (const auto& [action, value] : actions) {
      if (action < 33) {
        Frame f;
        f.type = static_cast<FrameType>(action);
        f.user = testing::kAlice.user;
        f.node = NodeId{static_cast<uint32_t>(value % 3)};
        f.generation = b.client->generation();
        f.number = value;
        f.base = value / 2;
        f.reason = static_cast<Reason>(value % static_cast<uint64_t>(Reason::count_));
        f.entry.conversation = kChat;
        f.entry.position = {static_cast<uint32_t>(value % 3), value};
        f.entry.client_seq = value;
        f.entry.sender = kBob;
        b.step(PeerFrame{last, f});
      } else if (action < 45) {
        b.step(PeerUp{last});
      } else if (action < 47) {
        b.step(PeerDown{last, Reason::reset});
      } else if (action < 52) {
        b.now += static_cast<DurationNs>(value) * 50 * kMillisecond;
        b.step(Wake{});
      } else if (action < 56) {
        b.send(value);
      } else {
        b.command(action == 59 ? CommandKind::stop
                               : (action == 58 ? CommandKind::relocate : CommandKind::start));
      }
      if (!b.all<Connect>().empty()) last = b.all<Connect>().back().peer;
      RC_ASSERT(b.client->open_sends() <= 8u);
      RC_ASSERT(b.client->next_deadline() > b.now);
      trail.push_back(b.client->digest());
    }
  }
  RC_ASSERT(digests[0] == digests[1]);
}

}  // namespace
}  // namespace imroute
