#include <gmock/gmock.h>

#include "core/model/limits.h"
#include "tests/contract/backend.h"

namespace imroute::contract {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr UserId kUser{42};

DeviceRow row(uint32_t device, uint32_t node, uint64_t link, uint64_t generation,
              ClientType type = ClientType::mobile) {
  DeviceRow r;
  r.device = device;
  r.client_type = type;
  r.state = ConnectState::online;
  r.node = NodeId{node};
  r.incarnation = 10 + node;
  r.link = LinkId{link};
  r.generation = generation;
  return r;
}

class DirectoryContract : public testing::TestWithParam<DirectoryMaker> {
 protected:
  DirectoryAnswer ask(DirectoryOpKind kind, const DeviceRow& r, uint64_t seen = 0,
                      LoginPolicy policy = LoginPolicy::all) {
    DirectoryOp op;
    op.kind = kind;
    op.user = kUser;
    op.row = r;
    op.seen_generation = seen;
    op.policy = policy;
    return backend_->ask(op);
  }
  uint64_t reserve(uint32_t device, uint64_t seen = 0) {
    const DirectoryAnswer a = ask(DirectoryOpKind::reserve, row(device, 0, 0, 0), seen);
    EXPECT_EQ(a.status, ReplyStatus::ok);
    return a.reply.generation;
  }
  DirectoryReply bind(const DeviceRow& r, LoginPolicy policy = LoginPolicy::all) {
    const DirectoryAnswer a = ask(DirectoryOpKind::bind, r, 0, policy);
    EXPECT_EQ(a.status, ReplyStatus::ok);
    return a.reply;
  }
  DirectoryResult unbind(const DeviceRow& r) {
    return ask(DirectoryOpKind::unbind, r).reply.result;
  }
  UserRecord lookup(UserId user = kUser) {
    DirectoryOp op;
    op.user = user;
    return backend_->ask(op).reply.record;
  }
  std::vector<SessionVerdict> check(uint32_t device, uint64_t generation, uint64_t incarnation = 1,
                                    uint64_t version = ~uint64_t{0}) {
    DirectoryOp op;
    op.kind = DirectoryOpKind::check;
    op.claims = std::make_shared<const std::vector<SessionClaim>>(
        std::vector<SessionClaim>{{{kUser, device}, generation, incarnation, version}});
    return *backend_->ask(op).reply.verdicts;
  }
  uint64_t identity() {
    DirectoryOp op;
    op.user = kUser;
    return backend_->ask(op).reply.identity;
  }
  std::unique_ptr<DirectoryBackend> backend_ = GetParam().make();
};

INSTANTIATE_TEST_SUITE_P(Backends, DirectoryContract, testing::ValuesIn(directory_makers()),
                         maker_name<DirectoryMaker>);

TEST_P(DirectoryContract, ReserveDrawsRisingGenerationsAndBlocksNobody) {
  const uint64_t first = reserve(0);
  EXPECT_GE(first, 1u);
  const uint64_t second = reserve(0);
  EXPECT_GT(second, first);
  const uint64_t seen = second + 1'000'000'000;  // by the device, before this store
  const uint64_t third = reserve(0, seen);
  EXPECT_GT(third, seen);
  EXPECT_GT(reserve(0), third);
  EXPECT_GE(reserve(1), 1u);
  EXPECT_THAT(lookup().rows, IsEmpty());
  // The first of the reservations binds all the same.
  EXPECT_EQ(bind(row(0, 1, 7, first)).result, DirectoryResult::ok);
  EXPECT_GT(reserve(0), third);
}

// Or one login of one user would use up the numbers of all.
TEST_P(DirectoryContract, WhatADeviceClaimsToHaveSeenConcernsOnlyItself) {
  const uint64_t before = reserve(0);
  EXPECT_EQ(reserve(0, kMaxGeneration - 1), kMaxGeneration);
  EXPECT_LT(reserve(1), before + 60'000);
}

TEST_P(DirectoryContract, ABindIsSeenByLookup) {
  EXPECT_THAT(lookup().rows, IsEmpty());
  const DirectoryReply reply = bind(row(0, 1, 7, 1));
  EXPECT_EQ(reply.result, DirectoryResult::ok);
  EXPECT_THAT(reply.losers, IsEmpty());
  const UserRecord record = lookup();
  EXPECT_EQ(record.user, kUser);
  EXPECT_EQ(record.version, reply.record.version);
  ASSERT_THAT(record.rows, SizeIs(1));
  EXPECT_EQ(record.rows[0].node, NodeId{1});
  EXPECT_EQ(record.rows[0].incarnation, 11u);
  EXPECT_EQ(record.rows[0].link, LinkId{7});
  EXPECT_EQ(record.rows[0].state, ConnectState::online);
}

TEST_P(DirectoryContract, ALateBindCannotEvictANewerOne) {
  const uint64_t first = reserve(0);
  const uint64_t second = reserve(0);
  bind(row(0, 2, 8, second));
  const DirectoryReply late = bind(row(0, 1, 7, first));
  EXPECT_EQ(late.result, DirectoryResult::superseded);
  EXPECT_EQ(late.generation, second);
  EXPECT_EQ(lookup().rows[0].node, NodeId{2});
  // Not even with the same generation, from elsewhere.
  EXPECT_EQ(bind(row(0, 1, 7, second)).result, DirectoryResult::superseded);
}

TEST_P(DirectoryContract, ARepeatedBindIsIdempotent) {
  bind(row(0, 1, 7, 1));
  const DirectoryReply again = bind(row(0, 1, 7, 1));
  EXPECT_EQ(again.result, DirectoryResult::ok);
  EXPECT_THAT(again.losers, IsEmpty());
  EXPECT_THAT(lookup().rows, SizeIs(1));
}

// A node whose registry session ended while the registry was away keeps its clients and writes
// their rows under its new incarnation; a late word of the old one changes nothing.
TEST_P(DirectoryContract, ASessionGoesOnUnderANewIncarnationOfItsNode) {
  bind(row(0, 1, 7, 1));
  DeviceRow again = row(0, 1, 7, 1);
  again.incarnation = 99;
  const DirectoryReply reply = bind(again);
  EXPECT_EQ(reply.result, DirectoryResult::ok);
  EXPECT_THAT(reply.losers, IsEmpty());
  EXPECT_EQ(lookup().rows[0].incarnation, 99u);
  EXPECT_EQ(bind(row(0, 1, 7, 1)).result, DirectoryResult::superseded);
  EXPECT_EQ(lookup().rows[0].incarnation, 99u);
}

TEST_P(DirectoryContract, AReloginElsewhereNamesTheFormerSession) {
  bind(row(0, 1, 7, 1));
  const DirectoryReply reply = bind(row(0, 2, 8, 2));
  ASSERT_THAT(reply.losers, SizeIs(1));
  EXPECT_EQ(reply.losers[0].node, NodeId{1});
  EXPECT_EQ(reply.losers[0].link, LinkId{7});
  EXPECT_EQ(reply.losers[0].generation, 1u);
  EXPECT_THAT(reply.record.rows, SizeIs(1));
}

TEST_P(DirectoryContract, AFormerSessionThatWentOfflineIsNamedForHandover) {
  bind(row(0, 1, 7, 1));
  EXPECT_EQ(unbind(row(0, 1, 7, 1)), DirectoryResult::ok);
  const DirectoryReply reply = bind(row(0, 2, 8, 2));
  ASSERT_THAT(reply.losers, SizeIs(1));
  EXPECT_EQ(reply.losers[0].node, NodeId{1});
  EXPECT_EQ(reply.losers[0].state, ConnectState::offline);
}

TEST_P(DirectoryContract, UnbindKeepsRowNodeAndGeneration) {
  bind(row(0, 1, 7, 4));
  const uint64_t version = lookup().version;
  EXPECT_EQ(unbind(row(0, 1, 7, 4)), DirectoryResult::ok);
  const UserRecord record = lookup();
  EXPECT_GT(record.version, version);
  ASSERT_THAT(record.rows, SizeIs(1));
  EXPECT_EQ(record.rows[0].state, ConnectState::offline);
  EXPECT_EQ(record.rows[0].node, NodeId{1});
  EXPECT_EQ(record.rows[0].generation, 4u);
  EXPECT_GT(reserve(0), 4u);  // never restarts
}

TEST_P(DirectoryContract, ALateUnbindDoesNotEraseANewerLogin) {
  bind(row(0, 1, 7, 1));
  bind(row(0, 1, 8, 2));
  EXPECT_EQ(unbind(row(0, 1, 7, 1)), DirectoryResult::mismatch);
  EXPECT_EQ(unbind(row(0, 1, 8, 1)), DirectoryResult::mismatch);  // generation
  EXPECT_EQ(unbind(row(0, 1, 7, 2)), DirectoryResult::mismatch);  // link
  DeviceRow other = row(0, 1, 8, 2);
  other.incarnation = 99;
  EXPECT_EQ(unbind(other), DirectoryResult::mismatch);
  EXPECT_EQ(lookup().rows[0].state, ConnectState::online);
  EXPECT_EQ(unbind(row(3, 1, 8, 2)), DirectoryResult::mismatch);  // no such device
}

TEST_P(DirectoryContract, TheVersionRisesWithEveryChange) {
  uint64_t version = lookup().version;
  for (uint64_t generation = 1; generation < 5; ++generation) {
    bind(row(0, static_cast<uint32_t>(generation % 3), generation, generation));
    EXPECT_GT(lookup().version, version);
    version = lookup().version;
  }
}

TEST_P(DirectoryContract, PolicySingleLeavesOneDevice) {
  bind(row(0, 1, 7, 1, ClientType::mobile), LoginPolicy::single);
  const DirectoryReply reply = bind(row(1, 2, 8, 1, ClientType::pc), LoginPolicy::single);
  ASSERT_THAT(reply.losers, SizeIs(1));
  EXPECT_EQ(reply.losers[0].device, 0u);
  EXPECT_EQ(reply.losers[0].node, NodeId{1});
  EXPECT_EQ(reply.losers[0].generation, 1u);
  uint32_t online = 0;
  for (const DeviceRow& r : reply.record.rows) online += r.state == ConnectState::online;
  EXPECT_EQ(online, 1u);
}

TEST_P(DirectoryContract, PoliciesKickOnlyWhatConflicts) {
  const auto kicked = [&](LoginPolicy policy, UserId user, ClientType a, ClientType b) {
    DirectoryOp op;
    op.kind = DirectoryOpKind::bind;
    op.user = user;
    op.policy = policy;
    op.row = row(0, 1, 7, 1, a);
    backend_->ask(op);
    op.row = row(1, 2, 8, 1, b);
    return backend_->ask(op).reply.losers.size();
  };
  using enum ClientType;
  EXPECT_EQ(kicked(LoginPolicy::all, UserId{1}, mobile, mobile), 0u);
  EXPECT_EQ(kicked(LoginPolicy::one_per_type, UserId{2}, mobile, mobile), 1u);
  EXPECT_EQ(kicked(LoginPolicy::one_per_type, UserId{3}, mobile, pad), 0u);
  EXPECT_EQ(kicked(LoginPolicy::mobile_desktop_web, UserId{4}, mobile, pad), 1u);
  EXPECT_EQ(kicked(LoginPolicy::mobile_desktop_web, UserId{5}, pc, web), 0u);
  EXPECT_EQ(kicked(LoginPolicy::single, UserId{6}, pc, web), 1u);
}

TEST_P(DirectoryContract, SimultaneousLoginsEndInASetThatSatisfiesThePolicy) {
  const uint64_t a = reserve(0);
  const uint64_t b = reserve(1);
  EXPECT_EQ(bind(row(1, 2, 8, b), LoginPolicy::single).result, DirectoryResult::ok);
  const DirectoryReply last = bind(row(0, 1, 7, a), LoginPolicy::single);
  EXPECT_EQ(last.result, DirectoryResult::ok);
  ASSERT_THAT(last.losers, SizeIs(1));
  EXPECT_EQ(last.losers[0].device, 1u);
}

TEST_P(DirectoryContract, AKickedSessionIsFoundByASessionCheck) {
  bind(row(0, 1, 7, 3), LoginPolicy::single);
  EXPECT_THAT(check(0, 3), IsEmpty());
  bind(row(1, 2, 8, 1), LoginPolicy::single);
  const auto verdicts = check(0, 3);  // its DISPLACE was lost
  ASSERT_THAT(verdicts, SizeIs(1));
  EXPECT_FALSE(verdicts[0].missing);
  EXPECT_GT(verdicts[0].current_generation, 3u);
  EXPECT_EQ(bind(row(0, 1, 7, 3), LoginPolicy::single).result, DirectoryResult::superseded);
  EXPECT_GT(reserve(0), verdicts[0].current_generation);
}

TEST_P(DirectoryContract, SessionCheckAnswersOnlyWhatDiffers) {
  EXPECT_TRUE(check(0, 1).at(0).missing);  // no row
  bind(row(0, 1, 7, 5));
  EXPECT_THAT(check(0, 5), IsEmpty());
  const auto newer = check(0, 4);
  ASSERT_THAT(newer, SizeIs(1));
  EXPECT_EQ(newer[0].claimed_generation, 4u);
  EXPECT_EQ(newer[0].current_generation, 5u);
  EXPECT_FALSE(newer[0].missing);
  unbind(row(0, 1, 7, 5));
  EXPECT_TRUE(check(0, 6).at(0).missing);  // offline, of a lower generation
}

// Void for every reader: the node lives on under a later incarnation, and says so again.
// (swarm 25542, 41210)
TEST_P(DirectoryContract, SessionCheckFindsARowOfAnEarlierIncarnation) {
  DeviceRow again = row(0, 1, 7, 5);
  bind(again);
  EXPECT_THAT(check(0, 5, again.incarnation), IsEmpty());
  const auto verdicts = check(0, 5, again.incarnation + 1);
  ASSERT_THAT(verdicts, SizeIs(1));
  EXPECT_TRUE(verdicts[0].missing);
  ++again.incarnation;
  EXPECT_EQ(bind(again).result, DirectoryResult::ok);
  EXPECT_THAT(check(0, 5, again.incarnation), IsEmpty());
}

// Who did not hear that another session of the user began or ended is told to look it up.
TEST_P(DirectoryContract, SessionCheckTellsOfARecordThatIsNewerThanTheClaim) {
  const uint64_t known = bind(row(0, 1, 7, 5)).record.version;
  EXPECT_THAT(check(0, 5, 1, known), IsEmpty());
  bind(row(1, 2, 8, 1));
  const auto verdicts = check(0, 5, 1, known);
  ASSERT_THAT(verdicts, SizeIs(1));
  EXPECT_TRUE(verdicts[0].outdated);
  EXPECT_FALSE(verdicts[0].missing);
  EXPECT_EQ(verdicts[0].current_generation, 0u);
  const uint64_t both = lookup().version;
  EXPECT_THAT(check(0, 5, 1, both), IsEmpty());
  unbind(row(1, 2, 8, 1));
  EXPECT_TRUE(check(0, 5, 1, both).at(0).outdated);
}

TEST_P(DirectoryContract, ManyLookupsKeepTheirOrder) {
  bind(row(0, 1, 7, 1));
  DirectoryOp op;
  op.kind = DirectoryOpKind::lookup_many;
  op.users = std::make_shared<const std::vector<UserId>>(std::vector<UserId>{UserId{5}, kUser});
  const auto records = backend_->ask(op).reply.records;
  ASSERT_THAT(*records, SizeIs(2));
  EXPECT_EQ((*records)[0].user, UserId{5});
  EXPECT_THAT((*records)[0].rows, IsEmpty());
  EXPECT_THAT((*records)[1].rows, SizeIs(1));
}

TEST_P(DirectoryContract, AUserHasRoomForEightDevices) {
  for (uint32_t device = 0; device < kMaxDevicesPerUser; ++device) bind(row(device, 1, 7, 1));
  EXPECT_EQ(ask(DirectoryOpKind::bind, row(8, 1, 7, 1)).status, ReplyStatus::error);
  EXPECT_THAT(lookup().rows, SizeIs(kMaxDevicesPerUser));
  for (uint32_t i = 0; i < kMaxDevicesPerUser; ++i) EXPECT_EQ(lookup().rows[i].device, i);
}

TEST_P(DirectoryContract, FailoverLosesTheTailAndIssuesNoGenerationTwice) {
  const uint64_t first = reserve(0);
  bind(row(0, 1, 7, first));
  backend_->pass(5 * kSecond);
  const uint64_t before = identity();
  const uint64_t lost = reserve(0);
  bind(row(0, 2, 8, lost));
  backend_->pass(kMillisecond);
  backend_->failover(kSecond);
  EXPECT_NE(identity(), before);
  const UserRecord record = lookup();
  ASSERT_THAT(record.rows, SizeIs(1));
  EXPECT_EQ(record.rows[0].node, NodeId{1});
  EXPECT_EQ(record.rows[0].generation, first);
  EXPECT_EQ(check(0, lost).at(0).missing, true);  // asserted again by its node ...
  EXPECT_EQ(bind(row(0, 2, 8, lost)).result, DirectoryResult::ok);
  backend_->failover(kSecond);        // (lost once more)
  EXPECT_GT(reserve(0, lost), lost);  // ... or superseded by the device, which has seen it
}

TEST_P(DirectoryContract, FailoverWithoutATailLosesNothing) {
  bind(row(0, 1, 7, 1));
  const uint64_t before = identity();
  backend_->failover(0);
  EXPECT_NE(identity(), before);
  EXPECT_THAT(lookup().rows, SizeIs(1));
}

TEST_P(DirectoryContract, EvictionForgetsTheRow) {
  bind(row(0, 1, 7, 6));
  backend_->evict_all();
  EXPECT_THAT(lookup().rows, IsEmpty());
  EXPECT_TRUE(check(0, 6).at(0).missing);
}

// A device that was reinstalled remembers nothing, and numbers its messages by its generation.
TEST_P(DirectoryContract, WhatItForgotItNeverGivesOutAgain) {
  uint64_t highest = 0;
  for (int life = 0; life < 3; ++life) {
    for (int logins = 0; logins < 5; ++logins) {
      const uint64_t generation = reserve(0, 0);
      EXPECT_GT(generation, highest);
      highest = generation;
    }
    backend_->evict_all();
  }
  EXPECT_GT(reserve(0, 0), highest);
}

TEST_P(DirectoryContract, OutOfMemoryFailsWritesAndAnswersReads) {
  bind(row(0, 1, 7, 1));
  backend_->out_of_memory(true);
  EXPECT_EQ(ask(DirectoryOpKind::reserve, row(0, 0, 0, 0)).status, ReplyStatus::error);
  EXPECT_EQ(ask(DirectoryOpKind::bind, row(0, 2, 8, 2)).status, ReplyStatus::error);
  EXPECT_THAT(lookup().rows, SizeIs(1));
  backend_->out_of_memory(false);
  EXPECT_EQ(bind(row(0, 2, 8, 2)).result, DirectoryResult::ok);
}

}  // namespace
}  // namespace imroute::contract
