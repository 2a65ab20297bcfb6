// What faults do to edges while they last. Each active fault is one rule with its own matcher; what
// happens to a frame is the sum of all rules that match it, so overlapping faults compose and the
// end of one never lifts another.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/hash.h"
#include "core/base/time.h"
#include "harness/scenario/scenario.h"
#include "sim/network/layout.h"

namespace imroute {

// A lost packet is sent again after this time, and after twice the time whenever that is lost too.
inline constexpr DurationNs kRetransmitNs = 200 * kMillisecond;
// Lost that often, a stream stands until the fault ends or it gives up; to a store it comes then.
inline constexpr uint32_t kRetransmissions = 6;

enum class EdgeAction : uint8_t {
  block,      // nothing passes; disposition says how that looks
  hang,       // new connections get no answer
  freeze,     // chosen connections stand still
  delay,      // extra latency
  rate,       // at most this bandwidth
  loss,       // packets are lost and sent again
  duplicate,  // bus frames and store replies come twice
  reorder,    // bus frames and store replies overtake each other
};

// Which directed pairs of endpoints a rule is about.
struct EdgeMatch {
  enum class Shape : uint8_t { pairs, split, ring, random } shape = Shape::pairs;
  // pairs: bit 0 = first end, bit 1 = second end. split: 0 main side, 1 isolated, 2 sees both.
  std::vector<uint8_t> side;
  bool both_ways = true;   // pairs
  uint8_t classes = 0xff;  // EdgeClass bits (shapes other than pairs)
  PartitionDirection direction = PartitionDirection::both;
  uint64_t salt = 0;  // random

  bool matches(const Layout& layout, Endpoint from, Endpoint to) const;
};

struct EdgeRule {
  uint32_t fault = 0;
  EdgeAction action = EdgeAction::block;
  EdgeMatch match;
  Disposition disposition = Disposition::drop;
  DurationNs delay_ns = 0;
  uint64_t rate_bits_per_second = 0;
  uint32_t probability_ppm = 1'000'000;
  bool hit = false;  // it changed what happened to somebody
};

// The sum of what holds on one directed edge.
struct EdgeVerdict {
  bool blocked = false;
  Disposition disposition = Disposition::stall;
  bool hang = false;
  DurationNs delay_ns = 0;
  uint64_t rate_bits_per_second = 0;  // 0 = the link's own
  uint32_t loss_ppm = 0;
  uint32_t duplicate_ppm = 0;
  uint32_t reorder_ppm = 0;
  DurationNs reorder_ns = 0;
};

class EdgeRules {
 public:
  explicit EdgeRules(const Layout& layout) : layout_(layout) {}

  bool empty() const { return rules_.empty(); }
  void add(EdgeRule rule) { rules_.push_back(std::move(rule)); }
  // True when the rules of that fault had hit somebody.
  bool remove(uint32_t fault);
  // `draw` names the connection, for rules that choose among connections; `dialling`: it is asked
  // for a connection that is being made.
  EdgeVerdict verdict(Endpoint from, Endpoint to, uint64_t draw, bool dialling = false);

 private:
  const Layout& layout_;
  std::vector<EdgeRule> rules_;
};

}  // namespace imroute
