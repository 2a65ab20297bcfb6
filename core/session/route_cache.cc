#include "core/session/route_cache.h"
#include "core/base/planted.h"

namespace imroute {

RouteCache::RouteCache(uint32_t entries, DurationNs ttl_ns, DurationNs negative_ttl_ns,
                       uint64_t salt)
    : map_(1u << 30, salt),
      items_(entries + 1),
      capacity_(entries),
      ttl_ns_(ttl_ns),
      negative_ttl_ns_(negative_ttl_ns < kSecond ? negative_ttl_ns : kSecond) {}

RouteCache::Item* RouteCache::fresh(UserId user, MonoTime now) {
  const uint32_t* index = map_.find(user);
  if (index == nullptr) return nullptr;
  Item& item = items_[*index];
  if (item.expires <= now) {
    drop(user);
    return nullptr;
  }
  return &item;
}

const NodeSet* RouteCache::find(UserId user, MonoTime now) {
  Item* item = fresh(user, now);
  if (item == nullptr || item->nodes.empty()) return nullptr;
  const uint32_t index = *map_.find(user);
  unlink(index);
  link_newest(index);
  return &item->nodes;
}

bool RouteCache::known_offline(UserId user, MonoTime now) {
  const Item* item = fresh(user, now);
  return item != nullptr && item->nodes.empty();
}

void RouteCache::learn(UserId user, const NodeSet& nodes, uint64_t version, MonoTime now) {
  if (nodes.empty()) return learn_offline(user, now);
  const Item* item = fresh(user, now);
  if (item != nullptr && item->version > version) return;
  put(user, nodes, version, now, ttl_ns_ == 0 ? kNever : now + ttl_ns_);
}

void RouteCache::learn_offline(UserId user, MonoTime now) {
  put(user, {}, 0, now, IM_PLANTED(negative_cache_forever) ? kNever : now + negative_ttl_ns_);
}

void RouteCache::put(UserId user, const NodeSet& nodes, uint64_t version, MonoTime now,
                     MonoTime expires) {
  if (capacity_ == 0) return;
  uint32_t index = 0;
  if (const uint32_t* have = map_.find(user)) {
    index = *have;
    unlink(index);
  } else {
    if (map_.size() >= capacity_) drop(items_[oldest_].user);
    index = items_.take();
    *map_.insert(user) = index;
    if (map_.size() > size_max_) size_max_ = map_.size();
  }
  Item& item = items_[index];
  if (item.user != user || !(item.nodes == nodes)) item.changed_at = now;
  item.user = user;
  item.nodes = nodes;
  item.version = version;
  item.expires = expires;
  link_newest(index);
}

bool RouteCache::covered(UserId user, const NodeSet& nodes, MonoTime since) const {
  const uint32_t* index = map_.find(user);
  if (index == nullptr || items_[*index].changed_at > since) return false;
  for (NodeId node : nodes) {
    if (!items_[*index].nodes.contains(node)) return false;
  }
  return true;
}

void RouteCache::drop(UserId user) {
  const uint32_t* have = map_.find(user);
  if (have == nullptr) return;
  const uint32_t index = *have;
  unlink(index);
  items_.give(index);
  map_.erase(user);
}

void RouteCache::drop_node(UserId user, NodeId node) {
  const uint32_t* have = map_.find(user);
  if (have == nullptr) return;
  NodeSet& nodes = items_[*have].nodes;
  if (nodes.erase(node) && nodes.empty()) drop(user);
}

void RouteCache::unlink(uint32_t index) {
  Item& item = items_[index];
  (item.newer == kNil ? newest_ : items_[item.newer].older) = item.older;
  (item.older == kNil ? oldest_ : items_[item.older].newer) = item.newer;
}

void RouteCache::link_newest(uint32_t index) {
  Item& item = items_[index];
  item.older = newest_;
  item.newer = kNil;
  if (newest_ != kNil) items_[newest_].newer = index;
  newest_ = index;
  if (oldest_ == kNil) oldest_ = index;
}

uint64_t RouteCache::digest() const {
  Digest digest;
  for (uint32_t i = newest_; i != kNil; i = items_[i].older) {
    digest.add(items_[i].user.value);
    for (NodeId node : items_[i].nodes) digest.add(node.value);
  }
  return digest.value();
}

}  // namespace imroute
