// One connection to Redis on the loop: hiredis speaks the protocol, Asio watches its socket. It
// neither repeats nor reconnects (link.h, bus.h do). Commands go out together at the loop's next
// turn and are answered in order; when the connection ends, each that is open is told so.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/net/loop.h"

struct redisReply;

namespace imroute::cluster {

// 0 when it is no number.
uint64_t number_of(std::string_view digits);

// What Redis said; valid while the callback runs.
class RedisValue {
 public:
  RedisValue() = default;
  explicit RedisValue(const redisReply* reply) : reply_(reply) {}
  bool nothing() const;   // null, or no reply at all
  bool is_error() const;  // the text says why
  std::string_view text() const;
  uint64_t number() const;  // also of a text of digits; 0 when it is none
  size_t size() const;      // of a list
  RedisValue operator[](size_t i) const;

 private:
  const redisReply* reply_ = nullptr;
};

// "host:port"; or the path of a socket, from "/" on or behind "unix:".
struct RedisAddress {
  std::string text;
  std::string socket_path() const;  // empty: it is no path
};

using RedisWords = std::vector<std::string>;

class RedisConnection {
 public:
  // `on_closed(why)`: once, when it ended or could not be made; not after it is destroyed.
  RedisConnection(Loop& loop, const RedisAddress& address,
                  std::function<void(std::string_view)> on_closed);
  // Forgets what is open.
  ~RedisConnection();

  // nullptr: the connection ended, the command may or may not have happened.
  using Callback = std::function<void(const redisReply*)>;
  // Never calls back from inside.
  void send(const RedisWords& words, Callback callback);
  // SUBSCRIBE: called for each message, until it is called with nullptr.
  void subscribe(const std::string& channel, Callback callback);
  // Ends it, as if it had broken.
  void close(std::string_view why);

 private:
  struct State;
  struct Call;
  std::shared_ptr<State> state_;
};

}  // namespace imroute::cluster
