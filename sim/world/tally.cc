#include "sim/world/tally.h"

namespace imroute {

namespace {

bool counts_on_peer_link(FrameType type) {
  return type == FrameType::push || type == FrameType::route_ack || type == FrameType::nack;
}
bool counts_on_router_link(FrameType type) {
  switch (type) {
    case FrameType::login:
    case FrameType::login_ok:
    case FrameType::resolve:
    case FrameType::resolved:
    case FrameType::forward:
      return true;
    default:
      return counts_on_peer_link(type);  // forward mode: the router pushes
  }
}

}  // namespace

void Tally::sent(Endpoint from, Endpoint to, FrameType type, uint32_t bytes, uint32_t times) {
  if (!measuring_) return;
  totals_.bytes += uint64_t{bytes} * times;
  const Role a = layout_.role(from), b = layout_.role(to);
  if (a == Role::router || b == Role::router) {
    totals_.router += times;
    if (counts_on_router_link(type)) totals_.counted += times;
  } else if (a == Role::client || b == Role::client) {
    totals_.client += times;
  } else {
    totals_.peer += times;
    if (counts_on_peer_link(type)) totals_.counted += times;
  }
}

void Tally::arrived(Endpoint at, FrameType type) {
  if (!measuring_) return;
  if (layout_.role(at) == Role::node) {
    ++frames_by_node_[layout_.index(at)];
  } else if (layout_.role(at) == Role::router && counts_on_router_link(type)) {
    ++calls_by_router_[layout_.index(at)];
  }
}

void Tally::published(uint32_t bytes) {
  if (!measuring_) return;
  ++totals_.bus;
  ++totals_.counted;
  totals_.bytes += bytes;
}

void Tally::bus_delivered(uint32_t bytes) {
  if (!measuring_) return;
  ++totals_.bus;
  ++totals_.counted;
  totals_.bytes += bytes;
}

void Tally::directory(DirectoryOpKind kind) {
  if (!measuring_) return;
  ++totals_.directory;
  if (kind != DirectoryOpKind::check) ++totals_.counted;
}

void Tally::mailbox() {
  if (measuring_) ++totals_.mailbox;
}

}  // namespace imroute
