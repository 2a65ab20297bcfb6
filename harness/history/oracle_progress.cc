// Liveness: at the end of the healed core's phase nothing of it may still be stuck: sends of
// devices that a core node serves are answered, what was stored has reached them, and who wants a
// session has one. The rest of the world is still broken then, so nothing here was unlocked by a
// full heal.
//
// A stall would be excused while the holder's way to the mailbox, or every way of the client, is
// cut. Inside the core neither is, and only devices of core nodes are judged: no stall is excused.
#include <algorithm>

#include "harness/history/state.h"

namespace imroute {
namespace {

std::string ms(int64_t ns) { return std::to_string(ns / 1'000'000) + " ms"; }

}  // namespace

void judge_progress(History::State& s, int64_t t) {
  const int64_t since = t - s.progress_ns;
  // Bound so recently that its first sync may not have ended: not judged.
  const int64_t bound_before = t - s.faults.sync_bound() - s.bind_settle_ns;
  const auto served = [&](uint32_t device) {
    const DeviceBook& d = s.books.device(device);
    const bool in_core =
        std::find(s.core_nodes.begin(), s.core_nodes.end(), d.node) != s.core_nodes.end();
    return d.online() && in_core && d.bound_at <= bound_before;
  };
  for (uint32_t device = 0; device < s.books.device_count(); ++device) {
    const DeviceBook& d = s.books.device(device);
    if (served(device)) s.judge(Property::progress);
    if (d.absent || d.online() || d.changed_at > since) continue;
    s.violate(Property::progress, t,
              s.say(device) + " has had no session for " + ms(t - d.changed_at) +
                  ", though a core of healthy machines can be reached");
  }
  s.books.for_each_message([&](uint32_t index) {
    const MessageBook& m = s.books.message(index);
    const bool answered = m.tag == 0 || m.is(kAccepted) || m.is(kRefused);
    if (!answered && m.sender != kNothing && m.sent_at <= since && served(m.sender) &&
        m.sent_at > s.books.device(m.sender).forgot_before) {
      s.violate(Property::progress, t,
                s.say_message(index) + ", sent at " + ms(m.sent_at) +
                    ", was still not answered inside the healed core");
    }
    if (!s.lossless() || !m.is(kStored) || !m.is(kAccepted) || m.stored_at > since) return;
    s.books.for_each_waiting(m, [&](uint32_t device, uint32_t) {
      if (!served(device)) return;
      s.violate(Property::progress, t,
                s.say_message(index) + ", stored at " + ms(m.stored_at) + ", has not reached " +
                    s.say(device) + " at node " + std::to_string(s.books.device(device).node) +
                    " inside the healed core");
    });
  });
}

}  // namespace imroute
