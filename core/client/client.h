// A user's device: logs in through a router, connects directly to the node it is given, sends with
// a dense client_seq per conversation, shows what arrives once and in order, acknowledges it, and
// reconnects with jittered backoff. It never retries KICKED or SUPERSEDED by itself (no kick war).
//
// What it remembers across reconnects is what a device keeps on disk: per conversation the next
// client_seq and unaccepted entries, the cursor (position shown), and the highest client_seq shown
// per sender device (visible dedup; `order: none` needs a little more, see unordered.cc); and the
// highest generation it has seen. A reinstall (`wipe`) is a new Client.
#pragma once

#include <cstdint>
#include <memory>

#include "core/base/payload.h"
#include "core/event/effect.h"
#include "core/event/event.h"
#include "core/model/config.h"
#include "core/model/counters.h"

namespace imroute {

class Client {
 public:
  Client(const ClientConfig& config, BlobPool& pool);
  ~Client();
  Client(Client&&) noexcept;

  void step(Now now, const Event& event, Effects& out) noexcept;
  MonoTime next_deadline() const;
  uint64_t digest() const;
  // By value: a run holds a million clients, which keep only the few counters they use.
  Counters counters() const;

  bool online() const;  // bound to a node
  NodeId node() const;  // of the session, kNoNode when offline
  uint64_t generation() const;
  uint32_t open_sends() const;  // entries not yet accepted or refused

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace imroute
