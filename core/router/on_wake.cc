// Deadlines: beacons to the nodes, and the list of nodes once a lease whatever the watch says.
#include "core/router/state.h"

namespace imroute {

void Router::State::on_wake() {
  TimerQueue<RouterTimer>::Timer timer;
  while (timers_.pop_due(now_, timer)) {
    if (timer.kind == RouterTimer::beacon) {
      send_beacon();
    } else {
      list_nodes();
    }
  }
}

void Router::State::list_nodes() {
  if (listing_) return;
  RegistryOp op;
  op.kind = RegistryOpKind::list;
  op.id = OpId{next_op_++};
  op.deadline = now_ + config_.delivery.store_deadline_ns;
  if (operations_.insert(op.id) == nullptr) return;
  listing_ = true;
  out_->push(StoreOp{op});
}

void Router::State::send_beacon() {
  Frame frame;
  frame.type = FrameType::beacon;
  frame.node = kNoNode;
  frame.load = calls_.size();
  out_->push(SendMesh{std::move(frame)});
  timers_.set(now_ + config_.sessions.heartbeat_ns, RouterTimer::beacon);
  if (++beacons_ % 4 == 0) list_nodes();  // bounds a lost watch
}

}  // namespace imroute
