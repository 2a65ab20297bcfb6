#include "harness/workload/workload.h"

#include <algorithm>

#include "harness/workload/message.h"
#include "harness/workload/state.h"

namespace imroute {
namespace {

constexpr int64_t kThinkMin = 500 * kMillisecond;  // before an answer
constexpr int64_t kThinkMax = 3 * kSecond;

}  // namespace

Workload::Workload(const Scenario& scenario, uint64_t seed, BlobPool& pool)
    : state_(std::make_unique<State>(scenario, seed, pool)) {
  state_->settle();
}
Workload::~Workload() = default;

const std::vector<std::vector<UserId>>& Workload::groups() const { return state_->groups; }
bool Workload::created_by_user(size_t group) const {
  const std::vector<ScriptedAction>& actions = state_->config.actions;
  return std::any_of(actions.begin(), actions.end(), [group](const ScriptedAction& a) {
    return a.kind == ActionKind::create && a.group == group;
  });
}

int64_t Workload::next_at() const {
  const State& s = *state_;
  if (!s.ready.empty()) return s.ready.front().at_ns;
  const int64_t reply = s.replies.empty() ? kNever : s.replies.top().at;
  return std::min(s.base_at(), reply);
}

Action Workload::take() {
  State& s = *state_;
  if (s.ready.empty()) {
    const int64_t base = s.base_at();
    if (!s.replies.empty() && s.replies.top().at < base) {
      const PendingReply reply = s.replies.top();
      s.replies.pop();
      s.push_message(reply.at, reply.device, reply.conversation, reply.tag, reply.answers_tag,
                     reply.bytes);
    } else {
      IM_ASSERT(base != kNever);
      s.take_base();
    }
  }
  Action action = std::move(s.ready.front());
  s.ready.pop_front();
  s.settle();
  return action;
}

void Workload::on_shown(int64_t t, DeviceKey to, const Entry& entry) {
  State& s = *state_;
  if (entry.kind != EntryKind::message) return;
  const uint64_t tag = payload_tag(entry.payload);
  s.answer_by_script(t, to, tag);
  if (s.config.reply_share_ppm == 0 || entry.sender == to.user || s.contacts.restricted()) return;
  const uint64_t key = mix64(mix64(s.reply_key, tag), to.user.value);
  Rng rng(key);
  // A group as a whole answers as often as one user would, or answers would multiply without end.
  const uint64_t audience =
      entry.conversation.is_group() ? std::max<uint64_t>(s.topology.group_size, 2) - 1 : 1;
  if (!rng.chance(s.config.reply_share_ppm, kMillion * audience)) return;
  if (s.device_of(to.user, rng) != to) return;
  const int64_t at = t + rng.between(kThinkMin, kThinkMax);
  if (at >= s.duration_ns || !s.answered.insert(key)) return;
  s.replies.push(
      {at, reply_tag(tag, to.user, entry.conversation.is_group()), tag, to, entry.conversation, 0});
  s.settle();
}

void Workload::burst(int64_t from_ns, int64_t until_ns, uint32_t fraction_ppm, uint32_t factor) {
  State& s = *state_;
  if (factor <= 1) return;
  Burst& b = s.bursts.emplace_back();
  b.until_ns = std::min(until_ns, s.duration_ns);
  b.fraction_ppm = fraction_ppm;
  b.key = mix64(hash_text("burst users", s.seed), s.bursts.size());
  b.arrivals.start(
      s.seed, "burst", s.bursts.size(),
      static_cast<unsigned __int128>(s.config.rate_microhz) * (factor - 1) * s.contacts.senders(),
      from_ns);
  s.settle();
}

}  // namespace imroute
