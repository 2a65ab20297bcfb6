// The way to the stores: in order, and late when packets are lost.
#include "sim/world/store_links.h"

#include <gtest/gtest.h>

namespace imroute {
namespace {

class StoreLinksTest : public ::testing::Test, public StoreBackend {
 protected:
  bool apply(int64_t now, Endpoint, const StoreRequest&, StoreAnswer&) override {
    applied_.push_back(now);
    return true;
  }
  void on_reply(Endpoint, const Reply&) override {}
  void on_op_counted(const StoreRequest&) override {}
  void look_up() {
    DirectoryOp op;
    op.id = OpId{++asked_};
    op.deadline = now_ + kSecond;
    links_.request(now_, layout_.node(0), StoreRequest{op});
  }
  void run(int64_t until) {
    queue_.push(until, EventPriority::late, ~uint64_t{0});
    while (true) {
      const EventQueue::Entry e = queue_.pop();
      now_ = e.time();
      if (e.what == ~uint64_t{0}) return;
      links_.handle(now_, kind_of(e.what), index_of(e.what));
    }
  }

  Layout layout_{1, 1, 0};
  EventQueue queue_;
  EdgeRules rules_{layout_};
  StoreLinks links_{layout_, NetworkConfig{}, 1, queue_, rules_, *this};
  int64_t now_ = kSecond;
  uint64_t asked_ = 0;
  std::vector<int64_t> applied_;
};

// A request that was delayed by a fault comes after its end, and those behind it too.
TEST_F(StoreLinksTest, TellsUntilWhenAFaultIsFelt) {
  look_up();
  run(2 * kSecond);
  ASSERT_EQ(applied_.size(), 1u);
  EXPECT_EQ(links_.late_until(), 0);
  EdgeRule slow;
  slow.action = EdgeAction::delay;
  slow.delay_ns = 5 * kSecond;
  slow.match.side.assign(layout_.endpoints(), 0);
  slow.match.side[layout_.node(0)] = 1;
  slow.match.side[layout_.service(Role::directory)] = 2;
  rules_.add(slow);
  look_up();
  rules_.remove(0);
  links_.release_held(now_);
  look_up();
  EXPECT_GE(links_.late_until(), now_ + 5 * kSecond);
  run(links_.late_until() - 1);
  EXPECT_EQ(applied_.size(), 1u);
  run(links_.late_until() + 1);
  EXPECT_EQ(applied_.size(), 3u);
}

}  // namespace
}  // namespace imroute
