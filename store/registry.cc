#include "store/registry.h"

#include <algorithm>

#include "core/base/assert.h"

namespace imroute {

Registry::Registry(DurationNs lease) : lease_(lease) {
  publish(ClusterView{}, 0);
  watches_.clear();
}

Registry::Registry(DurationNs lease, const RegistryState& state, int64_t now)
    : lease_(lease),
      next_session_(state.next_session),
      next_incarnation_(state.next_incarnation),
      latest_identity_(state.latest_identity),
      latest_epoch_(state.latest_epoch) {
  ClusterView view;
  view.version = state.view_version;
  for (const RegistryState::Session& s : state.sessions) {
    sessions_.push_back({s.id, s.node, s.incarnation, now + lease_});
    view.members.push_back({s.node, s.weight, s.incarnation, s.draining});
  }
  std::sort(view.members.begin(), view.members.end(),
            [](const Member& a, const Member& b) { return a.node < b.node; });
  view_ = std::make_shared<const ClusterView>(view);
  publish(std::move(view), now);
}

RegistryState Registry::state() const {
  RegistryState out{view_->version,   next_session_, next_incarnation_,
                    latest_identity_, latest_epoch_, {}};
  for (const Session& s : sessions_) {
    const Member* member = view_->find(s.node);
    IM_ASSERT(member != nullptr);
    out.sessions.push_back({s.id, s.incarnation, s.node, member->weight, member->draining});
  }
  return out;
}

RegistryAnswer Registry::handle(Address from, const RegistryOp& op, int64_t now,
                                DurationNs read_delay) {
  expire_due(now);
  RegistryAnswer answer;
  switch (op.kind) {
    case RegistryOpKind::open:
      return open(from, op, now);
    case RegistryOpKind::list:
      return list(from, now, read_delay);
    case RegistryOpKind::raise_epoch:
      answer.reply.epoch = raise_epoch(op.identity);
      if (answer.reply.epoch == 0) answer.status = ReplyStatus::error;
      break;
    case RegistryOpKind::renew:
    case RegistryOpKind::close:
    case RegistryOpKind::announce: {
      Session* session = find(op.session, from);
      if (session == nullptr) {
        answer.status = ReplyStatus::error;
        break;
      }
      answer.reply.session = session->id;
      answer.reply.incarnation = session->incarnation;
      if (op.kind == RegistryOpKind::renew) {
        session->expires = now + lease_;
        break;
      }
      ClusterView next = *view_;
      if (op.kind == RegistryOpKind::close) {
        end_session(static_cast<size_t>(session - sessions_.data()), next);
      } else {
        const NodeId node = session->node;
        const auto at = std::find_if(next.members.begin(), next.members.end(),
                                     [node](const Member& m) { return m.node == node; });
        IM_ASSERT(at != next.members.end());
        if (at->draining == op.draining) break;
        at->draining = op.draining;
      }
      publish(std::move(next), now);
      break;
    }
  }
  answer.reply.kind = op.kind;
  return answer;
}

RegistryAnswer Registry::open(Address from, const RegistryOp& op, int64_t now) {
  RegistryAnswer answer;
  answer.reply.kind = RegistryOpKind::open;
  if (from.kind != PeerKind::node) {
    answer.status = ReplyStatus::error;
    return answer;
  }
  const NodeId node{from.index};
  ClusterView next = *view_;
  // A node that restarted within its lease takes the place of its former self.
  for (size_t i = 0; i < sessions_.size(); ++i) {
    if (sessions_[i].node == node) {
      end_session(i, next);
      break;
    }
  }
  const Session session{next_session_++, node, next_incarnation_++, now + lease_};
  sessions_.push_back(session);
  if (node.value < lease_over_.size()) lease_over_[node.value] = kNever;
  const auto at = std::lower_bound(next.members.begin(), next.members.end(), node,
                                   [](const Member& m, NodeId id) { return m.node < id; });
  next.members.insert(at, Member{node, op.weight, session.incarnation, op.draining});
  publish(std::move(next), now);
  answer.reply.session = session.id;
  answer.reply.incarnation = session.incarnation;
  return answer;
}

RegistryAnswer Registry::list(Address from, int64_t now, DurationNs read_delay) {
  RegistryAnswer answer;
  answer.reply.kind = RegistryOpKind::list;
  answer.reply.view = view_;
  int64_t fires_at = kNever;
  if (read_delay > 0) {
    for (size_t i = published_.size(); i-- > 0;) {
      answer.reply.view = published_[i].view;
      if (published_[i].at <= now - read_delay) break;
      // The follower hears of this version later; the watch set on an older one fires then.
      if (i > 0) fires_at = published_[i].at + read_delay;
    }
  }
  arm(from, fires_at);
  return answer;
}

Registry::Session* Registry::find(uint64_t session, Address from) {
  for (Session& s : sessions_) {
    if (s.id == session && from == address_of(s.node)) return &s;
  }
  return nullptr;
}

void Registry::end_session(size_t index, ClusterView& next) {
  const NodeId node = sessions_[index].node;
  std::erase_if(next.members, [node](const Member& m) { return m.node == node; });
  sessions_.erase(sessions_.begin() + static_cast<ptrdiff_t>(index));
}

void Registry::publish(ClusterView next, int64_t now) {
  next.version = view_ == nullptr ? 1 : view_->version + 1;
  view_ = std::make_shared<const ClusterView>(std::move(next));
  published_.push_back({now, view_});
  if (published_.size() > kViewsKept) published_.pop_front();
  for (Watch& w : watches_) w.fires_at = std::min(w.fires_at, now);
}

void Registry::arm(Address watcher, int64_t fires_at) {
  for (Watch& w : watches_) {
    if (w.watcher == watcher) {  // one watch each, as a second one on the same path is
      w.fires_at = fires_at;
      return;
    }
  }
  watches_.push_back({watcher, fires_at});
}

void Registry::expire_due(int64_t now) {
  // One change per session, as each ephemeral node is deleted by itself.
  for (size_t i = 0; i < sessions_.size();) {
    if (sessions_[i].expires > now) {
      ++i;
      continue;
    }
    const NodeId node = sessions_[i].node;
    if (node.value >= lease_over_.size()) lease_over_.resize(node.value + 1, kNever);
    lease_over_[node.value] = sessions_[i].expires;
    ClusterView next = *view_;
    end_session(i, next);
    publish(std::move(next), now);
  }
}

int64_t Registry::next_expiry() const {
  int64_t next = kNever;
  for (const Session& s : sessions_) next = std::min(next, s.expires);
  for (const Watch& w : watches_) next = std::min(next, w.fires_at);
  return next;
}

std::vector<Address> Registry::take_fired(int64_t now) {
  std::vector<Address> fired;
  std::erase_if(watches_, [&](const Watch& w) {
    if (w.fires_at > now) return false;
    fired.push_back(w.watcher);
    return true;
  });
  return fired;
}

bool Registry::expire_session(NodeId node, int64_t now) {
  for (size_t i = 0; i < sessions_.size(); ++i) {
    if (sessions_[i].node != node) continue;
    ClusterView next = *view_;
    end_session(i, next);
    publish(std::move(next), now);
    return true;
  }
  return false;
}

void Registry::restart_leases(int64_t now) {
  for (Session& s : sessions_) s.expires = now + lease_;
}

uint32_t Registry::raise_epoch(uint64_t identity) {
  if (identity == 0 || identity < latest_identity_) return 0;
  if (identity > latest_identity_) {
    latest_identity_ = identity;
    ++latest_epoch_;
  }
  return latest_epoch_;
}

}  // namespace imroute
