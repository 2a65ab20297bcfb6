// The receiving side of a push: deliver to the sessions here, and say so; or say that the user is
// not here, and where it went (protocol.md 1).
#include <utility>

#include "core/base/planted.h"
#include "core/node/state.h"

namespace imroute {

void Node::State::on_push(NodeId from, const Frame& frame) {
  ++counters_.pushes_received;
  if (!serving_) return;
  if (frame.user == kNoUser) return on_group_push(from, frame);
  const bool targeted = frame.hops != kBroadcastHops;
  if (live_user(frame.user) == nullptr) {
    if (!targeted) {
      ++counters_.pushes_ignored;
      return;
    }
    return send_nack(frame.node, frame.route, frame.user);
  }
  for_each_session(frame.user, [&](uint32_t s) { offer(s, frame.entry, Via::push); });
  if (frame.route.value != 0) send_route_ack(frame.node, frame.route, frame.user);
}

void Node::State::on_group_push(NodeId from, const Frame& frame) {
  static_cast<void>(from);
  const bool targeted = frame.hops != kBroadcastHops;
  if (!list_is_whole<UserId>(frame.list)) {
    ++counters_.protocol_errors;
    return;
  }
  const ConversationId id = frame.entry.conversation;
  if (!frame.list.empty()) {
    for (UserId user : frame.list.as<UserId>()) {
      if (live_user(user) == nullptr) {
        if (targeted) send_nack(frame.node, frame.route, user);
        continue;
      }
      // Senders that learned of this user before the other session came miss it: tell them. Later
      // than a cache remembers they have asked again; but an owner is computed, never asked for.
      const LocalUser& local = *live_user(user);
      const DurationNs ttl = config_.strategy.cache_ttl_ns;
      const bool recent =
          ttl == 0 || config_.strategy.places_logins() || now_ - local.changed_at <= ttl;
      if (targeted && recent && !local.elsewhere.empty()) {
        send_route_ack(frame.node, frame.route, user);
      }
      for_each_session(user, [&](uint32_t s) {
        const bool leaver = frame.entry.kind == EntryKind::leave && frame.entry.subject == user;
        if (leaver && find_followed(s, id) == kNil) return;
        offer(s, frame.entry, Via::push);
      });
    }
  } else if (const Group* group = groups_.find(id)) {
    for (uint32_t f = group->first_followed; f != kNil;) {
      const uint32_t next = followed_[f].next_of_group;
      offer(followed_[f].session, frame.entry, Via::push);
      f = next;
    }
  }
  // Nobody follows a group before it is told of it.
  const auto tell = [&](UserId user) {
    for_each_session(user, [&](uint32_t s) {
      if (find_followed(s, id) == kNil) offer(s, frame.entry, Via::push);
    });
  };
  if (frame.list.empty() && frame.entry.kind == EntryKind::join) tell(frame.entry.subject);
  if (frame.list.empty() && frame.entry.kind == EntryKind::create && founds_group(frame.entry)) {
    for (const uint64_t user : frame.entry.payload.as<uint64_t>()) tell(UserId{user});
  }
  if (targeted) send_route_ack(frame.node, frame.route, kNoUser);
}

void Node::State::send_route_ack(NodeId to, RouteId route, UserId user) {
  Frame frame;
  frame.type = FrameType::route_ack;
  frame.route = route;
  frame.user = user;
  if (const LocalUser* local = live_user(user)) {
    frame.nodes = local->elsewhere;
    frame.nodes.insert(config_.id);
    frame.version = local->version;
  }
  send_node(to, std::move(frame));
}

// Where a user who is not here went, or where a session of a user owned by this node is.
NodeId Node::State::hint_of(UserId user) {
  if (!config_.strategy.hints) return kNoNode;
  const NodeSet* there = moved_.find(user, now_);
  if (there == nullptr) there = pointers_.find(user, now_);
  const bool alive = there != nullptr && view_->find((*there)[0]) != nullptr;
  if (IM_PLANTED(hint_loop) && !alive) {
    for (const Member& member : view_->members) {
      if (member.node != config_.id) return member.node;
    }
  }
  return alive ? (*there)[0] : kNoNode;
}

void Node::State::send_nack(NodeId to, RouteId route, UserId user) {
  ++counters_.nacks_sent;
  Frame frame;
  frame.type = FrameType::nack;
  frame.route = route;
  frame.user = user;
  frame.reason = Reason::no_session;
  if (!perturbed(PerturbSite::hint_withheld)) frame.node = hint_of(user);
  send_node(to, std::move(frame));
}

}  // namespace imroute
