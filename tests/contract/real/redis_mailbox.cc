#include "cluster/store/redis/redis_mailbox.h"

#include "tests/contract/real/ground.h"
#include "tests/contract/real/makers.h"
#include "tests/contract/real/past.h"
#include "tests/contract/real/redis_server.h"

namespace imroute::contract {

namespace {

class RedisMailboxBackend : public MailboxBackend {
 public:
  explicit RedisMailboxBackend(const MailboxOptions& options) : options_(options) {
    await_identity(0);
  }

  MailboxAnswer ask(const MailboxOp& op) override {
    const MailboxAnswer answer =
        answer_of<MailboxReply>(loop_, [&](auto done) { store_.submit(op, std::move(done)); });
    if (op.kind == MailboxOpKind::append && answer.status == ReplyStatus::ok &&
        answer.reply.result == MailboxResult::ok) {
      past_.note_append(op.entry, answer.reply.position);
    }
    return answer;
  }
  void pass(DurationNs time) override {
    keep();
    now_ += time;
  }
  // The server is killed. A durable one has all in its append-only file; the other comes back with
  // the last snapshot that is old enough.
  std::vector<Entry> failover(DurationNs lose_tail) override {
    const uint64_t before = store_.identity();
    keep();
    server_.kill();
    std::vector<Entry> lost;
    if (!options_.durable) lost = past_.back_to(now_ - lose_tail);
    server_.start();
    await_identity(before);
    return lost;
  }
  void out_of_memory(bool on) override {
    server_.say({"CONFIG", "SET", "maxmemory", on ? "1" : "0"});
  }

 private:
  void keep() {
    if (options_.durable) return;
    server_.say({"SAVE"});
    past_.keep(now_);
  }
  void await_identity(uint64_t other_than) {
    run_until(loop_, "a connection",
              [&] { return store_.identity() != 0 && store_.identity() != other_than; });
  }

  MailboxOptions options_;
  Folder folder_;
  Past past_{folder_.path(), {"dump.rdb"}};
  RedisServer server_{folder_.path(), options_.durable};
  BlobPool pool_;
  cluster::Loop loop_;
  int64_t now_ = 1'800'000'000 * kSecond;
  cluster::RedisMailbox store_{loop_,
                               pool_,
                               {.redis = {.address = {server_.address()}},
                                .retention_ns = options_.retention_ns,
                                .wall_ns = [this] { return now_; }}};
};

}  // namespace

MailboxMaker redis_mailbox() {
  return {"redis", [](const MailboxOptions& options) {
            return std::make_unique<RedisMailboxBackend>(options);
          }};
}

}  // namespace imroute::contract
