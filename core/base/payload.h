// Message bodies and id lists: reference-counted handles to blocks of a driver-owned pool. The core
// passes handles on and reads headers only, so routing a message copies no body. Blocks return to
// the pool by size class; after warm-up a steady load allocates nothing.
//
// One pool belongs to one thread (one machine, or one simulation): counts are not atomic.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>

namespace imroute {

class BlobPool;

// A block: header, then bytes. Made by BlobPool only.
struct BlobHeader {
  BlobPool* pool;
  BlobHeader* next_free;
  uint32_t references;
  uint32_t size;        // bytes in use
  uint32_t size_class;  // index of the free list
  uint32_t unused;
};

class Payload {
 public:
  Payload() = default;
  Payload(const Payload& other) : block_(other.block_) {
    if (block_ != nullptr) ++block_->references;
  }
  Payload(Payload&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Payload& operator=(Payload other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Payload() { release(); }

  bool empty() const { return block_ == nullptr || block_->size == 0; }
  size_t size() const { return block_ == nullptr ? 0 : block_->size; }
  std::span<const std::byte> bytes() const {
    return block_ == nullptr ? std::span<const std::byte>{}
                             : std::span<const std::byte>(data(), block_->size);
  }
  // REQUIRES: the only reference (a block just made), before it is shared.
  std::span<std::byte> writable() { return {data(), size()}; }

  // View as an array of T, for lists in frames. A trailing partial element is ignored.
  template <class T>
  std::span<const T> as() const {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= 8);
    if (block_ == nullptr) return {};
    return {reinterpret_cast<const T*>(data()), block_->size / sizeof(T)};
  }

  friend bool operator==(const Payload& a, const Payload& b) {
    return a.size() == b.size() &&
           (a.size() == 0 || std::memcmp(a.data(), b.data(), a.size()) == 0);
  }

 private:
  friend class BlobPool;
  explicit Payload(BlobHeader* block) : block_(block) {}
  std::byte* data() const { return reinterpret_cast<std::byte*>(block_ + 1); }
  void release();

  BlobHeader* block_ = nullptr;
};

class BlobPool {
 public:
  BlobPool() = default;
  BlobPool(const BlobPool&) = delete;
  BlobPool& operator=(const BlobPool&) = delete;
  // REQUIRES: no handle of this pool is alive.
  ~BlobPool();

  // An uninitialised block of `size` bytes with one reference. Zero gives the empty handle.
  Payload make(size_t size);
  Payload copy(std::span<const std::byte> bytes);
  template <class T>
  Payload copy_list(std::span<const T> items) {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= 8);
    return copy(std::as_bytes(items));
  }
  size_t blocks_alive() const { return alive_; }

 private:
  friend class Payload;
  void give_back(BlobHeader* block);

  static constexpr uint32_t kClasses = 12;  // 64 B << class; larger blocks are not kept
  static constexpr uint32_t kUnpooled = kClasses;
  std::array<BlobHeader*, kClasses> free_{};
  size_t alive_ = 0;
};

inline void Payload::release() {
  if (block_ != nullptr && --block_->references == 0) block_->pool->give_back(block_);
  block_ = nullptr;
}

}  // namespace imroute
