// Drives one machine of the core over sockets, clocks and stores: the World of core/node/pump.h.
// Events come from links, timers and stores, one at a time, on the loop's thread; effects go to
// links and stores. What a store leaves unanswered at its deadline is answered unknown here, and a
// later answer is dropped.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "cluster/machine/client_links.h"
#include "cluster/machine/environment.h"
#include "cluster/machine/event_sink.h"
#include "cluster/machine/peer_links.h"
#include "cluster/store/store.h"
#include "core/base/durations.h"
#include "core/base/flat_map.h"
#include "core/base/timer_queue.h"
#include "core/event/effect.h"
#include "core/node/pump.h"

namespace imroute::cluster {

class Driver;

// A Node, Router or Client, for the driver.
class AnyMachine {
 public:
  virtual ~AnyMachine() = default;
  virtual void pump(Driver& world, Now now, const Event& event, Effects& scratch) = 0;
  virtual MonoTime next_deadline() const = 0;
};
template <class Core>
class MachineOf : public AnyMachine {
 public:
  template <class Config>
  MachineOf(const Config& config, BlobPool& pool) : core_(config, pool) {}
  void pump(Driver& world, Now now, const Event& event, Effects& scratch) override {
    imroute::pump(core_, world, now, event, scratch);
  }
  MonoTime next_deadline() const override { return core_.next_deadline(); }
  Core& core() { return core_; }

 private:
  Core core_;
};

// The stores a machine may ask; a Client has none, a Router no mailbox.
struct Stores {
  std::unique_ptr<DirectoryStore> directory;
  std::unique_ptr<MailboxStore> mailbox;
  std::unique_ptr<RegistryStore> registry;
  std::unique_ptr<Bus> bus;
};

struct DriverOptions {
  Greeting self;
  ClientLimits clients;
  Hello hello;
  bool tracing = false;  // every decision of the machine goes to Environment::on_trace
};

class Driver : public EventSink {
 public:
  // All outlive the driver. The machine is first stepped by start().
  Driver(Loop& loop, AnyMachine& machine, Environment& environment, const DriverOptions& options);
  ~Driver() override;

  void set_stores(Stores stores);
  RegistryStore* registry() const { return stores_.registry.get(); }
  DirectoryStore* directory() { return stores_.directory.get(); }
  void start();
  void command(const Command& command) { deliver(command); }
  // Nothing goes out or comes in any more.
  void shut();

  ClientLinks& clients() { return clients_; }
  PeerLinks& peers() { return peers_; }
  size_t operations_open() const { return open_.size(); }
  uint64_t operations_unanswered() const { return unanswered_; }
  // From asking to the answer.
  const Durations& append_times() const { return append_times_; }
  const Durations& directory_times() const { return directory_times_; }

  void deliver(const Event& event) override;
  void peer_down_later(Address peer, Reason reason) override;

  // The World.
  void handle(Connect&& e) { peers_.connect(e.peer); }
  void handle(SendClient&& e) { clients_.send(e.link, e.frame); }
  void handle(SendPeer&& e) { peers_.send(e.peer, e.frame); }
  void handle(SendMesh&& e) { peers_.send_to_nodes(e.frame); }
  void handle(Publish&& e);
  void handle(CloseClient&& e) { clients_.close(e.link); }
  void handle(ClosePeer&& e) { peers_.close(e.peer, e.reason); }
  void handle(StoreOp&& e);
  void handle(Notify&& e) { environment_.on_notice(e); }
  void handle(Trace&& e) { environment_.on_trace(e.record); }
  void arm(MonoTime deadline);

 private:
  struct Open {  // an operation that nobody answered yet
    MonoTime since = 0;
    Durations* times = nullptr;  // of its kind
  };
  template <class Reply, class Op, class Store>
  void submit(Store* store, Op&& op, Durations* times);
  void answered(OpId id, Reply reply);
  void on_bus_message(std::span<const std::byte> message);
  void on_timer();
  void set_timer();

  Loop& loop_;
  AnyMachine& machine_;
  Environment& environment_;
  ClientLinks clients_;
  PeerLinks peers_;
  Timer timer_;
  MonoTime machine_deadline_ = kNever;
  MonoTime armed_ = kNever;
  Effects effects_;
  std::vector<PeerDown> later_;
  bool stepping_ = false;
  bool shut_ = false;
  FlatMap<OpId, Open> open_;
  struct Deadline {};
  TimerQueue<Deadline> deadlines_;
  uint64_t unanswered_ = 0;
  Durations append_times_, directory_times_;
  Stores stores_;  // last: they go first, and with them the calls that they owe
};

}  // namespace imroute::cluster
