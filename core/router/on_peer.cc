// Frames of nodes: beacons, "where is this user" (RESOLVE) and "bring it there" (FORWARD). A
// computed placement answers at once; the table asks the directory.
#include <algorithm>

#include "core/router/state.h"

namespace imroute {

void Router::State::on_peer_frame(Address peer, const Frame& frame) {
  NodeHealth* node = health_at(peer);
  if (node == nullptr) return;
  node->last_heard = now_;
  if (!list_is_whole<UserId>(frame.list)) {
    ++counters_.protocol_errors;
    return;
  }
  if (frame.list.as<UserId>().size() > kMaxGroupSize) {  // the answer to more would be too large
    ++counters_.protocol_errors;
    return;
  }
  const NodeId from{peer.index};
  switch (frame.type) {
    case FrameType::beacon:
      return on_beacon(from, frame);
    case FrameType::resolve:
      return on_resolve(from, frame);
    case FrameType::forward:
      return on_forward(from, frame);
    default:
      ++counters_.protocol_errors;
      return;
  }
}

void Router::State::on_beacon(NodeId from, const Frame& frame) {
  NodeHealth& node = nodes_[from.value];
  node.load = frame.load;
  node.placed = 0;
  node.flags = frame.flags;
}

bool Router::State::must_ask(const Frame& frame) const {
  return placement_ == nullptr || (frame.flags & kFlagAuthoritative) != 0;
}

NodeSet Router::State::computed(UserId user) const {
  NodeSet nodes;
  const NodeId owner = placement_->owner(user);
  if (owner != kNoNode) nodes.push_back(owner);
  return nodes;
}

void Router::State::on_resolve(NodeId from, const Frame& frame) {
  RouterCall call;
  call.kind = RouterCall::Kind::resolve;
  call.origin = from;
  call.frame = frame;
  if (must_ask(frame)) return ask_directory(std::move(call));
  answer_computed(call);
}

// REQUIRES: a placement.
void Router::State::answer_computed(const RouterCall& call) {
  if (call.frame.list.empty()) {
    const NodeSet nodes = computed(call.frame.user);
    // No owner is no answer: nobody said that the user is offline.
    return answer_one(call, nodes.empty() ? Reason::no_node : Reason::none, nodes, 0);
  }
  if (view_->members.empty()) return answer_one(call, Reason::no_node, {}, 0);
  std::vector<UserLocation> locations;
  for (UserId user : call.frame.list.as<UserId>()) {
    UserLocation location;
    location.user = user;
    for (NodeId node : computed(user)) location.nodes[location.count++] = node;
    locations.push_back(location);
  }
  answer_batch(call, locations);
}

void Router::State::on_forward(NodeId from, const Frame& frame) {
  if (frame.hops >= kMaxHops) {
    ++counters_.protocol_errors;
    return;
  }
  RouterCall call;
  call.kind = RouterCall::Kind::forward;
  call.origin = from;
  call.frame = frame;
  if (must_ask(frame)) return ask_directory(std::move(call));
  forward_computed(std::move(call));
}

// Who asks does not hold the users it names. Where it owns them by placement itself, placement has
// no answer and the directory must: after a change of the view they are still where they were.
void Router::State::forward_computed(RouterCall&& call) {
  if (call.frame.list.empty()) {
    if (computed(call.frame.user).contains(call.origin)) return ask_directory(std::move(call));
    return answer_computed(call);
  }
  std::vector<UserId> strays;
  for (UserId user : call.frame.list.as<UserId>()) {
    if (computed(user).contains(call.origin)) strays.push_back(user);
  }
  if (strays.empty()) return answer_computed(call);
  RouterCall rest = call;
  rest.frame.list = pool_.copy_list(std::span<const UserId>(strays));
  rest.rest = strays.size() < call.frame.list.as<UserId>().size();
  if (rest.rest) answer_computed(call);
  ask_directory(std::move(rest));
}

void Router::State::ask_directory(RouterCall&& call) {
  const bool login = call.kind == RouterCall::Kind::login;
  const uint32_t index = operations_.full() ? kNil : calls_.take();
  if (index == kNil) {
    return login ? refuse_login(call, Reason::overloaded)
                 : answer_one(call, Reason::overloaded, {}, 0);
  }
  DirectoryOp op;
  op.id = OpId{next_op_++};
  op.deadline = now_ + config_.delivery.store_deadline_ns;
  op.user = call.frame.user;
  if (login) {
    op.kind = DirectoryOpKind::reserve;
    op.row.device = call.frame.device;
    op.row.client_type = call.frame.client_type;
    op.seen_generation = call.frame.generation;
  } else if (!call.frame.list.empty()) {
    const auto users = call.frame.list.as<UserId>();
    op.kind = DirectoryOpKind::lookup_many;
    op.users = std::make_shared<const std::vector<UserId>>(users.begin(), users.end());
  } else {
    op.kind = DirectoryOpKind::lookup;
  }
  calls_[index] = std::move(call);
  *operations_.insert(op.id) = Waiting{index, calls_.stamp(index)};
  out_->push(StoreOp{std::move(op)});
}

// For one user: to RESOLVE the nodes, to FORWARD a push to each of them.
void Router::State::answer_one(const RouterCall& call, Reason reason, const NodeSet& nodes,
                               uint64_t version) {
  if (call.kind == RouterCall::Kind::forward && reason == Reason::none) {
    bool pushed = false;
    for (NodeId node : nodes) {
      if (node == call.origin) continue;  // it asked because the user is not there
      push(call.frame, node, {});
      pushed = true;
    }
    if (pushed) return;
    reason = Reason::offline;
  }
  if (call.rest) return;
  trace_call(TraceKind::resolved, call.frame, nodes.empty() ? kNoNode : nodes[0], reason);
  Frame answer;
  answer.type = FrameType::resolved;
  answer.number = call.frame.number;
  answer.route = call.frame.route;
  answer.user = call.frame.user;
  answer.version = version;
  answer.nodes = nodes;
  answer.reason = reason;
  out_->push(SendPeer{address_of(call.origin), std::move(answer)});
}

void Router::State::answer_batch(const RouterCall& call,
                                 const std::vector<UserLocation>& locations) {
  if (call.kind == RouterCall::Kind::resolve) {
    Frame answer;
    answer.type = FrameType::resolved;
    answer.number = call.frame.number;
    answer.route = call.frame.route;
    answer.list = pool_.copy_list(std::span<const UserLocation>(locations));
    out_->push(SendPeer{address_of(call.origin), std::move(answer)});
    return;
  }
  struct Target {
    NodeId node;
    UserId user;
  };
  std::vector<Target> targets;
  for (const UserLocation& location : locations) {
    for (uint32_t i = 0; i < location.count; ++i) {
      if (location.nodes[i] != call.origin) targets.push_back({location.nodes[i], location.user});
    }
  }
  if (targets.empty()) return answer_one(call, Reason::offline, {}, 0);
  std::sort(targets.begin(), targets.end(), [](const Target& a, const Target& b) {
    return a.node != b.node ? a.node < b.node : a.user < b.user;
  });
  std::vector<UserId> users;  // once per node, not per member
  for (size_t i = 0; i < targets.size(); ++i) {
    users.push_back(targets[i].user);
    if (i + 1 < targets.size() && targets[i + 1].node == targets[i].node) continue;
    push(call.frame, targets[i].node, users);
    users.clear();
  }
}

void Router::State::push(const Frame& forward, NodeId to, std::span<const UserId> users) {
  Frame frame;
  frame.type = FrameType::push;
  frame.route = forward.route;
  frame.node = forward.node;
  frame.user = forward.user;
  frame.hops = static_cast<uint8_t>(forward.hops + 1);
  frame.entry = forward.entry;
  if (!users.empty()) frame.list = pool_.copy_list(users);
  out_->push(SendPeer{address_of(to), std::move(frame)});
  trace_call(TraceKind::forwarded, forward, to, Reason::none);
}

void Router::State::trace_call(TraceKind kind, const Frame& call, NodeId node, Reason reason) {
  if (!out_->tracing()) return;
  TraceRecord record;
  record.kind = kind;
  record.reason = reason;
  record.user = call.user;
  record.device = call.device;
  record.node = node;
  record.conversation = call.entry.conversation;
  record.position = call.entry.position;
  record.sender = call.entry.sender;
  record.client_seq = call.entry.client_seq;
  record.route = call.route.value;
  out_->trace(record);
}

}  // namespace imroute
