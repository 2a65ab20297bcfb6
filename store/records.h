// Numbered records in chunks that never move: a store of millions of small records grows without
// copying them, and links between records cost four bytes. Number 0 means "none".
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace imroute {

template <class T, uint32_t kShift = 10>
class Records {
 public:
  T& operator[](uint32_t i) { return chunks_[i >> kShift][i & kMask]; }
  const T& operator[](uint32_t i) const { return chunks_[i >> kShift][i & kMask]; }

  // A default-made record. Never 0. Earlier references stay valid.
  uint32_t make() {
    ++alive_;
    if (!free_.empty()) {
      const uint32_t i = free_.back();
      free_.pop_back();
      return i;
    }
    if ((next_ >> kShift) == chunks_.size()) chunks_.push_back(std::make_unique<T[]>(kMask + 1));
    return next_++;
  }
  void free(uint32_t i) {
    (*this)[i] = T{};
    free_.push_back(i);
    --alive_;
  }
  uint32_t alive() const { return alive_; }
  uint32_t end() const { return next_; }  // numbers are below this

 private:
  static constexpr uint32_t kMask = (1u << kShift) - 1;
  std::vector<std::unique_ptr<T[]>> chunks_;
  std::vector<uint32_t> free_;
  uint32_t next_ = 1;
  uint32_t alive_ = 0;
};

}  // namespace imroute
