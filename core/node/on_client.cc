// Frames of clients: bind, send, ack, ping. A SEND is appended to the mailbox before it is
// accepted; only the store's ok makes it a message (protocol.md 6.2).
#include "core/base/planted.h"
#include "core/node/state.h"

namespace imroute {

void Node::State::on_client_up(LinkId link) {
  if (sessions_.size() >= config_.capacity.sessions)
    out_->push(CloseClient{link, Reason::overloaded});
}

void Node::State::on_client_frame(LinkId link, const Frame& frame) {
  if (frame.type == FrameType::bind) return on_bind(link, frame);
  const uint32_t* found = by_link_.find(link);
  if (found == nullptr) {
    if (frame.type == FrameType::ping) return;  // not bound: no answer proves no lease
    if (frame.type == FrameType::send) return refuse(link, frame.entry, Reason::not_bound);
    ++counters_.protocol_errors;
    return;
  }
  const uint32_t index = *found;
  Session& session = sessions_[index];
  session.last_heard = now_;
  switch (frame.type) {
    case FrameType::send:
      if (session.phase != Session::Phase::live)
        return refuse(link, frame.entry, Reason::not_bound);
      return on_send(index, frame);
    case FrameType::ack:
      if (session.phase == Session::Phase::live) on_ack(index, frame);
      return;
    case FrameType::ping: {
      if (session.phase != Session::Phase::live) return;
      Frame pong;
      pong.type = FrameType::pong;
      pong.number = frame.number;
      return send_client(link, std::move(pong));
    }
    default:
      ++counters_.protocol_errors;
      return;
  }
}

void Node::State::on_client_down(LinkId link) {
  const uint32_t* found = by_link_.find(link);
  if (found == nullptr) return;
  const uint32_t index = *found;
  if (sessions_[index].phase == Session::Phase::live) {
    detach_session(index, Reason::closed_by_peer, true);
  } else {
    by_link_.erase(link);
    free_session(index);
  }
}

void Node::State::refuse(LinkId link, const Entry& entry, Reason reason, uint64_t expected) {
  ++counters_.refused;
  Frame frame;
  frame.type = FrameType::refused;
  frame.entry.conversation = entry.conversation;
  frame.entry.client_seq = entry.client_seq;
  frame.reason = reason;
  frame.base = expected;
  send_client(link, std::move(frame));
}

void Node::State::on_send(uint32_t index, const Frame& frame) {
  ++counters_.sends;
  const Session& session = sessions_[index];
  const ConversationId id = frame.entry.conversation;
  if (!serving_) return refuse(session.link, frame.entry, Reason::fenced);
  if (frame.entry.payload.size() > kMaxPayloadBytes) {
    return refuse(session.link, frame.entry, Reason::too_large);
  }
  const bool changes_members = frame.entry.kind != EntryKind::message;
  const bool legal = id.is_group() || (id.has_party(session.key.user) && !changes_members);
  if (!legal || frame.entry.client_seq == 0 ||
      (changes_members && frame.entry.subject != session.key.user)) {
    ++counters_.protocol_errors;
    return refuse(session.link, frame.entry, Reason::not_member);
  }
  if (session.appends >= kMaxSessionAppends) {
    return refuse(session.link, frame.entry, Reason::overloaded);
  }
  Pending append;
  append.kind = PendingKind::append;
  append.index = index;
  append.stamp = sessions_.stamp(index);
  append.key = session.key;
  append.link = session.link;
  append.entry = frame.entry;
  append.entry.position = {};
  append.entry.sender = session.key.user;
  append.entry.sender_device = session.key.device;
  append.base = frame.base;
  append.sent_at = now_;
  if (IM_PLANTED(ack_before_store)) accept_entry(append, append.entry);
  if (at_least_once() || changes_members) return submit_append(std::move(append));
  if (!id.is_group()) {
    accept_entry(append, append.entry);
    return route_entry(append.entry, nullptr);
  }
  // At most once to a group: the member list is asked for at most once a second.
  const Group* group = groups_.find(id);
  if (group != nullptr && group->members != nullptr && now_ - group->fetched_at <= kSecond) {
    const Batch<UserId> members = group->members;
    if (!names(members, session.key.user)) {
      return refuse(session.link, append.entry, Reason::not_member);
    }
    accept_entry(append, append.entry);
    return route_entry(append.entry, members);
  }
  if (crowded()) return refuse(append.link, append.entry, Reason::overloaded);
  append.kind = PendingKind::members;
  MailboxOp op;
  op.kind = MailboxOpKind::members;
  op.entry.conversation = id;
  mailbox(std::move(op), append);
}

void Node::State::submit_append(Pending&& append) {
  if (mailbox_epoch_ == 0) {
    if (waiting_appends_.size() >= config_.capacity.appends) {
      return refuse(append.link, append.entry, Reason::overloaded);
    }
    count_append(append, 1);
    waiting_appends_.push_back(std::move(append));
    if (!learning_identity_ && waiting_appends_.size() == 1) ask_mailbox_identity();
    return;
  }
  if (crowded()) return refuse(append.link, append.entry, Reason::overloaded);
  MailboxOp op;
  op.kind = MailboxOpKind::append;
  op.identity = mailbox_identity_;
  op.epoch = mailbox_epoch_;
  op.entry = append.entry;
  op.base = append.base;
  op.key = append.key;
  if (append.entry.conversation.is_group()) {
    const Group* group = groups_.find(append.entry.conversation);
    const bool known =
        group != nullptr && group->members != nullptr && !perturbed(PerturbSite::members_forgotten);
    if (known) op.members_version = group->members_version;
  }
  trace(TraceKind::append_sent, append.entry, append.key.user, append.key.device);
  count_append(append, 1);
  mailbox(std::move(op), append);
}

void Node::State::flush_waiting_appends() {
  std::vector<Pending> waiting = std::move(waiting_appends_);
  waiting_appends_.clear();
  for (Pending& append : waiting) {
    count_append(append, -1);
    submit_append(std::move(append));
  }
}

void Node::State::count_append(const Pending& append, int by) {
  if (sessions_.is(append.index, append.stamp)) {
    sessions_[append.index].appends += static_cast<uint32_t>(by);
  }
}

void Node::State::accept_entry(const Pending& append, const Entry& entry) {
  ++counters_.accepted;
  if (!sessions_.is(append.index, append.stamp)) return;
  if (sessions_[append.index].phase != Session::Phase::live) return;
  Frame frame;
  frame.type = FrameType::accepted;
  frame.entry.conversation = entry.conversation;
  frame.entry.position = entry.position;
  frame.entry.client_seq = entry.client_seq;
  send_client(append.link, std::move(frame));
}

void Node::State::on_append_reply(Pending& append, ReplyStatus status, const MailboxReply* reply) {
  count_append(append, -1);
  const bool here = sessions_.is(append.index, append.stamp) &&
                    sessions_[append.index].phase == Session::Phase::live;
  if (status != ReplyStatus::ok || perturbed(PerturbSite::append_answer_lost)) {
    if (IM_PLANTED(timeout_is_success)) return accept_entry(append, append.entry);
    trace(TraceKind::append_unknown, append.entry, append.key.user, append.key.device);
    if (++append.attempts < kAppendAttempts && here) {
      ++counters_.appends_repeated;  // idempotent: the store knows the client_seq
      return submit_append(std::move(append));
    }
    if (here) refuse(append.link, append.entry, Reason::store_unavailable);
    return;
  }
  Entry& entry = append.entry;
  switch (reply->result) {
    case MailboxResult::ok:
      if (entry.kind == EntryKind::create) ++counters_.groups_created;
      break;
    case MailboxResult::duplicate:
      ++counters_.append_duplicates;
      entry.position = reply->position;
      if (entry.position.seq == 0)
        return accept_entry(append, entry);  // too long ago to tell where
      trace(TraceKind::append_duplicate, entry, append.key.user, append.key.device);
      // The first append may have come from a node that died before it routed: route again.
      break;
    case MailboxResult::out_of_order:
      trace(TraceKind::append_out_of_order, entry, append.key.user, append.key.device);
      if (IM_PLANTED(out_of_order_accepted)) return accept_entry(append, entry);
      if (here) refuse(append.link, entry, Reason::out_of_order, reply->expected);
      return;
    case MailboxResult::wrong_identity:
      if (mailbox_epoch_ == 0) {  // learn_identity has been called by the dispatcher
        count_append(append, 1);
        waiting_appends_.push_back(std::move(append));
      } else if (++append.attempts < kAppendAttempts) {  // learnt since this one was sent
        submit_append(std::move(append));
      } else if (here) {
        refuse(append.link, entry, Reason::store_unavailable);
      }
      return;
    default:
      trace(TraceKind::append_refused, entry, append.key.user, append.key.device);
      if (here) refuse(append.link, entry, Reason::not_member);
      return;
  }
  entry.position = reply->position;
  if (IM_PLANTED(duplicate_renumbered) && reply->result == MailboxResult::duplicate) {
    ++entry.position.seq;
  }
  trace(TraceKind::append_ok, entry, append.key.user, append.key.device);
  Batch<UserId> members = reply->members;
  if (entry.conversation.is_group()) {
    if (Group* group = groups_.insert(entry.conversation)) {
      const bool keep = IM_PLANTED(members_cached) && group->members != nullptr;
      if (members != nullptr && !keep) {
        group->members = members;
        group->members_version = reply->members_version;
        group->fetched_at = now_;
      } else {
        members = group->members;
      }
    }
  }
  accept_entry(append, entry);
  route_entry(entry, members);
}

}  // namespace imroute
