// A registry in memory: who lives, as ZooKeeper keeps it. Sessions with leases, one ephemeral
// member per node with a rising incarnation, one-shot watches, versioned immutable views, reads
// that may lag, and the epochs of mailbox identities. A plain object: time is an argument, latency
// and lost answers are the business of the world or the process that holds it.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "core/event/event.h"
#include "store/answer.h"

namespace imroute {

// What a registry must not forget when its process ends: who holds a session, and the numbers that
// only rise. Leases run anew at the return.
struct RegistryState {
  struct Session {
    uint64_t id = 0;
    uint64_t incarnation = 0;
    NodeId node;
    uint32_t weight = 1;
    bool draining = false;
  };
  uint64_t view_version = 0;
  uint64_t next_session = 1;
  uint64_t next_incarnation = 1;
  uint64_t latest_identity = 0;
  uint32_t latest_epoch = 0;
  std::vector<Session> sessions;
};

class Registry {
 public:
  explicit Registry(DurationNs lease);
  Registry(DurationNs lease, const RegistryState& state, int64_t now);
  RegistryState state() const;

  // Carries out one operation of the server `from`. `read_delay` > 0: `list` answers as a follower
  // that is so far behind; its watch then fires when the follower has caught up.
  RegistryAnswer handle(Address from, const RegistryOp& op, int64_t now, DurationNs read_delay = 0);

  // Ends sessions whose lease is over at `now`. The world calls it at next_expiry() and before
  // nothing else: every `handle` does it by itself.
  void expire_due(int64_t now);
  // Next moment at which expire_due or take_fired has something to do; kNever when none.
  int64_t next_expiry() const;

  // Watchers whose one-shot watch has fired by `now`, in the order it was armed; each is to get a
  // ViewChanged. Taken once.
  std::vector<Address> take_fired(int64_t now);

  // Fault: ends the session of that node now, though it renews. False when it has none.
  bool expire_session(NodeId node, int64_t now);
  // The registry was away and is back: leases run anew, as ZooKeeper's do after an election.
  void restart_leases(int64_t now);

  // The epoch of a mailbox identity, made when new; 0 when the identity is superseded. Identities
  // of one store rise, so an identity below the latest is an old one, mentioned before or not.
  uint32_t raise_epoch(uint64_t identity);

  // Since when that node has been without a lease because it did not renew it; kNever: it has one,
  // or lost it otherwise (closed, replaced, expired by a fault, which it cannot know).
  int64_t lease_over_since(NodeId node) const {
    return node.value < lease_over_.size() ? lease_over_[node.value] : kNever;
  }

  ViewHandle view() const { return view_; }
  uint32_t sessions() const { return static_cast<uint32_t>(sessions_.size()); }

 private:
  struct Session {
    uint64_t id = 0;
    NodeId node;
    uint64_t incarnation = 0;
    int64_t expires = 0;
  };
  struct Watch {
    Address watcher;
    int64_t fires_at = kNever;  // kNever: at the next change
  };
  struct Published {
    int64_t at = 0;
    ViewHandle view;
  };

  RegistryAnswer open(Address from, const RegistryOp& op, int64_t now);
  RegistryAnswer list(Address from, int64_t now, DurationNs read_delay);
  Session* find(uint64_t session, Address from);
  void end_session(size_t index, ClusterView& next);
  void publish(ClusterView next, int64_t now);
  void arm(Address watcher, int64_t fires_at);

  static constexpr size_t kViewsKept = 256;  // how far a lagging read can look back

  DurationNs lease_;
  std::vector<Session> sessions_;
  std::vector<int64_t> lease_over_;  // by node
  std::vector<Watch> watches_;
  std::deque<Published> published_;
  ViewHandle view_;
  uint64_t next_session_ = 1;
  uint64_t next_incarnation_ = 1;
  uint64_t latest_identity_ = 0;
  uint32_t latest_epoch_ = 0;
};

}  // namespace imroute
