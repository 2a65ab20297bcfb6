// Frames of other servers, sorted to their flows.
#include "core/node/state.h"

namespace imroute {

void Node::State::on_peer_frame(Address from, const Frame& frame) {
  Peer* peer = peer_of(from);
  if (peer == nullptr) return;
  peer->last_heard = now_;
  if (frame.type == FrameType::beacon) return on_beacon(from, frame);
  if (frame.type == FrameType::push) {
    if (frame.number != 0) note_published(frame.node, frame.number);
    return on_push(frame.node, frame);
  }
  if (from.kind == PeerKind::router) return on_router_frame(RouterId{from.index}, frame);
  on_node_frame(NodeId{from.index}, frame);
}

void Node::State::on_node_frame(NodeId from, const Frame& frame) {
  switch (frame.type) {
    case FrameType::route_ack:
      return on_route_ack(from, frame);
    case FrameType::nack:
      return on_nack(from, frame);
    case FrameType::displace:
      return on_displace(from, frame);
    case FrameType::displaced:
      return chase_done(from, FrameType::displace, frame.user, frame.device, frame.generation);
    case FrameType::handover:
      return on_handover(frame);
    case FrameType::owners:
      return on_owners(from, frame);
    case FrameType::owners_ack:
      return chase_done(from, FrameType::owners, frame.user, 0, frame.version);
    case FrameType::pointers:
      return on_pointers(frame);
    default:
      ++counters_.protocol_errors;
      return;
  }
}

void Node::State::on_router_frame(RouterId router, const Frame& frame) {
  if (frame.type == FrameType::resolved) return on_resolved(router, frame);
  ++counters_.protocol_errors;
}

void Node::State::on_bus_frame(const Frame& frame) {
  if (frame.type != FrameType::push) {
    ++counters_.protocol_errors;
    return;
  }
  if (frame.node == config_.id) return;  // one's own
  note_published(frame.node, frame.number);
  on_push(frame.node, frame);
}

}  // namespace imroute
