// A device that remembers nothing (BIND kFlagNoCursors: new, or reinstalled): the mailbox has met
// it before anybody is told that it is there (protocol.md 5, 6).
#include "tests/step/node_bench.h"

namespace imroute {
namespace {

const UserId kBob{2};
const LinkId kBobLink{20};

class NodeFirstLogin : public ::testing::Test {
 protected:
  void bind(uint8_t flags = kFlagNoCursors) {
    bench_.step(ClientUp{kBobLink});
    Frame f;
    f.type = FrameType::bind;
    f.user = kBob;
    f.device = 3;
    f.generation = 4;
    f.flags = flags;
    bench_.client(kBobLink, f);
  }
  OpId asked_to_open() {
    const auto op = bench_.take_op<MailboxOp>(MailboxOpKind::open_device);
    EXPECT_TRUE(op.has_value()) << "the mailbox is not asked";
    if (!op.has_value()) return {};
    EXPECT_EQ(op->key, (DeviceKey{kBob, 3}));
    return op->id;
  }
  void opened(OpId id) {
    MailboxReply r = bench_.from_store();
    r.kind = MailboxOpKind::open_device;
    bench_.answer(id, r);
  }
  bool directory_answers() {
    const auto op = bench_.take_op<DirectoryOp>(DirectoryOpKind::bind);
    if (!op.has_value()) return false;
    DirectoryReply r;
    r.record.user = kBob;
    r.record.version = 9;
    r.record.rows.push_back(op->row);
    bench_.answer(op->id, r);
    return true;
  }
  std::vector<Frame> bound() { return bench_.to_client(kBobLink, FrameType::bound); }

  NodeBench bench_{NodeBench::config()};
};

TEST_F(NodeFirstLogin, IsBoundAfterTheMailboxHasMetIt) {
  bind();
  EXPECT_FALSE(bench_.take_op<DirectoryOp>(DirectoryOpKind::bind).has_value());
  opened(asked_to_open());
  EXPECT_TRUE(bound().empty());  // nor is it before the directory knows
  ASSERT_TRUE(directory_answers());
  const std::vector<Frame> told = bound();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].generation, 4u);
  // What came in between is looked for as at every login.
  opened(asked_to_open());
  EXPECT_TRUE(bench_.take<CloseClient>().empty());
}

// The store and the directory are asked three times each.
TEST_F(NodeFirstLogin, PatienceWithTheStoreIsNotTakenFromTheDirectory) {
  bind();
  for (int i = 0; i < 2; ++i) bench_.answer_unknown(asked_to_open());
  opened(asked_to_open());
  for (int i = 0; i < 2; ++i) {
    const auto op = bench_.take_op<DirectoryOp>(DirectoryOpKind::bind);
    ASSERT_TRUE(op.has_value());
    bench_.answer_unknown(op->id);
  }
  ASSERT_TRUE(directory_answers());
  EXPECT_EQ(bound().size(), 1u);
}

TEST_F(NodeFirstLogin, OneThatRemembersIsBoundWithoutAsking) {
  bind(0);
  EXPECT_FALSE(bench_.take_op<MailboxOp>(MailboxOpKind::open_device).has_value());
  ASSERT_TRUE(directory_answers());
  EXPECT_EQ(bound().size(), 1u);
  opened(asked_to_open());
  EXPECT_TRUE(bench_.take<CloseClient>().empty());
}

TEST_F(NodeFirstLogin, WithoutAMailboxNobodyIsAsked) {
  NodeConfig config = NodeBench::config();
  config.delivery.guarantee = Guarantee::at_most_once;
  NodeBench bench(config);
  bench.step(ClientUp{kBobLink});
  Frame f;
  f.type = FrameType::bind;
  f.user = kBob;
  f.generation = 4;
  f.flags = kFlagNoCursors;
  bench.client(kBobLink, f);
  EXPECT_FALSE(bench.take_op<MailboxOp>(MailboxOpKind::open_device).has_value());
  EXPECT_TRUE(bench.take_op<DirectoryOp>(DirectoryOpKind::bind).has_value());
}

TEST_F(NodeFirstLogin, AMailboxThatDoesNotAnswerIsAskedAgainThenTheClientIsSentAway) {
  bind();
  for (int tries = 1; tries <= 3; ++tries) {
    EXPECT_TRUE(bench_.to_client(kBobLink, FrameType::bind_refused).empty()) << tries;
    bench_.answer_unknown(asked_to_open());
  }
  EXPECT_FALSE(bench_.take_op<MailboxOp>(MailboxOpKind::open_device).has_value());
  const auto refused = bench_.to_client(kBobLink, FrameType::bind_refused);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].reason, Reason::store_unavailable);  // for now: the client tries again
  EXPECT_EQ(bench_.take<CloseClient>().size(), 1u);
  EXPECT_FALSE(directory_answers()) << "no row for a session that never was";
}

TEST_F(NodeFirstLogin, AnsweredAfterAWhileItIsBound) {
  bind();
  bench_.answer_unknown(asked_to_open());
  opened(asked_to_open());
  ASSERT_TRUE(directory_answers());
  EXPECT_EQ(bound().size(), 1u);
}

TEST_F(NodeFirstLogin, AnsweredAfterTheClientWentNothingHappens) {
  bind();
  const OpId id = asked_to_open();
  bench_.step(ClientDown{kBobLink, Reason::closed_by_peer});
  opened(id);
  EXPECT_FALSE(directory_answers());
}

TEST_F(NodeFirstLogin, AnsweredWhenTheLeaseHasEndedItIsRefused) {
  bind();
  const OpId id = asked_to_open();
  bench_.sleep(60 * kSecond);
  opened(id);
  EXPECT_FALSE(directory_answers());
  EXPECT_TRUE(bound().empty());
  EXPECT_EQ(bench_.take<CloseClient>().size(), 1u);
}

}  // namespace
}  // namespace imroute
