// DISPLACE that comes before the answer to the bind it is about: the directory has committed both
// binds, and its answers and the frame between the nodes take ways of different length.
#include "tests/step/node_bench.h"

namespace imroute {
namespace {

const UserId kBob{2};
const LinkId kPhone{20}, kTablet{21};

class NodeDisplaceTest : public ::testing::Test {
 protected:
  DirectoryOp begin_bind(LinkId link, uint32_t device, uint64_t generation) {
    return bench_.begin_bind(link, kBob, generation, device).value();
  }
  void answer(const DirectoryOp& op, uint64_t version, std::vector<DeviceRow> losers = {}) {
    DirectoryReply r;
    r.record.user = kBob;
    r.record.version = version;
    r.record.rows.push_back(op.row);
    for (const DeviceRow& loser : losers) r.losers.push_back(loser);
    bench_.answer(op.id, r);
  }
  void displace(uint64_t generation, Reason reason) {
    Frame frame;
    frame.type = FrameType::displace;
    frame.user = kBob;
    frame.generation = generation;
    frame.node = NodeId{1};
    frame.reason = reason;
    bench_.peer(NodeId{1}, frame);
    const auto answers = bench_.to_peers(FrameType::displaced);
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_EQ(answers[0].peer, address_of(NodeId{1}));
    EXPECT_EQ(answers[0].frame.user, kBob);
    EXPECT_EQ(answers[0].frame.device, 0u);
    EXPECT_EQ(answers[0].frame.generation, generation) << "which of its DISPLACEs is done";
  }
  void expect_refused(const DirectoryOp& op, LinkId link, Reason reason) {
    const auto refused = bench_.to_client(link, FrameType::bind_refused);
    ASSERT_EQ(refused.size(), 1u);
    EXPECT_EQ(refused[0].reason, reason);
    answer(op, 1);
    EXPECT_TRUE(bench_.to_client(link, FrameType::bound).empty());
  }
  NodeBench bench_{NodeBench::config()};
};

TEST_F(NodeDisplaceTest, ADeviceThatIsKickedWhileItBindsIsRefused) {
  const DirectoryOp op = begin_bind(kPhone, 0, 9);
  displace(10, Reason::kicked);
  expect_refused(op, kPhone, Reason::kicked);
  EXPECT_EQ(bench_.node().counters().kicks, 1u);
}

TEST_F(NodeDisplaceTest, ABindThatIsSupersededOnItsWayIsRefused) {
  const DirectoryOp op = begin_bind(kPhone, 0, 3);
  displace(4, Reason::superseded);
  expect_refused(op, kPhone, Reason::superseded);
}

TEST_F(NodeDisplaceTest, ALateOneDoesNotTouchANewerBind) {
  const DirectoryOp op = begin_bind(kPhone, 0, 9);
  displace(9, Reason::kicked);
  answer(op, 1);
  EXPECT_EQ(bench_.to_client(kPhone, FrameType::bound).size(), 1u);
}

// Both here: the answer to the bind that kicks comes first.
TEST_F(NodeDisplaceTest, ADeviceThatIsKickedHereWhileItBindsIsRefused) {
  const DirectoryOp phone = begin_bind(kPhone, 0, 9);
  const DirectoryOp tablet = begin_bind(kTablet, 1, 11);
  answer(tablet, 2, {phone.row});
  EXPECT_EQ(bench_.to_client(kTablet, FrameType::bound).size(), 1u);
  expect_refused(phone, kPhone, Reason::kicked);
}

// The directory has overruled its row already: there is nothing to take back.
TEST_F(NodeDisplaceTest, ADeviceThatIsKickedHereIsClosedAndNotUnbound) {
  const DirectoryOp phone = begin_bind(kPhone, 0, 9);
  answer(phone, 1);
  answer(begin_bind(kTablet, 1, 11), 2, {phone.row});
  const auto kicked = bench_.to_client(kPhone, FrameType::kick);
  ASSERT_EQ(kicked.size(), 1u);
  EXPECT_EQ(kicked[0].reason, Reason::kicked);
  const auto closed = bench_.take<CloseClient>();
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(closed[0].link, kPhone);
  EXPECT_EQ(bench_.node().session_generation({kBob, 0}), 0u);
  EXPECT_FALSE(bench_.take_op<DirectoryOp>(DirectoryOpKind::unbind));
}

// The other side: DISPLACE is repeated until the node that had the device says that it is done.
TEST_F(NodeDisplaceTest, TheTellerStopsWithTheAnswerToItsOwnDisplace) {
  DeviceRow row;
  row.device = 0;
  row.node = NodeId{1};
  row.generation = 9;
  answer(begin_bind(kTablet, 1, 11), 2, {row});
  const auto repeats = [&](uint32_t device, uint64_t generation, uint32_t node = 1,
                           FrameType type = FrameType::displaced) {
    Frame done;
    done.type = type;
    done.user = kBob;
    done.device = device;
    done.generation = done.version = generation;
    bench_.to_peers(FrameType::displace);
    bench_.peer(NodeId{node}, done);
    bench_.advance(kSecond);
    return !bench_.to_peers(FrameType::displace).empty();
  };
  const auto told = bench_.to_peers(FrameType::displace);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].frame.generation, 10u);
  EXPECT_TRUE(repeats(0, 9));
  EXPECT_TRUE(repeats(1, 10));
  EXPECT_TRUE(repeats(0, 10, 2));
  EXPECT_TRUE(repeats(0, 10, 1, FrameType::owners_ack));
  EXPECT_FALSE(repeats(0, 10));
}

// Those that remain are found whichever of them ends first.
TEST_F(NodeDisplaceTest, BindsOnTheirWayEndInAnyOrder) {
  const DirectoryOp first = begin_bind(LinkId{31}, 1, 5);
  const DirectoryOp second = begin_bind(LinkId{32}, 2, 5);
  const DirectoryOp third = begin_bind(LinkId{33}, 3, 5);
  const DirectoryOp phone = begin_bind(kPhone, 0, 5);
  answer(second, 1);
  bench_.step(ClientDown{LinkId{33}, Reason::closed_by_peer});
  answer(third, 2);
  EXPECT_TRUE(bench_.to_client(LinkId{33}, FrameType::bound).empty());
  displace(6, Reason::kicked);
  EXPECT_EQ(bench_.to_client(kPhone, FrameType::bind_refused).size(), 1u);
  answer(first, 3);
  answer(phone, 4);
  EXPECT_EQ(bench_.to_client(LinkId{31}, FrameType::bound).size(), 1u);
  EXPECT_EQ(bench_.to_client(LinkId{32}, FrameType::bound).size(), 1u);
  EXPECT_TRUE(bench_.to_client(kPhone, FrameType::bound).empty());
}

}  // namespace
}  // namespace imroute
