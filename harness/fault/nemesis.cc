#include <algorithm>
#include <array>

#include "core/base/rng.h"
#include "harness/fault/core.h"
#include "harness/fault/plan.h"

namespace imroute {

namespace {

// An exponential distance with the given mean, from -ln(1 - u) at sixteenths, in thousandths; the
// tail is cut at five means.
DurationNs exponential(Rng& rng, DurationNs mean) {
  static constexpr std::array<int64_t, 17> kTable{0,   65,  134,  208,  288,  375,  470,  575, 693,
                                                  827, 981, 1163, 1386, 1674, 2079, 2773, 5000};
  const size_t cell = rng.below(16);
  const int64_t within = rng.between(0, 999);
  const int64_t thousandths =
      kTable[cell] * 1000 + (kTable[cell + 1] - kTable[cell]) * within;  // in 1e-6
  return mean / 1000 * thousandths / 1000;
}

class Draw {
 public:
  Draw(const Scenario& scenario, uint64_t number)
      : s_(scenario),
        rng_(Rng::stream(scenario.seed, "nemesis-fault", number)),
        scale_rng_(Rng::stream(scenario.seed, "nemesis-scale", number)),
        named_(!scenario.nemesis.families.empty()) {}

  // A fault of that family at that time; kind count_ when the topology has nothing for it.
  Fault fault(FaultFamily family, DurationNs at, DurationNs until) {
    f_ = Fault{};
    f_.from_nemesis = true;
    f_.at_ns = at;
    f_.kind = FaultKind::count_;
    switch (family) {
      case FaultFamily::crash:
        crash();
        break;
      case FaultFamily::pause:
        pause();
        break;
      case FaultFamily::partition:
        partition();
        break;
      case FaultFamily::link:
        link();
        break;
      case FaultFamily::connection:
        connection();
        break;
      case FaultFamily::clients:
        clients();
        break;
      case FaultFamily::registry:
        registry();
        break;
      case FaultFamily::store:
        store();
        break;
      case FaultFamily::bus:
        bus();
        break;
      case FaultFamily::clock:
        clock();
        break;
      case FaultFamily::version:
        version();
        break;
      case FaultFamily::code:
        code();
        break;
      case FaultFamily::count_:
        break;
    }
    // Nodes that came or went for good are no trouble that would have to end.
    const bool for_good = f_.kind == FaultKind::scale && f_.for_ns == kNever;
    if (!for_good) f_.for_ns = std::min(f_.for_ns, until - at);
    return f_;
  }

 private:
  FaultKind one_of(std::initializer_list<FaultKind> kinds) {
    return kinds.begin()[rng_.below(kinds.size())];
  }
  DurationNs span(DurationNs lo, DurationNs hi) {
    return rng_.between(lo / kMillisecond, hi / kMillisecond) * kMillisecond;
  }
  Target one(TargetKind kind) {
    const uint64_t count = kind == TargetKind::node     ? s_.topology.nodes
                           : kind == TargetKind::router ? s_.topology.routers
                           : kind == TargetKind::client ? s_.topology.users
                                                        : 1;
    return {Target::Select::index, kind, count == 0 ? 0 : rng_.below(count)};
  }
  static Target all(TargetKind kind) { return {Target::Select::all, kind, 0}; }

  // A machine that a fault may stop: nodes mostly, or a router, or a service.
  Target machine() {
    const uint64_t draw = rng_.below(10);
    if (draw < 6 || (draw == 6 && s_.topology.routers == 0)) return one(TargetKind::node);
    if (draw == 6) return one(TargetKind::router);
    if (draw == 7) return one(TargetKind::directory);
    if (draw == 8) return one(TargetKind::mailbox);
    return one(rng_.chance(1, 2) ? TargetKind::registry : TargetKind::bus);
  }
  // Two ends between which machines speak.
  void edge() {
    f_.is_edge = true;
    f_.both_ways = rng_.chance(2, 3);
    const bool whole = rng_.chance(1, 2);
    const auto end = [&](TargetKind kind) { return whole ? all(kind) : one(kind); };
    switch (rng_.below(5)) {
      case 0:
        f_.target = all(TargetKind::client);
        f_.edge_to = one(TargetKind::node);
        break;
      case 1:
      case 2:
        f_.target = one(TargetKind::node);
        f_.edge_to = end(TargetKind::node);
        break;
      case 3:
        f_.target = end(TargetKind::node);
        f_.edge_to = one(s_.topology.routers != 0 ? TargetKind::router : TargetKind::node);
        break;
      default: {
        static constexpr TargetKind kStores[] = {TargetKind::directory, TargetKind::mailbox,
                                                 TargetKind::registry};
        f_.target = end(TargetKind::node);
        f_.edge_to = one(kStores[rng_.below(3)]);
      }
    }
  }

  void scale() {
    f_.kind = FaultKind::scale;
    f_.count = static_cast<int32_t>(scale_rng_.between(1, 2));
    if (s_.topology.nodes > 1 && scale_rng_.chance(1, 2)) {
      f_.count = s_.topology.nodes > 3 ? -f_.count : -1;
    }
    f_.for_ns = scale_rng_.chance(1, 2) ? kNever : scale_rng_.between(2, 20) * kSecond;
  }

  void crash() {
    if (named_ && scale_rng_.chance(1, 6)) return scale();
    const uint64_t draw = rng_.below(10);
    f_.for_ns = span(200 * kMillisecond, 10 * kSecond);
    if (draw < 6) {
      f_.kind = FaultKind::crash;
      f_.target = rng_.chance(1, 8) ? one(TargetKind::client) : machine();
      if (f_.target.kind == TargetKind::mailbox || f_.target.kind == TargetKind::directory) {
        const bool may_lose = s_.mailbox.durability == Durability::async;
        f_.lose_unsynced = rng_.chance(1, 2) && may_lose;
      }
    } else if (draw < 8) {
      f_.kind = FaultKind::restart;
      f_.target = one(TargetKind::node);
    } else if (draw < 9) {
      f_.kind = FaultKind::drain;
      f_.target = one(TargetKind::node);
    } else {
      f_.kind = FaultKind::rolling_restart;
      f_.target = all(TargetKind::node);
      f_.count = static_cast<int32_t>(1 + rng_.below(std::max(1u, s_.topology.nodes)));
      f_.for_ns = span(5 * kSecond, 20 * kSecond);
    }
  }

  void pause() {
    f_.kind = one_of({FaultKind::pause, FaultKind::slow});
    f_.target = machine();
    f_.factor = static_cast<uint32_t>(rng_.between(2, 30));
    f_.for_ns = span(300 * kMillisecond, s_.sessions.lease_ns * 3 / 2);
  }

  void partition() {
    f_.kind = FaultKind::partition;
    f_.for_ns = span(300 * kMillisecond, 12 * kSecond);
    f_.disposition = static_cast<Disposition>(rng_.below(3));
    if (rng_.chance(1, 3)) return edge();
    f_.shape = static_cast<PartitionShape>(rng_.below(6));
    f_.direction = static_cast<PartitionDirection>(rng_.below(3));
    f_.edges = static_cast<uint8_t>(1 + rng_.below(63));
    if (rng_.chance(1, 2)) f_.edges |= kEdgeNodeNode;
    if (f_.shape == PartitionShape::ring) f_.edges |= kEdgeNodeNode;
  }

  void link() {
    f_.kind = one_of({FaultKind::loss, FaultKind::delay, FaultKind::bandwidth, FaultKind::duplicate,
                      FaultKind::reorder});
    f_.for_ns = span(kSecond, 10 * kSecond);
    edge();
    f_.probability_ppm = static_cast<uint32_t>(rng_.between(10, 500)) * 1000;
    if (f_.kind == FaultKind::delay) f_.latency_ns = span(5 * kMillisecond, kSecond);
    if (f_.kind == FaultKind::bandwidth) {
      f_.rate_bits_per_second = static_cast<uint64_t>(rng_.between(64, 4096)) * 1000;
    }
  }

  void connection() {
    f_.kind =
        one_of({FaultKind::reset, FaultKind::half_open, FaultKind::stall, FaultKind::connect_hang});
    f_.for_ns = f_.kind == FaultKind::reset ? 0 : span(kSecond, 8 * kSecond);
    edge();
    f_.sides = static_cast<uint8_t>(1 + rng_.below(3));
    f_.probability_ppm = static_cast<uint32_t>(rng_.between(50, 1000)) * 1000;
  }

  void clients() {
    f_.kind = one_of({FaultKind::reconnect_storm, FaultKind::relocate, FaultKind::double_login,
                      FaultKind::slow_reader, FaultKind::burst});
    f_.target = all(TargetKind::client);
    f_.fraction_ppm = static_cast<uint32_t>(rng_.between(20, 700)) * 1000;
    f_.factor = static_cast<uint32_t>(rng_.between(2, 20));
    const bool at_once = f_.kind == FaultKind::relocate || f_.kind == FaultKind::double_login;
    f_.for_ns = at_once ? 0 : span(200 * kMillisecond, 6 * kSecond);
  }

  void registry() {
    f_.kind = one_of({FaultKind::session_expiry, FaultKind::late_watch, FaultKind::lost_watch,
                      FaultKind::lagging_read});
    f_.target = f_.kind == FaultKind::session_expiry || rng_.chance(1, 2)
                    ? one(TargetKind::node)
                    : one(TargetKind::registry);
    f_.for_ns = f_.kind == FaultKind::session_expiry ? 0 : span(kSecond, 12 * kSecond);
    f_.delay_ns = span(100 * kMillisecond, 4 * kSecond);
  }

  void disk() {
    const bool may_lose = s_.mailbox.durability == Durability::async;
    f_.kind = one_of({FaultKind::torn_write, FaultKind::disk_full, FaultKind::lost_fsync});
    if (f_.kind == FaultKind::lost_fsync && !may_lose) f_.kind = FaultKind::torn_write;
    f_.target = one(rng_.chance(1, 2) ? TargetKind::directory : TargetKind::mailbox);
    f_.for_ns = f_.kind == FaultKind::lost_fsync ? span(kMillisecond, s_.mailbox.unsynced_window_ns)
                                                 : span(200 * kMillisecond, 5 * kSecond);
    if (f_.kind == FaultKind::disk_full) {
      f_.probability_ppm = static_cast<uint32_t>(rng_.between(20, 1000)) * 1000;
    }
  }

  void store() {
    if (named_ && rng_.chance(3, 8)) return disk();
    f_.kind = one_of({FaultKind::failover, FaultKind::error, FaultKind::lost_reply,
                      FaultKind::evict, FaultKind::oom});
    f_.target = one(rng_.chance(1, 2) ? TargetKind::directory : TargetKind::mailbox);
    if (f_.kind == FaultKind::evict) f_.target = one(TargetKind::directory);
    f_.for_ns = span(200 * kMillisecond, 5 * kSecond);
    f_.probability_ppm = static_cast<uint32_t>(rng_.between(20, 800)) * 1000;
    if (f_.kind == FaultKind::evict) f_.for_ns = 0;
    if (f_.kind == FaultKind::failover && s_.mailbox.durability == Durability::async) {
      f_.lose_tail_ns = span(0, s_.mailbox.unsynced_window_ns);
    }
  }

  void bus() {
    f_.kind = one_of({FaultKind::disconnect, FaultKind::overflow});
    f_.target = rng_.chance(1, 2) ? one(TargetKind::node) : one(TargetKind::bus);
    f_.for_ns = span(200 * kMillisecond, 5 * kSecond);
  }

  void clock() {
    f_.kind = one_of({FaultKind::skew, FaultKind::drift, FaultKind::drift, FaultKind::jump});
    f_.target = one(rng_.chance(2, 3) ? TargetKind::node : TargetKind::client);
    // Only where a process starts does it matter where its clock begins. Nodes are restarted all
    // the time; that one client of many restarts just then is as good as never.
    if (f_.kind == FaultKind::skew) f_.target = one(TargetKind::node);
    f_.for_ns = f_.kind == FaultKind::jump ? 0 : span(kSecond, 30 * kSecond);
    if (f_.kind == FaultKind::drift) {
      const auto most = static_cast<int64_t>(s_.sessions.max_drift_ppm);
      f_.ppm = static_cast<int32_t>(rng_.between(-most, most));
    } else if (f_.kind == FaultKind::jump) {
      f_.offset_ns = span(kMillisecond, s_.sessions.lease_ns * 3 / 2);
    } else {
      f_.offset_ns = span(kSecond, 24 * 3600 * kSecond);
    }
  }

  void version() {
    f_.kind = FaultKind::version_skew;
    const uint64_t draw = rng_.below(10);
    f_.target = one(draw < 6   ? TargetKind::node
                    : draw < 8 ? TargetKind::router
                               : TargetKind::client);
    f_.version = rng_.chance(1, 4) ? kLaterVersion : kFirstVersion;
    f_.for_ns = span(2 * kSecond, 20 * kSecond);
  }

  void code() {
    f_.kind = FaultKind::perturb;
    f_.target = rng_.chance(1, 2) ? all(TargetKind::node) : one(TargetKind::node);
    f_.site = static_cast<PerturbSite>(rng_.below(kPerturbSites));
    f_.probability_ppm = static_cast<uint32_t>(rng_.between(10, 600)) * 1000;
    f_.for_ns = span(kSecond, 15 * kSecond);
  }

  const Scenario& s_;
  Rng rng_;
  Rng scale_rng_;  // of its own: what else the crash family drew stays as it was
  bool named_;     // the families are named: their later kinds too
  Fault f_;
};

// Families that came later have a course of their own beside that of these, so that what a seed
// drew from these is the same with and without the others.
bool came_first(FaultFamily family) { return family <= FaultFamily::clock; }

// Which families this seed uses.
std::vector<FaultFamily> swarm(const Scenario& scenario) {
  std::vector<FaultFamily> known = scenario.nemesis.families;
  if (known.empty()) {
    for (uint8_t f = 0; f <= static_cast<uint8_t>(FaultFamily::bus); ++f) {
      known.push_back(static_cast<FaultFamily>(f));
    }
  }
  std::vector<FaultFamily> on;
  for (FaultFamily family : known) {
    Rng rng = Rng::stream(scenario.seed, "nemesis-swarm", static_cast<uint64_t>(family));
    if (rng.chance(1, 2)) on.push_back(family);
  }
  if (on.empty() && !known.empty()) {
    Rng rng = Rng::stream(scenario.seed, "nemesis-swarm", 1000);
    const auto first = std::stable_partition(known.begin(), known.end(), came_first);
    const auto among = first == known.begin() ? known.end() : first;
    on.push_back(known[rng.below(static_cast<uint64_t>(among - known.begin()))]);
  }
  return on;
}

struct Course {
  const char* times;   // the stream of when
  const char* family;  // and of what
  uint64_t number;     // of its first fault
  int64_t pace;        // so many times the mean interval
};

void draw_course(const Scenario& scenario, const std::vector<FaultFamily>& families,
                 const Course& course, std::vector<Fault>& plan) {
  if (families.empty() || scenario.topology.nodes == 0) return;
  const DurationNs until = std::min(
      scenario.nemesis.until_ns != 0 ? scenario.nemesis.until_ns : scenario.duration_ns / 4 * 3,
      chaos_end(scenario));
  Rng times = Rng::stream(scenario.seed, course.times);
  const DurationNs mean = scenario.nemesis.mean_interval_ns * course.pace;
  DurationNs at = scenario.warmup_ns;
  for (uint64_t number = course.number;; ++number) {
    at += std::max(kMillisecond, exponential(times, mean) / kMillisecond * kMillisecond);
    if (at >= until) break;
    Draw draw(scenario, number);
    Rng which = Rng::stream(scenario.seed, course.family, number);
    const Fault fault = draw.fault(families[which.below(families.size())], at, until);
    if (fault.kind != FaultKind::count_) plan.push_back(fault);
  }
}

}  // namespace

std::vector<Fault> draw_nemesis(const Scenario& scenario) {
  const std::vector<FaultFamily> families = swarm(scenario);
  std::vector<FaultFamily> first, later;
  for (FaultFamily family : families) {
    (came_first(family) ? first : later).push_back(family);
  }
  std::vector<Fault> plan;
  draw_course(scenario, first, {"nemesis-times", "nemesis-family", 0, 1}, plan);
  draw_course(scenario, later, {"nemesis-later-times", "nemesis-later-family", 1u << 20, 2}, plan);
  return plan;
}

}  // namespace imroute
