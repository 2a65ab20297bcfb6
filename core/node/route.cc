// Carrying out routing decisions: attempts, answers, deadlines. A strategy decides (core/route),
// this file acts, so every strategy has the same retries, the same caches and the same end:
// delivered to a node that holds the user, or left to the mailbox path; never silence (protocol.md
// 1).
#include <algorithm>
#include <utility>

#include "core/base/planted.h"
#include "core/node/state.h"

namespace imroute {

NodeSet Node::State::living(const NodeSet& nodes) const {
  NodeSet alive;
  for (NodeId node : nodes) {
    if (view_->find(node) != nullptr) alive.push_back(node);
  }
  return alive;
}

// Where a user who is not here was last known to be. An entry that names this node is about a
// session it has lost.
NodeSet Node::State::cached(UserId user) {
  if (perturbed(PerturbSite::cache_entry_dropped)) cache_.drop(user);
  const NodeSet* found = cache_.find(user, now_);
  NodeSet nodes = found == nullptr ? NodeSet{} : living(*found);
  nodes.erase(config_.id);
  return nodes;
}

// Rows of an incarnation that is not in the view are void. One that is newer than all of the view
// is not: the view is what is old.
NodeSet Node::State::nodes_of(const UserRecord& record) const {
  NodeSet nodes;
  for (const DeviceRow& row : record.rows) {
    if (row.state != ConnectState::online || row.node == kNoNode) continue;
    const Member* member = view_->find(row.node);
    const bool newer = row.incarnation > newest_incarnation_;
    if (newer || (member != nullptr && member->incarnation == row.incarnation)) {
      nodes.insert(row.node);
    }
  }
  return nodes;
}

void Node::State::route_entry(const Entry& entry, const Batch<UserId>& members) {
  ++counters_.routes;
  if (entry.conversation.is_group()) {
    if (members != nullptr) route_group(entry, *members);
    return;
  }
  const UserId recipient = entry.conversation.other(entry.sender);
  route_user(entry, recipient);
  if (recipient == entry.sender || IM_PLANTED(other_device_forgotten)) return;
  // The sender's other devices: those here, and where its record says the others are. A sender that
  // left while its entry was appended is looked for like anybody.
  const LocalUser* own = live_user(entry.sender);
  if (own == nullptr) return start_route(entry, entry.sender, LastAnswer::nothing, {}, kNoNode);
  const NodeSet elsewhere = living(own->elsewhere);
  for_each_session(entry.sender, [&](uint32_t s) { offer(s, entry, Via::push); });
  if (!elsewhere.empty()) start_route(entry, entry.sender, LastAnswer::nothing, elsewhere, kNoNode);
}

void Node::State::route_user(const Entry& entry, UserId user) {
  const LocalUser* local = live_user(user);
  const bool here = local != nullptr;
  const NodeSet elsewhere = here ? living(local->elsewhere) : NodeSet{};
  if (here) {
    trace(TraceKind::route_local, entry, user, 0, 0, config_.id);
    for_each_session(user, [&](uint32_t s) { offer(s, entry, Via::push); });
  }
  if (config_.strategy.kind == StrategyKind::broadcast) {
    if (here) {  // knows nothing of other devices by design: everybody is told, nobody is awaited
      ++counters_.route_local;
      return broadcast(RouteId{0}, user, entry, {});
    }
    return start_route(entry, user, LastAnswer::nothing, {}, kNoNode);
  }
  if (!here) return start_route(entry, user, LastAnswer::nothing, {}, kNoNode);
  if (elsewhere.empty()) {
    ++counters_.route_local;
    return;
  }
  start_route(entry, user, LastAnswer::nothing, elsewhere, kNoNode);
}

void Node::State::start_route(const Entry& entry, UserId user, LastAnswer last,
                              const NodeSet& known, NodeId hint, NodeId reached) {
  const uint32_t index = routes_.take();
  if (index == kNil) {
    ++counters_.routes_given_up;
    return;
  }
  Route& route = routes_[index];
  route.entry = entry;
  route.user = user;
  route.query.user = user;
  route.query.last = last;
  route.query.hint = hint;
  route.started = now_;
  if (reached != kNoNode) route.pushed.insert(reached);
  if (last == LastAnswer::nothing && !known.empty()) {  // from this node's own records
    ++route.query.attempts;
    return push_to(index, known);
  }
  if (last == LastAnswer::nothing && cache_.known_offline(user, now_)) {
    return give_up(index, Reason::offline);
  }
  if (last == LastAnswer::nothing) {
    route.query.known = cached(user);
    if (strategy_->uses_cache()) {
      ++(route.query.known.empty() ? counters_.cache_misses : counters_.cache_hits);
    }
  }
  decide(index);
}

void Node::State::decide(uint32_t index) {
  Route& route = routes_[index];
  const uint32_t limit = kMaxRouteAttempts * (IM_PLANTED(hint_loop) ? 10 : 1);
  if (route.query.attempts >= limit) return give_up(index, Reason::attempts_exhausted);
  const bool again = route.query.attempts > 0;
  route.pending.clear();  // an answer to an earlier attempt decides nothing any more
  end_call(index);
  ++route.arms;  // nor does its timer or its look-up: this route may come to follow another
  Decision decision = strategy_->decide(route.query, *view_, rng_);
  ++route.query.attempts;
  route_attempts_max_ = std::max(route_attempts_max_, route.query.attempts);
  // What a strategy does after a silence or a failed question is its one retry.
  if (route.query.last == LastAnswer::timeout || route.query.last == LastAnswer::lookup_failed) {
    route.query.retried = true;
  }
  const auto stamp = routes_.stamp(index);
  switch (decision.action) {
    case RouteAction::push:
      return push_to(index, decision.nodes);
    case RouteAction::broadcast: {
      if (follows_another(index)) return;
      if (again) ++counters_.rebroadcasts;
      route.broadcasted = true;
      route.pending.clear();
      broadcast(id_of(index), route.user, route.entry, {});
      return arm_route(index);
    }
    case RouteAction::lookup: {
      if (follows_another(index)) return;
      ++counters_.lookups;
      trace(TraceKind::route_lookup, route.entry, route.user, 0, id_of(index).value);
      DirectoryOp op;
      op.kind = DirectoryOpKind::lookup;
      op.user = route.user;
      Pending pending;
      pending.kind = PendingKind::lookup;
      pending.index = index;
      pending.stamp = stamp;
      pending.arms = route.arms;
      directory(std::move(op), pending);
      return;
    }
    case RouteAction::resolve:
      if (follows_another(index)) return;
      return call_router(index, false, decision.authoritative);
    case RouteAction::forward:
      return call_router(index, true, decision.authoritative);
    case RouteAction::store:
      return give_up(
          index, route.query.last == LastAnswer::looked_up ? Reason::offline : Reason::no_route);
  }
}

// Single flight per user: while one route asks where a user is, the others wait for what it learns,
// and go on in the order they came. False: this one asks.
bool Node::State::follows_another(uint32_t index) {
  Route& route = routes_[index];
  if (!strategy_->uses_cache()) return false;
  const uint32_t* leader = leaders_.find(route.user);
  if (leader == nullptr) {
    route.leads = true;
    *leaders_.insert(route.user) = index;
    return false;
  }
  if (*leader == index) return false;
  ++counters_.rebroadcasts_collapsed;
  route.follows = true;
  route.next_follower = routes_[*leader].first_follower;
  routes_[*leader].first_follower = index;
  trace(TraceKind::route_collapsed, route.entry, route.user, 0, id_of(index).value);
  return true;
}

void Node::State::push_to(uint32_t index, const NodeSet& nodes) {
  Route& route = routes_[index];
  route.pending.clear();
  for (NodeId node : nodes) {
    if (node == config_.id) continue;
    route.pending.push_back(node);
    route.pushed.insert(node);
  }
  if (route.pending.empty()) {  // pointed at this node, where the user is not
    if (live_user(route.user) != nullptr) return finish_route(index);
    cache_.drop(route.user);
    route.query.hint = hint_of(route.user);
    route.query.last = route.query.hint == kNoNode ? LastAnswer::nack : LastAnswer::nack_with_hint;
    route.query.known.clear();
    return decide(index);
  }
  const NodeSet targets = route.pending;
  for (NodeId node : targets) send_push(index, node);
  arm_route(index);
}

void Node::State::send_push(uint32_t index, NodeId node) {
  const Route& route = routes_[index];
  ++counters_.pushes;
  trace(TraceKind::route_push, route.entry, route.user, 0, id_of(index).value, node);
  Frame frame;
  frame.type = FrameType::push;
  frame.route = id_of(index);
  frame.node = config_.id;
  frame.user = route.user;
  frame.entry = route.entry;
  frame.list = route.list;
  send_node(node, std::move(frame));
}

void Node::State::broadcast(RouteId id, UserId user, const Entry& entry, const Payload& list) {
  ++counters_.broadcasts;
  trace(TraceKind::route_broadcast, entry, user, 0, id.value);
  Frame frame;
  frame.type = FrameType::push;
  frame.route = id;
  frame.node = config_.id;
  frame.user = user;
  frame.hops = kBroadcastHops;
  frame.number = ++published_;
  frame.entry = entry;
  frame.list = list;
  if (IM_PLANTED(broadcast_skips_last) && config_.strategy.bus == BusKind::mesh) {
    for (size_t i = 0; i + 1 < view_->members.size(); ++i) {
      if (view_->members[i].node != config_.id) send_node(view_->members[i].node, Frame(frame));
    }
    return;
  }
  if (config_.strategy.bus == BusKind::pubsub) {
    out_->push(Publish{std::move(frame)});
  } else {
    out_->push(SendMesh{std::move(frame)});
  }
}

void Node::State::arm_route(uint32_t index) {
  if (IM_PLANTED(route_without_deadline)) return;
  Route& route = routes_[index];
  ++route.arms;
  const uint64_t stamp = (static_cast<uint64_t>(routes_.stamp(index)) << 32) | route.arms;
  DurationNs deadline = config_.delivery.route_deadline_ns;
  if (perturbed(PerturbSite::route_impatient)) deadline /= 8;
  timers_.set_in_line(now_ + deadline, TimerKind::route, index, stamp);
}

uint32_t Node::State::find_route(RouteId id) const {
  const auto index = static_cast<uint32_t>(id.value);
  return routes_.is(index, static_cast<uint32_t>(id.value >> 32)) ? index : kNil;
}

void Node::State::free_route(uint32_t index) {
  const Route& route = routes_[index];
  end_call(index);
  if (route.leads) leaders_.erase(route.user);
  routes_.give(index);
}

void Node::State::finish_route(uint32_t index) {
  Route& route = routes_[index];
  trace(TraceKind::route_done, route.entry, route.user, 0, id_of(index).value, kNoNode,
        route.query.attempts);
  release_followers(index, cached(route.user));
  free_route(index);
}

void Node::State::give_up(uint32_t index, Reason reason) {
  Route& route = routes_[index];
  trace(TraceKind::route_given_up, route.entry, route.user, 0, id_of(index).value, kNoNode,
        route.query.attempts, reason);
  if (at_least_once()) {
    ++counters_.routes_given_up;
  } else {
    ++(reason == Reason::offline ? counters_.drops_offline : counters_.drops_no_route);
  }
  // Somebody was asked: else one "nobody has this user" would keep itself alive.
  const bool asked = route.query.attempts > 0 && !route.acked;
  if (strategy_->uses_cache() && route.kind == Route::Kind::single && asked) {
    cache_.learn_offline(route.user, now_);
  }
  release_followers(index, {});
  free_route(index);
}

void Node::State::release_followers(uint32_t index, const NodeSet& nodes) {
  if (IM_PLANTED(followers_forgotten)) return;
  uint32_t next = routes_[index].first_follower;
  routes_[index].first_follower = kNil;
  if (routes_[index].leads) {
    leaders_.erase(routes_[index].user);
    routes_[index].leads = false;
  }
  // They were chained newest first; they go on in the order they came.
  uint32_t ordered = kNil;
  while (next != kNil) {
    const uint32_t after = routes_[next].next_follower;
    routes_[next].next_follower = ordered;
    ordered = next;
    next = after;
  }
  while (ordered != kNil) {
    const uint32_t follower = ordered;
    ordered = routes_[follower].next_follower;
    routes_[follower].follows = false;
    routes_[follower].next_follower = kNil;
    if (routes_[follower].acked) {
      finish_route(follower);
    } else if (nodes.empty()) {
      give_up(follower, Reason::no_route);
    } else {
      push_to(follower, nodes);
    }
  }
}

// ---- answers
// ---------------------------------------------------------------------------------------

void Node::State::on_route_ack(NodeId from, const Frame& frame) {
  if (perturbed(PerturbSite::route_answer_lost)) return;
  ++counters_.route_acks;
  const uint32_t index = find_route(frame.route);
  if (index != kNil && routes_[index].kind != Route::Kind::single && frame.user != kNoUser) {
    return on_member_ack(from, index, frame);
  }
  // Who acknowledges may be too new for this view: that is no word that nobody has the user.
  if (const NodeSet nodes = living(frame.nodes); frame.user != kNoUser && !nodes.empty()) {
    cache_.learn(frame.user, nodes, frame.version, now_);
  }
  if (index == kNil) return;
  // A router that reads the directory has forwarded it to all nodes of the user.
  const bool reached_all = routes_[index].call != kNoCall && routes_[index].forwards &&
                           !config_.strategy.places_logins();
  call_answered(index);
  Route& route = routes_[index];
  trace(TraceKind::route_ack, route.entry, frame.user, 0, frame.route.value, from);
  if (route.kind == Route::Kind::group_push) return free_route(index);
  if (route.kind == Route::Kind::single && !route.acked) {
    route_times_.record(now_ - route.started);
  }
  route.acked = true;
  // Forwarded to several nodes: the first answer ends the call; NACKs of others may still come.
  if (route.kind == Route::Kind::group_batch) return arm_route(index);
  route.pushed.insert(from);
  route.pending.erase(from);
  if (route.follows) return;  // its leader holds it; it ends with the leader
  if (route.broadcasted) return finish_route(index);
  for (NodeId node : frame.nodes) {  // a second device elsewhere must be reached too
    if (reached_all || IM_PLANTED(second_device_forgotten)) break;
    if (node == config_.id || route.pushed.contains(node) || view_->find(node) == nullptr) continue;
    route.pushed.insert(node);
    route.pending.insert(node);
    send_push(index, node);
  }
  return route.pending.empty() ? finish_route(index) : arm_route(index);
}

// About one member of a group push: it has sessions on several nodes. Those that were not known
// when the message was fanned out get it now. A router that forwards by a computed placement knows
// one node of each member; one that reads the directory has reached all.
void Node::State::on_member_ack(NodeId from, uint32_t index, const Frame& frame) {
  const Route& route = routes_[index];
  NodeSet others = living(frame.nodes);
  others.erase(config_.id);
  const bool forwarded = route.kind == Route::Kind::group_batch;
  const bool sent = forwarded ? !config_.strategy.places_logins()
                              : cache_.covered(frame.user, others, route.started);
  if (!others.empty()) cache_.learn(frame.user, others, frame.version, now_);
  others.erase(from);
  if (sent || others.empty()) return;
  const Entry entry = route.entry;
  start_route(entry, frame.user, LastAnswer::nothing, others, kNoNode, from);
}

void Node::State::on_nack(NodeId from, const Frame& frame) {
  ++counters_.nacks_received;
  if (IM_PLANTED(nack_ignored)) return;
  cache_.drop_node(frame.user, from);
  // One that has not acknowledged OWNERS yet may be binding the session.
  LocalUser* local = live_user(frame.user);
  if (local != nullptr && local->elsewhere.contains(from) && !tells_owners(from, frame.user)) {
    local->elsewhere.erase(from);
    local->doubted = true;
  }
  const uint32_t index = find_route(frame.route);
  if (index == kNil) return;
  // A router chose the node: it is not in `pending`.
  const bool forwarded =
      routes_[index].call != kNoCall && routes_[index].kind == Route::Kind::single;
  if (forwarded) call_answered(index);
  Route& route = routes_[index];
  trace(TraceKind::route_nack, route.entry, frame.user, 0, frame.route.value, from);
  const bool hinted = frame.node != kNoNode && frame.node != config_.id && frame.node != from &&
                      view_->find(frame.node) != nullptr && !perturbed(PerturbSite::hint_ignored);
  if (route.kind != Route::Kind::single) {  // one member of several went elsewhere
    const Entry entry = route.entry;
    if (hinted) ++counters_.hints_followed;
    return start_route(entry, frame.user, hinted ? LastAnswer::nack_with_hint : LastAnswer::nack,
                       {}, hinted ? frame.node : kNoNode);
  }
  if (route.user != frame.user || route.follows) return;
  if (!route.pending.erase(from) && !forwarded) return;
  if (!route.pending.empty()) return;
  if (route.acked) return finish_route(index);
  if (live_user(route.user) != nullptr) {  // came here meanwhile
    for_each_session(route.user, [&](uint32_t s) { offer(s, route.entry, Via::push); });
    return finish_route(index);
  }
  route.query.known.clear();
  route.query.last = hinted ? LastAnswer::nack_with_hint : LastAnswer::nack;
  route.query.hint = hinted ? frame.node : kNoNode;
  if (hinted) {
    ++counters_.hints_followed;
    trace(TraceKind::route_hint, route.entry, frame.user, 0, frame.route.value, frame.node);
  }
  decide(index);
}

void Node::State::on_route_timer(uint32_t index) {
  Route& route = routes_[index];
  if (route.kind == Route::Kind::group_batch) return free_route(index);
  if (route.kind == Route::Kind::group_push) {  // nobody answered for these: each is looked for
    const Entry entry = route.entry;
    const Payload list = route.list;
    free_route(index);
    for (UserId user : list.as<UserId>()) {
      cache_.drop(user);
      start_route(entry, user, LastAnswer::timeout, {}, kNoNode);
    }
    return;
  }
  if (route.acked) return finish_route(index);
  cache_.drop(route.user);
  ++counters_.routes_retried;
  trace(TraceKind::route_retry, route.entry, route.user, 0, id_of(index).value);
  route.query.known.clear();
  route.query.last = LastAnswer::timeout;
  decide(index);
}

// A directory or a router answered for one user.
void Node::State::on_located(uint32_t index, bool answered, const NodeSet& nodes,
                             uint64_t version) {
  Route& route = routes_[index];
  if (!answered) {
    route.query.last = LastAnswer::lookup_failed;
    return decide(index);
  }
  if (live_user(route.user) != nullptr && nodes.contains(config_.id)) {
    for_each_session(route.user, [&](uint32_t s) { offer(s, route.entry, Via::push); });
  }
  cache_.learn(route.user, nodes, version, now_);
  route.query.known = nodes;
  route.query.last = LastAnswer::looked_up;
  const RouteId id = id_of(index);
  decide(index);
  if (find_route(id) != kNil && routes_[index].leads) release_followers(index, nodes);
}

void Node::State::on_located_batch(uint32_t index, std::span<const UserLocation> locations,
                                   bool answered) {
  const Entry entry = routes_[index].entry;
  const Payload asked = routes_[index].list;
  free_route(index);
  if (!answered) {
    for (UserId user : asked.as<UserId>()) {
      start_route(entry, user, LastAnswer::lookup_failed, {}, kNoNode);
    }
    return;
  }
  targets_.clear();
  for (const UserLocation& location : locations) {
    NodeSet nodes;
    for (uint32_t i = 0; i < location.count && i < kMaxNodesPerUser; ++i) {
      if (view_->find(location.nodes[i]) != nullptr) nodes.insert(location.nodes[i]);
    }
    cache_.learn(location.user, nodes, location.version, now_);
    for (NodeId node : nodes) {
      if (node != config_.id) targets_.push_back({node, location.user});
    }
  }
  push_targets(entry);
}

}  // namespace imroute
