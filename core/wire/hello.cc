#include "core/wire/hello.h"

#include <algorithm>

#include "core/base/assert.h"
#include "core/base/planted.h"

namespace imroute {

size_t encode_hello(const Hello& hello, ByteBuffer& out) {
  Frame frame;
  frame.type = FrameType::hello;
  frame.base = hello.oldest;
  frame.version = hello.newest;
  frame.mask = hello.features;
  const size_t start = out.size();
  const size_t size = encode(frame, 0, out);
  stamp_version(std::span(out).subspan(start), hello.oldest);
  return size;
}

Agreement agree(const Hello& ours, std::span<const std::byte> theirs, BlobPool& pool) {
  IM_ASSERT(ours.oldest <= ours.newest);
  Agreement agreement;
  Frame frame;
  const Decoded got = decode(theirs, frame, pool);
  if (got.status != ReadStatus::frame || frame.type != FrameType::hello) {
    agreement.refused =
        got.status == ReadStatus::error ? reason_of(got.error) : Reason::protocol_error;
    return agreement;
  }
  if (frame.base > frame.version) {
    agreement.refused = Reason::protocol_error;
    return agreement;
  }
  if (IM_PLANTED(features_must_match) && ours.features != frame.mask) {
    agreement.refused = Reason::version_refused;
    return agreement;
  }
  const uint64_t newest = std::min<uint64_t>(ours.newest, frame.version);
  if (newest < std::max<uint64_t>(ours.oldest, frame.base)) {
    agreement.refused = Reason::version_refused;
    return agreement;
  }
  agreement.version = static_cast<uint8_t>(newest);
  agreement.features = ours.features & frame.mask;
  return agreement;
}

}  // namespace imroute
