// Event payloads: slots with a stable address and a small index, so that an event queue entry needs
// only the index. Grows by chunks and never shrinks; a warm simulation allocates nothing here.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/assert.h"

namespace imroute {

template <class T>
class Pool {
 public:
  // A slot as its last user left it: set every field that is read.
  uint32_t take() {
    ++alive_;
    if (!free_.empty()) {
      const uint32_t index = free_.back();
      free_.pop_back();
      return index;
    }
    if (next_ == chunks_.size() * kChunk) chunks_.push_back(std::make_unique<T[]>(kChunk));
    return next_++;
  }
  void give(uint32_t index) {
    --alive_;
    free_.push_back(index);
  }
  T& operator[](uint32_t index) { return chunks_[index / kChunk][index % kChunk]; }
  const T& operator[](uint32_t index) const { return chunks_[index / kChunk][index % kChunk]; }
  uint32_t alive() const { return alive_; }
  uint32_t slots() const { return next_; }  // ever taken; which of them are in use, the user knows

 private:
  static constexpr uint32_t kChunk = 1024;
  std::vector<std::unique_ptr<T[]>> chunks_;
  std::vector<uint32_t> free_;
  uint32_t next_ = 0;
  uint32_t alive_ = 0;
};

}  // namespace imroute
