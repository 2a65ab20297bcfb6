#include "sim/network/edge_rules.h"

#include <algorithm>

namespace imroute {

bool EdgeMatch::matches(const Layout& layout, Endpoint from, Endpoint to) const {
  if (shape == Shape::pairs) {
    if ((side[from] & 1) != 0 && (side[to] & 2) != 0) return true;
    return both_ways && (side[from] & 2) != 0 && (side[to] & 1) != 0;
  }
  const uint8_t edge = layout.edge_class(from, to);
  if ((edge & classes) == 0) return false;
  if (shape == Shape::ring) {
    if (edge != kEdgeNodeNode) return false;
    const uint32_t n = layout.nodes();
    const uint32_t step = (layout.index(from) + n - layout.index(to)) % n;
    if (step == 1 || step == n - 1) return false;
    // One way around only when one direction is asked for.
    if (direction == PartitionDirection::to) return step < n / 2;
    if (direction == PartitionDirection::from) return step >= n / 2;
    return true;
  }
  if (shape == Shape::random) {
    Endpoint a = from, b = to;
    if (direction == PartitionDirection::both && b < a) std::swap(a, b);
    return (mix64(mix64(salt, a), b) & 1) != 0;
  }
  if (side[from] == side[to] || side[from] == 2 || side[to] == 2) return false;
  if (direction == PartitionDirection::to) return side[to] == 1;
  if (direction == PartitionDirection::from) return side[from] == 1;
  return true;
}

bool EdgeRules::remove(uint32_t fault) {
  bool hit = false;
  for (const EdgeRule& rule : rules_) hit |= rule.fault == fault && rule.hit;
  std::erase_if(rules_, [fault](const EdgeRule& rule) { return rule.fault == fault; });
  return hit;
}

EdgeVerdict EdgeRules::verdict(Endpoint from, Endpoint to, uint64_t draw, bool dialling) {
  EdgeVerdict sum;
  for (EdgeRule& rule : rules_) {
    if (!rule.match.matches(layout_, from, to)) continue;
    switch (rule.action) {
      case EdgeAction::freeze:
        if (mix64(draw, rule.fault) % 1'000'000 >= rule.probability_ppm) continue;
        sum.blocked = true;
        break;
      case EdgeAction::block:
        sum.blocked = true;
        // reset shows more than drop, drop more than stall
        if (rule.disposition == Disposition::reset) {
          sum.disposition = Disposition::reset;
        } else if (sum.disposition == Disposition::stall) {
          sum.disposition = rule.disposition;
        }
        break;
      case EdgeAction::hang:
        if (!dialling || mix64(draw, rule.fault) % 1'000'000 >= rule.probability_ppm) continue;
        sum.hang = true;
        break;
      case EdgeAction::delay:
        sum.delay_ns += rule.delay_ns;
        break;
      case EdgeAction::rate:
        if (sum.rate_bits_per_second == 0 || rule.rate_bits_per_second < sum.rate_bits_per_second) {
          sum.rate_bits_per_second = rule.rate_bits_per_second;
        }
        break;
      case EdgeAction::loss:
        sum.loss_ppm = std::max(sum.loss_ppm, rule.probability_ppm);
        break;
      case EdgeAction::duplicate:
        sum.duplicate_ppm = std::max(sum.duplicate_ppm, rule.probability_ppm);
        break;
      case EdgeAction::reorder:
        sum.reorder_ppm = std::max(sum.reorder_ppm, rule.probability_ppm);
        sum.reorder_ns = std::max(sum.reorder_ns, rule.delay_ns);
        break;
    }
    rule.hit = true;
  }
  return sum;
}

}  // namespace imroute
