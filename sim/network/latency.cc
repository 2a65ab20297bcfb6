#include "sim/network/latency.h"

#include <algorithm>

namespace imroute {

LatencyTable::LatencyTable(const Quantiles& q) {
  constexpr uint64_t kOne = uint64_t{1} << 32;
  const auto share = [](uint64_t percent) { return kOne * percent / 100; };
  uint32_t n = 0;
  int64_t floor = 0;
  const auto add = [&](uint64_t at, int64_t value) {
    floor = std::max(floor, value);  // never falling, whatever the file says
    points_[n++] = {at, floor};
  };
  add(0, q.p0);
  add(share(50), q.p50);
  if (q.has_p90) add(share(90), q.p90);
  add(share(99), q.p99);
  add(kOne, q.p100);
  while (n < points_.size()) add(kOne + 1, 0);
}

}  // namespace imroute
