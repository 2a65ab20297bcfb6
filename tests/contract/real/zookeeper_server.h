// A ZooKeeper of the test's own: one server, on a free port, in a folder of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "tests/contract/real/process.h"

namespace imroute::contract {

class ZookeeperServer {
 public:
  explicit ZookeeperServer(std::filesystem::path folder);
  void start();  // whether it serves is seen by a session that connects
  void kill() { process_.kill(); }
  bool runs() const { return process_.runs(); }
  uint16_t port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  std::filesystem::path folder_;
  uint16_t port_;
  Process process_;
};

}  // namespace imroute::contract
