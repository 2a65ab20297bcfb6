#include <algorithm>

#include "core/model/cluster_view.h"
#include "core/model/reason.h"
#include "core/model/session.h"

namespace imroute {

std::string_view to_string(Reason reason) {
  switch (reason) {
    case Reason::none:
      return "none";
    case Reason::superseded:
      return "superseded";
    case Reason::kicked:
      return "kicked";
    case Reason::no_node:
      return "no_node";
    case Reason::overloaded:
      return "overloaded";
    case Reason::draining:
      return "draining";
    case Reason::fenced:
      return "fenced";
    case Reason::bad_token:
      return "bad_token";
    case Reason::not_bound:
      return "not_bound";
    case Reason::not_member:
      return "not_member";
    case Reason::out_of_order:
      return "out_of_order";
    case Reason::too_large:
      return "too_large";
    case Reason::store_unavailable:
      return "store_unavailable";
    case Reason::outbox_full:
      return "outbox_full";
    case Reason::no_session:
      return "no_session";
    case Reason::no_route:
      return "no_route";
    case Reason::attempts_exhausted:
      return "attempts_exhausted";
    case Reason::offline:
      return "offline";
    case Reason::unknown_node:
      return "unknown_node";
    case Reason::node_down:
      return "node_down";
    case Reason::wrong_incarnation:
      return "wrong_incarnation";
    case Reason::closed_by_peer:
      return "closed_by_peer";
    case Reason::reset:
      return "reset";
    case Reason::timeout:
      return "timeout";
    case Reason::refused:
      return "refused";
    case Reason::protocol_error:
      return "protocol_error";
    case Reason::version_refused:
      return "version_refused";
    case Reason::slow_reader:
      return "slow_reader";
    case Reason::shutdown:
      return "shutdown";
    case Reason::lease_lost:
      return "lease_lost";
    case Reason::duplicate:
      return "duplicate";
    case Reason::circuit_open:
      return "circuit_open";
    case Reason::cancelled:
      return "cancelled";
    case Reason::count_:
      break;
  }
  return "?";
}

bool conflicts(LoginPolicy policy, ClientType a, ClientType b) {
  switch (policy) {
    case LoginPolicy::single:
      return true;
    case LoginPolicy::one_per_type:
      return a == b;
    case LoginPolicy::mobile_desktop_web: {
      const auto family = [](ClientType t) {
        return t == ClientType::pad ? ClientType::mobile : t;
      };
      return family(a) == family(b);
    }
    case LoginPolicy::all:
      return false;
  }
  return false;
}

const Member* ClusterView::find(NodeId node) const {
  const auto at = std::lower_bound(members.begin(), members.end(), node,
                                   [](const Member& m, NodeId id) { return m.node < id; });
  return at != members.end() && at->node == node ? &*at : nullptr;
}

}  // namespace imroute
