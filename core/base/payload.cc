#include "core/base/payload.h"

#include <new>

#include "core/base/assert.h"

namespace imroute {

BlobPool::~BlobPool() {
  IM_ASSERT(alive_ == 0);
  for (BlobHeader* list : free_) {
    while (list != nullptr) {
      BlobHeader* next = list->next_free;
      ::operator delete(list);
      list = next;
    }
  }
}

Payload BlobPool::make(size_t size) {
  if (size == 0) return {};
  IM_ASSERT(size <= 0xffffffffu);
  uint32_t size_class = 0;
  while (size_class < kClasses && (size_t{64} << size_class) < size) ++size_class;
  BlobHeader* block = nullptr;
  if (size_class < kClasses && free_[size_class] != nullptr) {
    block = free_[size_class];
    free_[size_class] = block->next_free;
  } else {
    const size_t room = size_class < kClasses ? size_t{64} << size_class : size;
    block = static_cast<BlobHeader*>(::operator new(sizeof(BlobHeader) + room));
  }
  *block = BlobHeader{this, nullptr, 1, static_cast<uint32_t>(size), size_class, 0};
  ++alive_;
  return Payload(block);
}

Payload BlobPool::copy(std::span<const std::byte> bytes) {
  Payload blob = make(bytes.size());
  if (!bytes.empty()) std::memcpy(blob.data(), bytes.data(), bytes.size());
  return blob;
}

void BlobPool::give_back(BlobHeader* block) {
  --alive_;
  if (block->size_class == kUnpooled) {
    ::operator delete(block);
    return;
  }
  block->next_free = free_[block->size_class];
  free_[block->size_class] = block;
}

}  // namespace imroute
