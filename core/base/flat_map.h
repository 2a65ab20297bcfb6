// Bounded hash map: open addressing, linear probing, backward-shift deletion, power-of-two table at
// most 3/4 full. It starts small and doubles up to its ceiling, so a thousand simulated nodes fit
// in memory and a warm node allocates nothing. Iteration order is table order: never let it reach
// behaviour; sort, or keep an index.
//
// A map whose keys clients choose has a `salt` that they do not know: whoever knows the hash can
// name keys that all want one slot, and each operation then walks past all of them (Crosby,
// Wallach, "Denial of Service via Algorithmic Complexity Attacks", 2003).
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "core/base/assert.h"
#include "core/base/hash.h"

namespace imroute {

template <class Key, class Value, class Hash = IdHash>
class FlatMap {
 public:
  explicit FlatMap(uint32_t capacity = 1u << 30, uint64_t salt = 0)
      : salt_(salt), capacity_(capacity) {
    rehash(8);
  }

  uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  bool full() const { return size_ >= capacity_; }

  Value* find(const Key& key) {
    for (uint32_t i = home(key); slots_[i].used; i = (i + 1) & mask_) {
      if (slots_[i].key == key) return &slots_[i].value;
    }
    return nullptr;
  }
  const Value* find(const Key& key) const { return const_cast<FlatMap*>(this)->find(key); }
  bool contains(const Key& key) const { return find(key) != nullptr; }

  // The value of `key`, default-made when absent; nullptr when absent and the map is at its
  // ceiling. Invalidates pointers when it grows.
  Value* insert(const Key& key) {
    if (Value* have = find(key)) return have;
    if (full()) return nullptr;
    if ((size_ + 1) * 4 > (mask_ + 1) * 3) rehash((mask_ + 1) * 2);
    uint32_t i = home(key);
    while (slots_[i].used) i = (i + 1) & mask_;
    slots_[i].used = true;
    slots_[i].key = key;
    slots_[i].value = Value{};
    ++size_;
    return &slots_[i].value;
  }

  bool erase(const Key& key) {
    uint32_t i = home(key);
    while (slots_[i].used && !(slots_[i].key == key)) i = (i + 1) & mask_;
    if (!slots_[i].used) return false;
    for (uint32_t j = (i + 1) & mask_; slots_[j].used; j = (j + 1) & mask_) {
      const uint32_t want = home(slots_[j].key);
      if (((j - want) & mask_) >= ((j - i) & mask_)) {
        slots_[i].key = slots_[j].key;
        slots_[i].value = std::move(slots_[j].value);
        i = j;
      }
    }
    slots_[i].used = false;
    slots_[i].value = Value{};
    --size_;
    return true;
  }

  void clear() {
    for (Slot& s : slots_) s = Slot{};
    size_ = 0;
  }

  // Calls fn(key, value) in table order. Order must not escape (see above).
  template <class Fn>
  void for_each(Fn&& fn) {
    for (Slot& s : slots_) {
      if (s.used) fn(static_cast<const Key&>(s.key), s.value);
    }
  }
  template <class Fn>
  void for_each(Fn&& fn) const {
    for (const Slot& s : slots_) {
      if (s.used) fn(s.key, s.value);
    }
  }

 private:
  struct Slot {
    Key key{};
    Value value{};
    bool used = false;
  };

  uint32_t home(const Key& key) const { return static_cast<uint32_t>(Hash{}(key, salt_)) & mask_; }

  void rehash(uint32_t slots) {
    std::vector<Slot> old = std::move(slots_);
    slots_.clear();
    slots_.resize(slots);
    mask_ = slots - 1;
    for (Slot& s : old) {
      if (!s.used) continue;
      uint32_t i = home(s.key);
      while (slots_[i].used) i = (i + 1) & mask_;
      slots_[i] = std::move(s);
    }
  }

  std::vector<Slot> slots_;
  uint64_t salt_;
  uint32_t mask_ = 0;
  uint32_t size_ = 0;
  uint32_t capacity_;
};

}  // namespace imroute
