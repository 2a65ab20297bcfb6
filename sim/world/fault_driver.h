// Carries a fault plan out: begins each fault at its time, ends it at its end, and knows whether it
// hit anybody and in which state that machine was. Faults overlap; each only adds and takes away
// its own part (holds, rules, delays), so the end of one leaves the others standing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/result/result.h"
#include "harness/scenario/scenario.h"
#include "sim/network/edge_rules.h"
#include "sim/network/layout.h"

namespace imroute {

class World;

class FaultDriver {
 public:
  FaultDriver(World& world, const std::vector<Fault>& plan);

  void before_start();          // what must hold when the first machine starts
  void schedule();              // all other beginnings
  void handle(uint64_t index);  // a WorldEvent::fault came
  void on_drained(Endpoint node);
  void on_torn(uint32_t fault, Endpoint store);  // it dies of the write it is at
  void heal_all();
  // The result's `faults` and `coverage`.
  void report(Result& result) const;
  bool nothing_planned() const { return plan_.empty(); }

 private:
  struct State {
    bool on = false;
    bool over = false;
    bool effective = false;
    bool killed = false;  // restart: the drained node has been stopped
    int64_t until = 0;
    std::string victim;              // role/phase, for coverage
    std::vector<Endpoint> machines;  // held by it
    std::vector<Endpoint> out;       // rolling restart: down now; scale: leaving
  };
  static constexpr uint32_t kBegin = 0, kEnd = 1, kFirstStep = 2;

  void begin(uint32_t i);
  void end(uint32_t i);
  void step(uint32_t i, uint32_t step);
  void at(int64_t time, uint32_t i, uint32_t step);
  uint64_t salt(uint32_t i) const;

  void begin_machines(uint32_t i);
  void begin_restart(uint32_t i);
  void begin_edges(uint32_t i);
  void begin_connections(uint32_t i);
  void begin_clients(uint32_t i);
  void begin_registry(uint32_t i);
  void begin_store(uint32_t i);
  void begin_clock(uint32_t i);  // clock_faults.cc
  void end_clock(uint32_t i);
  void begin_scale(uint32_t i);  // scale_faults.cc
  void begin_removal(uint32_t i);
  bool for_good(uint32_t i) const;
  void leave(uint32_t i);
  void stop_one(uint32_t i, Endpoint e);
  void scaled_away(uint32_t i, Endpoint e);
  void scale_step(uint32_t i, uint32_t step);
  void end_scale(uint32_t i);
  void begin_perturb(uint32_t i);  // code_faults.cc
  void begin_version(uint32_t i);
  bool drain(uint32_t i);
  void replace(uint32_t i);
  void version_step(uint32_t i, uint32_t step);
  void end_version(uint32_t i);
  void end_machines(uint32_t i);
  void rolling_step(uint32_t i, uint32_t step);
  void storm_step(uint32_t i, uint32_t step);
  void stop_drained(uint32_t i);

  std::vector<Endpoint> endpoints(const Target& target) const;
  std::vector<uint32_t> chosen_clients(uint32_t i) const;
  EdgeMatch edge_match(uint32_t i) const;
  EdgeMatch partition_match(uint32_t i) const;
  void add_rule(uint32_t i, EdgeAction action, const EdgeMatch& match);
  std::string phase_of(Endpoint e) const;

  World& world_;
  const std::vector<Fault>& plan_;
  std::vector<State> states_;
  // By node: it is one of the cluster; it leaves, or is away for a while; it may be added.
  enum class Place : uint8_t { taken, leaving, vacant };
  std::vector<Place> places_;
};

}  // namespace imroute
