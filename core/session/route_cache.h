// What a node has learned about where users are: bounded LRU with a time to live. An entry is a
// *set* of nodes with the user's version, never one node: a second device elsewhere must be reached
// too. A negative entry ("nobody has this user") lives at most a second and is cleared by a login.
#pragma once

#include <cstdint>

#include "core/base/flat_map.h"
#include "core/base/slab.h"
#include "core/base/time.h"
#include "core/model/message.h"

namespace imroute {

class RouteCache {
 public:
  // entries = 0: nothing is remembered. ttl_ns = 0: entries do not age. `salt`: see FlatMap.
  RouteCache(uint32_t entries, DurationNs ttl_ns, DurationNs negative_ttl_ns, uint64_t salt);

  // Nodes of a fresh positive entry, or nullptr. Touches it.
  const NodeSet* find(UserId user, MonoTime now);
  bool known_offline(UserId user, MonoTime now);
  // A version below the one held is ignored; the nodes are replaced otherwise.
  void learn(UserId user, const NodeSet& nodes, uint64_t version, MonoTime now);
  // Every one of `nodes` has been known since `since` or earlier: what was sent then went there.
  bool covered(UserId user, const NodeSet& nodes, MonoTime since) const;
  void learn_offline(UserId user, MonoTime now);
  void drop(UserId user);
  // The user is not at `node` any more; the entry goes when it was the last.
  void drop_node(UserId user, NodeId node);

  uint32_t size() const { return map_.size(); }
  uint32_t size_max() const { return size_max_; }
  uint64_t digest() const;

 private:
  struct Item {
    UserId user;
    NodeSet nodes;  // empty: negative
    uint64_t version = 0;
    MonoTime expires = kNever;
    MonoTime changed_at = 0;  // when `nodes` became what they are
    uint32_t newer = kNil, older = kNil;
  };
  Item* fresh(UserId user, MonoTime now);
  void put(UserId user, const NodeSet& nodes, uint64_t version, MonoTime now, MonoTime expires);
  void unlink(uint32_t index);
  void link_newest(uint32_t index);

  FlatMap<UserId, uint32_t> map_;
  Slab<Item> items_;
  uint32_t newest_ = kNil, oldest_ = kNil;
  uint32_t capacity_;
  DurationNs ttl_ns_, negative_ttl_ns_;
  uint32_t size_max_ = 0;
};

}  // namespace imroute
