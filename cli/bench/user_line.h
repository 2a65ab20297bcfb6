// A user of the load, bound to a node that the load chooses (no router is asked, so the servers
// must not want tokens). It says what a client says and keeps nothing that a client keeps; it
// speaks the wire by the project's codec, and shares nothing else with the node.
#pragma once

#include <string>

#include "cli/bench/load.h"
#include "core/base/ids.h"
#include "core/model/message.h"

namespace imroute::bench {

// Greets and asks to be bound; the answer is awaited by wait_bound().
void start_bind(int socket, UserId user);
void wait_bound(int socket);

class UserLine : public Line {
 public:
  // Bound when it returns. Sends to `other`, and takes what that user sends.
  UserLine(const std::string& node, UserId self, UserId other);

  void put(std::span<const std::byte> payload, ByteBuffer& out) override;
  // What was delivered is acknowledged once, whatever came with it.
  size_t take(std::span<const std::byte> bytes, const Arrived& arrived, ByteBuffer& out) override;

 private:
  BlobPool pool_;  // outlives what is of it
  Frame send_;     // but for the payload and the number
  Frame got_;
  uint64_t accepted_ = 0;
};

}  // namespace imroute::bench
