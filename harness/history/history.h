// The ground truth of a run and its judge: the world reports what happened, the oracles (harness.md
// 5) check it while it grows. Memory is bounded by users and open messages, not by all messages.
// Both worlds report through this one class; times are the harness's own clock, from the start of
// the run.
//
// A delivery is what the client core *showed*. Message numbers are the tags of the workload; the
// first eight bytes of a payload hold the number, so that nothing can be invented or altered
// unseen.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/event/effect.h"
#include "core/model/message.h"
#include "harness/result/result.h"
#include "harness/scenario/scenario.h"

namespace imroute {

struct FinalSession {  // of a node, at rest after the drain
  NodeId node;
  DeviceKey key;
  uint64_t generation = 0;
};
struct FinalState {
  std::vector<FinalSession> sessions;  // on all living nodes
  std::vector<DeviceKey> online;       // devices whose client core says it is bound
  uint64_t routes_in_flight = 0;       // summed over nodes
  uint64_t appends_in_flight = 0;
  uint64_t operations_in_flight = 0;
  uint64_t calls_in_flight = 0;     // attempts that count as load of a router, summed
  uint64_t unacked_max = 0;         // of any session, at any time
  uint64_t route_attempts_max = 0;  // of any route, at any time
  Counters counters;                // summed over machines, dead incarnations included
  FrameTotals frames;
  uint64_t cache_entries_max = 0;
  std::vector<NodeId> nodes;  // those that live; the next two are in their order
  std::vector<uint64_t> sessions_by_node, frames_by_node;
  std::vector<uint64_t> calls_by_router;
};

class History {
 public:
  History(const Scenario& scenario, const std::vector<Fault>& plan);
  ~History();

  // The application handed an entry to a client; `tag` numbers it.
  void sent(int64_t t, DeviceKey from, uint64_t tag, ConversationId conversation, EntryKind kind,
            const Payload& payload, uint64_t answers_tag /* 0 = none */);
  // From Notify of a client core.
  void accepted(int64_t t, DeviceKey from, uint64_t tag, const Entry& entry);
  void refused(int64_t t, DeviceKey from, uint64_t tag, Reason reason);
  void shown(int64_t t, DeviceKey to, const Entry& entry, Via via);
  void online(int64_t t, DeviceKey key, NodeId node, uint64_t generation);
  void offline(int64_t t, DeviceKey key, Reason reason);
  void rewound(int64_t t, DeviceKey key, ConversationId conversation, Position to);
  void reset(int64_t t, DeviceKey key, ConversationId conversation, Position to, uint64_t skipped);
  // The application asked for the device to be online (Command start, relocate). Who was put out by
  // its node must wait for that.
  void started(int64_t t, DeviceKey key);
  // A node delivered to, or accepted from, a client though its lease had ended at `since` because
  // it had not renewed it, and though it did not hold the registry itself to be gone.
  void served_without_lease(int64_t t, NodeId node, int64_t since);
  // A router placed a login on a node that has been down since `since`.
  void placed_on_dead(int64_t t, uint32_t router, NodeId node, int64_t since);
  void wiped(int64_t t, DeviceKey key);  // reinstalled: forgets what it showed
  void raw_duplicate(int64_t t,
                     DeviceKey key);  // a DELIVER for something this device already showed

  // The application took the device offline (Command stop); it counts as away until it is online
  // again. A device that lost its session for any other reason is expected back.
  void stopped(int64_t t, DeviceKey key);
  // The mailbox met this device for the first time (open_device with first_bind): it is entitled to
  // what is appended from here on. If it was told that it is online before that, from then on.
  void first_bind(int64_t t, DeviceKey key);

  // The mailbox's own log. `discarded`: it acknowledged this entry and lost it later (failover).
  void appended(int64_t t, const Entry& entry);
  void discarded(int64_t t, const Entry& entry);
  void stored_cursor(DeviceKey key, ConversationId conversation, Position position);

  // A message dropped on purpose in at_most_once, by cause.
  void dropped(int64_t t, uint64_t tag, DeviceKey to, std::string_view cause);

  void fault_started(int64_t t, size_t index);
  // `late_until`: until then what was sent meanwhile may be on its way.
  void fault_ended(int64_t t, size_t index, bool effective, int64_t late_until = 0);
  enum class Phase : uint8_t { chaos, core, drain, final };
  void phase(int64_t t, Phase phase);

  // Judges what is left and fills everything of the result that the history knows.
  void finish(int64_t t, const FinalState& state, Result& result);

  // True when nothing is outstanding: every accepted message reached its online entitled devices
  // and every client has no open send. The drain phase ends on it.
  bool settled() const;
  // How long the window of the busiest device may have needed for what it has shown in this phase.
  // A drain that is cut short gives that much more: a backlog that moves is slow, not lost.
  int64_t most_work_ns() const;
  // Time passes without anything to report. In at_most_once a message that nobody will see any more
  // is accounted for a while after it was accepted; settled() waits for that.
  void tick(int64_t t);

  struct State;  // harness/history/state.h, for the oracles

 private:
  std::unique_ptr<State> state_;
};

}  // namespace imroute
