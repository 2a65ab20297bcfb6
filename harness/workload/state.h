// What the workload keeps. Several sources each know the time and the user of their next action;
// the earliest that makes sense at its time is next. A user's draws come from a stream keyed by
// purpose and number, never from a shared one, and nothing but the answers depends on what the
// cluster does: so the same users do the same things under every strategy.
#pragma once

#include <deque>
#include <optional>
#include <queue>
#include <vector>

#include "core/base/flat_map.h"
#include "harness/workload/contacts.h"
#include "harness/workload/workload.h"

namespace imroute {

constexpr uint32_t kMillion = 1'000'000;  // shares are kept in millionths

// One Poisson process over all users; arrival number `count` is drawn from its own stream.
struct Arrivals {
  Rng gaps;
  uint64_t key = 0;
  unsigned __int128 rate_microhz = 0;
  int64_t at = kNever;
  uint64_t count = 0;

  void start(uint64_t seed, std::string_view purpose, uint64_t entity, unsigned __int128 rate,
             int64_t from_ns);
  void advance();
  Rng draws() const { return Rng(mix64(key, count)); }
};

struct Burst {
  Arrivals arrivals;
  int64_t until_ns = 0;
  uint32_t fraction_ppm = 0;
  uint64_t key = 0;
};

struct PendingReply {
  int64_t at;
  uint64_t tag, answers_tag;
  DeviceKey device;
  ConversationId conversation;
  uint32_t bytes;  // 0 = drawn
  friend bool operator>(const PendingReply& a, const PendingReply& b) {
    return a.at != b.at ? a.at > b.at : a.tag > b.tag;
  }
};

struct Return {
  int64_t at;
  UserId user;
  friend bool operator>(const Return& a, const Return& b) {
    return a.at != b.at ? a.at > b.at : a.user > b.user;
  }
};

// Who answered what lately, so that a message shown twice is not answered twice. Two generations of
// bounded size; a repeat comes within seconds.
class Answered {
 public:
  // False when it was there already.
  bool insert(uint64_t key) {
    if (fresh_.contains(key) || old_.contains(key)) return false;
    if (fresh_.full()) {
      std::swap(fresh_, old_);
      fresh_.clear();
    }
    fresh_.insert(key);
    return true;
  }

 private:
  static constexpr uint32_t kSize = 1u << 19;
  FlatMap<uint64_t, uint8_t> fresh_{kSize}, old_{kSize};
};

struct GroupChange {
  uint32_t group;
  UserId user;
  bool join;
};

enum class Source : uint8_t {
  script,
  action,
  first_absence,
  comeback,
  message,
  relocation,
  absence,
  group_change,
  burst,
  none
};

struct Workload::State {
  State(const Scenario& s, uint64_t seed_value, BlobPool& blobs);

  void make_groups();
  void start_sources();
  // Drops what makes no sense at its time until the earliest base action does.
  void settle();
  int64_t base_at() const;
  bool makes_sense();
  void skip();
  void take_base();

  bool away(UserId user) const { return away_[user.value]; }
  DurationNs drawn_absence(Rng& rng) const;
  void go_away(int64_t t, UserId user, DurationNs how_long);
  void push_relocation(int64_t t, DeviceKey device);
  void push_command(int64_t t, UserId user, CommandKind kind);
  void push_message(int64_t t, DeviceKey from, ConversationId conversation, uint64_t tag,
                    uint64_t answers, uint32_t bytes);
  bool choose_action();
  void start_script();
  void send_scripted();
  void answer_by_script(int64_t t, DeviceKey shown_to, uint64_t tag);
  bool choose_message(UserId from, Rng& rng);
  bool choose_group_change(Rng& rng);
  void apply_group_change(int64_t t, DeviceKey device);
  void create_group(int64_t t, DeviceKey device, uint32_t group);
  void act(int64_t t, const ScriptedAction& action);
  bool limit_reached() const { return config.message_limit != 0 && sent >= config.message_limit; }
  DeviceKey device_of(UserId user, Rng& rng) const;
  int64_t first_absence_at(uint64_t user) const;
  void next_first_absence();

  WorkloadConfig config;
  Topology topology;
  int64_t duration_ns, warmup_ns;
  uint64_t seed;
  BlobPool& pool;
  Contacts contacts;

  std::vector<std::vector<UserId>> groups;       // at the start
  std::vector<std::vector<UserId>> members;      // now, as the users mean it
  std::vector<std::vector<uint32_t>> groups_of;  // by user; empty without groups
  std::vector<bool> away_;

  // Positions in config.messages (answers apart) and config.actions, in order of time.
  std::vector<uint32_t> script, actions;
  size_t script_next = 0, action_next = 0;
  std::vector<std::vector<uint32_t>> answers_to;  // by scripted message; empty without any
  std::vector<bool> answered_by_script;
  uint64_t first_absence_user = 0;
  // allowed: its order is total, no ties
  std::priority_queue<Return, std::vector<Return>, std::greater<>> returns;
  Arrivals messages, relocations, absences, group_changes;
  std::vector<Burst> bursts;
  // allowed: its order is total, no ties
  std::priority_queue<PendingReply, std::vector<PendingReply>, std::greater<>> replies;
  Answered answered;

  // The next base action, as far as it is decided before it is taken.
  Source next_source = Source::none;
  size_t next_burst = 0;
  UserId chosen_user;
  ConversationId chosen_conversation;
  GroupChange chosen_change{};

  std::deque<Action> ready;  // several devices of one user act at once
  uint64_t last_tag = 0;
  uint64_t sent = 0;
  uint64_t reply_key, size_key;
};

}  // namespace imroute
