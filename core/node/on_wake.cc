// Deadlines.
#include "core/base/planted.h"
#include "core/node/state.h"

namespace imroute {

void Node::State::on_view_changed() { timers_.set(now_, TimerKind::list); }

void Node::State::on_wake() {
  TimerQueue<TimerKind>::Timer timer;
  while (timers_.pop_due(now_, timer)) on_timer(timer);
  if (caller_.next_deadline() > now_) return;
  caller_.on_wake(now_);
  carry_out_calls();
}

void Node::State::send_renewal() {
  RegistryOp op;
  op.kind = RegistryOpKind::renew;
  Pending pending;
  pending.kind = PendingKind::renew;
  pending.stamp = static_cast<uint32_t>(registry_session_);
  pending.sent_at = now_;
  registry(std::move(op), pending);
  timers_.set(now_ + config_.sessions.lease_ns / 3, TimerKind::renew, registry_session_);
}

void Node::State::send_list() {
  if (IM_PLANTED(watch_not_rearmed) && view_->version != 0) return;
  // On a watch, on an answer that was lost, and once a lease whatever happens (lost watch).
  if (listing_) {
    list_again_ = true;
    return;
  }
  listing_ = true;
  list_again_ = false;
  RegistryOp op;
  op.kind = RegistryOpKind::list;
  Pending pending;
  pending.kind = PendingKind::list;
  registry(std::move(op), pending);
}

void Node::State::probe_mailbox() {
  if (mailbox_epoch_ != 0) return;
  if (mailbox_identity_ != 0) return learn_identity(mailbox_identity_);
  ask_mailbox_identity();
}

void Node::State::ask_identity_later() {
  if (std::exchange(identity_armed_, true)) return;
  timers_.set(now_ + kStoreRetry, TimerKind::identity);
}

void Node::State::ask_mailbox_identity() { send_compare(compare_batches_.take()); }

void Node::State::on_timer(const TimerQueue<TimerKind>::Timer& timer) {
  const auto index = static_cast<uint32_t>(timer.key);
  const auto stamp = static_cast<uint32_t>(timer.stamp);
  switch (timer.kind) {
    case TimerKind::route: {
      const auto route_stamp = static_cast<uint32_t>(timer.stamp >> 32);
      if (routes_.is(index, route_stamp) && routes_[index].arms == stamp &&
          !routes_[index].follows) {
        on_route_timer(index);
      }
      return;
    }
    case TimerKind::redeliver:
      if (sessions_.is(index, stamp)) on_redeliver_timer(index);
      return;
    case TimerKind::gap:
      if (followed_.is(index, stamp)) on_gap_timer(index);
      return;
    case TimerKind::bind_compare:
      if (sessions_.is(index, stamp)) compare_session(index);
      return;
    case TimerKind::linger:
      if (sessions_.is(index, stamp) && sessions_[index].phase == Session::Phase::detached) {
        free_session(index);
      }
      return;
    case TimerKind::chase:
      return on_chase_timer(index, stamp);
    case TimerKind::beacon:
      return send_beacons();
    case TimerKind::dial:
      return dial_peers();
    case TimerKind::scan:
      return scan();
    case TimerKind::renew:
      if (timer.key != registry_session_ || registry_session_ == 0) return;
      if (!perturbed(PerturbSite::renewal_skipped)) return send_renewal();
      timers_.set(now_ + config_.sessions.lease_ns / 3, TimerKind::renew, registry_session_);
      return;
    case TimerKind::list:
      return send_list();
    case TimerKind::check:
      start_session_check();
      if (!listing_) timers_.set(now_, TimerKind::list);
      timers_.set(now_ + config_.sessions.session_check(), TimerKind::check);
      return;
    case TimerKind::compare: {
      start_compare();
      if (timer.key != 1) return;  // asked for by suspicion
      const DurationNs interval = config_.delivery.sync_interval_ns;
      timers_.set(now_ + rng_.between(interval * 3 / 4, interval * 5 / 4), TimerKind::compare, 1);
      return;
    }
    case TimerKind::cursors:
      flush_cursors();
      timers_.set(now_ + kCursorInterval, TimerKind::cursors);
      return;
    case TimerKind::identity:
      identity_armed_ = false;
      return probe_mailbox();
    case TimerKind::index:
      if (sessions_.is(index, stamp) && sessions_[index].phase == Session::Phase::live) {
        load_index(index);
      }
      return;
  }
}

}  // namespace imroute
