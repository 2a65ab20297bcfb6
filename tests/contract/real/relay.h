// A door between a client and its server that can be shut: what is under way then stands still, as
// when a network is cut or a process is stopped. It has a thread of its own, as the clients behind
// it have.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

namespace imroute::contract {

class Relay {
 public:
  explicit Relay(uint16_t server_port);  // on 127.0.0.1, as this side is
  ~Relay();
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  void shut(bool on) { shut_ = on; }

 private:
  void run();

  uint16_t server_port_;
  uint16_t port_ = 0;  // before the listener, which sets it
  int listener_ = -1;
  std::atomic<bool> shut_ = false;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

// A port of 127.0.0.1 that nobody uses now.
uint16_t free_port();

}  // namespace imroute::contract
