// The real stores, on this machine's disk and loopback: operations per second, by how many are open
// at a time (the argument). Entries carry 200 bytes; each open append is another sender's.
#include <benchmark/benchmark.h>

#include <filesystem>
#include <functional>

#include "cluster/store/redis/redis_directory.h"
#include "cluster/store/redis/redis_mailbox.h"
#include "cluster/store/sqlite/sqlite_mailbox.h"
#include "cluster/store/zookeeper/zookeeper_registry.h"
#include "tests/contract/real/ground.h"
#include "tests/contract/real/redis_server.h"
#include "tests/contract/real/zookeeper_server.h"

namespace imroute {
namespace {

using contract::Folder;
using contract::RedisServer;
using contract::run_until;

Folder on_disk() { return Folder(std::filesystem::temp_directory_path()); }

// Rounds of `range(0)` operations, all open together.
template <class Reply, class Submit>
void rounds(benchmark::State& state, cluster::Loop& loop, Submit submit) {
  const auto open = static_cast<uint64_t>(state.range(0));
  uint64_t round = 0, failed = 0;
  for (auto _ : state) {
    ++round;
    uint64_t answered = 0;
    for (uint64_t i = 0; i < open; ++i) {
      submit(i, round, [&](ReplyStatus status, const Reply&) {
        ++answered;
        failed += status != ReplyStatus::ok;
      });
    }
    run_until(loop, "the round", [&] { return answered == open; });
  }
  if (failed > 0) state.SkipWithError("operations failed");
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void append_rounds(benchmark::State& state, cluster::Loop& loop, BlobPool& pool,
                   cluster::MailboxStore& mailbox) {
  MailboxOp look;
  look.kind = MailboxOpKind::compare;
  const uint64_t identity = contract::answer_of<MailboxReply>(loop, [&](auto done) {
                              mailbox.submit(look, std::move(done));
                            }).reply.identity;
  const Payload payload = pool.make(200);
  rounds<MailboxReply>(state, loop, [&](uint64_t sender, uint64_t seq, auto done) {
    MailboxOp op;
    op.identity = identity;
    op.epoch = 1;
    op.entry.conversation = ConversationId::direct(UserId{2 * sender}, UserId{2 * sender + 1});
    op.entry.sender = UserId{2 * sender};
    op.entry.client_seq = op.base = seq;
    op.entry.payload = payload;
    mailbox.submit(std::move(op), std::move(done));
  });
}

void sqlite_append(benchmark::State& state) {
  const Folder folder = on_disk();
  BlobPool pool;
  cluster::Loop loop;
  cluster::SqliteMailbox mailbox(loop, pool, {.path = (folder.path() / "mailbox.db").string()});
  append_rounds(state, loop, pool, mailbox);
}

void redis_append(benchmark::State& state, const char* fsync) {
  const Folder folder = on_disk();
  const RedisServer server(folder.path(), true);
  server.say({"CONFIG", "SET", "appendfsync", fsync});
  BlobPool pool;
  cluster::Loop loop;
  cluster::RedisMailbox mailbox(loop, pool, {.redis = {.address = {server.address()}}});
  run_until(loop, "a connection", [&] { return mailbox.identity() != 0; });
  append_rounds(state, loop, pool, mailbox);
}
void redis_append_always(benchmark::State& state) { redis_append(state, "always"); }
void redis_append_everysec(benchmark::State& state) { redis_append(state, "everysec"); }

void redis_directory(benchmark::State& state, DirectoryOpKind kind) {
  const Folder folder = on_disk();
  const RedisServer server(folder.path(), false);
  cluster::Loop loop;
  cluster::RedisDirectory directory(loop, {.address = {server.address()}});
  run_until(loop, "a connection", [&] { return directory.identity() != 0; });
  rounds<DirectoryReply>(state, loop, [&](uint64_t user, uint64_t round, auto done) {
    DirectoryOp op;
    op.kind = kind;
    op.user = UserId{user};
    op.row.node = NodeId{1};
    op.row.link = LinkId{round};
    op.row.generation = round;
    directory.submit(std::move(op), std::move(done));
  });
}
void redis_bind(benchmark::State& state) { redis_directory(state, DirectoryOpKind::bind); }
void redis_lookup(benchmark::State& state) { redis_directory(state, DirectoryOpKind::lookup); }

void zookeeper_renew(benchmark::State& state) {
  const Folder folder = on_disk();
  const contract::ZookeeperServer server(folder.path());
  cluster::Loop loop;
  cluster::ZookeeperRegistry registry(loop, address_of(NodeId{1}), {},
                                      {.servers = server.address(), .lease_ns = 2 * kSecond});
  run_until(loop, "a session", [&] { return registry.ready(); });
  RegistryOp op;
  op.kind = RegistryOpKind::open;
  op.session = contract::answer_of<RegistryReply>(loop, [&](auto done) {
                 registry.submit(op, std::move(done));
               }).reply.session;
  op.kind = RegistryOpKind::renew;
  rounds<RegistryReply>(
      state, loop, [&](uint64_t, uint64_t, auto done) { registry.submit(op, std::move(done)); });
}

BENCHMARK(sqlite_append)->Arg(1)->Arg(64)->Arg(1024)->UseRealTime();
BENCHMARK(redis_append_always)->Arg(1)->Arg(64)->Arg(1024)->UseRealTime();
BENCHMARK(redis_append_everysec)->Arg(1)->Arg(64)->Arg(1024)->UseRealTime();
BENCHMARK(redis_bind)->Arg(1)->Arg(64)->Arg(1024)->UseRealTime();
BENCHMARK(redis_lookup)->Arg(1)->Arg(64)->Arg(1024)->UseRealTime();
BENCHMARK(zookeeper_renew)->Arg(1)->Arg(64)->UseRealTime();

}  // namespace
}  // namespace imroute
