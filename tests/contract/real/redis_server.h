// A Redis of the test's own, on a unix socket in a folder of its own.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/contract/real/process.h"

namespace imroute::contract {

class RedisServer {
 public:
  // `durable`: every write is in the append-only file before it is answered; else nothing is
  // written unless asked for (SAVE).
  RedisServer(std::filesystem::path folder, bool durable);

  void start();                             // answers when it returns
  void follow(const RedisServer& primary);  // as its replica
  void kill() { process_.kill(); }
  // One command, over a connection of its own; the answer as text ("" when it is nothing).
  std::string say(const std::vector<std::string>& words) const;
  std::string address() const { return "unix:" + socket_; }

 private:
  std::filesystem::path folder_;
  bool durable_;
  std::string socket_;
  Process process_;
};

}  // namespace imroute::contract
