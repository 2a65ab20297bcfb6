#include "harness/workload/state.h"

#include <algorithm>

#include "harness/workload/message.h"

namespace imroute {
void Arrivals::start(uint64_t seed, std::string_view purpose, uint64_t entity,
                     unsigned __int128 rate, int64_t from_ns) {
  gaps = Rng::stream(seed, purpose, entity);
  key = mix64(gaps.next(), entity);
  rate_microhz = rate;
  at = rate == 0 ? kNever : from_ns;
  advance();
}

void Arrivals::advance() {
  if (at == kNever) return;
  const int64_t gap = poisson_gap_ns(gaps, rate_microhz);
  at = gap >= kNever - at ? kNever : at + gap;
  ++count;
}

Workload::State::State(const Scenario& s, uint64_t seed_value, BlobPool& blobs)
    : config(s.workload),
      topology(s.topology),
      duration_ns(s.duration_ns),
      warmup_ns(s.warmup_ns),
      seed(seed_value),
      pool(blobs),
      contacts(s, seed_value),
      away_(s.topology.users),
      reply_key(hash_text("reply", seed_value)),
      size_key(hash_text("size", seed_value)) {
  start_script();
  make_groups();
  start_sources();
}

void Workload::State::make_groups() {
  const uint64_t size = std::min<uint64_t>(topology.group_size, topology.users);
  if (topology.group_count == 0 || size == 0) return;
  groups_of.resize(topology.users);
  for (uint32_t g = 0; g < topology.group_count; ++g) {
    Rng rng = Rng::stream(seed, "group", g);
    std::vector<UserId>& group = groups.emplace_back();
    if (!topology.group_members.empty()) {
      for (const uint64_t user : topology.group_members[g]) {
        group.push_back(UserId{user});
        groups_of[user].push_back(g);
      }
      std::sort(group.begin(), group.end());
      continue;
    }
    FlatMap<uint64_t, uint8_t> taken;
    // Floyd's sampling: `size` distinct users without a shuffle of all.
    for (uint64_t top = topology.users - size; top < topology.users; ++top) {
      uint64_t pick = rng.below(top + 1);
      if (taken.contains(pick)) pick = top;
      taken.insert(pick);
      group.push_back(UserId{pick});
      groups_of[pick].push_back(g);
    }
    std::sort(group.begin(), group.end());
  }
  members = groups;
}

void Workload::State::start_sources() {
  using Wide = unsigned __int128;
  const uint64_t users = topology.users;
  messages.start(seed, "messages", 0, static_cast<Wide>(config.rate_microhz) * contacts.senders(),
                 0);
  const uint64_t movers =
      config.relocate_recipients_only ? users - contacts.first_recipient() : users;
  relocations.start(seed, "relocations", 0, static_cast<Wide>(config.relocations_microhz) * movers,
                    0);
  group_changes.start(seed, "group changes", 0,
                      static_cast<Wide>(config.group_changes_microhz) * groups.size(), 0);
  // Present users leave at such a rate that `offline_share` of all are away: f / ((1-f) * away).
  const uint64_t share = std::min<uint64_t>(config.offline_share_ppm, kMillion - 1);
  if (share > 0 && config.offline_away_ns > 0) {
    const Wide per_user =
        static_cast<Wide>(1'000'000'000'000'000ull) * share /
        (static_cast<Wide>(kMillion - share) * static_cast<Wide>(config.offline_away_ns));
    absences.start(seed, "absences", 0, per_user * users, 0);
    first_absence_user = 0;
    if (first_absence_at(0) != kNever &&
        !Rng::stream(seed, "first absence", 0).chance(share, kMillion)) {
      next_first_absence();
    }
  } else {
    first_absence_user = users;
  }
}

// Who is away at the start goes during the second half of the warm-up, after the first logins.
int64_t Workload::State::first_absence_at(uint64_t user) const {
  if (user >= topology.users) return kNever;
  return warmup_ns / 2 +
         static_cast<int64_t>(static_cast<__int128>(warmup_ns) / 2 * static_cast<__int128>(user) /
                              static_cast<__int128>(topology.users));
}

void Workload::State::next_first_absence() {
  do {
    ++first_absence_user;
  } while (first_absence_user < topology.users &&
           !Rng::stream(seed, "first absence", first_absence_user)
                .chance(config.offline_share_ppm, kMillion));
}

int64_t Workload::State::base_at() const {
  switch (next_source) {
    case Source::script:
      return config.messages[script[script_next]].at_ns;
    case Source::action:
      return config.actions[actions[action_next]].at_ns;
    case Source::first_absence:
      return first_absence_at(first_absence_user);
    case Source::comeback:
      return returns.top().at;
    case Source::message:
      return messages.at;
    case Source::relocation:
      return relocations.at;
    case Source::absence:
      return absences.at;
    case Source::group_change:
      return group_changes.at;
    case Source::burst:
      return bursts[next_burst].arrivals.at;
    case Source::none:
      break;
  }
  return kNever;
}

void Workload::State::settle() {
  for (;;) {
    int64_t best = duration_ns;
    next_source = Source::none;
    const auto offer = [&](Source source, int64_t at) {
      if (at < best) {
        best = at;
        next_source = source;
      }
    };
    if (!limit_reached()) {
      if (script_next < script.size()) {
        offer(Source::script, config.messages[script[script_next]].at_ns);
      }
      if (action_next < actions.size()) {
        offer(Source::action, config.actions[actions[action_next]].at_ns);
      }
      offer(Source::first_absence, first_absence_at(first_absence_user));
      offer(Source::comeback, returns.empty() ? kNever : returns.top().at);
      offer(Source::message, messages.at);
      offer(Source::relocation, relocations.at);
      offer(Source::absence, absences.at);
      offer(Source::group_change, group_changes.at);
      for (size_t i = 0; i < bursts.size(); ++i) {
        if (bursts[i].arrivals.at >= bursts[i].until_ns || bursts[i].arrivals.at >= best) continue;
        offer(Source::burst, bursts[i].arrivals.at);
        next_burst = i;
      }
    }
    // A user who went away meanwhile does not answer.
    while (!replies.empty() &&
           (limit_reached() || (replies.top().at < best && away(replies.top().device.user)))) {
      replies.pop();
    }
    if (next_source == Source::none || makes_sense()) return;
    skip();
  }
}

// Decides user and conversation of the next action from its own stream; false when it cannot be.
bool Workload::State::makes_sense() {
  const uint64_t users = topology.users;
  switch (next_source) {
    case Source::message: {
      Rng rng = messages.draws();
      return choose_message(UserId{rng.below(contacts.senders())}, rng);
    }
    case Source::burst: {
      const Burst& b = bursts[next_burst];
      Rng rng = b.arrivals.draws();
      const UserId user{rng.below(contacts.senders())};
      return mix64(b.key, user.value) % kMillion < b.fraction_ppm && choose_message(user, rng);
    }
    case Source::relocation: {
      Rng rng = relocations.draws();
      const uint64_t first = config.relocate_recipients_only ? contacts.first_recipient() : 0;
      chosen_user = UserId{first + rng.below(users - first)};
      return !away(chosen_user);
    }
    case Source::absence: {
      Rng rng = absences.draws();
      chosen_user = UserId{rng.below(users)};
      return !away(chosen_user);
    }
    case Source::action:
      return choose_action();
    case Source::first_absence:
      chosen_user = UserId{first_absence_user};
      return !away(chosen_user);
    case Source::group_change: {
      Rng rng = group_changes.draws();
      return choose_group_change(rng);
    }
    default:
      return true;
  }
}

void Workload::State::skip() {
  switch (next_source) {
    case Source::script:
      ++script_next;
      break;
    case Source::action:
      ++action_next;
      break;
    case Source::first_absence:
      next_first_absence();
      break;
    case Source::comeback:
      returns.pop();
      break;
    case Source::message:
      messages.advance();
      break;
    case Source::relocation:
      relocations.advance();
      break;
    case Source::absence:
      absences.advance();
      break;
    case Source::group_change:
      group_changes.advance();
      break;
    case Source::burst:
      bursts[next_burst].arrivals.advance();
      break;
    case Source::none:
      break;
  }
}

bool Workload::State::choose_message(UserId from, Rng& rng) {
  if (away(from)) return false;
  chosen_user = from;
  const bool to_group = rng.chance(config.group_share_ppm, kMillion);
  if (to_group && !groups_of.empty() && !groups_of[from.value].empty()) {
    const std::vector<uint32_t>& mine = groups_of[from.value];
    chosen_conversation = ConversationId::group(mine[rng.below(mine.size())]);
    return true;
  }
  const std::optional<UserId> to = contacts.pick(from, rng);
  if (!to) return false;
  chosen_conversation = ConversationId::direct(from, *to);
  return true;
}

bool Workload::State::choose_group_change(Rng& rng) {
  const auto g = static_cast<uint32_t>(rng.below(groups.size()));
  const std::vector<UserId>& now = members[g];
  const bool join = rng.chance(1, 2);
  if (join && now.size() >= std::min<uint64_t>(kMaxGroupSize, topology.users)) return false;
  if (!join && now.size() <= 2) return false;
  const UserId user = join ? UserId{rng.below(topology.users)} : now[rng.below(now.size())];
  chosen_change = {g, user, join};
  return !away(user) && (!join || !std::binary_search(now.begin(), now.end(), user));
}

void Workload::State::apply_group_change(int64_t t, DeviceKey device) {
  const auto [g, user, join] = chosen_change;
  std::vector<UserId>& now = members[g];
  std::vector<uint32_t>& mine = groups_of[user.value];
  const auto at = std::lower_bound(now.begin(), now.end(), user);
  if (join) {
    now.insert(at, user);
    mine.push_back(g);
  } else {
    now.erase(at);
    mine.erase(std::find(mine.begin(), mine.end(), g));
  }
  Action action{.at_ns = t, .device = device, .command = {}, .answers_tag = 0};
  action.command.kind = join ? CommandKind::join : CommandKind::leave;
  action.command.conversation = ConversationId::group(g);
  action.command.tag = ++last_tag;
  ready.push_back(std::move(action));
}

DeviceKey Workload::State::device_of(UserId user, Rng& rng) const {
  const uint32_t devices = topology.devices_per_user;
  return {user, devices <= 1 ? 0 : static_cast<uint32_t>(rng.below(devices))};
}

void Workload::State::push_command(int64_t t, UserId user, CommandKind kind) {
  for (uint32_t d = 0; d < topology.devices_per_user; ++d) {
    Action action{.at_ns = t, .device = {user, d}, .command = {}, .answers_tag = 0};
    action.command.kind = kind;
    ready.push_back(std::move(action));
  }
}

void Workload::State::push_message(int64_t t, DeviceKey from, ConversationId conversation,
                                   uint64_t tag, uint64_t answers, uint32_t bytes) {
  Rng rng(mix64(size_key, tag));
  const int64_t size = bytes != 0
                           ? int64_t{bytes}
                           : std::clamp<int64_t>(draw(config.payload, rng), 8, kMaxPayloadBytes);
  Action action{.at_ns = t, .device = from, .command = {}, .answers_tag = answers};
  action.command.kind = CommandKind::send;
  action.command.conversation = conversation;
  action.command.payload = make_body(pool, tag, static_cast<size_t>(size));
  action.command.tag = tag;
  ready.push_back(std::move(action));
  ++sent;
}

void Workload::State::push_relocation(int64_t t, DeviceKey device) {
  Action action{.at_ns = t, .device = device, .command = {}, .answers_tag = 0};
  action.command.kind = CommandKind::relocate;
  ready.push_back(std::move(action));
}

DurationNs Workload::State::drawn_absence(Rng& rng) const {
  return rng.between(config.offline_away_ns / 2,
                     config.offline_away_ns + config.offline_away_ns / 2);
}

void Workload::State::go_away(int64_t t, UserId user, DurationNs how_long) {
  away_[user.value] = true;
  push_command(t, user, CommandKind::stop);
  if (how_long < kNever - t) returns.push({t + how_long, user});
}

void Workload::State::take_base() {
  const int64_t t = base_at();
  switch (next_source) {
    case Source::script:
      send_scripted();
      break;
    case Source::action:
      act(t, config.actions[actions[action_next]]);
      break;
    case Source::message:
    case Source::burst: {
      const bool base = next_source == Source::message;
      const Arrivals& from = base ? messages : bursts[next_burst].arrivals;
      Rng rng(mix64(from.key + 1, from.count));
      push_message(t, device_of(chosen_user, rng), chosen_conversation, ++last_tag, 0, 0);
      break;
    }
    case Source::relocation: {
      Rng rng(mix64(relocations.key + 1, relocations.count));
      push_relocation(t, device_of(chosen_user, rng));
      break;
    }
    case Source::first_absence: {
      Rng rng = Rng::stream(seed, "first away", first_absence_user);
      go_away(t, chosen_user, drawn_absence(rng));
      break;
    }
    case Source::absence: {
      Rng rng(mix64(absences.key + 1, absences.count));
      go_away(t, chosen_user, drawn_absence(rng));
      break;
    }
    case Source::comeback: {
      const UserId user = returns.top().user;
      away_[user.value] = false;
      push_command(t, user, CommandKind::start);
      break;
    }
    case Source::group_change: {
      Rng rng(mix64(group_changes.key + 1, group_changes.count));
      apply_group_change(t, device_of(chosen_change.user, rng));
      break;
    }
    case Source::none:
      break;
  }
  skip();
}

}  // namespace imroute
