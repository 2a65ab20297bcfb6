// Logins: reserve a generation in the directory, choose a node, tell the client. Nothing is held:
// a reservation blocks nobody, and the client connects to the node directly.
#include <algorithm>

#include "core/router/state.h"

namespace imroute {

void Router::State::on_client_frame(LinkId link, const Frame& frame) {
  if (frame.type != FrameType::login || frame.generation > kMaxGeneration) {
    ++counters_.protocol_errors;
    return;
  }
  RouterCall call;
  call.kind = RouterCall::Kind::login;
  call.link = link;
  call.frame = frame;
  // A storm of logins must not take the places of calls that carry messages.
  if (calls_.size() >= config_.calls - config_.calls / 4) {
    return refuse_login(call, Reason::overloaded);
  }
  ask_directory(std::move(call));
}

void Router::State::refuse_login(const RouterCall& call, Reason reason) {
  ++counters_.logins_refused;
  Frame answer;
  answer.type = FrameType::login_refused;
  answer.user = call.frame.user;
  answer.device = call.frame.device;
  answer.number = call.frame.number;
  answer.reason = reason;
  out_->push(SendClient{call.link, std::move(answer)});
  trace_call(TraceKind::login_refused, call.frame, kNoNode, reason);
}

bool Router::State::healthy(NodeId node, uint8_t unless) const {
  if (node.value >= nodes_.size()) return false;
  const NodeHealth& health = nodes_[node.value];
  return health.up && now_ - health.last_heard <= config_.sessions.heartbeat_timeout() &&
         (health.flags & unless) == 0;
}

// Fills `backends_` from view and beacons. False when that leaves nobody.
bool Router::State::offer_nodes(NodeId avoid, const NodeSet& unreachable, uint8_t unless) {
  bool any = false, others = false;
  for (size_t i = 0; i < backends_.size(); ++i) {
    const Member& member = view_->members[i];
    Backend& backend = backends_[i];
    backend.healthy =
        !member.draining && healthy(member.node, unless) && !unreachable.contains(member.node);
    if (member.node.value < nodes_.size()) {
      const NodeHealth& health = nodes_[member.node.value];
      backend.load = health.load + health.placed;
    }
    any |= backend.healthy;
    others |= backend.healthy && member.node != avoid;
  }
  start_slowly();
  if (others && avoid != kNoNode) {
    for (size_t i = 0; i < backends_.size(); ++i) {
      if (view_->members[i].node == avoid) backends_[i].healthy = false;
    }
  }
  return any;
}

// A node that has just joined has the least to do, and until its first reports every router would
// send everybody there. It counts as busy as the others are, for its weight, and less so from
// moment to moment, until what it reports is all that counts.
void Router::State::start_slowly() {
  uint64_t load = 0, weight = 0;
  const auto health_of_member = [this](size_t i) -> const NodeHealth& {
    return nodes_[view_->members[i].node.value];  // healthy ones have an entry
  };
  for (size_t i = 0; i < backends_.size(); ++i) {
    if (!backends_[i].healthy || health_of_member(i).new_until > now_) continue;
    load += health_of_member(i).load;
    weight += backends_[i].weight;
  }
  if (weight == 0) return;
  for (size_t i = 0; i < backends_.size(); ++i) {
    if (!backends_[i].healthy || health_of_member(i).new_until <= now_) continue;
    const NodeHealth& health = health_of_member(i);
    const DurationNs left = health.new_until - now_;
    const uint64_t as_busy = load * backends_[i].weight / weight;
    const uint64_t counted = as_busy * static_cast<uint64_t>(left / kMillisecond) /
                             static_cast<uint64_t>(kSlowStart / kMillisecond);
    backends_[i].load = std::max(backends_[i].load, counted + health.placed);
  }
}

// What this router can reach its client may not reach: a client that names such nodes is not sent
// to them again, by a placement or a ring, while there is another. When it names as many as fit,
// the others are tried in no order, so that no cycle among more of them keeps it out.
NodeId Router::State::pick_node(UserId user, NodeId avoid, const NodeSet& unreachable,
                                uint8_t unless) {
  if (config_.strategy.places_logins() && placement_ != nullptr) {
    const NodeId owner = placement_->owner(user);
    if (owner != kNoNode && healthy(owner, unless) && !unreachable.contains(owner)) return owner;
  }
  const bool reachable = offer_nodes(avoid, unreachable, unless);
  if (!reachable && !offer_nodes(avoid, {}, unless)) return kNoNode;
  const uint64_t key = reachable && unreachable.full() ? rng_.next() : user.value;
  const uint32_t index = balancer_->pick(key, backends_, rng_);
  return index == kNoBackend ? kNoNode : view_->members[index].node;
}

void Router::State::place_login(const RouterCall& call, uint64_t generation) {
  const Frame& login = call.frame;
  NodeId node = pick_node(login.user, login.node, login.nodes, kFlagDegraded | kFlagDraining);
  // Where nobody reaches the stores nobody serves better, and nodes take whom they are sent.
  if (node == kNoNode) node = pick_node(login.user, login.node, login.nodes, kFlagDraining);
  if (node == kNoNode) return refuse_login(call, Reason::no_node);
  ++counters_.logins;
  ++nodes_[node.value].placed;
  Frame answer;
  answer.type = FrameType::login_ok;
  answer.user = call.frame.user;
  answer.device = call.frame.device;
  answer.number = call.frame.number;
  answer.generation = generation;
  answer.node = node;
  answer.incarnation = view_->find(node)->incarnation;
  out_->push(SendClient{call.link, std::move(answer)});
  trace_call(TraceKind::login_placed, call.frame, node, Reason::none);
}

}  // namespace imroute
