// What the contract suite needs of a service, whoever implements it: operations and answers as the
// core knows them, a way to let time pass, and the faults that every implementation can be made to
// show. A new implementation (Redis, ZooKeeper, SQLite) is one class and one line in a factory
// list; every rule below then holds for it or the suite is red.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sim/service/bus.h"
#include "store/directory.h"
#include "store/mailbox.h"
#include "store/registry.h"

namespace imroute::contract {

class RegistryBackend {
 public:
  virtual ~RegistryBackend() = default;
  virtual RegistryAnswer ask(Address from, const RegistryOp& op) = 0;
  virtual void pass(DurationNs time) = 0;
  // Watches that fired since the last call.
  virtual std::vector<Address> fired() = 0;
  virtual void expire_session(NodeId node) = 0;
  virtual void outage(DurationNs time) = 0;     // away for that long, then back
  virtual void lag_reads(DurationNs time) = 0;  // from now on; 0 = not
};

class DirectoryBackend {
 public:
  virtual ~DirectoryBackend() = default;
  virtual DirectoryAnswer ask(const DirectoryOp& op) = 0;
  virtual void pass(DurationNs time) = 0;
  virtual void failover(DurationNs lose_tail) = 0;
  virtual void evict_all() = 0;
  virtual void out_of_memory(bool on) = 0;
};

struct MailboxOptions {
  bool durable = true;  // false: a failover loses what is younger than its tail
  DurationNs retention_ns = 0;
};

class MailboxBackend {
 public:
  virtual ~MailboxBackend() = default;
  virtual MailboxAnswer ask(const MailboxOp& op) = 0;
  virtual void pass(DurationNs time) = 0;
  virtual std::vector<Entry> failover(DurationNs lose_tail) = 0;  // what it lost
  virtual void seed_group(ConversationId group, const std::vector<UserId>& members) = 0;
  virtual void out_of_memory(bool on) = 0;
};

class BusBackend {
 public:
  virtual ~BusBackend() = default;
  virtual void subscribe(NodeId node) = 0;
  virtual void disconnect(NodeId node) = 0;
  // Who hears a frame of that size. Nobody reads between two publishes unless `read` is called.
  virtual std::vector<NodeId> publish(uint64_t bytes) = 0;
  virtual void read(NodeId node) = 0;  // the subscriber takes all that is buffered
  virtual bool connected(NodeId node) = 0;
};

// ---- the simulated services --------------------------------------------------------------------

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
  void seed_group(ConversationId group, const std::vector<UserId>& members) override {
    mailbox_.seed_group(group, members, {}, now_);
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

// ---- factories ---------------------------------------------------------------------------------

template <class Backend, class... Options>
struct Maker {
  std::string name;
  std::function<std::unique_ptr<Backend>(Options...)> make;
};
template <class Param>
std::string maker_name(const testing::TestParamInfo<Param>& info) {
  return info.param.name;
}

using RegistryMaker = Maker<RegistryBackend, DurationNs>;  // lease
using DirectoryMaker = Maker<DirectoryBackend>;
using MailboxMaker = Maker<MailboxBackend, const MailboxOptions&>;
using BusMaker = Maker<BusBackend, uint32_t, uint64_t>;  // nodes, bytes per subscriber

inline std::vector<RegistryMaker> registry_makers() {
  return {
      {"simulated", [](DurationNs lease) { return std::make_unique<SimulatedRegistry>(lease); }}};
}
inline std::vector<DirectoryMaker> directory_makers() {
  return {{"simulated", [] { return std::make_unique<SimulatedDirectory>(); }}};
}
inline std::vector<MailboxMaker> mailbox_makers() {
  const auto maker = [](bool trim) {
    return [trim](const MailboxOptions& o) { return std::make_unique<SimulatedMailbox>(o, trim); };
  };
  return {{"simulated", maker(true)}, {"simulated_untrimmed", maker(false)}};
}
inline std::vector<BusMaker> bus_makers() {
  return {{"simulated", [](uint32_t nodes, uint64_t bytes) {
             return std::make_unique<SimulatedBus>(nodes, bytes);
           }}};
}

}  // namespace imroute::contract
