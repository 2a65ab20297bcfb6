#include "sim/service/bus.h"

#include <algorithm>

#include "core/base/assert.h"

namespace imroute {

Bus::Bus(uint32_t nodes, uint64_t buffer_bytes)
    : subscribers_(nodes), buffer_bytes_(buffer_bytes) {}

uint64_t Bus::subscribe(NodeId node) {
  IM_ASSERT(node.value < subscribers_.size());
  subscribers_[node.value] = {next_subscription_++, 0};
  return subscribers_[node.value].subscription;
}

bool Bus::unsubscribe(NodeId node) {
  IM_ASSERT(node.value < subscribers_.size());
  const bool was = subscribers_[node.value].subscription != 0;
  subscribers_[node.value] = {};
  return was;
}

bool Bus::subscribed(NodeId node) const { return subscription(node) != 0; }

uint64_t Bus::subscription(NodeId node) const {
  IM_ASSERT(node.value < subscribers_.size());
  return subscribers_[node.value].subscription;
}

const Bus::Outcome& Bus::publish(uint64_t bytes) {
  outcome_.deliver.clear();
  outcome_.overflow.clear();
  for (uint32_t i = 0; i < subscribers_.size(); ++i) {
    Subscriber& s = subscribers_[i];
    if (s.subscription == 0) continue;
    if (buffer_bytes_ != 0 && s.buffered + bytes > buffer_bytes_) {
      s = {};
      ++lost_frames_;
      outcome_.overflow.push_back(NodeId{i});
      continue;
    }
    s.buffered += bytes;
    outcome_.deliver.push_back(NodeId{i});
  }
  return outcome_;
}

void Bus::flushed(NodeId node, uint64_t subscription, uint64_t bytes) {
  IM_ASSERT(node.value < subscribers_.size());
  Subscriber& s = subscribers_[node.value];
  if (s.subscription != subscription) return;
  s.buffered -= std::min(s.buffered, bytes);
}

uint64_t Bus::buffered(NodeId node) const {
  IM_ASSERT(node.value < subscribers_.size());
  return subscribers_[node.value].buffered;
}

}  // namespace imroute
