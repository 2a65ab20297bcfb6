#include <gmock/gmock.h>

#include "tests/contract/backend.h"

namespace imroute::contract {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr DurationNs kLease = 6 * kSecond;
const Address kNode1 = address_of(NodeId{1});
const Address kNode2 = address_of(NodeId{2});
const Address kRouter = address_of(RouterId{0});

class RegistryContract : public testing::TestWithParam<RegistryMaker> {
 protected:
  RegistryReply open(Address from, uint32_t weight = 1) {
    RegistryOp op;
    op.kind = RegistryOpKind::open;
    op.weight = weight;
    const RegistryAnswer answer = backend_->ask(from, op);
    EXPECT_EQ(answer.status, ReplyStatus::ok);
    EXPECT_EQ(answer.reply.kind, RegistryOpKind::open);
    return answer.reply;
  }
  ReplyStatus with_session(Address from, RegistryOpKind kind, uint64_t session,
                           bool draining = false) {
    RegistryOp op;
    op.kind = kind;
    op.session = session;
    op.draining = draining;
    return backend_->ask(from, op).status;
  }
  ReplyStatus renew(Address from, uint64_t session) {
    return with_session(from, RegistryOpKind::renew, session);
  }
  ViewHandle list(Address from) {
    RegistryOp op;
    op.kind = RegistryOpKind::list;
    const RegistryAnswer answer = backend_->ask(from, op);
    EXPECT_EQ(answer.status, ReplyStatus::ok);
    return answer.reply.view;
  }
  RegistryAnswer raise(uint64_t identity) {
    RegistryOp op;
    op.kind = RegistryOpKind::raise_epoch;
    op.identity = identity;
    return backend_->ask(kNode1, op);
  }
  std::unique_ptr<RegistryBackend> backend_ = GetParam().make(kLease);
};

INSTANTIATE_TEST_SUITE_P(Backends, RegistryContract, testing::ValuesIn(registry_makers()),
                         maker_name<RegistryMaker>);

// ---- members that come and go, and leases that end: not of a list
// --------------------------------

class RegistryMembers : public RegistryContract {};
INSTANTIATE_TEST_SUITE_P(Backends, RegistryMembers,
                         testing::ValuesIn(able(registry_makers(), "members that come and go")),
                         maker_name<RegistryMaker>);

class RegistryLeases : public RegistryContract {};
INSTANTIATE_TEST_SUITE_P(Backends, RegistryLeases,
                         testing::ValuesIn(able(registry_makers(), "leases that end")),
                         maker_name<RegistryMaker>);

TEST_P(RegistryMembers, OpenRegistersAMemberWithItsWeight) {
  EXPECT_THAT(list(kRouter)->members, IsEmpty());
  const RegistryReply two = open(kNode2, 3);
  const RegistryReply one = open(kNode1);
  EXPECT_NE(one.session, two.session);
  const ViewHandle view = list(kRouter);
  ASSERT_EQ(view->members.size(), 2u);
  EXPECT_EQ(view->members[0].node, NodeId{1});  // sorted by node
  EXPECT_EQ(view->members[1].weight, 3u);
  EXPECT_EQ(view->find(NodeId{1})->incarnation, one.incarnation);
}

TEST_P(RegistryMembers, AViewIsImmutableAndItsVersionRises) {
  open(kNode1);
  const ViewHandle before = list(kRouter);
  open(kNode2);
  const ViewHandle after = list(kRouter);
  EXPECT_EQ(before->members.size(), 1u);
  EXPECT_GT(after->version, before->version);
  EXPECT_EQ(list(kRouter)->version, after->version);
}

TEST_P(RegistryLeases, AMemberLivesWhileItsLeaseIsRenewed) {
  const RegistryReply one = open(kNode1);
  for (int i = 0; i < 4; ++i) {
    backend_->pass(kLease - kSecond);
    EXPECT_EQ(renew(kNode1, one.session), ReplyStatus::ok);
  }
  EXPECT_EQ(list(kRouter)->members.size(), 1u);
  backend_->pass(kLease + kSecond);
  EXPECT_THAT(list(kRouter)->members, IsEmpty());
  EXPECT_EQ(renew(kNode1, one.session), ReplyStatus::error);
}

TEST_P(RegistryContract, IncarnationsRiseAcrossRestarts) {
  const RegistryReply first = open(kNode1);
  with_session(kNode1, RegistryOpKind::close, first.session);
  const RegistryReply second = open(kNode1);
  EXPECT_GT(second.incarnation, first.incarnation);
  EXPECT_GT(open(kNode2).incarnation, second.incarnation);
}

TEST_P(RegistryContract, ARestartWithinTheLeaseReplacesTheFormerSelf) {
  const RegistryReply first = open(kNode1);
  const RegistryReply second = open(kNode1);
  const ViewHandle view = list(kRouter);
  EXPECT_EQ(std::count_if(view->members.begin(), view->members.end(),
                          [](const Member& m) { return m.node == NodeId{1}; }),
            1);
  EXPECT_EQ(view->find(NodeId{1})->incarnation, second.incarnation);
  EXPECT_EQ(renew(kNode1, first.session), ReplyStatus::error);
  EXPECT_EQ(renew(kNode1, second.session), ReplyStatus::ok);
}

TEST_P(RegistryMembers, CloseLeavesAtOnceAndOnlyItself) {
  const RegistryReply one = open(kNode1);
  open(kNode2);
  EXPECT_EQ(with_session(kNode2, RegistryOpKind::close, one.session), ReplyStatus::error);
  EXPECT_EQ(with_session(kNode1, RegistryOpKind::close, one.session), ReplyStatus::ok);
  const ViewHandle view = list(kRouter);
  ASSERT_EQ(view->members.size(), 1u);
  EXPECT_EQ(view->members[0].node, NodeId{2});
}

TEST_P(RegistryContract, AnnounceTellsDraining) {
  const RegistryReply one = open(kNode1);
  EXPECT_FALSE(list(kRouter)->find(NodeId{1})->draining);
  EXPECT_EQ(with_session(kNode1, RegistryOpKind::announce, one.session, true), ReplyStatus::ok);
  EXPECT_THAT(backend_->fired(), ElementsAre(kRouter));
  EXPECT_TRUE(list(kRouter)->find(NodeId{1})->draining);
}

TEST_P(RegistryContract, AWatchFiresOnceForTheNextChange) {
  list(kRouter);
  list(kNode2);
  EXPECT_THAT(backend_->fired(), IsEmpty());
  open(kNode1);
  EXPECT_THAT(backend_->fired(), UnorderedElementsAre(kRouter, kNode2));
  const RegistryReply two = open(kNode2);
  EXPECT_THAT(backend_->fired(), IsEmpty());  // nobody listed again
  list(kRouter);
  list(kRouter);  // a second list arms no second watch
  with_session(kNode2, RegistryOpKind::close, two.session);
  EXPECT_THAT(backend_->fired(), ElementsAre(kRouter));
}

TEST_P(RegistryLeases, ExpiryFiresWatches) {
  open(kNode1);
  list(kRouter);
  backend_->pass(kLease + kSecond);
  EXPECT_THAT(backend_->fired(), ElementsAre(kRouter));
  const RegistryReply two = open(kNode2);
  list(kRouter);
  backend_->expire_session(NodeId{2});
  EXPECT_THAT(backend_->fired(), ElementsAre(kRouter));
  EXPECT_THAT(list(kRouter)->members, IsEmpty());
  EXPECT_EQ(renew(kNode2, two.session), ReplyStatus::error);
}

TEST_P(RegistryContract, AfterAnOutageLeasesRunAnew) {
  const RegistryReply one = open(kNode1);
  backend_->outage(10 * kLease);
  EXPECT_NE(list(kRouter)->find(NodeId{1}), nullptr);
  backend_->pass(kLease - kSecond);
  EXPECT_EQ(renew(kNode1, one.session), ReplyStatus::ok);
}

TEST_P(RegistryContract, EpochsRiseWithMailboxIdentities) {
  const RegistryAnswer first = raise(100);
  EXPECT_EQ(first.status, ReplyStatus::ok);
  EXPECT_EQ(first.reply.epoch, 1u);
  EXPECT_EQ(raise(100).reply.epoch, 1u);  // the same for whoever asks
  EXPECT_EQ(raise(200).reply.epoch, 2u);
  EXPECT_EQ(raise(200).reply.epoch, 2u);
  EXPECT_EQ(raise(100).status, ReplyStatus::error);  // never valid again
  EXPECT_EQ(raise(0).status, ReplyStatus::error);
}

// ---- reads that lag: not every implementation can be told to ------------------------------------

class RegistryLag : public RegistryContract {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(RegistryLag);
INSTANTIATE_TEST_SUITE_P(Backends, RegistryLag,
                         testing::ValuesIn(able(registry_makers(), "lagging reads")),
                         maker_name<RegistryMaker>);

TEST_P(RegistryLag, ALaggingReadShowsTheFormerViewAndItsWatchFiresWhenCaughtUp) {
  open(kNode1);
  const uint64_t before = list(kRouter)->version;
  backend_->pass(3 * kSecond);
  open(kNode2);
  backend_->fired();
  backend_->lag_reads(2 * kSecond);
  EXPECT_EQ(list(kRouter)->version, before);
  EXPECT_THAT(backend_->fired(), IsEmpty());
  backend_->pass(2 * kSecond);
  EXPECT_THAT(backend_->fired(), ElementsAre(kRouter));
  EXPECT_GT(list(kRouter)->version, before);
}

}  // namespace
}  // namespace imroute::contract
