// Which node *should* hold a user: a function of the user and the view, for the placements that
// decide logins. After a view change sessions stay where they are until they reconnect; strategies
// survive the mismatch through NACK.
#pragma once

#include <cstdint>
#include <memory>

#include "core/base/ids.h"
#include "core/model/cluster_view.h"
#include "core/model/config.h"

namespace imroute {

class Placement {
 public:
  virtual ~Placement() = default;
  // Rebuilds tables. Draining members own nothing (unless all drain).
  virtual void update(const ClusterView& view) = 0;
  // Owner under the view of the last update; kNoNode when it was empty.
  virtual NodeId owner(UserId user) const = 0;
  // Owner under the view before that (ring generations): asked while a resize settles.
  virtual NodeId previous_owner(UserId user) const = 0;
};

// nullptr for PlacementKind::table: the directory knows, nothing is computed.
std::unique_ptr<Placement> make_placement(const PlacementConfig& config);

}  // namespace imroute
