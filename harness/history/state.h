// What the oracles share: the books, the fault log, the meters and the list of violations. Each
// oracle is a few functions over this, in a file of its own; history.cc calls them as facts come.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "harness/history/books.h"
#include "harness/history/fault_log.h"
#include "harness/history/history.h"

namespace imroute {

enum class Property : uint8_t {
  no_loss,
  order,
  reply_order,
  no_duplicate,
  no_misdelivery,
  one_owner,
  routing_works,
  chains_end,
  balancer,
  goodput,
  progress,
  vacuous,
  count_
};
const char* to_string(Property property);

struct DropKey {
  uint64_t tag = 0;
  uint32_t device = 0;
  friend bool operator==(const DropKey&, const DropKey&) = default;
};
struct DropHash {
  uint64_t operator()(const DropKey& k, uint64_t) const { return mix64(k.tag, k.device); }
};

constexpr int64_t kSlice = 100 * kMillisecond;
struct Slice {  // so much of sends, for availability
  uint32_t sent = 0, prompt = 0;
};

// One thing that a device showed, with what the books say about it.
struct Showing {
  int64_t t;
  uint32_t device;
  const Entry& entry;
  Via via;
  uint32_t conversation = kNothing;  // kNothing: never heard of
  uint32_t message = kNothing;       // kNothing: not in the books (any more)
  uint32_t place = kNothing;
};

// Names what was sent, wherever the store puts it: a message by its number, a join or leave, which
// has none, by who sent it as his how manieth.
uint64_t name_of(const Entry& entry);

struct History::State {
  State(const Scenario& s, const std::vector<Fault>& plan);

  // ---- the verdict
  void violate(Property property, int64_t t, std::string witness, std::string excused = {});
  void judge(Property property) { ++judged[static_cast<size_t>(property)]; }

  // ---- meters
  Window& window(int64_t t);
  void count_sent(int64_t t, uint32_t device, MessageBook& m);
  void count_answered(int64_t t, const MessageBook& m);  // accepted or refused
  bool waited_for_its_user(const MessageBook& m) const;
  void count_delivered(const Showing& s);

  // ---- books with their counters
  void entitle(uint32_t message);  // who must see it, from now on
  void expect_from(uint32_t message, uint32_t place, uint32_t device);
  void no_longer_waits(uint32_t message, uint32_t place, uint32_t device);
  void note_crowded(int64_t t, uint32_t device);
  void awaits_ack(int64_t t, uint32_t device, uint32_t bytes);  // it has just shown that much
  void set_absent(uint32_t device, bool absent);
  void close_when_done(uint32_t message);
  void update_overlaps(int64_t t, UserId user);

  // ---- words for witnesses
  std::string say(uint32_t device) const;
  std::string say(ConversationId id) const;
  std::string say_message(uint32_t message);
  std::string say_entry(const Entry& entry) const;

  bool lossless() const { return delivery.guarantee == Guarantee::at_least_once; }
  bool ordered() const { return lossless() ? delivery.order != Order::none : true; }

  // Scenario, as far as judging needs it.
  Topology topology;
  DeliveryConfig delivery;
  SessionConfig sessions;
  WorkloadConfig workload;
  BalancerConfig balancer;  // of logins; unused where a placement decides
  DurationNs duration_ns, warmup_ns;
  DurationNs settle_ns;       // a push later than this after acceptance counts as not converged
  DurationNs bind_settle_ns;  // D_bind: a session younger than this may be served by the mailbox
  DurationNs overlap_ns;      // how long sessions that exclude each other may overlap
  DurationNs ack_ns;          // the longest way of an acknowledgement, in quiet time
  DurationNs push_way_ns;     // and of a push, from the log to the device

  // The healed core. How long anything in it may take; on top of that a login, and a delivery while
  // the window is never free.
  DurationNs progress_ns, login_ns, delivery_round_ns;
  std::vector<uint32_t> core_nodes;  // empty: no such phase
  int64_t core_since = kNever;       // it was healed then
  // By device, in this phase: how long its window may have needed for what it showed.
  std::vector<int64_t> work_ns;
  int64_t most_work_ns = 0;

  bool durable;  // the store may not lose what it acknowledged

  Books books;
  FaultLog faults;
  Phase phase = Phase::chaos;
  int64_t final_since = kNever;

  Result result;  // violations, messages, latencies and windows grow here
  std::array<uint64_t, static_cast<size_t>(Property::count_)> judged{};
  std::vector<Slice> slices;
  uint64_t expected_measured = 0;  // deliveries expected after the warm-up, for the cost figure
  uint64_t outstanding = 0;        // (message, device that is there) pairs not yet shown
  uint64_t open_sends = 0;         // of devices that are there
  uint64_t binds_again = 0, binds_elsewhere = 0;
  uint64_t replies_sent = 0;
  uint64_t excused_violations = 0;

  // What was shown less than ack_ns ago, in order of time: its node may still wait for the ack.
  struct Acknowledging {
    int64_t until;
    uint32_t device, bytes;
  };
  std::deque<Acknowledging> acknowledging;

  // Convergence after the last fault.
  int64_t converged_ns = 0;
  std::vector<size_t> just_ended;  // faults whose recovery is being measured

  // at_most_once: what is not accounted for yet, and what was put down to a cause.
  struct Pending {
    int64_t t;
    uint64_t tag;
  };
  std::deque<Pending> unaccounted;
  FlatMap<DropKey, uint8_t, DropHash> drops;  // value: index of drop_names
  std::vector<std::string> drop_names;

  // Entries that everybody had shown when the store lost them: their sender, or a node that waited
  // for an answer, may store them again. Value: who was met before that must have shown it.
  std::map<uint64_t, int64_t> lost_when_closed;  // by name_of
  std::map<uint32_t, int64_t> tail_lost_at;      // by conversation: the last time it lost entries
  // Joins and leaves that not all had shown: their books, which may have been released meanwhile.
  std::map<uint64_t, uint32_t> lost_changes;
  uint32_t find_lost_change(const Entry& entry, uint32_t conversation);
  DurationNs unsynced_window_ns;  // a store that is not durable loses no more of its past than this
};

// ---- the oracles
// ---------------------------------------------------------------------------------

// 1 (oracle_loss.cc)
void judge_accepted(History::State& s, int64_t t, uint32_t message);
void judge_discarded(History::State& s, int64_t t, uint32_t message);
void judge_loss_at_end(History::State& s, int64_t t);
void judge_answers(History::State& s, int64_t t);  // every send ended accepted or refused
// 1 of at_most_once: conservation by named cause (oracle_drops.cc)
void put_down_absent(History::State& s, uint32_t message);  // at acceptance
void expect_no_more(History::State& s, uint32_t message);   // it was never accepted
void put_down(History::State& s, uint32_t message, uint32_t device, const std::string& cause);
bool take_back(History::State& s, uint64_t tag, uint32_t device);
void account_for_old(History::State& s, int64_t t);
void judge_conservation(History::State& s, int64_t t, const FinalState& state);
// 2 (oracle_order.cc)
void judge_log(History::State& s, int64_t t, const Entry& entry, uint32_t conversation);
void judge_order(History::State& s, const Showing& showing);
// 3 (oracle_order.cc)
void judge_reply_order(History::State& s, const Showing& showing);
void judge_stored_answer(History::State& s, int64_t t, uint32_t message);
// The store lost this place of the log; what was on its way then may still be shown.
bool in_lost_tail(History::State& s, const Showing& showing);
// 1, 4, 5 (oracle_delivery.cc). True when it is a first, rightful showing of an open message.
bool judge_delivery(History::State& s, const Showing& showing);
// 6 (oracle_owner.cc)
void judge_owners(History::State& s, int64_t t, const FinalState& state);
void judge_put_out(History::State& s, int64_t t, uint32_t device, Reason reason);
void judge_return(History::State& s, int64_t t, uint32_t device);
// 5: nobody serves without a lease (oracle_owner.cc)
void judge_lease(History::State& s, int64_t t, NodeId node, int64_t since);
// 7 and recovery (oracle_routing.cc)
void judge_routing(History::State& s, const Showing& showing);
void not_converged_until(History::State& s, int64_t at);
void close_recovery(History::State& s, int64_t t);
// 9 (oracle_balance.cc)
void judge_balancers(History::State& s, int64_t t, const FinalState& state);
void judge_placed(History::State& s, int64_t t, uint32_t router, NodeId node, int64_t since);
// 8, 10 and vacuity (oracle_end.cc)
void judge_chains(History::State& s, int64_t t, const FinalState& state);
void judge_goodput(History::State& s, int64_t t);
// liveness (oracle_progress.cc), at the end of the healed core's phase
void note_work(History::State& s, const Showing& showing);
void judge_progress(History::State& s, int64_t t);
bool judge_vacuity(History::State& s, int64_t t);  // true: the run judged nothing
int64_t unavailable_ns(const History::State& s);

}  // namespace imroute
