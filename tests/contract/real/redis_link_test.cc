// What the link to Redis promises whatever is asked over it: lost answers are unknown, scripts that
// were flushed are sent again, a restarted server is another life, a slow subscriber comes back.
#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>

#include "cluster/store/redis/redis_bus.h"
#include "cluster/store/redis/redis_directory.h"
#include "cluster/store/redis/redis_mailbox.h"
#include "tests/contract/real/ground.h"
#include "tests/contract/real/redis_server.h"

namespace imroute::contract {
namespace {

DirectoryOp reserve_op() {
  DirectoryOp op;
  op.kind = DirectoryOpKind::reserve;
  op.user = UserId{7};
  return op;
}

class RedisLinkTest : public testing::Test {
 protected:
  DirectoryAnswer reserve() {
    return answer_of<DirectoryReply>(
        loop_, [&](auto done) { directory_.submit(reserve_op(), std::move(done)); });
  }
  void await_identity(uint64_t other_than) {
    run_until(loop_, "a connection",
              [&] { return directory_.identity() != 0 && directory_.identity() != other_than; });
  }
  void SetUp() override { await_identity(0); }

  Folder folder_;
  RedisServer server_{folder_.path(), true};
  cluster::Loop loop_;
  std::vector<std::string> troubles_;
  cluster::RedisDirectory directory_{
      loop_, {.address = {server_.address()}, .on_trouble = [this](std::string_view what) {
                troubles_.emplace_back(what);
              }}};
};

TEST_F(RedisLinkTest, WhatIsOpenWhenTheServerDiesIsUnknown) {
  const uint64_t generation = reserve().reply.generation;
  const uint64_t before = directory_.identity();
  server_.say({"CLIENT", "PAUSE", "100000", "ALL"});
  std::vector<ReplyStatus> answers;
  for (int i = 0; i < 3; ++i) {
    directory_.submit(reserve_op(), [&](ReplyStatus status, const DirectoryReply&) {
      answers.push_back(status);
    });
  }
  loop_.context().restart();
  loop_.context().poll();
  EXPECT_THAT(answers, testing::IsEmpty());
  server_.kill();
  run_until(loop_, "three answers", [&] { return answers.size() == 3; });
  EXPECT_THAT(answers, testing::Each(ReplyStatus::unknown));
  EXPECT_EQ(reserve().status, ReplyStatus::unknown);  // nobody is there
  EXPECT_THAT(troubles_, testing::Contains(testing::HasSubstr(server_.address())));
  server_.start();
  await_identity(before);
  EXPECT_GT(directory_.identity(), before);
  EXPECT_GT(reserve().reply.generation, generation);
}

TEST_F(RedisLinkTest, FlushedScriptsAreSentAgain) {
  const uint64_t first = reserve().reply.generation;
  server_.say({"SCRIPT", "FLUSH"});
  const uint64_t second = reserve().reply.generation;
  EXPECT_GT(second, first);
  EXPECT_GT(reserve().reply.generation, second);
}

// Nothing is left, as after the loss of a disk: the clock says what cannot have been given out yet.
TEST_F(RedisLinkTest, AnEmptyServerGivesOutNoGenerationAgain) {
  const uint64_t first = reserve().reply.generation;
  const auto seconds = [] {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  };
  EXPECT_GE(first, static_cast<uint64_t>(seconds()) - 60);
  run_until(loop_, "the clock's next second",
            [&] { return static_cast<uint64_t>(seconds()) > first; });
  server_.say({"FLUSHALL"});
  EXPECT_GT(reserve().reply.generation, first);
}

TEST_F(RedisLinkTest, AServerThatIsEmptiedWhileItRunsIsAnotherStore) {
  const uint64_t before = directory_.identity();
  server_.say({"FLUSHALL"});
  await_identity(before);
  EXPECT_GT(directory_.identity(), before);
}

TEST_F(RedisLinkTest, APathAloneIsAUnixSocket) {
  cluster::RedisDirectory other(loop_, {.address = {server_.address().substr(5)}});
  run_until(loop_, "a connection", [&] { return other.identity() != 0; });
}

TEST_F(RedisLinkTest, WhatItRefusesIsToldOnce) {
  server_.say({"CONFIG", "SET", "requirepass", "secret"});
  for (const auto& [password, why] : {std::pair("", "NOAUTH"), std::pair("another", "WRONGPASS")}) {
    std::vector<std::string> troubles;
    cluster::RedisDirectory refused(
        loop_, {.address = {server_.address()},
                .password = password,
                .on_trouble = [&](std::string_view what) { troubles.emplace_back(what); }});
    const auto limit = cluster::monotonic_now() + 500 * kMillisecond;
    run_until(loop_, "a reason and more attempts",
              [&] { return !troubles.empty() && cluster::monotonic_now() > limit; });
    EXPECT_THAT(troubles, testing::ElementsAre(testing::HasSubstr(why)));
  }
}

TEST_F(RedisLinkTest, ADemotedServerIsLeftAndTakenBackUnderAnotherIdentity) {
  const uint64_t before = directory_.identity();
  server_.say({"REPLICAOF", "127.0.0.1", "1"});
  EXPECT_NE(reserve().status, ReplyStatus::ok);
  run_until(loop_, "the end of the connection", [&] { return directory_.identity() == 0; });
  EXPECT_EQ(reserve().status, ReplyStatus::unknown);
  EXPECT_THAT(troubles_, testing::Contains(testing::HasSubstr("READONLY")));
  server_.say({"REPLICAOF", "NO", "ONE"});
  await_identity(0);
  EXPECT_NE(directory_.identity(), before);
  EXPECT_EQ(reserve().status, ReplyStatus::ok);
}

TEST_F(RedisLinkTest, AnAppendThatWaitsForAReplicaIsUnknownWithoutOne) {
  BlobPool pool;
  cluster::RedisMailbox mailbox(
      loop_, pool, {.redis = {.address = {server_.address()}}, .wait_replicas = 1, .wait_ms = 1});
  run_until(loop_, "a connection", [&] { return mailbox.identity() != 0; });
  MailboxOp op;
  op.epoch = 1;
  op.entry.conversation = ConversationId::direct(UserId{1}, UserId{2});
  op.entry.sender = UserId{1};
  op.entry.client_seq = op.base = 1;
  const auto append = [&] {
    op.identity = mailbox.identity();  // the first replica gives a server another replication id
    return answer_of<MailboxReply>(loop_, [&](auto done) { mailbox.submit(op, std::move(done)); });
  };
  EXPECT_EQ(append().status, ReplyStatus::unknown);
  op.entry.sender = UserId{3};  // no party of the conversation: a refusal is held as well
  EXPECT_EQ(append().status, ReplyStatus::unknown);
  op.entry.sender = UserId{1};
  Folder other;
  RedisServer replica(other.path(), false);
  replica.follow(server_);
  MailboxAnswer last;
  run_until(loop_, "the replica", [&] {
    last = append();
    return last.status == ReplyStatus::ok && last.reply.result != MailboxResult::wrong_identity;
  });
  EXPECT_EQ(last.reply.result, MailboxResult::duplicate);
  EXPECT_EQ(last.reply.position.seq, 1u);
}

TEST_F(RedisLinkTest, WhatIsPastRetentionIsGoneFromTheStream) {
  BlobPool pool;
  int64_t now = 1'800'000'000 * kSecond;
  cluster::RedisMailbox mailbox(loop_, pool,
                                {.redis = {.address = {server_.address()}},
                                 .retention_ns = 10 * kSecond,
                                 .wall_ns = [&now] { return now; }});
  run_until(loop_, "a connection", [&] { return mailbox.identity() != 0; });
  MailboxOp op;
  op.identity = mailbox.identity();
  op.epoch = 1;
  op.entry.conversation = ConversationId::direct(UserId{1}, UserId{2});
  op.entry.sender = UserId{1};
  const auto append = [&] {
    op.base = ++op.entry.client_seq;
    return answer_of<MailboxReply>(loop_, [&](auto done) { mailbox.submit(op, std::move(done)); })
        .reply.position.seq;
  };
  for (uint64_t seq = 1; seq <= 200; ++seq) ASSERT_EQ(append(), seq);
  EXPECT_EQ(server_.say({"XLEN", "imroute:log:{direct:1:2}"}), "200");
  now += 11 * kSecond;
  EXPECT_EQ(append(), 201u);
  EXPECT_EQ(server_.say({"XLEN", "imroute:log:{direct:1:2}"}), "1");
}

TEST_F(RedisLinkTest, ASubscriberComesBackByItself) {
  cluster::RedisBus bus(loop_, {.address = {server_.address()}, .client_name = "slow"});
  std::vector<std::string> seen;
  bus.start({[&](std::span<const std::byte> frame) {
               seen.push_back("frame " + std::to_string(frame.size()));
             },
             [&] { seen.push_back("up"); }, [&](Reason) { seen.push_back("down"); }});
  run_until(loop_, "up", [&] { return seen.size() == 1; });
  server_.say({"CLIENT", "KILL", "TYPE", "pubsub"});
  run_until(loop_, "up again", [&] { return seen.size() == 3; });
  bus.publish(std::as_bytes(std::span("four", 4)));
  run_until(loop_, "its own frame", [&] { return seen.size() == 4; });
  EXPECT_THAT(seen, testing::ElementsAre("up", "down", "up", "frame 4"));
}

}  // namespace
}  // namespace imroute::contract
