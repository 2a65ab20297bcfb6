// Fixed things with stable small indices: a vector with a free list and a ceiling. A slot's stamp
// changes whenever it is freed, so that a timer or an answer that names (index, stamp) can tell
// that its thing is gone.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/assert.h"

namespace imroute {

inline constexpr uint32_t kNil = ~uint32_t{0};

template <class T>
class Slab {
 public:
  explicit Slab(uint32_t capacity, uint32_t first_stamp = 1)
      : capacity_(capacity), first_stamp_(first_stamp) {}

  uint32_t size() const { return size_; }
  uint32_t slots() const { return static_cast<uint32_t>(slots_.size()); }

  // Index of a default-made T, or kNil at the ceiling.
  uint32_t take() {
    if (size_ >= capacity_) return kNil;
    uint32_t index = free_head_;
    if (index != kNil) {
      free_head_ = slots_[index].next_free;
    } else {
      index = slots();
      slots_.emplace_back();
      slots_[index].stamp = first_stamp_;
    }
    slots_[index].used = true;
    ++size_;
    return index;
  }
  void give(uint32_t index) {
    IM_ASSERT(index < slots() && slots_[index].used);
    Slot& slot = slots_[index];
    slot.value = T{};
    slot.used = false;
    ++slot.stamp;
    slot.next_free = free_head_;
    free_head_ = index;
    --size_;
  }
  bool used(uint32_t index) const { return index < slots() && slots_[index].used; }
  bool is(uint32_t index, uint32_t stamp) const {
    return used(index) && slots_[index].stamp == stamp;
  }
  uint32_t stamp(uint32_t index) const { return slots_[index].stamp; }
  T& operator[](uint32_t index) {
    IM_ASSERT(used(index));
    return slots_[index].value;
  }
  const T& operator[](uint32_t index) const {
    IM_ASSERT(used(index));
    return slots_[index].value;
  }

 private:
  struct Slot {
    T value{};
    uint32_t next_free = kNil;
    uint32_t stamp = 1;
    bool used = false;
  };
  std::vector<Slot> slots_;
  uint32_t free_head_ = kNil;
  uint32_t size_ = 0;
  uint32_t capacity_;
  uint32_t first_stamp_;
};

}  // namespace imroute
