#include "harness/workload/message.h"

#include <algorithm>
#include <cstring>

#include "core/base/hash.h"
#include "harness/workload/workload.h"

namespace imroute {
namespace {
constexpr uint64_t kDrawn = uint64_t{1} << 62;
constexpr uint64_t kDepth = uint64_t{1} << 40;
}  // namespace

Payload make_body(BlobPool& pool, uint64_t tag, size_t size) {
  Payload body = pool.make(std::max<size_t>(size, sizeof tag));
  const std::span<std::byte> bytes = body.writable();
  uint64_t word = tag;
  for (size_t at = 0; at < bytes.size(); at += sizeof word) {
    std::memcpy(bytes.data() + at, &word, std::min(sizeof word, bytes.size() - at));
    word = mix64(word);
  }
  return body;
}

uint64_t reply_tag(uint64_t answered, UserId user, bool group) {
  const bool deepest = answered >> 40 >= (kDrawn >> 40) - 1;
  if (!group && !deepest) return answered + kDepth;
  return kDrawn | mix64(answered, user.value) >> 2;
}

uint64_t payload_tag(const Payload& payload) {
  uint64_t tag = 0;
  if (payload.size() >= sizeof tag) std::memcpy(&tag, payload.bytes().data(), sizeof tag);
  return tag;
}

}  // namespace imroute
