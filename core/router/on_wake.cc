// Deadlines: beacons to the nodes, and the list of nodes once a lease whatever the watch says.
#include "core/router/state.h"

namespace imroute {

void Router::State::on_wake() {
  TimerQueue<RouterTimer>::Timer timer;
  while (timers_.pop_due(now_, timer)) {
    switch (timer.kind) {
      case RouterTimer::beacon:
        send_beacon();
        break;
      case RouterTimer::list:  // bounds a lost watch
        timers_.set(now_ + config_.sessions.lease_ns, RouterTimer::list);
        list_nodes();
        break;
      case RouterTimer::retry_list:
        list_nodes();
        break;
    }
  }
}

void Router::State::list_nodes() {
  if (listing_) return;  // who must have a newer answer sets list_again_
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
}

}  // namespace imroute
