// A vector with a fixed ceiling and no heap: the usual shape of "at most eight nodes" in the core.
#pragma once

#include <array>
#include <cstdint>

#include "core/base/assert.h"

namespace imroute {

template <class T, uint32_t kCapacity>
class InlineVector {
 public:
  static constexpr uint32_t capacity() { return kCapacity; }
  uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  bool full() const { return size_ == kCapacity; }
  void clear() { size_ = 0; }

  T& operator[](uint32_t i) {
    IM_ASSERT(i < size_);
    return items_[i];
  }
  const T& operator[](uint32_t i) const {
    IM_ASSERT(i < size_);
    return items_[i];
  }
  T* begin() { return items_.data(); }
  T* end() { return items_.data() + size_; }
  const T* begin() const { return items_.data(); }
  const T* end() const { return items_.data() + size_; }

  // False when full: the caller decides what a full set means.
  bool push_back(const T& item) {
    if (full()) return false;
    items_[size_++] = item;
    return true;
  }
  bool contains(const T& item) const {
    for (const T& have : *this) {
      if (have == item) return true;
    }
    return false;
  }
  // Adds unless present. False when absent and full.
  bool insert(const T& item) { return contains(item) || push_back(item); }
  // Removes by moving the last item into the place. REQUIRES: i < size().
  void remove_at(uint32_t i) {
    IM_ASSERT(i < size_);
    items_[i] = items_[--size_];
  }
  bool erase(const T& item) {
    for (uint32_t i = 0; i < size_; ++i) {
      if (items_[i] == item) {
        remove_at(i);
        return true;
      }
    }
    return false;
  }
  friend bool operator==(const InlineVector& a, const InlineVector& b) {
    if (a.size_ != b.size_) return false;
    for (uint32_t i = 0; i < a.size_; ++i) {
      if (!(a.items_[i] == b.items_[i])) return false;
    }
    return true;
  }

 private:
  std::array<T, kCapacity> items_{};
  uint32_t size_ = 0;
};

}  // namespace imroute
