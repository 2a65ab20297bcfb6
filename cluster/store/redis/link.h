// A lasting link to one Redis: reconnects with jittered backoff, knows which life of which server
// answers, and runs scripts by their digest.
//
// The identity of a store is a number that the store itself keeps, under the run id of the server
// and its replication id: when either is another one (a restart, a promoted replica), whoever first
// sees it writes the next number; so too when it is gone, as somebody emptied the server. It is
// looked at on each connect, and every second, which also finds a connection that has died
// silently. An answer that says that this is no primary any more (READONLY, MOVED, ...) ends the
// connection, so that the next one looks again. A Redis Cluster is refused: the first connection
// throws SystemRefusal on the loop. (A server's first replica changes its replication id, too: one
// life more than needed, which costs a resync.)
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/net/loop.h"
#include "cluster/store/redis/connection.h"
#include "core/event/event.h"

namespace imroute::cluster {

struct RedisSettings {
  RedisAddress address;
  std::string password = {};        // empty: none
  std::string prefix = "imroute:";  // of every key and channel
  std::string client_name = "imroute";
  uint32_t most_open = 64 * 1024;                         // commands; the rest is answered unknown
  std::function<void(std::string_view)> on_trouble = {};  // on the loop: why it is not connected
};

class RedisLink {
 public:
  RedisLink(Loop& loop, RedisSettings settings);
  ~RedisLink();  // forgets what is open
  RedisLink(const RedisLink&) = delete;
  RedisLink& operator=(const RedisLink&) = delete;

  // Scripts that are loaded at each connect; added before the loop runs.
  using Script = size_t;
  Script add_script(std::string body);

  // ok with the value; error when Redis refused; unknown when the connection ended or is not there.
  using Handler = std::function<void(ReplyStatus, RedisValue)>;
  // Never calls back from inside.
  void send(RedisWords words, Handler handler);
  // Script with keys, then arguments.
  void run(Script script, const RedisWords& keys, const RedisWords& arguments, Handler handler);

  // At a later turn, unless the link is gone by then.
  void later(std::function<void()> call);

  bool is_up() const { return identity_ != 0; }
  uint64_t identity() const { return identity_; }  // 0: not connected
  const RedisSettings& settings() const { return settings_; }
  // Connected, and the identity known.
  void on_up(std::function<void()> call) { on_up_ = std::move(call); }
  void on_down(std::function<void()> call) { on_down_ = std::move(call); }

 private:
  void connect();
  void greet();
  void refuse_cluster();
  void learn_identity(std::string_view replication);
  void look();
  void closed(std::string_view why);
  void give_up(std::string why);  // closes at the next turn
  void sorted(RedisValue said, const Handler& handler);

  Loop& loop_;
  RedisSettings settings_;
  std::vector<std::string> scripts_;
  std::vector<std::string> digests_;
  std::unique_ptr<RedisConnection> connection_;
  std::string run_id_;
  std::string life_;  // run id and replication id of the identity
  uint64_t identity_ = 0;
  bool was_ever_up_ = false;
  uint32_t open_ = 0;
  uint32_t failures_ = 0;
  MonoTime looked_at_ = 0;  // the last look that was answered
  std::string last_trouble_;
  std::function<void()> on_up_;
  std::function<void()> on_down_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  Timer timer_;
};

}  // namespace imroute::cluster
