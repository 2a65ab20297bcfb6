// A message for a group: one push per node, whoever of the members is there.
#include <algorithm>
#include <utility>

#include "core/base/planted.h"
#include "core/node/state.h"

namespace imroute {

// One push per node, not per member; members nobody knows are asked for together.
void Node::State::route_group(const Entry& entry, std::span<const UserId> members) {
  targets_.clear();
  unknown_.clear();
  strays_.clear();
  RouteAction ask = RouteAction::store;
  bool authoritative = false;
  const auto consider = [&](UserId user) {
    const LocalUser* local = live_user(user);
    if (local != nullptr) {
      for (NodeId node : living(local->elsewhere)) targets_.push_back({node, user});
      return;
    }
    if (cache_.known_offline(user, now_)) return;
    RouteQuery query;
    query.user = user;
    query.known = cached(user);
    ++(query.known.empty() ? counters_.cache_misses : counters_.cache_hits);
    const Decision decision = strategy_->decide(query, *view_, rng_);
    if (decision.action == RouteAction::push) {
      NodeSet nodes = decision.nodes;
      // Owned by this node and not here: whoever came instead is looked for one by one.
      if (nodes.erase(config_.id) && nodes.empty()) strays_.push_back(user);
      for (NodeId node : nodes) targets_.push_back({node, user});
    } else if (decision.action != RouteAction::store) {
      ask = decision.action;
      authoritative = decision.authoritative;
      unknown_.push_back(user);
    }
  };
  for (UserId user : members) consider(user);
  if (entry.kind == EntryKind::leave) consider(entry.subject);  // its holder must hear of it
  for (UserId user : members) {
    if (IM_PLANTED(group_local_forgotten)) break;
    for_each_session(user, [&](uint32_t s) { offer(s, entry, Via::push); });
  }
  if (entry.kind == EntryKind::leave) {
    for_each_session(entry.subject, [&](uint32_t s) {
      if (find_followed(s, entry.conversation) != kNil) offer(s, entry, Via::push);
    });
  }
  if (ask == RouteAction::broadcast) {
    const bool list = !at_least_once();
    return broadcast(RouteId{0}, kNoUser, entry, list ? pool_.copy_list(members) : Payload{});
  }
  push_targets(entry);
  for (size_t i = 0; i < strays_.size(); ++i) {
    const UserId user = strays_[i];
    const NodeId hint = hint_of(user);
    start_route(entry, user, hint == kNoNode ? LastAnswer::nack : LastAnswer::nack_with_hint, {},
                hint);
  }
  if (unknown_.empty()) return;
  const uint32_t index = routes_.take();
  if (index == kNil) {
    ++counters_.routes_given_up;
    return;
  }
  Route& route = routes_[index];
  route.kind = Route::Kind::group_batch;
  route.entry = entry;
  route.list = pool_.copy_list(std::span<const UserId>(unknown_));
  if (ask == RouteAction::lookup) {
    ++counters_.lookups;
    auto users = user_batches_.take();
    users->assign(unknown_.begin(), unknown_.end());
    DirectoryOp op;
    op.kind = DirectoryOpKind::lookup_many;
    op.users = users;
    Pending pending;
    pending.kind = PendingKind::lookup_many;
    pending.index = index;
    pending.stamp = routes_.stamp(index);
    directory(std::move(op), pending);
    return;
  }
  call_router(index, ask == RouteAction::forward, authoritative);
}

void Node::State::push_group(const Entry& entry, NodeId node, std::span<const UserId> users) {
  const uint32_t index = routes_.take();
  if (index == kNil) {
    ++counters_.routes_given_up;
    return;
  }
  Route& route = routes_[index];
  route.kind = Route::Kind::group_push;
  route.started = now_;
  route.entry = entry;
  route.list = pool_.copy_list(users);
  send_push(index, node);
  arm_route(index);
}

// One push to each node of `targets_`, with the members expected there.
void Node::State::push_targets(const Entry& entry) {
  std::sort(targets_.begin(), targets_.end(), [](const Target& a, const Target& b) {
    return a.node != b.node ? a.node < b.node : a.user < b.user;
  });
  expected_.clear();
  for (size_t i = 0; i < targets_.size(); ++i) {
    expected_.push_back(targets_[i].user);
    if (i + 1 < targets_.size() && targets_[i + 1].node == targets_[i].node) continue;
    push_group(entry, targets_[i].node, expected_);
    expected_.clear();
  }
}

}  // namespace imroute
