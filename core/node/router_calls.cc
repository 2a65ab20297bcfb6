// Calls to routers, RESOLVE ("where is this user?") and FORWARD ("bring it there"), under the
// configured invocation policy. A RESOLVE is answered by its router; a FORWARD by the node that got
// the push, or by the router when it could not.
#include <utility>

#include "core/node/state.h"

namespace imroute {

void Node::State::open_calls() {
  std::vector<Backend> routers;
  for (uint32_t r = 0; r < config_.routers; ++r) routers.push_back({r, 1, 0, false});
  caller_.update_targets(routers, now_);
}

void Node::State::call_router(uint32_t index, bool forward, bool authoritative) {
  Route& route = routes_[index];
  ++(forward ? counters_.forwards : counters_.resolves);
  trace(forward ? TraceKind::route_forward : TraceKind::route_resolve, route.entry, route.user, 0,
        id_of(index).value);
  route.forwards = forward;
  route.authoritative = authoritative;
  // A forward that timed out may have been carried out; the mailbox's sequence hides a second one.
  route.call = caller_.begin(now_, route.user.value, !forward || at_least_once());
  if (route.call == kNoCall) return call_failed(index, false);
  *calls_.insert(route.call.value) = index;
  carry_out_calls();
}

// What the policy wants done. Acting may begin further calls, so the actions are taken out first.
void Node::State::carry_out_calls() {
  while (!caller_.actions().empty()) {
    const auto actions = caller_.actions();
    call_actions_.assign(actions.begin(), actions.end());
    caller_.clear_actions();
    std::vector<CallAction> todo = std::exchange(call_actions_, {});
    for (const CallAction& action : todo) {
      const uint32_t* found = calls_.find(action.call.value);
      if (found == nullptr) continue;
      const uint32_t index = *found;
      if (action.kind == CallAction::Kind::send) send_call(index, action);
      if (action.kind != CallAction::Kind::done) continue;
      calls_.erase(action.call.value);
      routes_[index].call = kNoCall;
      if (action.result != CallResult::ok) call_failed(index, action.degraded);
    }
    if (call_actions_.capacity() < todo.capacity()) call_actions_.swap(todo);  // used again
  }
  const CallerCounters& calls = caller_.counters();
  counters_.calls_retried = calls.retries;
  counters_.calls_deferred = calls.deferred;
  counters_.failbacks_done = calls.deferred_ok;
  counters_.calls_cancelled = calls.cancelled;
  counters_.calls_degraded = calls.degraded;
  counters_.circuits_opened = calls.circuits_opened;
}

void Node::State::send_call(uint32_t index, const CallAction& action) {
  Route& route = routes_[index];
  route.router = action.target;
  Frame frame;
  frame.type = route.forwards ? FrameType::forward : FrameType::resolve;
  frame.number = action.call.value;
  frame.route = id_of(index);
  frame.node = config_.id;
  frame.user = route.user;
  frame.flags = route.authoritative ? kFlagAuthoritative : uint8_t{0};
  if (route.forwards) frame.entry = route.entry;
  frame.list = route.list;
  const RouterId router{static_cast<uint32_t>(action.target)};
  out_->push(SendPeer{address_of(router), std::move(frame)});
}

void Node::State::call_failed(uint32_t index, bool degraded) {
  Route& route = routes_[index];
  if (route.kind == Route::Kind::group_batch) {
    return route.acked ? free_route(index) : on_located_batch(index, {}, false);
  }
  if (route.acked) return finish_route(index);
  const NodeSet stale = degraded ? cached(route.user) : NodeSet{};
  if (!stale.empty()) return push_to(index, stale);
  on_located(index, false, {}, 0);
}

// A forward is answered by the node that holds the user: whatever else was asked is not wanted.
void Node::State::call_answered(uint32_t index) {
  Route& route = routes_[index];
  if (route.call == kNoCall) return;
  const CallId call = std::exchange(route.call, kNoCall);
  calls_.erase(call.value);
  caller_.on_success(call, route.router, now_);
  caller_.drop(call);
  carry_out_calls();
}

void Node::State::end_call(uint32_t index) {
  const CallId call = std::exchange(routes_[index].call, kNoCall);
  if (call == kNoCall) return;
  calls_.erase(call.value);
  caller_.drop(call);
}

void Node::State::on_resolved(RouterId router, const Frame& frame) {
  const CallId call{frame.number};
  const uint32_t* found = calls_.find(call.value);
  const bool answered = frame.reason == Reason::none || frame.reason == Reason::offline;
  if (!answered || !list_is_whole<UserLocation>(frame.list)) {
    if (answered) ++counters_.protocol_errors;
    caller_.on_failure(call, router.value, answered ? Reason::protocol_error : frame.reason, now_);
    return carry_out_calls();
  }
  const uint32_t index = found == nullptr ? kNil : *found;
  caller_.on_success(call, router.value, now_);
  carry_out_calls();
  // Late, or (policy broadcast) not the last one asked.
  if (index == kNil || routes_[index].call == call) return;
  if (routes_[index].kind == Route::Kind::group_batch) {
    const Payload list = frame.list;
    return on_located_batch(index, list.as<UserLocation>(), true);
  }
  on_located(index, true, living(frame.nodes), frame.version);
}

}  // namespace imroute
