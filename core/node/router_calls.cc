// Calls to routers: RESOLVE ("where is this user?") and FORWARD ("bring it there").
#include <utility>

#include "core/node/state.h"

namespace imroute {

void Node::State::call_router(uint32_t index, bool forward, bool authoritative) {
  Route& route = routes_[index];
  ++(forward ? counters_.forwards : counters_.resolves);
  trace(forward ? TraceKind::route_forward : TraceKind::route_resolve, route.entry, route.user, 0,
        id_of(index).value);
  route.calling = true;
  arm_route(index);
  uint32_t up = 0;
  for (const Peer& peer : routers_) up += peer.up ? 1 : 0;
  if (up == 0) return;
  uint64_t skip = rng_.below(up);
  uint32_t target = 0;
  for (uint32_t r = 0; r < routers_.size(); ++r) {
    if (routers_[r].up && skip-- == 0) target = r;
  }
  Frame frame;
  frame.type = forward ? FrameType::forward : FrameType::resolve;
  frame.number = id_of(index).value;
  frame.route = id_of(index);
  frame.node = config_.id;
  frame.user = route.user;
  frame.flags = authoritative ? kFlagAuthoritative : uint8_t{0};
  if (forward) frame.entry = route.entry;
  frame.list = route.list;
  out_->push(SendPeer{address_of(RouterId{target}), std::move(frame)});
}

void Node::State::on_resolved(const Frame& frame) {
  const uint32_t index = find_route(frame.route);
  if (index == kNil || !routes_[index].calling) return;
  Route& route = routes_[index];
  route.calling = false;
  const bool answered = frame.reason == Reason::none || frame.reason == Reason::offline;
  if (route.kind == Route::Kind::group_batch) {
    if (!list_is_whole<UserLocation>(frame.list)) {
      ++counters_.protocol_errors;
      return on_located_batch(index, {}, false);
    }
    const Payload list = frame.list;
    return on_located_batch(index, list.as<UserLocation>(), answered);
  }
  on_located(index, answered, living(frame.nodes), frame.version);
}

}  // namespace imroute
