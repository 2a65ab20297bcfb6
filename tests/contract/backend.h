// What the contract suite needs of a service, whoever implements it: operations and answers as the
// core knows them, a way to let time pass, and the faults that every implementation can be made to
// show. A new implementation (Redis, ZooKeeper, SQLite) is one class and one line in a factory
// list; every rule then holds for it or the suite is red.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/event/event.h"
#include "core/event/stores.h"
#include "store/answer.h"

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

// ---- factories ---------------------------------------------------------------------------------

// A rule that an implementation cannot be asked for, and why; tests/README.md lists them.
struct Lack {
  std::string rule;
  std::string why;
};

template <class Backend, class... Options>
struct Maker {
  using Make = std::function<std::unique_ptr<Backend>(Options...)>;
  Maker(std::string called, Make made_by, std::vector<Lack> not_asked_for = {})
      : name(std::move(called)), make(std::move(made_by)), lacks(std::move(not_asked_for)) {}
  std::string name;
  Make make;
  std::vector<Lack> lacks;
};
template <class Param>
std::string maker_name(const testing::TestParamInfo<Param>& info) {
  return info.param.name;
}
// Those that can be asked for `rule`.
template <class SomeMaker>
std::vector<SomeMaker> able(std::vector<SomeMaker> makers, const std::string& rule) {
  std::erase_if(makers, [&rule](const SomeMaker& maker) {
    return std::any_of(maker.lacks.begin(), maker.lacks.end(),
                       [&rule](const Lack& lack) { return lack.rule == rule; });
  });
  return makers;
}

using RegistryMaker = Maker<RegistryBackend, DurationNs>;  // lease
using DirectoryMaker = Maker<DirectoryBackend>;
using MailboxMaker = Maker<MailboxBackend, const MailboxOptions&>;
using BusMaker = Maker<BusBackend, uint32_t, uint64_t>;  // nodes, bytes per subscriber

// The implementations that this executable tests: tests/contract/simulated or tests/contract/real.
std::vector<RegistryMaker> registry_makers();
std::vector<DirectoryMaker> directory_makers();
std::vector<MailboxMaker> mailbox_makers();
std::vector<BusMaker> bus_makers();

}  // namespace imroute::contract
