#include "cluster/store/redis/redis_directory.h"

#include "tests/contract/real/ground.h"
#include "tests/contract/real/makers.h"
#include "tests/contract/real/past.h"
#include "tests/contract/real/redis_server.h"

namespace imroute::contract {

namespace {

class RedisBackend : public DirectoryBackend {
 public:
  RedisBackend() { await_identity(0); }

  DirectoryAnswer ask(const DirectoryOp& op) override {
    return answer_of<DirectoryReply>(loop_, [&](auto done) { store_.submit(op, std::move(done)); });
  }
  void pass(DurationNs time) override {
    keep();
    now_ += time;
  }
  // The server is killed and comes back with what had reached its disk by then.
  void failover(DurationNs lose_tail) override {
    const uint64_t before = store_.identity();
    keep();
    server_.kill();
    past_.back_to(now_ - lose_tail);
    server_.start();
    await_identity(before);
  }
  // What maxmemory takes: the keys that nobody used lately.
  void evict_all() override {
    server_.say(
        {"EVAL",
         "for _, key in ipairs(redis.call('KEYS', '*session:*')) do redis.call('DEL', key) end",
         "0"});
  }
  void out_of_memory(bool on) override {
    server_.say({"CONFIG", "SET", "maxmemory", on ? "1" : "0"});
  }

 private:
  void keep() {
    server_.say({"SAVE"});
    past_.keep(now_);
  }
  void await_identity(uint64_t other_than) {
    run_until(loop_, "a connection",
              [&] { return store_.identity() != 0 && store_.identity() != other_than; });
  }

  Folder folder_;
  Past past_{folder_.path(), {"dump.rdb"}};
  RedisServer server_{folder_.path(), false};
  cluster::Loop loop_;
  cluster::RedisDirectory store_{loop_, {.address = {server_.address()}}};
  int64_t now_ = kSecond;
};

}  // namespace

DirectoryMaker redis_directory() {
  return {"redis", [] { return std::make_unique<RedisBackend>(); }};
}

}  // namespace imroute::contract
