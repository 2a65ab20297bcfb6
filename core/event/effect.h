// Requests of a machine to its world, in the order it made them. Storage belongs to the driver and
// is reused, so a warm machine allocates nothing. A world is a class with one `handle` overload per
// effect: a new effect breaks both worlds at compile time until both know it.
#pragma once

#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

#include "core/event/event.h"
#include "core/event/stores.h"
#include "core/event/trace.h"
#include "core/model/frame.h"

namespace imroute {

// Dial a server. Answered by PeerUp or PeerDown. Dialling one already up or being dialled is a
// no-op.
struct Connect {
  Address peer;
};

// One frame to one client (Node, Router: `link`) ...
struct SendClient {
  LinkId link;
  Frame frame;
};
// ... to one peer. Not connected: the driver drops it and counts; the machine's timeouts cover it
// ...
struct SendPeer {
  Address peer;
  Frame frame;
};
// ... or to every peer node that is up: encoded once (broadcast over the mesh).
struct SendMesh {
  Frame frame;
};

// To everybody on the pub/sub bus, this node included.
struct Publish {
  Frame frame;
};

// Close a link: no event comes from it any more, not even its down.
struct CloseClient {
  LinkId link;
  Reason reason = Reason::none;
};
struct ClosePeer {
  Address peer;
  Reason reason = Reason::none;
};

struct StoreOp {
  std::variant<DirectoryOp, MailboxOp, RegistryOp> op;
};

// To the application above a Client, or the operator of a Node.
enum class NoticeKind : uint8_t {
  online,    // Client bound: node, generation
  offline,   // Client lost its session (it goes on trying, unless reason is superseded or kicked)
  accepted,  // entry (position, client_seq), tag
  refused,   // entry, tag, reason: it will never be appended
  shown,     // entry, via: what the user sees, exactly once
  rewound,   // entry.conversation, entry.position
  reset,     // entry.conversation, entry.position, count skipped
  drained,   // Node: nothing left, may exit
};
struct Notify {
  NoticeKind kind = NoticeKind::online;
  Reason reason = Reason::none;
  Via via = Via::push;
  NodeId node = kNoNode;
  uint64_t generation = 0;
  uint64_t tag = 0;
  uint64_t count = 0;
  Entry entry;
};

struct Trace {
  TraceRecord record;
};

using Effect = std::variant<Connect, SendClient, SendPeer, SendMesh, Publish, CloseClient,
                            ClosePeer, StoreOp, Notify, Trace>;

class Effects {
 public:
  explicit Effects(bool tracing = false) : tracing_(tracing) { effects_.reserve(64); }
  template <class T>
  void push(T&& effect) {
    effects_.emplace_back(std::forward<T>(effect));
  }
  // Trace records are made only when somebody reads them.
  bool tracing() const { return tracing_; }
  void trace(const TraceRecord& record) {
    if (tracing_) effects_.emplace_back(Trace{record});
  }
  void clear() { effects_.clear(); }
  size_t size() const { return effects_.size(); }
  const Effect& operator[](size_t i) const { return effects_[i]; }
  auto begin() { return effects_.begin(); }
  auto end() { return effects_.end(); }

 private:
  std::vector<Effect> effects_;
  bool tracing_;
};

}  // namespace imroute
