// Store operations on their way: request and reply each take their time, in order per machine and
// service; what is cut off, lost or late ends as *unknown* at the operation's deadline, and an
// answer after that is dropped. A deadline is an event only once it is known that no answer will
// come in time, so the usual operation costs two events.
//
// Faults of stores live here too: errors, lost replies, doubled and reordered replies. What a store
// is (its data, failover, expiry) is behind StoreBackend.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <variant>
#include <vector>

#include "core/event/event.h"
#include "core/event/stores.h"
#include "sim/engine/event_queue.h"
#include "sim/engine/pool.h"
#include "sim/network/edge_rules.h"
#include "sim/network/latency.h"
#include "sim/network/layout.h"
#include "sim/world/events.h"

namespace imroute {

using StoreRequest = std::variant<DirectoryOp, MailboxOp, RegistryOp>;

// Whether it changes what the service keeps; what only asks is no trouble to a full disk.
bool writes(const StoreRequest& request);

// The answer of a service, by value while it travels.
struct StoreAnswer {
  ReplyStatus status = ReplyStatus::ok;
  std::variant<std::monostate, DirectoryReply, MailboxReply, RegistryReply> reply;
};

class StoreBackend {
 public:
  virtual ~StoreBackend() = default;
  // Carries the operation out. False when the service gives no answer (it is down).
  virtual bool apply(int64_t now, Endpoint from, const StoreRequest& request,
                     StoreAnswer& answer) = 0;
  // The answer, or *unknown*, reaches the machine that asked.
  virtual void on_reply(Endpoint to, const Reply& reply) = 0;
  virtual void on_op_counted(const StoreRequest& request) = 0;  // request sent, reply sent
};

class StoreLinks {
 public:
  StoreLinks(const Layout& layout, const NetworkConfig& config, uint64_t seed, EventQueue& queue,
             EdgeRules& rules, StoreBackend& backend);

  void request(int64_t now, Endpoint from, StoreRequest&& request);
  // An incarnation ended: nothing reaches it any more.
  void machine_died(Endpoint e) { ++incarnations_[layout_.server_index(e)]; }
  // Its clock leapt ahead: the deadlines of what it asked come that much sooner.
  void leap(int64_t now, Endpoint e, DurationNs by);

  Endpoint destination(WorldEvent kind, uint32_t op) const;
  void handle(int64_t now, WorldEvent kind, uint32_t op);
  // Rules were removed: requests and replies that stood still go on.
  void release_held(int64_t now);

  // Faults, by id, on one service; they add up.
  enum class Trouble : uint8_t { error, out_of_memory, disk_full, lost_reply };
  void begin_trouble(uint32_t fault, Role service, Trouble trouble, uint32_t probability_ppm);
  bool end_trouble(uint32_t fault);  // true when it hit an operation

  uint64_t late_replies() const { return late_; }
  int64_t late_until() const { return late_until_; }  // as Network's
  uint32_t in_flight() const { return ops_.alive(); }

 private:
  struct Op {
    Endpoint from = 0;
    Role service = Role::registry;
    uint32_t incarnation = 0;
    uint32_t references = 0;  // events and held entries that name it
    bool answered = false;
    bool timeout_set = false;
    MonoTime deadline = kNever;
    OpId id;
    StoreRequest request;
    StoreAnswer answer;
  };
  struct Troubled {
    Role service;
    Trouble trouble;
    uint32_t probability_ppm;
    bool hit;
  };
  struct Line {  // one machine and one service: in order each way
    int64_t request_floor = 0, reply_floor = 0;
    uint64_t draw = 0;
  };
  struct Held {
    uint32_t op;
    bool reply;
  };

  Line& line(const Op& op);
  void travel(int64_t now, uint32_t op, bool reply);
  void arrive(int64_t now, uint32_t op);
  void reply(int64_t now, uint32_t op);
  void set_timeout(uint32_t op);
  void release(uint32_t op);
  bool strikes(Role service, Trouble trouble, uint64_t draw);

  const Layout& layout_;
  EventQueue& queue_;
  EdgeRules& rules_;
  StoreBackend& backend_;
  LatencyTable latency_;
  Pool<Op> ops_;
  std::vector<Line> lines_;  // servers x 3
  std::vector<uint32_t> incarnations_;
  std::vector<Held> held_;
  std::map<uint32_t, Troubled> troubles_;  // by fault
  uint64_t late_ = 0;
  int64_t late_until_ = 0;
};

}  // namespace imroute
