// The simulated pub/sub bus: one channel, as Redis serves it. A subscriber hears what is published
// while it is subscribed and nothing else; one whose output buffer overflows is disconnected and
// loses what was buffered. The bus decides who gets a frame; the world carries it.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/ids.h"

namespace imroute {

class Bus {
 public:
  // `buffer_bytes`: ceiling of one subscriber's output buffer; 0 = unlimited.
  explicit Bus(uint32_t nodes, uint64_t buffer_bytes = 0);

  // Subscribes, anew when it was subscribed. Returns the number of this subscription: a frame under
  // way to an earlier one is lost.
  uint64_t subscribe(NodeId node);
  // Disconnected, by either side. False when it was not subscribed.
  bool unsubscribe(NodeId node);
  bool subscribed(NodeId node) const;
  uint64_t subscription(NodeId node) const;  // 0 when not subscribed

  struct Outcome {
    std::vector<NodeId> deliver;   // these get the frame, in node order; the publisher too
    std::vector<NodeId> overflow;  // these were disconnected because of it
  };
  // A frame of `bytes` goes to everybody. The outcome is valid until the next publish.
  const Outcome& publish(uint64_t bytes);
  // `bytes` left the output buffer of that subscription.
  void flushed(NodeId node, uint64_t subscription, uint64_t bytes);

  // Fault `overflow`: another ceiling from now on (0 = unlimited); takes effect at the next
  // publish.
  void set_buffer_bytes(uint64_t buffer_bytes) { buffer_bytes_ = buffer_bytes; }
  uint64_t buffered(NodeId node) const;
  uint64_t lost_frames() const { return lost_frames_; }  // subscriber-frames lost to overflow

 private:
  struct Subscriber {
    uint64_t subscription = 0;
    uint64_t buffered = 0;
  };
  std::vector<Subscriber> subscribers_;
  uint64_t buffer_bytes_;
  uint64_t next_subscription_ = 1;
  uint64_t lost_frames_ = 0;
  Outcome outcome_;
};

}  // namespace imroute
