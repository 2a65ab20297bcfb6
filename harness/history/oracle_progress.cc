// Liveness: at the end of the healed core's phase nothing of it may still be stuck: sends of
// devices that a core node serves are answered, what was stored has reached them, and who wants a
// session has one. The rest of the world is still broken then, so nothing here was unlocked by a
// full heal.
//
// A stall would be excused while the holder's way to the mailbox, or every way of the client, is
// cut. Inside the core neither is, and only devices of core nodes are judged: no stall is excused.
// Slow is not stuck: a device that comes back to a long backlog, through a window of one message
// over a slow link, has not shown all of it after any fixed time. What is promised is that its
// window is never idle meanwhile.
#include <algorithm>

#include "harness/history/state.h"

namespace imroute {
namespace {

std::string in_ms(int64_t ns) { return std::to_string(ns / 1'000'000) + " ms"; }

bool in_core(const History::State& s, const DeviceBook& d) {
  const auto& nodes = s.core_nodes;
  return d.online() && std::find(nodes.begin(), nodes.end(), d.node) != nodes.end();
}

// Who wants a session has one: told by when it lost the last one.
void judge_sessions(History::State& s, int64_t t) {
  for (uint32_t device = 0; device < s.books.device_count(); ++device) {
    const DeviceBook& d = s.books.device(device);
    if (d.absent) continue;
    const int64_t since = std::max(d.changed_at, s.core_since);
    const bool overdue = !d.online() && since + s.progress_ns + s.login_ns < t;
    if (d.online() || overdue) s.judge(Property::progress);
    if (!overdue) continue;
    s.violate(Property::progress, t,
              s.say(device) + " has had no session for " + in_ms(t - d.changed_at) +
                  ", though a core of healthy machines can be reached");
  }
}

}  // namespace

// The share of a window that this took, for as long as a window takes to be free again. A window is
// counted in messages and in bytes; the next one may not fit into the half that is left.
void note_work(History::State& s, const Showing& x) {
  if (s.work_ns.empty()) return;  // still in chaos
  const uint64_t bytes = 2 * uint64_t{s.books.message(x.message).bytes};
  const int64_t by_count = s.delivery_round_ns / s.delivery.effective_window();
  const auto by_bytes = static_cast<int64_t>(static_cast<unsigned __int128>(bytes) *
                                             static_cast<uint64_t>(s.delivery_round_ns) /
                                             std::max(s.delivery.window_bytes, 1u));
  int64_t& work_ns = s.work_ns[x.device];
  work_ns += std::clamp(by_bytes, by_count, s.delivery_round_ns);
  s.most_work_ns = std::max(s.most_work_ns, work_ns);
}

void judge_progress(History::State& s, int64_t t) {
  const int64_t since = t - s.progress_ns;
  judge_sessions(s, t);
  // Bound so recently that its first sync may not have ended, or busy since: not judged.
  const auto settled = [&](uint32_t device, int64_t work_ns) {
    const DeviceBook& d = s.books.device(device);
    if (!in_core(s, d)) return false;
    const int64_t synced = d.bound_at + s.faults.sync_bound() + s.bind_settle_ns;
    return std::max(synced, s.core_since + s.progress_ns) + work_ns <= t;
  };
  s.books.for_each_message([&](uint32_t index) {
    const MessageBook& m = s.books.message(index);
    const bool answered = m.tag == 0 || m.is(kAccepted) || m.is(kRefused);
    if (!answered && m.sender != kNothing && m.sent_at <= since && settled(m.sender, 0) &&
        m.sent_at > s.books.device(m.sender).forgot_before) {
      s.violate(Property::progress, t,
                s.say_message(index) + ", sent at " + in_ms(m.sent_at) +
                    ", was still not answered inside the healed core");
    }
    if (!s.lossless() || !m.is(kStored) || !m.is(kAccepted) || m.stored_at > since) return;
    s.books.for_each_waiting(m, [&](uint32_t device, uint32_t) {
      if (!settled(device, s.work_ns[device])) return;
      s.violate(Property::progress, t,
                s.say_message(index) + ", stored at " + in_ms(m.stored_at) + ", has not reached " +
                    s.say(device) + " at node " + std::to_string(s.books.device(device).node) +
                    " inside the healed core");
    });
  });
}

}  // namespace imroute
