// Oracle 1 of at_most_once: conservation. Every (message, entitled device) is delivered or put down
// to a cause with a name: the facts of the history first (the receiver was offline, its connection
// changed, a fault was in force), then what the core itself counted as dropped and why. What is
// left is a violation. A message that shows up after all is taken back from its cause.
#include <algorithm>
#include <utility>

#include "harness/history/state.h"

namespace imroute {
namespace {

constexpr const char* kBeforeLogin = "before_login";  // it has never been online yet
constexpr int64_t kLoginTakes = 2 * kSecond;          // until everybody knows, acceptance under way
constexpr int64_t kAccountAfter = 10 * kSecond;       // nothing in flight is that old

uint8_t cause_index(History::State& s, const std::string& cause) {
  const auto at = std::find(s.drop_names.begin(), s.drop_names.end(), cause);
  if (at != s.drop_names.end()) return static_cast<uint8_t>(at - s.drop_names.begin());
  s.drop_names.push_back(cause);
  return static_cast<uint8_t>(s.drop_names.size() - 1);
}

std::string infer_cause(const History::State& s, const MessageBook& m, uint32_t device,
                        int64_t now) {
  const DeviceBook& d = s.books.device(device);
  const int64_t until = std::min(now, m.stored_at + kAccountAfter);
  const std::string fault = s.faults.cause_between(m.stored_at - s.sessions.lease_ns, until);
  const bool changed = d.changed_at >= m.stored_at - kSecond;
  if (d.first_bind > m.stored_at - kLoginTakes) return kBeforeLogin;
  if (!fault.empty()) return fault;
  if (d.absent) return "offline";
  if (changed || !d.online()) return "connection_lost";
  return "unaccounted";
}

// Drops that need no fault: users go away, move, or are put out by their own other devices.
bool drops_are_natural(const History::State& s) {
  return !s.faults.outcomes().empty() || s.workload.relocations_microhz > 0 ||
         s.workload.offline_share_ppm > 0 || s.workload.group_changes_microhz > 0 ||
         (s.books.devices_per_user() > 1 && s.sessions.policy != LoginPolicy::all);
}

void account(History::State& s, uint32_t message, int64_t now) {
  const MessageBook& m = s.books.message(message);
  s.books.for_each_waiting(m, [&](uint32_t device, uint32_t) {
    put_down(s, message, device, infer_cause(s, s.books.message(message), device, now));
  });
}

}  // namespace

void put_down_absent(History::State& s, uint32_t message) {
  MessageBook& m = s.books.message(message);
  if (m.is(kParked)) {
    s.entitle(message);
    s.unaccounted.push_back({m.stored_at, m.tag});
  }
  s.books.for_each_waiting(m, [&](uint32_t device, uint32_t) {
    const DeviceBook& d = s.books.device(device);
    if (d.online()) return;
    put_down(s, message, device, d.first_bind == kNever ? kBeforeLogin : "offline");
  });
}

void expect_no_more(History::State& s, uint32_t message) {
  MessageBook& m = s.books.message(message);
  s.result.messages.deliveries_expected -= m.waiting_count;
  if (m.stored_at >= s.warmup_ns) s.expected_measured -= m.waiting_count;
  s.books.for_each_waiting(
      m, [&](uint32_t device, uint32_t place) { s.no_longer_waits(message, place, device); });
}

void put_down(History::State& s, uint32_t message, uint32_t device, const std::string& cause) {
  MessageBook& m = s.books.message(message);
  const uint32_t place = s.books.place(m, device);
  if (place == kNothing || !s.books.waiting(m, place)) return;
  s.no_longer_waits(message, place, device);
  m.flags |= kDropped;
  *s.drops.insert({m.tag, device}) = cause_index(s, cause);
  ++s.result.messages.dropped[cause];
}

bool take_back(History::State& s, uint64_t tag, uint32_t device) {
  const uint8_t* cause = s.drops.find({tag, device});
  if (cause == nullptr) return false;
  --s.result.messages.dropped[s.drop_names[*cause]];
  s.drops.erase({tag, device});
  return true;
}

void account_for_old(History::State& s, int64_t t) {
  while (!s.unaccounted.empty() && s.unaccounted.front().t + kAccountAfter < t) {
    const uint32_t message = s.books.find_tag(s.unaccounted.front().tag);
    s.unaccounted.pop_front();
    if (message == kNothing) continue;
    MessageBook& m = s.books.message(message);
    if (!m.is(kAccepted)) {
      expect_no_more(s, message);
      m.flags |= kParked;
    } else if (m.stored_at + kAccountAfter >= t) {
      s.unaccounted.push_back({t, m.tag});  // it was accepted late
    } else {
      account(s, message, t);
      s.close_when_done(message);
    }
  }
}

void judge_conservation(History::State& s, int64_t t, const FinalState& state) {
  s.books.for_each_message([&](uint32_t index) {
    if (s.books.message(index).is(kAccepted)) {
      account(s, index, t);
    } else {
      expect_no_more(s, index);
    }
  });
  auto& dropped = s.result.messages.dropped;
  // The core says why it dropped: its counters name what the facts could not.
  uint64_t nameless = std::exchange(dropped["unaccounted"], 0);
  const Counters& c = state.counters;
  const std::pair<const char*, uint64_t> named[] = {
      {"no_route", c.drops_no_route}, {"offline", c.drops_offline}, {"stale", c.drops_stale}};
  for (const auto& [name, count] : named) {
    const uint64_t share = std::min(nameless, count);
    if (share > 0) dropped[name] += share;
    nameless -= share;
  }
  if (nameless > 0) {
    s.violate(Property::no_loss, t,
              std::to_string(nameless) + " deliveries are neither made nor dropped for any cause");
  }
  dropped["unaccounted"] = nameless;
  std::erase_if(dropped, [](const auto& entry) { return entry.second == 0; });
  uint64_t sum = 0;
  for (const auto& [cause, n] : dropped) sum += n;
  s.judged[static_cast<size_t>(Property::no_loss)] += s.result.messages.deliveries_expected;
  s.result.messages.lost = nameless;
  const auto before_login = dropped.find(kBeforeLogin);
  const uint64_t early = before_login == dropped.end() ? 0 : before_login->second;
  if (sum > nameless + early && !drops_are_natural(s)) {
    s.violate(
        Property::no_loss, t,
        std::to_string(sum - early) + " deliveries were dropped without a fault or a relocation");
  }
  if (s.result.messages.deliveries_expected != s.result.messages.delivered + sum) {
    s.violate(Property::no_loss, t,
              std::to_string(s.result.messages.deliveries_expected) + " deliveries expected, but " +
                  std::to_string(s.result.messages.delivered) + " made and " + std::to_string(sum) +
                  " dropped");
  }
}

}  // namespace imroute
