// The checks that bound every lost message between nodes: each session_check a node compares its
// rows with the directory, asks it again where it came to doubt it, and repeats to the owners by
// placement what it holds in their stead (protocol.md 5).
#include <algorithm>
#include <tuple>
#include <utility>

#include "core/base/planted.h"
#include "core/node/state.h"

namespace imroute {

void Node::State::start_session_check() {
  if (!serving_ || IM_PLANTED(session_check_skipped)) return;
  for (const Pending& lost : std::exchange(not_unbound_, {})) {
    unbind_row(lost.key, lost.generation, lost.link);
  }
  auto batch = claim_batches_.take();
  const auto send = [&] {
    if (batch->empty()) return;
    ++counters_.session_checks;
    DirectoryOp op;
    op.kind = DirectoryOpKind::check;
    op.claims = batch;
    Pending pending;
    pending.kind = PendingKind::check;
    directory(std::move(op), pending);
  };
  for (uint32_t i = 0; i < sessions_.slots(); ++i) {
    if (!sessions_.used(i) || sessions_[i].phase != Session::Phase::live) continue;
    const DeviceKey key = sessions_[i].key;
    batch->push_back({key, sessions_[i].generation, incarnation_, live_user(key.user)->version});
    if (batch->size() >= batch_limit()) {
      send();
      batch = claim_batches_.take();
    }
  }
  send();
  ask_elsewhere();
  leave_pointers();
}

void Node::State::on_check_reply(const DirectoryReply& reply) {
  if (reply.verdicts == nullptr) return;
  auto outdated = user_batches_.take();
  for (const SessionVerdict& verdict : *reply.verdicts) {
    const uint32_t* found = by_device_.find(verdict.key);
    if (found == nullptr || sessions_[*found].phase != Session::Phase::live) continue;
    if (sessions_[*found].generation != verdict.claimed_generation) continue;
    if (IM_PLANTED(stale_generation_accepted)) continue;
    if (verdict.current_generation > verdict.claimed_generation) {
      ++counters_.sessions_checked_out;
      trace(TraceKind::session_checked_out, {}, verdict.key.user, verdict.key.device, 0, config_.id,
            verdict.current_generation);
      close_session(*found, Reason::superseded, true, false);
    } else if (verdict.missing) {
      rebind(*found);
    } else if (verdict.outdated && !IM_PLANTED(owners_ignored)) {
      LocalUser& local = *live_user(verdict.key.user);
      if (!local.doubted) outdated->push_back(verdict.key.user);
      local.doubted = true;
    }
  }
  look_up_elsewhere(outdated);
}

void Node::State::rebind(uint32_t index) { send_bind(index); }

// ---- other holders of a user --------------------------------------------------------------------

// A NACK is older than what it contradicts when the user went there after it was sent; and who told
// of itself when it bound may not have been heard. The directory knows.
void Node::State::ask_elsewhere() {
  auto batch = user_batches_.take();
  for (uint32_t i = 0; i < sessions_.slots(); ++i) {
    if (!sessions_.used(i) || sessions_[i].phase != Session::Phase::live) continue;
    const LocalUser& local = *live_user(sessions_[i].key.user);
    if (!local.doubted || local.first_session != i) continue;  // once for all sessions of a user
    batch->push_back(sessions_[i].key.user);
    if (batch->size() >= batch_limit()) {
      look_up_elsewhere(batch);
      batch = user_batches_.take();
    }
  }
  look_up_elsewhere(batch);
}

void Node::State::look_up_elsewhere(Batch<UserId> users) {
  if (users->empty()) return;
  DirectoryOp op;
  op.kind = DirectoryOpKind::lookup_many;
  op.users = std::move(users);
  Pending pending;
  pending.kind = PendingKind::elsewhere;
  directory(std::move(op), pending);
}

// What is not answered, or from a directory that lost its tail, is asked for again.
void Node::State::on_elsewhere_reply(const DirectoryReply& reply) {
  if (reply.records == nullptr) return;
  for (const UserRecord& record : *reply.records) {
    LocalUser* local = live_user(record.user);
    if (local == nullptr || record.version < local->version) continue;
    note_elsewhere(*local, nodes_of(record), record.version);
  }
}

// ---- pointers to sessions held against placement ------------------------------------------------

void Node::State::leave_pointers() {
  if (!config_.strategy.places_logins()) return;
  misplaced_.clear();
  for (uint32_t i = 0; i < sessions_.slots(); ++i) {
    if (!sessions_.used(i) || sessions_[i].phase != Session::Phase::live) continue;
    const NodeId owner = placement_->owner(sessions_[i].key.user);
    if (owner == config_.id || owner == kNoNode) continue;
    misplaced_.push_back({sessions_[i].key.user, owner, 0, sessions_[i].generation});
  }
  std::sort(misplaced_.begin(), misplaced_.end(), [](const Pointer& a, const Pointer& b) {
    return std::tie(a.node, a.user, a.generation) < std::tie(b.node, b.user, b.generation);
  });
  for (size_t from = 0, to = 0; from < misplaced_.size(); from = to) {
    const NodeId owner = misplaced_[from].node;
    for (; to < misplaced_.size() && misplaced_[to].node == owner; ++to) {
      if (to - from == kBatchItems) break;
      misplaced_[to].node = config_.id;
    }
    Frame frame;
    frame.type = FrameType::pointers;
    frame.node = config_.id;
    frame.list = pool_.copy_list(std::span<const Pointer>(&misplaced_[from], to - from));
    send_node(owner, std::move(frame));
  }
}

void Node::State::on_pointers(const Frame& frame) {
  if (!list_is_whole<Pointer>(frame.list)) {
    ++counters_.protocol_errors;
    return;
  }
  for (const Pointer& pointer : frame.list.as<Pointer>()) {
    if (live_user(pointer.user) != nullptr) continue;
    NodeSet there;
    there.push_back(pointer.node);
    pointers_.learn(pointer.user, there, pointer.generation, now_);
  }
}

}  // namespace imroute
