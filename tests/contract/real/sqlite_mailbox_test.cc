// What only the SQLite mailbox promises: what was accepted survives a kill, many senders share one
// commit, and one file has one process.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>

#include "cluster/store/sqlite/sqlite_mailbox.h"
#include "tests/contract/real/ground.h"

namespace imroute::contract {
namespace {

MailboxOp append_op(uint64_t identity, uint64_t sender, uint64_t client_seq) {
  MailboxOp op;
  op.identity = identity;
  op.epoch = 1;
  op.entry.conversation = ConversationId::direct(UserId{sender}, UserId{1'000'000});
  op.entry.sender = UserId{sender};
  op.entry.client_seq = op.base = client_seq;
  return op;
}

struct Store {
  explicit Store(const std::filesystem::path& folder)
      : mailbox(loop, pool, {(folder / "mailbox.db").string(), 0, 64 * 1024, {}, {}}) {
    MailboxOp op;
    op.kind = MailboxOpKind::members;
    identity = ask(op).reply.identity;
  }
  MailboxAnswer ask(const MailboxOp& op) {
    return answer_of<MailboxReply>(loop, [&](auto done) { mailbox.submit(op, std::move(done)); });
  }
  BlobPool pool;
  cluster::Loop loop;
  cluster::SqliteMailbox mailbox;
  uint64_t identity = 0;
};

TEST(SqliteMailbox, ManySendersShareACommit) {
  constexpr uint64_t kSenders = 2000;
  const Folder folder;
  Store store(folder.path());
  const uint64_t before = store.mailbox.commits();
  uint64_t answered = 0;
  std::set<uint64_t> at_one;
  for (uint64_t sender = 1; sender <= kSenders; ++sender) {
    store.mailbox.submit(append_op(store.identity, sender, 1),
                         [&, sender](ReplyStatus status, const MailboxReply& reply) {
                           ++answered;
                           if (status == ReplyStatus::ok && reply.position == Position{1, 1}) {
                             at_one.insert(sender);
                           }
                         });
  }
  run_until(store.loop, "all answers", [&] { return answered == kSenders; });
  EXPECT_EQ(at_one.size(), kSenders);
  EXPECT_LT(store.mailbox.commits() - before, kSenders / 2);
}

TEST(SqliteMailbox, OneTooManyIsAnsweredUnknown) {
  const Folder folder;
  cluster::Loop loop;
  BlobPool pool;
  cluster::SqliteMailbox mailbox(loop, pool, {(folder.path() / "m.db").string(), 0, 2, {}, {}});
  std::vector<ReplyStatus> answers;
  for (int i = 0; i < 3; ++i) {
    mailbox.submit({}, [&](ReplyStatus status, const MailboxReply&) { answers.push_back(status); });
  }
  EXPECT_TRUE(answers.empty());
  run_until(loop, "three answers", [&] { return answers.size() == 3; });
  EXPECT_EQ(std::count(answers.begin(), answers.end(), ReplyStatus::unknown), 1);
}

TEST(SqliteMailbox, AFileBelongsToOneProcess) {
  const Folder folder;
  const Store store(folder.path());
  try {
    const Store second(folder.path());
    FAIL() << "opened twice";
  } catch (const cluster::SqliteError& error) {
    EXPECT_NE(std::string(error.what()).find("another process"), std::string::npos) << error.what();
  }
}

TEST(SqliteMailbox, AnotherFormatIsRefusedByName) {
  const Folder folder;
  { const Store store(folder.path()); }
  cluster::Database((folder.path() / "mailbox.db").string()).run("UPDATE store SET format = 99");
  try {
    const Store later(folder.path());
    FAIL() << "opened";
  } catch (const cluster::SqliteError& error) {
    EXPECT_NE(std::string(error.what()).find("format 99"), std::string::npos) << error.what();
  }
}

TEST(SqliteMailbox, WhatIsPastRetentionIsGoneFromTheFile) {
  const Folder folder;
  const std::string file = (folder.path() / "mailbox.db").string();
  {
    BlobPool pool;
    cluster::Loop loop;
    int64_t now = 1'800'000'000 * kSecond;
    cluster::SqliteMailbox mailbox(
        loop, pool,
        {.path = file, .retention_ns = 10 * kSecond, .wall_ns = [&now] { return now; }});
    const auto ask = [&](const MailboxOp& op) {
      return answer_of<MailboxReply>(loop, [&](auto done) { mailbox.submit(op, std::move(done)); })
          .reply;
    };
    const uint64_t identity = ask(append_op(0, 1, 1)).identity;
    for (uint64_t seq = 1; seq <= 5; ++seq) ask(append_op(identity, 1, seq));
    now += 11 * kSecond;
    EXPECT_EQ(ask(append_op(identity, 1, 6)).position.seq, 6u);
  }
  const cluster::Database database(file);
  cluster::Statement count(database, "SELECT count(*), min(seq) FROM log");
  cluster::Query row = count.with();
  ASSERT_TRUE(row.next());
  EXPECT_EQ(row.number(0), 1u);
  EXPECT_EQ(row.number(1), 6u);
}

// A process that appends and says what was accepted, until it is killed in the middle.
TEST(SqliteMailbox, WhatWasAcceptedSurvivesAKill) {
  const Folder folder;
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    close(pipe_ends[0]);
    Store store(folder.path());
    for (uint64_t seq = 1;; ++seq) {
      const uint64_t at = store.ask(append_op(store.identity, 1, seq)).reply.position.seq;
      if (at != seq || write(pipe_ends[1], &at, sizeof at) != sizeof at) _exit(1);
    }
  }
  close(pipe_ends[1]);
  uint64_t accepted = 0;
  for (uint64_t at = 0; accepted < 50 && read(pipe_ends[0], &at, sizeof at) == sizeof at;) {
    accepted = at;
  }
  kill(child, SIGKILL);
  for (uint64_t at = 0; read(pipe_ends[0], &at, sizeof at) == sizeof at;) accepted = at;
  close(pipe_ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_GE(accepted, 50u);
  Store store(folder.path());
  MailboxOp op;
  op.kind = MailboxOpKind::read;
  op.key.user = UserId{1};
  op.entry.conversation = append_op(0, 1, 1).entry.conversation;
  op.limit = 100'000;
  const MailboxReply reply = store.ask(op).reply;
  EXPECT_GE(reply.head.seq, accepted);
  EXPECT_LE(reply.head.seq, accepted + 1);  // one may have been on its way
  EXPECT_EQ(reply.entries->size(), reply.head.seq);
}

}  // namespace
}  // namespace imroute::contract
