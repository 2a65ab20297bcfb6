// The contract suite against the services in memory: those of the simulator.
#include <algorithm>
#include <utility>

#include "sim/service/bus.h"
#include "store/directory.h"
#include "store/mailbox.h"
#include "store/registry.h"
#include "tests/contract/backend.h"

namespace imroute::contract {

namespace {

class SimulatedRegistry : public RegistryBackend {
 public:
  explicit SimulatedRegistry(DurationNs lease) : registry_(lease) {}
  RegistryAnswer ask(Address from, const RegistryOp& op) override {
    return registry_.handle(from, op, now_, lag_);
  }
  void pass(DurationNs time) override {
    const int64_t until = now_ + time;
    while (registry_.next_expiry() <= until) {
      now_ = std::max(now_, registry_.next_expiry());
      registry_.expire_due(now_);
      collect();
    }
    now_ = until;
  }
  std::vector<Address> fired() override {
    collect();
    return std::exchange(fired_, {});
  }
  void expire_session(NodeId node) override { registry_.expire_session(node, now_); }
  void outage(DurationNs time) override {
    now_ += time;
    registry_.restart_leases(now_);
  }
  void lag_reads(DurationNs time) override { lag_ = time; }

 private:
  void collect() {
    for (const Address& a : registry_.take_fired(now_)) fired_.push_back(a);
  }
  Registry registry_;
  int64_t now_ = kSecond;
  DurationNs lag_ = 0;
  std::vector<Address> fired_;
};

class SimulatedDirectory : public DirectoryBackend {
 public:
  DirectoryAnswer ask(const DirectoryOp& op) override { return directory_.handle(op, now_); }
  void pass(DurationNs time) override { now_ += time; }
  void failover(DurationNs lose_tail) override { directory_.failover(now_, lose_tail); }
  void evict_all() override { directory_.evict(1'000'000, 7); }
  void out_of_memory(bool on) override { directory_.set_oom(on); }

 private:
  Directory directory_{10 * kSecond};
  int64_t now_ = kSecond;
};

class SimulatedMailbox : public MailboxBackend {
 public:
  explicit SimulatedMailbox(const MailboxOptions& options, bool trim)
      : mailbox_({options.durable ? 0 : 10 * kSecond, options.retention_ns, trim}) {}
  MailboxAnswer ask(const MailboxOp& op) override { return mailbox_.handle(op, now_); }
  void pass(DurationNs time) override { now_ += time; }
  std::vector<Entry> failover(DurationNs lose_tail) override {
    return mailbox_.failover(now_, lose_tail);
  }
  void out_of_memory(bool on) override { mailbox_.set_oom(on); }

 private:
  Mailbox mailbox_;
  int64_t now_ = kSecond;
};

class SimulatedBus : public BusBackend {
 public:
  SimulatedBus(uint32_t nodes, uint64_t buffer_bytes) : bus_(nodes, buffer_bytes) {}
  void subscribe(NodeId node) override { bus_.subscribe(node); }
  void disconnect(NodeId node) override { bus_.unsubscribe(node); }
  std::vector<NodeId> publish(uint64_t bytes) override { return bus_.publish(bytes).deliver; }
  void read(NodeId node) override {
    bus_.flushed(node, bus_.subscription(node), bus_.buffered(node));
  }
  bool connected(NodeId node) override { return bus_.subscribed(node); }

 private:
  Bus bus_;
};

}  // namespace

std::vector<RegistryMaker> registry_makers() {
  return {
      {"simulated", [](DurationNs lease) { return std::make_unique<SimulatedRegistry>(lease); }}};
}
std::vector<DirectoryMaker> directory_makers() {
  return {{"simulated", [] { return std::make_unique<SimulatedDirectory>(); }}};
}
std::vector<MailboxMaker> mailbox_makers() {
  const auto maker = [](bool trim) {
    return [trim](const MailboxOptions& o) { return std::make_unique<SimulatedMailbox>(o, trim); };
  };
  return {{"simulated", maker(true)}, {"simulated_untrimmed", maker(false)}};
}
std::vector<BusMaker> bus_makers() {
  return {{"simulated", [](uint32_t nodes, uint64_t bytes) {
             return std::make_unique<SimulatedBus>(nodes, bytes);
           }}};
}

}  // namespace imroute::contract
