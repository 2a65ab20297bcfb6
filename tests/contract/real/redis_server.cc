#include "tests/contract/real/redis_server.h"

#include <hiredis/hiredis.h>
#include <poll.h>

#include <chrono>
#include <memory>
#include <stdexcept>

#include "tests/contract/real/relay.h"

namespace imroute::contract {

RedisServer::RedisServer(std::filesystem::path folder, bool durable)
    : folder_(std::move(folder)), durable_(durable), socket_((folder_ / "redis.sock").string()) {
  start();
}

void RedisServer::start() {
  std::vector<std::string> words = {"redis-server",
                                    "--port",
                                    "0",
                                    "--bind",
                                    "127.0.0.1",
                                    "--unixsocket",
                                    socket_,
                                    "--dir",
                                    folder_.string(),
                                    "--save",
                                    "",
                                    "--appendonly",
                                    durable_ ? "yes" : "no"};
  if (durable_) words.insert(words.end(), {"--appendfsync", "always"});
  process_ = Process(words, "redis-server", (folder_ / "redis.log").string());
  const auto limit = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (true) {
    try {
      if (say({"PING"}) == "PONG") return;
    } catch (const std::runtime_error&) {
      if (std::chrono::steady_clock::now() > limit) throw;
    }
    poll(nullptr, 0, 2);  // asks again
  }
}

void RedisServer::follow(const RedisServer& primary) {
  const std::string port = std::to_string(free_port());  // replicas know no unix sockets
  primary.say({"CONFIG", "SET", "port", port});
  say({"REPLICAOF", "127.0.0.1", port});
}

std::string RedisServer::say(const std::vector<std::string>& words) const {
  const std::unique_ptr<redisContext, void (*)(redisContext*)> context(
      redisConnectUnix(socket_.c_str()), redisFree);
  if (context == nullptr || context->err != 0) throw std::runtime_error("no Redis at " + socket_);
  std::vector<const char*> starts;
  std::vector<size_t> lengths;
  for (const std::string& word : words) {
    starts.push_back(word.data());
    lengths.push_back(word.size());
  }
  const std::unique_ptr<redisReply, void (*)(void*)> reply(
      static_cast<redisReply*>(redisCommandArgv(context.get(), static_cast<int>(words.size()),
                                                starts.data(), lengths.data())),
      freeReplyObject);
  if (reply == nullptr) throw std::runtime_error("Redis broke off: " + words.front());
  if (reply->type == REDIS_REPLY_INTEGER) return std::to_string(reply->integer);
  const std::string text(reply->str == nullptr ? "" : reply->str,
                         reply->str == nullptr ? 0 : static_cast<size_t>(reply->len));
  if (reply->type == REDIS_REPLY_ERROR) throw std::runtime_error(words.front() + ": " + text);
  return text;
}

}  // namespace imroute::contract
