// Counts logical frames by link class and by what the cost model counts, over the measured part of
// the run (after warm-up).
#pragma once

#include <cstdint>
#include <vector>

#include "core/event/stores.h"
#include "core/model/frame.h"
#include "harness/result/result.h"
#include "sim/network/layout.h"

namespace imroute {

class Tally {
 public:
  explicit Tally(const Layout& layout)
      : layout_(layout),
        frames_by_node_(layout.nodes(), 0),
        calls_by_router_(layout.routers(), 0) {}

  void measuring(bool on) { measuring_ = on; }

  // `times` frames of one kind, `bytes` each, on a link between two machines.
  void sent(Endpoint from, Endpoint to, FrameType type, uint32_t bytes, uint32_t times = 1);
  void arrived(Endpoint at, FrameType type);
  void published(uint32_t bytes);        // to the bus
  void bus_delivered(uint32_t bytes);    // from the bus, to one node
  void directory(DirectoryOpKind kind);  // a request or a reply
  void mailbox();                        // a request or a reply
  const FrameTotals& totals() const { return totals_; }
  const std::vector<uint64_t>& frames_by_node() const { return frames_by_node_; }
  const std::vector<uint64_t>& calls_by_router() const { return calls_by_router_; }

 private:
  const Layout& layout_;
  FrameTotals totals_;
  std::vector<uint64_t> frames_by_node_, calls_by_router_;
  bool measuring_ = false;
};

}  // namespace imroute
