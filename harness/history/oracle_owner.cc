// Oracle 6: after settling each device has at most one session in the cluster, a user's sessions
// satisfy the login policy, and a client that believes it is bound is. Whoever is put out has been
// replaced, and stays out until its user says otherwise. And of oracle 5: nobody serves without a
// lease.
#include <algorithm>

#include "harness/history/state.h"

namespace imroute {

void judge_owners(History::State& s, int64_t t, const FinalState& state) {
  std::vector<FinalSession> sessions = state.sessions;
  std::sort(sessions.begin(), sessions.end(), [](const FinalSession& a, const FinalSession& b) {
    return a.key != b.key ? a.key < b.key : a.node < b.node;
  });
  const auto name = [](const FinalSession& f) {
    return "node " + std::to_string(f.node.value) + " (generation " + std::to_string(f.generation) +
           ")";
  };
  const auto type = [&](uint32_t device) {
    return s.topology.device_types[device % s.topology.device_types.size()];
  };
  for (size_t i = 0; i < sessions.size(); ++i) {
    s.judge(Property::one_owner);
    const FinalSession& a = sessions[i];
    for (size_t j = i + 1; j < sessions.size() && sessions[j].key.user == a.key.user; ++j) {
      const FinalSession& b = sessions[j];
      const std::string both = name(a) + " and " + name(b);
      if (a.key == b.key) {
        s.violate(Property::one_owner, t,
                  s.say(s.books.device_index(a.key)) + " has two sessions, at " + both);
      } else if (!s.topology.device_types.empty() &&
                 conflicts(s.sessions.policy, type(a.key.device), type(b.key.device))) {
        s.violate(Property::one_owner, t,
                  "devices " + std::to_string(a.key.device) + " and " +
                      std::to_string(b.key.device) + " of user " +
                      std::to_string(a.key.user.value) +
                      " are both online against the login policy, at " + both);
      }
    }
  }
  for (const DeviceKey& key : state.online) {
    s.judge(Property::one_owner);
    const auto at =
        std::lower_bound(sessions.begin(), sessions.end(), key,
                         [](const FinalSession& f, const DeviceKey& k) { return f.key < k; });
    if (at != sessions.end() && at->key == key) continue;
    s.violate(Property::one_owner, t,
              s.say(s.books.device_index(key)) + " believes it is bound, but no node has it");
  }
}

namespace {

const char* word(Reason reason) { return reason == Reason::kicked ? "kicked" : "superseded"; }

// Some device of this user may put another one out.
bool may_conflict(const History::State& s) {
  const uint32_t n = s.books.devices_per_user();
  const std::vector<ClientType>& types = s.topology.device_types;
  if (n == 1 || s.sessions.policy == LoginPolicy::all || types.empty()) return false;
  for (uint32_t a = 0; a < n; ++a) {
    for (uint32_t b = 0; b < a; ++b) {
      if (conflicts(s.sessions.policy, types[a % types.size()], types[b % types.size()])) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace

// A device is one client, which binds its own newest generation: no session of it is ever newer.
void judge_put_out(History::State& s, int64_t t, uint32_t device, Reason reason) {
  s.books.device(device).put_out = true;
  s.judge(Property::one_owner);
  if (may_conflict(s)) return;
  s.violate(Property::one_owner, t,
            s.say(device) + " was put out as " + word(reason) +
                ", though nobody else has logged in for it");
}

void judge_return(History::State& s, int64_t t, uint32_t device) {
  DeviceBook& d = s.books.device(device);
  if (!d.put_out) return;
  d.put_out = false;
  s.violate(Property::one_owner, t,
            s.say(device) + " came back by itself after its node had put it out");
}

void judge_lease(History::State& s, int64_t t, NodeId node, int64_t since) {
  s.violate(Property::no_misdelivery, t,
            "node " + std::to_string(node.value) + " served a client " +
                std::to_string((t - since) / 1'000'000) + " ms after its lease had ended");
}

}  // namespace imroute
