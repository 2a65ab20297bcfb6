// The ring of CIM (crossoverJie/cim at 8863d9f), point by point: the first four bytes of MD5,
// little-endian; each node at hash(node) and at the hashes of "vir" + hash(node) + "0" and "1";
// a key belongs to the first point at or after it. Three points a node make the busiest of ten
// carry twice the mean: this is for serving CIM's own clients alike, not for new clusters.
// Weights do not exist in it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/balance/backends.h"
#include "core/balance/load_balancer.h"

namespace imroute {

class CimRing {
 public:
  // Node texts as CIM writes them: "ip:tcp_port:http_port".
  void update(std::span<const std::string> nodes);

  // Index into the nodes of the last update, for a key text (the user id in decimal), of the first
  // node on the way that passes; the number of nodes when none does.
  template <class Accept>
  uint32_t find(std::string_view key, Accept&& accept) const {
    const size_t from = first_at_or_after(hash(key));
    for (size_t step = 0; step < points_.size(); ++step) {
      const Point& point = points_[(from + step) % points_.size()];
      if (accept(point.node)) return point.node;
    }
    return nodes_;
  }
  uint32_t find(std::string_view key) const {
    return find(key, [](uint32_t) { return true; });
  }

  static uint32_t hash(std::string_view text);

 private:
  struct Point {
    uint32_t hash = 0;
    uint32_t node = 0;
    uint32_t added = 0;  // when, among all
  };
  size_t first_at_or_after(uint32_t hash) const;

  std::vector<Point> points_;
  uint32_t nodes_ = 0;
};

// As a balancer over numbered backends, whose text is their number in decimal. Addresses are known
// to a driver only; one that has them uses CimRing itself.
class CimBalancer : public LoadBalancer {
 public:
  void update(std::span<const Backend> backends) override;
  uint32_t pick(uint64_t key, std::span<const Backend> backends, Rng& rng) override;

 private:
  Backends backends_;
  CimRing ring_;
};

}  // namespace imroute
