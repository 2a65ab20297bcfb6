#include "harness/explore/sites.h"

#include <algorithm>

namespace imroute {
namespace {

using S = const Scenario&;

bool faults(S s) { return s.nemesis.enabled || !s.faults.empty(); }
// Everything may happen.
bool drawn(S s) {
  return s.nemesis.enabled && (s.nemesis.families.empty() || s.nemesis.families.size() >= 9);
}
bool ordered(S s) {
  return s.delivery.guarantee == Guarantee::at_least_once && s.delivery.order != Order::none;
}
bool at_least_once(S s) { return s.delivery.guarantee == Guarantee::at_least_once; }
bool caches(S s) {
  return s.strategy.kind != StrategyKind::broadcast && s.strategy.cache_entries > 0 &&
         !(s.strategy.kind == StrategyKind::central && s.strategy.mode == CentralMode::forward);
}
bool moves(S s) {
  return s.topology.nodes > 1 && (s.workload.relocations_microhz > 0 || faults(s));
}
bool stale_cache(S s) { return caches(s) && moves(s); }
bool broadcasts(S s) {
  return s.strategy.kind == StrategyKind::broadcast ||
         s.strategy.kind == StrategyKind::cached_broadcast;
}
bool cached_broadcast(S s) {
  return s.strategy.kind == StrategyKind::cached_broadcast && stale_cache(s);
}
bool hints(S s) { return stale_cache(s) && s.strategy.hints; }
bool calls(S s) {
  // A computed place is not asked for, and forward mode always asks.
  return s.strategy.kind == StrategyKind::central &&
         (s.strategy.mode == CentralMode::forward ||
          s.strategy.placement.kind == PlacementKind::table);
}
bool breaker(S s) { return calls(s) && s.invocation.breaker && drawn(s); }
bool failback(S s) { return calls(s) && s.invocation.policy == PolicyKind::failback && drawn(s); }
bool retried(S s) {
  return calls(s) && s.invocation.policy == PolicyKind::failover && s.invocation.retries > 0 &&
         drawn(s);
}
bool forks(S s) {
  return calls(s) && s.topology.routers > 1 &&
         ((s.invocation.policy == PolicyKind::forking && s.invocation.forks > 1));
}
bool degraded(S s) {
  return calls(s) && s.invocation.degraded_answer && s.strategy.cache_entries > 0 && drawn(s);
}
bool handover(S s) { return s.sessions.handover && moves(s) && at_least_once(s); }
bool tail_loss(S s) { return s.mailbox.durability == Durability::async && drawn(s); }
bool small_window(S s) { return at_least_once(s) && s.delivery.effective_window() <= 8; }
bool kicks(S s) { return s.topology.devices_per_user > 1 && s.sessions.policy != LoginPolicy::all; }
bool ordered_windows(S s) { return ordered(s) && s.delivery.effective_window() > 1; }
bool nemesis_at_least_once(S s) { return drawn(s) && at_least_once(s); }
bool perturbed(S s) {
  const auto& families = s.nemesis.families;
  return s.nemesis.enabled &&
         std::find(families.begin(), families.end(), FaultFamily::code) != families.end();
}
bool creates(S s) {
  return std::any_of(s.workload.actions.begin(), s.workload.actions.end(),
                     [](const ScriptedAction& a) { return a.kind == ActionKind::create; });
}
bool more_nodes(S s) { return s.topology.nodes > 1; }

constexpr Site kSites[] = {
    {"nack fallback", "a stale place answered NACK, and the message was routed again",
     &Counters::nacks_received, stale_cache},
    {"hint followed", "a NACK told where the user went", &Counters::hints_followed, hints},
    {"re-broadcast", "broadcast again after a NACK or a lost answer", &Counters::rebroadcasts,
     cached_broadcast},
    {"re-broadcast collapsed", "routes to one user waited for one question",
     &Counters::rebroadcasts_collapsed, cached_broadcast},
    {"broadcast ignored", "a push for a user who is not here", &Counters::pushes_ignored,
     broadcasts},
    {"route retried", "a push without an answer was tried again", &Counters::routes_retried, drawn},
    {"route given up", "left to the mailbox path", &Counters::routes_given_up, drawn},
    {"stale push", "a pushed entry had been delivered, or was of an old epoch",
     &Counters::pushes_stale, nemesis_at_least_once},
    {"stale generation refused", "a frame or row of an earlier login", &Counters::stale_generations,
     drawn},
    {"bind superseded", "a login lost against a newer one", &Counters::binds_superseded, drawn},
    {"bind refused", "a login that the node could not take", &Counters::binds_refused, drawn},
    {"login refused", "a router had no place to offer", &Counters::logins_refused, drawn},
    {"kicked", "closed by the login policy", &Counters::kicks, kicks},
    {"displaced", "closed because the device logged in elsewhere", &Counters::displacements, moves},
    {"hand-over used", "the new node took over what the old one had not delivered",
     &Counters::handovers_received, handover},
    {"window full", "a delivery waited in the mailbox", &Counters::window_full, small_window},
    {"window demoted", "a slow device was demoted to pull", &Counters::demotions,
     nemesis_at_least_once},
    {"redelivery", "an unacknowledged delivery was sent again", &Counters::redeliveries,
     nemesis_at_least_once},
    {"duplicate hidden", "a client hid what it had shown", &Counters::duplicates_hidden,
     nemesis_at_least_once},
    {"gap buffered", "an early entry waited for its predecessor", &Counters::gaps_buffered,
     ordered_windows},
    {"gap filled from the mailbox", "the predecessor did not come", &Counters::gaps_pulled,
     [](S s) { return ordered(s) && drawn(s); }},
    {"sync found something", "a compare showed that a push was missed", &Counters::compare_behind,
     nemesis_at_least_once},
    {"duplicate append answered", "a send that was stored already got its first answer",
     &Counters::append_duplicates, nemesis_at_least_once},
    {"append repeated", "an append without an answer was made again", &Counters::appends_repeated,
     nemesis_at_least_once},
    {"send repeated", "a client repeated an unanswered send", &Counters::sends_repeated,
     nemesis_at_least_once},
    {"store silent", "an operation ended without an answer", &Counters::ops_unknown, drawn},
    {"late reply", "a store answered when nobody waited any more", &Counters::replies_late, drawn},
    {"self-fence", "a node without a lease stopped serving", &Counters::fences, drawn},
    {"suspended", "a node lived on with the registry gone", &Counters::suspensions, drawn},
    {"lease drop", "a client dropped a frame whose lease was not proven", &Counters::lease_drops,
     drawn},
    {"session check closed", "the directory knew a newer session", &Counters::sessions_checked_out,
     drawn},
    {"rows re-asserted", "rows that the directory lost were written again",
     &Counters::rows_reasserted, drawn},
    {"epoch raised", "a store came back as another", &Counters::epochs_raised, drawn},
    {"rewind", "the store had lost what it once acknowledged", &Counters::rewinds, tail_loss},
    {"reset", "a client came back after what it missed had expired", &Counters::resets,
     [](S s) { return s.mailbox.retention_ns != 0 && drawn(s); }},
    {"reconnected", "a client tried again", &Counters::reconnects, drawn},
    {"call retried", "another router was asked after a failure", &Counters::calls_retried, retried},
    {"breaker opened", "a failing router was left alone", &Counters::circuits_opened, breaker},
    {"failback deferred", "a failed call went to the background", &Counters::calls_deferred,
     failback},
    {"failback drained", "a call of the background came through", &Counters::failbacks_done,
     failback},
    {"fork cancelled", "the slower of two calls was not wanted any more",
     &Counters::calls_cancelled, forks},
    {"degraded answer", "all routers failed, the cache answered", &Counters::calls_degraded,
     degraded},
    {"rare branch taken", "a perturbation made a node take a branch that nothing asked for",
     &Counters::perturbed, perturbed},
    {"group created", "a client made a group that did not exist before", &Counters::groups_created,
     creates},
    {"local route", "the user sat on the same node", &Counters::route_local, more_nodes},
};

}  // namespace

std::span<const Site> all_sites() { return kSites; }

std::map<std::string, uint64_t> sites_hit(const Counters& counters) {
  std::map<std::string, uint64_t> hit;
  for (const Site& site : kSites) {
    if (counters.*site.counter != 0) hit[site.name] = counters.*site.counter;
  }
  return hit;
}

}  // namespace imroute
