// An IM server: holds users' connections, appends what they send to the mailbox, routes it to the
// nodes that hold the recipients, and delivers what arrives for its own. Node dispatches; the flows
// are one file each:
//   on_client.cc   sends, acks, pings, appends
//   sessions.cc    bind, displacement, hand-over, owners
//   check.cc       what is compared and repeated, in case it was lost between nodes
//   route.cc       carrying out routing decisions; route_group.cc for groups, router_calls.cc
//   receive.cc     the receiving side of a push
//   deliver.cc     order, windows, acks, redelivery
//   sync.cc        what only the mailbox can tell: gaps, logins, compare, cursors
//   membership.cc  lease, fence, view, mesh, drain
//   on_peer.cc, on_reply.cc, on_wake.cc   sort what arrives to these
// State is bounded by NodeConfig::capacity; a warm node allocates nothing per routed message.
#pragma once

#include <cstdint>
#include <memory>

#include "core/base/durations.h"
#include "core/base/payload.h"
#include "core/event/effect.h"
#include "core/event/event.h"
#include "core/model/config.h"
#include "core/model/counters.h"

namespace imroute {

// Why a node fenced itself last.
enum class FenceCause : uint8_t {
  never,      // it did not
  ran_out,    // the lease was not renewed in time
  forgotten,  // the registry answered that it does not know the lease
  cut_off,    // suspended with the others, then they renewed and this node could not
};

// What an operator or an oracle may look at. Cheap, by value.
struct NodeStatus {
  uint32_t sessions = 0;
  uint32_t routes_in_flight = 0;
  uint32_t appends_in_flight = 0;
  uint32_t cache_entries = 0;
  uint32_t cache_entries_max = 0;
  uint32_t operations_in_flight = 0;
  uint32_t calls_in_flight = 0;     // attempts that count as load of a router
  uint32_t unacked_max = 0;         // most deliveries of one session that waited for their ack
  uint32_t route_attempts_max = 0;  // most attempts of one route
  uint64_t view_version = 0;
  bool serving = false;  // lease held (or suspended), accepting clients
  bool fenced = false;
  bool suspended = false;
  FenceCause fence_cause = FenceCause::never;
  bool draining = false;
  bool drained = false;
};

class Node {
 public:
  Node(const NodeConfig& config, BlobPool& pool);
  ~Node();

  void step(Now now, const Event& event, Effects& out) noexcept;
  MonoTime next_deadline() const;
  uint64_t digest() const;
  const Counters& counters() const;
  NodeStatus status() const;
  // Of messages for a user who is connected elsewhere: from when this node began to look for the
  // user until the first node that has a session of the user said that it delivers.
  const Durations& route_times() const;
  // Generation of the bound session of this device here, 0 when there is none.
  uint64_t session_generation(DeviceKey key) const;
  // How often a rare branch was taken because the configuration or a command asked for it.
  uint64_t branches_taken(PerturbSite site) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace imroute
