// Answers of the directory and the registry.
#include <algorithm>
#include <utility>

#include "core/router/state.h"

namespace imroute {

void Router::State::on_reply(const Reply& reply) {
  const Waiting* found = operations_.find(reply.id);
  if (found == nullptr) {
    ++counters_.replies_late;
    return;
  }
  const Waiting waiting = *found;
  operations_.erase(reply.id);
  if (reply.status == ReplyStatus::unknown) ++counters_.ops_unknown;
  const bool ok = reply.status == ReplyStatus::ok;
  if (waiting.call == kNil) {
    listing_ = false;
    if (ok) {
      apply_view(reply.registry->view);
    } else {
      timers_.set(now_ + config_.sessions.heartbeat_ns, RouterTimer::retry_list);
    }
    if (std::exchange(list_again_, false)) list_nodes();
    return;
  }
  if (!calls_.is(waiting.call, waiting.stamp)) return;
  const RouterCall call = std::move(calls_[waiting.call]);
  calls_.give(waiting.call);
  on_directory(call, ok ? reply.directory : nullptr);
}

void Router::State::on_directory(const RouterCall& call, const DirectoryReply* reply) {
  if (call.kind == RouterCall::Kind::login) {
    if (reply == nullptr) return refuse_login(call, Reason::store_unavailable);
    return place_login(call, reply->generation);
  }
  if (reply == nullptr) return answer_one(call, Reason::store_unavailable, {}, 0);
  if (view_->version == 0) {
    // Nothing heard of the registry yet: which rows are void is not known, so nobody is offline.
    return answer_one(call, Reason::store_unavailable, {}, 0);
  }
  if (call.frame.list.empty()) {
    const NodeSet nodes = nodes_of(reply->record);
    return answer_one(call, nodes.empty() ? Reason::offline : Reason::none, nodes,
                      reply->record.version);
  }
  std::vector<UserLocation> locations;
  if (reply->records != nullptr) {
    for (const UserRecord& record : *reply->records) {
      UserLocation location;
      location.user = record.user;
      location.version = record.version;
      for (NodeId node : nodes_of(record)) location.nodes[location.count++] = node;
      locations.push_back(location);
    }
  }
  answer_batch(call, locations);
}

// Rows of an incarnation that is not in the view are void. One that is newer than all of the view
// is not: the view is what is old.
NodeSet Router::State::nodes_of(const UserRecord& record) {
  NodeSet nodes;
  for (const DeviceRow& row : record.rows) {
    if (row.state != ConnectState::online || row.node == kNoNode) continue;
    const Member* member = view_->find(row.node);
    const bool newer = row.incarnation > newest_incarnation_;
    if (newer) list_nodes();
    if (newer || (member != nullptr && member->incarnation == row.incarnation)) {
      nodes.insert(row.node);
    }
  }
  return nodes;
}

void Router::State::apply_view(const ViewHandle& view) {
  if (view == nullptr || view->version <= view_->version) return;
  if (view_->version == 0) watching_since_ = now_;
  // While a cluster starts nobody is newer than anybody.
  const bool settled = now_ - watching_since_ > config_.sessions.lease_ns;
  for (const Member& member : view->members) {
    const Member* before = view_->find(member.node);
    const bool joined = before == nullptr || before->incarnation != member.incarnation;
    NodeHealth* health = health_of(member.node.value);
    if (joined && settled && health != nullptr) health->new_until = now_ + kSlowStart;
  }
  view_ = view;
  backends_.clear();
  for (const Member& member : view_->members) {
    newest_incarnation_ = std::max(newest_incarnation_, member.incarnation);
    backends_.push_back({member.node.value, member.weight, 0, true});
  }
  balancer_->update(backends_);
  if (placement_ != nullptr) placement_->update(*view_);
}

}  // namespace imroute
