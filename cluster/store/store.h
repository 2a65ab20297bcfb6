// The stores as a driver sees them: one class each for directory, mailbox, registry and bus, chosen
// once at start-up by configuration. A store belongs to one machine and one thread: it is made,
// called and destroyed on the thread that runs the machine's io_context, and calls back there. One
// that must block (SQLite) or that brings its own threads (ZooKeeper) keeps them inside and posts
// its answers to the io_context.
//
// Operations (core/event/stores.h):
//   - `submit` takes the operation and returns at once; `done` is called exactly once, later, never
//     from inside `submit`: with ok and the reply, with error (the store said no), or with unknown
//     (the connection broke after sending: it may or may not have happened).
//   - Deadlines are the driver's: it tells the machine *unknown* at `op.deadline` and drops a later
//     answer. A store need not watch them; it may skip what it has not yet sent when the deadline
//     is over (steady_clock, nanoseconds), answering unknown.
//   - A store keeps a bounded number of operations open and answers the rest with unknown.
//   - Destroying a store forgets what is open: `done` is not called any more.
//   - Payloads belong to the BlobPool of the machine's thread, whose reference counts are not
//     atomic. Bytes may be read from another thread while the owner's thread keeps the operation;
//     payloads of replies are made in the pool on the owner's thread.
//   - A store that is out of reach reconnects by itself, with jittered backoff.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "core/event/event.h"
#include "core/event/stores.h"

namespace imroute::cluster {

// The reply is meaningful when status is ok. Small enough for std::function to hold without a heap
// when it captures two words.
template <class Reply>
using Done = std::function<void(ReplyStatus, const Reply&)>;

class DirectoryStore {
 public:
  virtual ~DirectoryStore() = default;
  virtual void submit(DirectoryOp op, Done<DirectoryReply> done) = 0;
};

class MailboxStore {
 public:
  virtual ~MailboxStore() = default;
  virtual void submit(MailboxOp op, Done<MailboxReply> done) = 0;
};

// Where a server can be reached: "host:port" each, as others are to dial it.
struct ServerPlace {
  std::string client;
  std::string peer;
  friend bool operator==(const ServerPlace&, const ServerPlace&) = default;
};

// Made for one server, whose address and place it registers with `open`.
class RegistryStore {
 public:
  virtual ~RegistryStore() = default;
  virtual void submit(RegistryOp op, Done<RegistryReply> done) = 0;
  // The one-shot watch of the last `list` fired. Set before the first submit.
  virtual void on_view_changed(std::function<void()> callback) = 0;
  // Where that node is, by the last `list` that was answered here.
  virtual std::optional<ServerPlace> place_of(NodeId node) const = 0;
};

// One channel that every node hears, its own frames too. Lossy: what is published while a
// subscription is down is not heard there.
class Bus {
 public:
  struct Listener {
    std::function<void(std::span<const std::byte>)> on_frame;  // whole messages, as published
    std::function<void()> on_up;                               // subscribed
    std::function<void(Reason)> on_down;
  };
  virtual ~Bus() = default;
  // Subscribes and stays subscribed, reconnecting by itself. Called once.
  virtual void start(Listener listener) = 0;
  // Drops when not connected.
  virtual void publish(std::span<const std::byte> message) = 0;
};

}  // namespace imroute::cluster
