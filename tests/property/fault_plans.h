// Small clusters with lists of faults, for properties of whole runs: every kind,
// on every target that it may hit, by the tables of the scenario language (harness/scenario/
// names.h). RapidCheck shrinks the list, then the values of each fault. What comes out goes through
// a scenario file and the loader, so that the text of a counter-example is a file that fails by
// itself.
#pragma once

#include <rapidcheck.h>
#include <algorithm>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "harness/scenario/loader.h"
#include "harness/scenario/names.h"
#include "harness/scenario/writer.h"

namespace imroute {

inline void showValue(const Fault& f, std::ostream& out) {
  out << to_string(f.kind) << ' ' << target_text(f) << " at " << f.at_ns / kMillisecond << "ms for "
      << (f.for_ns == kNever ? -1 : f.for_ns / kMillisecond) << "ms";
}

inline Scenario load_or_fail(const std::string& text) {
  const LoadedScenario loaded = load_scenario_text(text, "generated.json");
  for (const Diagnostic& mistake : loaded.diagnostics) RC_LOG() << mistake.to_string() << '\n';
  if (!loaded.ok()) RC_FAIL("the loader refuses what its tables allow:\n" + text);
  return *loaded.scenario;
}

// Draws the pieces of one fault. Everything is drawn inside rc::gen::exec.
class FaultDraw {
 public:
  explicit FaultDraw(const Scenario& scenario) : s_(scenario) {}

  Fault fault() {
    Fault f;
    const std::span<const FaultInfo> all = fault_infos();
    const FaultInfo info = all[static_cast<size_t>(number(0, int64_t(all.size()) - 1))];
    f.kind = info.kind;
    aim(f, info.targets);
    f.at_ns = ms(s_.warmup_ns, s_.duration_ns - kMillisecond);
    f.for_ns = number(0, 9) == 9 ? kNever : ms(0, 6 * kSecond);
    magnitudes(f);
    return f;
  }

 private:
  static int64_t number(int64_t low, int64_t high) {
    return *rc::gen::inRange<int64_t>(low, high + 1);
  }
  static DurationNs ms(DurationNs low, DurationNs high) {
    return number(low / kMillisecond, high / kMillisecond) * kMillisecond;
  }
  static bool flip() { return number(0, 1) == 1; }

  uint64_t count_of(TargetKind kind) const {
    return kind == TargetKind::node     ? s_.topology.nodes
           : kind == TargetKind::router ? s_.topology.routers
           : kind == TargetKind::client ? s_.topology.users
                                        : 1;
  }
  Target one(TargetKind kind) {
    return {Target::Select::index, kind,
            static_cast<uint64_t>(number(0, int64_t(count_of(kind)) - 1))};
  }
  static Target all(TargetKind kind) { return {Target::Select::all, kind, 0}; }
  Target node() {
    switch (number(0, 3)) {
      case 0:
        return {Target::Select::any, TargetKind::node, 0};
      case 1:
        return {Target::Select::holder_of_user, TargetKind::node, one(TargetKind::client).index};
      default:
        return one(TargetKind::node);
    }
  }

  void aim(Fault& f, uint16_t targets) {
    std::vector<FaultTarget> forms;
    for (const FaultTarget form :
         {kHitsNode, kHitsRouter, kHitsClient, kHitsDirectory, kHitsMailbox, kHitsRegistry,
          kHitsBus, kHitsEdge, kHitsAllNodes, kHitsNothing}) {
      if ((targets & form) != 0) forms.push_back(form);
    }
    switch (*rc::gen::elementOf(forms)) {
      case kHitsNode:
        f.target = node();
        return;
      case kHitsRouter:
        f.target = one(TargetKind::router);
        return;
      case kHitsClient:
        f.target = flip() ? all(TargetKind::client) : one(TargetKind::client);
        return;
      case kHitsDirectory:
        f.target = one(TargetKind::directory);
        return;
      case kHitsMailbox:
        f.target = one(TargetKind::mailbox);
        return;
      case kHitsRegistry:
        f.target = one(TargetKind::registry);
        return;
      case kHitsBus:
        f.target = one(TargetKind::bus);
        return;
      case kHitsEdge:
        return edge(f);
      case kHitsAllNodes:
        f.target = all(TargetKind::node);
        return;
      default:
        f.target = {};
    }
  }
  // Between two that speak with each other.
  void edge(Fault& f) {
    using T = TargetKind;
    static const std::vector<std::pair<T, T>> kPairs = {
        {T::node, T::client},    {T::node, T::node},     {T::node, T::router},
        {T::node, T::directory}, {T::node, T::mailbox},  {T::node, T::registry},
        {T::node, T::bus},       {T::router, T::client}, {T::router, T::directory},
        {T::router, T::registry}};
    const auto [from, to] = *rc::gen::elementOf(kPairs);
    const bool machine = to == T::node || to == T::router || to == T::client;
    f.is_edge = true;
    f.both_ways = flip();
    f.target = one(from);
    f.edge_to = machine && (to == from || flip()) ? all(to) : one(to);
    if (flip()) std::swap(f.target, f.edge_to);
  }

  void scale(Fault& f) {
    if (flip()) {
      f.target = {};  // those that join follow those of the topology
    } else {
      f.count = -static_cast<int32_t>(number(1, s_.topology.nodes - 1));
    }
  }

  void magnitudes(Fault& f) {
    const bool may_lose = s_.mailbox.durability == Durability::async;
    f.lose_unsynced = may_lose && flip();
    f.wipe = flip();
    f.count = static_cast<int32_t>(number(1, s_.topology.nodes));
    if (f.kind == FaultKind::scale) scale(f);
    f.site = static_cast<PerturbSite>(number(0, kPerturbSites - 1));
    f.version = static_cast<uint32_t>(number(kFirstVersion, kLaterVersion));
    f.factor = static_cast<uint32_t>(number(2, 30));
    f.fraction_ppm = static_cast<uint32_t>(number(1, 1000)) * 1000;
    f.probability_ppm = static_cast<uint32_t>(number(1, 1000)) * 1000;
    f.shape = static_cast<PartitionShape>(number(0, 5));
    f.edges = static_cast<uint8_t>(number(1, 63)) | kEdgeNodeNode;
    f.direction = static_cast<PartitionDirection>(number(0, 2));
    f.disposition = static_cast<Disposition>(number(0, 2));
    f.latency_ns = ms(kMillisecond, kSecond);
    f.rate_bits_per_second = static_cast<uint64_t>(number(64, 4096)) * 1000;
    f.sides = static_cast<uint8_t>(number(1, 3));
    f.delay_ns = ms(kMillisecond, 4 * kSecond);
    f.lose_tail_ns = may_lose ? ms(0, s_.mailbox.unsynced_window_ns) : 0;
    f.offset_ns = ms(kMillisecond, f.kind == FaultKind::skew ? 24 * 3600 * kSecond
                                                             : s_.sessions.lease_ns * 3 / 2);
    const auto drift = static_cast<int64_t>(s_.sessions.max_drift_ppm);
    f.ppm = static_cast<int32_t>(number(-drift, drift));
    if (f.kind == FaultKind::lost_fsync) {
      if (!may_lose) f.target = one(TargetKind::directory);
      f.for_ns = ms(kMillisecond, s_.mailbox.unsynced_window_ns);
    }
  }

  const Scenario& s_;
};

inline rc::Gen<std::vector<Fault>> fault_lists(const Scenario& scenario) {
  return rc::gen::container<std::vector<Fault>>(
      rc::gen::exec([scenario] { return FaultDraw(scenario).fault(); }));
}

}  // namespace imroute
