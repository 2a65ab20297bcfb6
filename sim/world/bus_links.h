// The pub/sub bus as its subscribers live it: every frame published reaches every node that is
// subscribed at that moment, its publisher included, in order per subscriber; a subscriber that is
// disconnected, or whose buffer overflows, loses what was under way and what is published until it
// is back. Subscribing is the driver's job: a node that lives is subscribed, or trying.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/base/payload.h"
#include "core/model/frame.h"
#include "core/wire/codec.h"
#include "sim/engine/event_queue.h"
#include "sim/engine/pool.h"
#include "sim/network/edge_rules.h"
#include "sim/network/latency.h"
#include "sim/network/layout.h"
#include "sim/service/bus.h"
#include "sim/world/events.h"

namespace imroute {

class BusHost {
 public:
  virtual ~BusHost() = default;
  virtual void on_bus_up(Endpoint at) = 0;
  virtual void on_bus_down(Endpoint at, Reason reason) = 0;
  virtual void on_bus_frame(Endpoint at, const Frame& frame) = 0;
  virtual void on_bus_sent(uint32_t bytes, bool delivery) = 0;  // for counting
  virtual void on_bus_lost(Endpoint to, const Frame& frame) = 0;
};

class BusLinks {
 public:
  BusLinks(const Layout& layout, const NetworkConfig& config, uint64_t seed, EventQueue& queue,
           EdgeRules& rules, BlobPool& pool, BusHost& host);

  void report_lost(bool on) { report_lost_ = on; }
  // A node came up: it subscribes.
  void start(int64_t now, Endpoint node);
  void machine_died(Endpoint node);
  void publish(int64_t now, Endpoint from, const Frame& frame);

  // Disconnects a node (kNoEndpoint: all) until as many `end_outage` came. Returns how many were
  // subscribed.
  uint32_t begin_outage(int64_t now, Endpoint node);
  void end_outage(int64_t now, Endpoint node);
  // The bus itself is dead: what reaches it is lost.
  void set_alive(bool alive) { alive_ = alive; }

  Endpoint destination(uint32_t flight) const;
  void handle(int64_t now, uint32_t flight);

 private:
  enum class Type : uint8_t { publication, delivery, up, retry };
  struct Flight {
    Type type = Type::publication;
    Endpoint node = 0;
    uint32_t stamp = 0;
    uint32_t size = 0;
    Payload bytes;
  };
  struct Subscriber {
    bool running = false;
    bool up = false;
    bool trying = false;
    uint32_t outages = 0;
    uint32_t stamp = 0;  // of the subscription; what is under way for an older one is lost
    int64_t to_bus = 0, from_bus = 0;  // arrival floors
    uint64_t draw = 0;
  };

  void push(int64_t at, Type type, Endpoint node, uint32_t stamp, const Payload& bytes,
            uint32_t size);
  void disconnect(int64_t now, Endpoint node, Reason reason);
  void fan_out(int64_t now, Endpoint publisher, const Payload& bytes, uint32_t size);
  void lost(Endpoint to, const Payload& bytes);
  Subscriber& of(Endpoint node) { return subscribers_[layout_.index(node)]; }

  const Layout& layout_;
  EventQueue& queue_;
  EdgeRules& rules_;
  BlobPool& pool_;
  BusHost& host_;
  LatencyTable latency_;
  Bus bus_;
  std::vector<Subscriber> subscribers_;
  Pool<Flight> flights_;
  ByteBuffer scratch_;
  Frame decoded_;
  bool alive_ = true;
  bool report_lost_ = false;
};

}  // namespace imroute
