// Answers of the stores, matched with what was asked. An answer nobody waits for is counted and
// dropped.
#include <utility>

#include "core/base/planted.h"
#include "core/node/state.h"

namespace imroute {

void Node::State::on_reply(const Reply& reply) {
  Pending* found = operations_.find(reply.id);
  if (found == nullptr) {
    ++counters_.replies_late;
    return;
  }
  Pending pending = std::move(*found);
  const bool kept = IM_PLANTED(operation_leak) && reply.status == ReplyStatus::unknown;
  if (!kept) operations_.erase(reply.id);
  if (reply.status == ReplyStatus::unknown) ++counters_.ops_unknown;
  switch (pending.kind) {
    case PendingKind::open:
    case PendingKind::renew:
    case PendingKind::close:
    case PendingKind::announce:
    case PendingKind::list:
    case PendingKind::raise_epoch:
      return on_registry_reply(pending, reply.status,
                               reply.status == ReplyStatus::ok ? reply.registry : nullptr);
    case PendingKind::bind:
    case PendingKind::unbind:
    case PendingKind::lookup:
    case PendingKind::lookup_many:
    case PendingKind::check:
    case PendingKind::elsewhere:
      store_answered(false, reply.status);
      return on_directory_reply(pending, reply.status,
                                reply.status == ReplyStatus::ok ? reply.directory : nullptr);
    default:
      store_answered(true, reply.status);
      return on_mailbox_reply(pending, reply.status,
                              reply.status == ReplyStatus::ok ? reply.mailbox : nullptr);
  }
}

void Node::State::on_directory_reply(const Pending& pending, ReplyStatus status,
                                     const DirectoryReply* reply) {
  if (reply != nullptr && reply->identity != directory_identity_) {
    const bool known = directory_identity_ != 0;
    directory_identity_ = reply->identity;
    if (known) start_session_check();  // it may have lost rows of ours
  }
  switch (pending.kind) {
    case PendingKind::bind:
      return on_bind_reply(pending, status, reply);
    case PendingKind::check:
      if (reply != nullptr) on_check_reply(*reply);
      return;
    case PendingKind::elsewhere:
      if (reply != nullptr) on_elsewhere_reply(*reply);
      return;
    case PendingKind::unbind:
      if (reply == nullptr && not_unbound_.size() < config_.capacity.sessions) {
        not_unbound_.push_back(pending);
      }
      return;
    case PendingKind::lookup: {
      if (!routes_.is(pending.index, pending.stamp)) return;
      if (routes_[pending.index].arms != pending.arms) return;
      if (reply == nullptr) return on_located(pending.index, false, {}, 0);
      return on_located(pending.index, true, nodes_of(reply->record), reply->record.version);
    }
    case PendingKind::lookup_many: {
      if (!routes_.is(pending.index, pending.stamp)) return;
      if (reply == nullptr || reply->records == nullptr) {
        return on_located_batch(pending.index, {}, false);
      }
      std::vector<UserLocation> locations;
      for (const UserRecord& record : *reply->records) {
        UserLocation location;
        location.user = record.user;
        location.version = record.version;
        for (NodeId node : nodes_of(record)) location.nodes[location.count++] = node;
        locations.push_back(location);
      }
      return on_located_batch(pending.index, locations, true);
    }
    default:
      return;
  }
}

void Node::State::on_mailbox_reply(Pending& pending, ReplyStatus status,
                                   const MailboxReply* reply) {
  if (reply != nullptr) learn_identity(reply->identity);
  switch (pending.kind) {
    case PendingKind::append:
      return on_append_reply(pending, status, reply);
    case PendingKind::open_device:
      return on_index_reply(pending, status, reply);
    case PendingKind::pull:
      return on_pull_reply(pending, status, reply);
    case PendingKind::compare:
      if (reply != nullptr) return on_compare_reply(*reply);
      if (mailbox_epoch_ == 0 && !waiting_appends_.empty()) {
        ask_identity_later();  // the probe was lost
      }
      return;
    case PendingKind::members: {
      const bool here = sessions_.is(pending.index, pending.stamp) &&
                        sessions_[pending.index].phase == Session::Phase::live;
      if (reply == nullptr || reply->members == nullptr) {
        if (here) refuse(pending.link, pending.entry, Reason::store_unavailable);
        return;
      }
      if (!names(reply->members, pending.key.user)) {
        if (here) refuse(pending.link, pending.entry, Reason::not_member);
        return;
      }
      if (Group* group = groups_.insert(pending.entry.conversation)) {
        group->members = reply->members;
        group->members_version = reply->members_version;
        group->fetched_at = now_;
      }
      accept_entry(pending, pending.entry);
      return route_entry(pending.entry, reply->members);
    }
    default:
      return;
  }
}

}  // namespace imroute
