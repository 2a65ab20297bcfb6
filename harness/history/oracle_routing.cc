// Oracle 7: in quiet time routing itself delivers, and nothing needs the mailbox path; and how long
// after the last fault that took.
#include <algorithm>

#include "harness/history/state.h"

namespace imroute {
namespace {

// A device whose user entered this group a moment ago learns of the conversation from the mailbox.
bool new_member(History::State& s, const Showing& x) {
  const MessageBook& m = s.books.message(x.message);
  if (!x.entry.conversation.is_group()) return false;
  const Membership& group = s.books.group(m.conversation);
  const uint32_t slot = group.slot_of(s.books.key_of(x.device).user);
  if (slot == Membership::kNone) return true;
  const int64_t since = group.member_since(slot);
  return since == kNever || since + s.bind_settle_ns > m.stored_at;
}

}  // namespace

void not_converged_until(History::State& s, int64_t at) {
  const int64_t calm = s.faults.calm_since();
  if (calm == kNever || s.just_ended.empty() || at < calm) return;
  s.converged_ns = std::max(s.converged_ns, at - calm);
}

// The next fault begins, or the run ends: what was measured belongs to the faults that ended last.
void close_recovery(History::State& s, int64_t t) {
  const int64_t calm = s.faults.calm_since();
  // Too short a calm says nothing.
  const bool measured = calm != kNever && t - calm > s.converged_ns + kSecond;
  for (const size_t fault : s.just_ended) {
    if (measured) s.faults.outcomes()[fault].recovered_after_ns = s.converged_ns;
  }
  if (s.phase != History::Phase::final) s.just_ended.clear();
}

void judge_routing(History::State& s, const Showing& x) {
  if (!s.lossless()) return;
  const MessageBook& m = s.books.message(x.message);
  const DeviceBook& d = s.books.device(x.device);
  // A new session is served by the mailbox first, and so is a device that cannot keep up or that
  // another one is about to replace.
  const bool settled = d.bound_at + s.bind_settle_ns <= m.stored_at && d.overlap_since == kNever &&
                       d.unpushed_at < m.stored_at - 2 * s.faults.sync_bound() && !new_member(s, x);
  const int64_t calm = s.faults.calm_since();
  if (calm != kNever && m.stored_at < calm) {
    if (d.returned_at <= m.stored_at) not_converged_until(s, x.t);
  } else if (settled && (x.via != Via::push || x.t - m.stored_at > s.settle_ns)) {
    not_converged_until(s, m.stored_at);
  }
  if (!settled || m.stored_at < s.faults.quiet_since()) return;
  s.judge(Property::routing_works);
  // A read for another entry, or one after a short wait, may bring it before its push arrives.
  if (x.via == Via::push || x.t - m.stored_at < s.push_way_ns) return;
  static constexpr const char* kNames[] = {"push", "hand-over", "sync", "login"};
  s.violate(Property::routing_works, x.t,
            s.say_message(x.message) + ", stored at " + std::to_string(m.stored_at / 1'000'000) +
                " ms in quiet time, reached " + s.say(x.device) + " at node " +
                std::to_string(d.node) + " by " + kNames[static_cast<size_t>(x.via) % 4] +
                " instead of push");
}

}  // namespace imroute
