// Where links bring what arrived: the driver of their machine.
#pragma once

#include "core/event/event.h"

namespace imroute::cluster {

class EventSink {
 public:
  virtual ~EventSink() = default;
  // Steps the machine at once. REQUIRES: it is not being stepped.
  virtual void deliver(const Event& event) = 0;
  // The same, after the machine's present step: for what is found out while an effect is handled.
  virtual void peer_down_later(Address peer, Reason reason) = 0;
};

}  // namespace imroute::cluster
