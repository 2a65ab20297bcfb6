// The registry's answer to "who lives": immutable once published, shared by handle.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/ids.h"

namespace imroute {

struct Member {
  NodeId node;
  uint32_t weight = 1;
  uint64_t incarnation = 0;
  bool draining = false;
};

struct ClusterView {
  uint64_t version = 0;         // rises with every change
  std::vector<Member> members;  // sorted by node id

  const Member* find(NodeId node) const;
};

using ViewHandle = std::shared_ptr<const ClusterView>;

}  // namespace imroute
