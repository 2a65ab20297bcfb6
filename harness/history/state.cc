#include "harness/history/state.h"

#include <algorithm>

#include "core/base/hash.h"
#include "core/model/session.h"
#include "harness/fault/core.h"
#include "harness/scenario/bounds.h"
#include "harness/workload/workload.h"

namespace imroute {
namespace {

constexpr size_t kViolationsKept = 100;
constexpr size_t kExcusedKept = 20;   // so that excused ones leave room for the others
constexpr int64_t kPrompt = kSecond;  // a send answered within this counts as served

const char* phase_name(History::Phase phase) {
  switch (phase) {
    case History::Phase::chaos:
      return "chaos";
    case History::Phase::core:
      return "core";
    case History::Phase::drain:
      return "drain";
    case History::Phase::final:
      return "final";
  }
  return "";
}

}  // namespace

const char* to_string(Property property) {
  static constexpr const char* kNames[] = {
      "no-loss",       "order",      "reply-order", "no-duplicate", "no-misdelivery", "one-owner",
      "routing-works", "chains-end", "balancer",    "goodput",      "progress",       "vacuous"};
  return kNames[static_cast<size_t>(property)];
}

History::State::State(const Scenario& s, const std::vector<Fault>& plan)
    : topology(s.topology),
      delivery(s.delivery),
      sessions(s.sessions),
      workload(s.workload),
      balancer(s.balancer),
      duration_ns(s.duration_ns),
      warmup_ns(s.warmup_ns),
      settle_ns(2 * s.delivery.route_deadline_ns),
      bind_settle_ns(s.strategy.negative_ttl_ns + s.delivery.route_deadline_ns),
      overlap_ns(std::max(s.sessions.client_lease(),
                          s.sessions.session_check() + s.delivery.store_deadline_ns)),
      ack_ns(slowest_trip(s.network.client)),
      push_way_ns(longest_push(s.network)),
      progress_ns(settling_bound(s)),
      login_ns(0),
      delivery_round_ns(delivery_round(s)),
      core_nodes(settle_core(s).nodes),
      durable(s.mailbox.durability == Durability::sync),
      books(s),
      faults(s, plan),
      unsynced_window_ns(s.mailbox.unsynced_window_ns) {
  login_ns = login_bound(s, s.topology.nodes - static_cast<uint32_t>(core_nodes.size()));
}

void History::State::violate(Property property, int64_t t, std::string witness,
                             std::string excused) {
  if (excused.empty()) {
    ++result.violations_total;
  } else if (++excused_violations > kExcusedKept) {
    return;
  }
  if (result.violations.size() >= kViolationsKept) return;
  result.violations.push_back({.property = to_string(property),
                               .phase = phase_name(phase),
                               .at_ns = t,
                               .witness = std::move(witness),
                               .faults_in_force = faults.in_force(),
                               .excused = std::move(excused)});
}

Window& History::State::window(int64_t t) {
  const auto index = static_cast<size_t>(std::max<int64_t>(t, 0) / kSecond);
  if (index >= result.windows.size()) result.windows.resize(index + 1);
  return result.windows[index];
}

void History::State::count_sent(int64_t t, uint32_t device, MessageBook& m) {
  ++result.messages.sent;
  ++window(t).sent;
  DeviceBook& d = books.device(device);
  ++d.open_sends;
  if (d.absent) return;
  ++open_sends;
  if (d.left && !d.online()) return;  // on its way to another node: the send waits for that
  const auto index = static_cast<size_t>(t / kSlice);
  if (index >= slices.size()) slices.resize(index + 1);
  ++slices[index].sent;
  m.flags |= kTimed;
}

void History::State::count_answered(int64_t t, const MessageBook& m) {
  DeviceBook& d = books.device(m.sender);
  if (d.open_sends > 0) {
    --d.open_sends;
    if (!d.absent) --open_sends;
  }
  if (!m.is(kTimed)) return;
  Slice& slice = slices[static_cast<size_t>(m.sent_at / kSlice)];
  if (t - m.sent_at <= kPrompt) {
    ++slice.prompt;
  } else if (waited_for_its_user(m)) {
    --slice.sent;
  }
}

// The device went offline or to another node, by its user's choice, before the answer came.
bool History::State::waited_for_its_user(const MessageBook& m) const {
  const DeviceBook& d = books.device(m.sender);
  return d.left && d.changed_at > m.sent_at;
}

void History::State::count_delivered(const Showing& s) {
  ++result.messages.delivered;
  Window& w = window(s.t);
  ++w.delivered;
  const MessageBook& m = books.message(s.message);
  // Who was away when it was sent waited for himself, not for the system.
  if (m.kind != EntryKind::message || books.device(s.device).returned_at > m.sent_at) return;
  if (m.sent_at < warmup_ns) return;
  result.delivery_ns.add(s.t - m.sent_at);
  w.delivery_ns.add(s.t - m.sent_at);
}

uint64_t name_of(const Entry& entry) {
  if (entry.kind == EntryKind::message) return payload_tag(entry.payload);
  return mix64(mix64(entry.conversation.hi, entry.conversation.lo),
               mix64(entry.sender.value, entry.sender_device) ^ entry.client_seq);
}

uint32_t History::State::find_lost_change(const Entry& entry, uint32_t conversation) {
  if (entry.kind == EntryKind::message) return kNothing;
  const auto lost = lost_changes.find(name_of(entry));
  if (lost == lost_changes.end()) return kNothing;
  const MessageBook& m = books.message(lost->second);
  const bool same = m.kind == entry.kind && m.conversation == conversation &&
                    m.client_seq == static_cast<uint32_t>(entry.client_seq) &&
                    m.sender == books.device_index({entry.sender, entry.sender_device});
  return same ? lost->second : kNothing;
}

void History::State::expect_from(uint32_t message, uint32_t place, uint32_t device) {
  MessageBook& m = books.message(message);
  if (place == kNothing || device == kNothing || device == m.sender) return;
  DeviceBook& d = books.device(device);
  if (books.shown(m, place)) return;
  if (lossless() && d.first_bind > m.stored_at) return;
  books.set_waiting(m, place, true);
  ++d.waiting;
  ++d.in_window;
  d.in_window_bytes += m.bytes;
  if (!d.absent) ++outstanding;
  if (lossless()) note_crowded(m.stored_at, device);
  ++result.messages.deliveries_expected;
  if (m.stored_at >= warmup_ns) ++expected_measured;
}

void History::State::entitle(uint32_t message) {
  MessageBook& m = books.message(message);
  const ConversationBook& c = books.conversation(m.conversation);
  const uint32_t per_user = books.devices_per_user();
  if (!c.id.is_group()) {
    for (uint32_t side = 0; side < 2; ++side) {
      const UserId user{side == 0 ? c.id.hi : c.id.lo};
      for (uint32_t d = 0; d < per_user; ++d) {
        expect_from(message, side * kMaxDevicesPerUser + d, books.device_index({user, d}));
      }
    }
    return;
  }
  books.make_bits(m);
  const Membership& group = books.group(m.conversation);
  const uint64_t seq = lossless() ? m.seq : ~uint64_t{0} - 1;
  for (uint32_t slot = 0; slot < group.slots(); ++slot) {
    if (!group.member_at(slot, seq)) continue;
    for (uint32_t d = 0; d < per_user; ++d) {
      expect_from(message, slot * per_user + d, books.device_index({group.user_at(slot), d}));
    }
  }
}

void History::State::no_longer_waits(uint32_t message, uint32_t place, uint32_t device) {
  MessageBook& m = books.message(message);
  if (!books.waiting(m, place)) return;
  books.set_waiting(m, place, false);
  DeviceBook& d = books.device(device);
  --d.waiting;
  --d.in_window;
  d.in_window_bytes -= m.bytes;
  if (!d.absent) --outstanding;
}

// A node's window for a device never holds more than what waits for it and what it has shown while
// the acknowledgement may be under way. By the node's own rule (Node::State::has_room) that much
// may not fit: then an entry stays in the mailbox, and the device is served from there.
void History::State::note_crowded(int64_t t, uint32_t device) {
  while (!acknowledging.empty() && acknowledging.front().until <= t) {
    DeviceBook& d = books.device(acknowledging.front().device);
    --d.in_window;
    d.in_window_bytes -= acknowledging.front().bytes;
    acknowledging.pop_front();
  }
  DeviceBook& d = books.device(device);
  const bool bytes_fit = d.in_window == 1 || d.in_window_bytes <= delivery.window_bytes;
  if (d.in_window > delivery.effective_window() || !bytes_fit) d.unpushed_at = t;
}

void History::State::awaits_ack(int64_t t, uint32_t device, uint32_t bytes) {
  DeviceBook& d = books.device(device);
  ++d.in_window;
  d.in_window_bytes += bytes;
  acknowledging.push_back({t + ack_ns, device, bytes});
}

void History::State::set_absent(uint32_t device, bool absent) {
  DeviceBook& d = books.device(device);
  if (d.absent == absent) return;
  d.absent = absent;
  if (absent) {
    outstanding -= d.waiting;
    open_sends -= d.open_sends;
  } else {
    outstanding += d.waiting;
    open_sends += d.open_sends;
  }
}

void History::State::close_when_done(uint32_t message) {
  const MessageBook& m = books.message(message);
  if (m.waiting_count > 0 || !m.is(kStored) || !m.is(kAccepted)) return;
  if (!lossless() && m.sender != kNothing && !m.is(kDropped)) {
    uint32_t& last = books.sender_seq(m.conversation, m.sender);
    last = std::max(last, m.client_seq);
  }
  books.release(message);
}

// Devices of one user that the login policy does not allow together, and since when they are.
void History::State::update_overlaps(int64_t t, UserId user) {
  const uint32_t n = books.devices_per_user();
  if (n == 1 || sessions.policy == LoginPolicy::all || topology.device_types.empty()) return;
  const auto type = [&](uint32_t d) {
    return topology.device_types[d % topology.device_types.size()];
  };
  for (uint32_t a = 0; a < n; ++a) {
    DeviceBook& first = books.device(books.device_index({user, a}));
    bool overlaps = false;
    for (uint32_t b = 0; b < n; ++b) {
      if (a == b || !conflicts(sessions.policy, type(a), type(b))) continue;
      overlaps |= first.online() && books.device(books.device_index({user, b})).online();
    }
    if (!overlaps) {
      // Nobody had to know where a device was that the policy had put out.
      if (first.overlap_since != kNever) first.unpushed_at = t;
      first.overlap_since = kNever;
    } else if (first.overlap_since == kNever) {
      first.overlap_since = t;
    }
  }
}

std::string History::State::say(uint32_t device) const {
  if (device == kNothing) return "an unknown device";
  const DeviceKey key = books.key_of(device);
  return "user " + std::to_string(key.user.value) + " device " + std::to_string(key.device);
}

std::string History::State::say(ConversationId id) const {
  if (id.is_group()) return "group " + std::to_string(id.lo);
  return "conversation " + std::to_string(id.hi) + "-" + std::to_string(id.lo);
}

std::string History::State::say_message(uint32_t message) {
  const MessageBook& m = books.message(message);
  std::string text = m.kind == EntryKind::message ? "message " + std::to_string(m.tag)
                     : m.kind == EntryKind::join  ? "the join"
                     : m.kind == EntryKind::leave ? "the leave"
                                                  : "the creation";
  text += " of " + say(books.conversation(m.conversation).id);
  if (m.seq != 0) text += " at " + std::to_string(m.epoch) + "/" + std::to_string(m.seq);
  return text + " from " + say(m.sender);
}

std::string History::State::say_entry(const Entry& e) const {
  return "an entry of " + say(e.conversation) + " at " + std::to_string(e.position.epoch) + "/" +
         std::to_string(e.position.seq) + " from user " + std::to_string(e.sender.value);
}

}  // namespace imroute
