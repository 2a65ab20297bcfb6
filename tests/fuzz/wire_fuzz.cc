// libFuzzer target: arbitrary bytes into the frame codec, fed in pieces that the input chooses.
// What decodes must encode to the very bytes it came from, whatever the split; nothing may be read
// past the input (run with AddressSanitizer) and no block may leak.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "core/wire/codec.h"
#include "core/wire/crc32c.h"

namespace {

using namespace imroute;

void require(bool condition) {
  if (!condition) std::abort();
}

// Random input hardly ever has a right checksum: put it there, so that bodies are reached too.
void seal_headers(ByteBuffer& bytes) {
  for (size_t at = 0; bytes.size() - at >= kWireHeaderBytes;) {
    const uint32_t crc = crc32c({bytes.data() + at, 14});
    for (size_t i = 0; i < 4; ++i) bytes[at + 14 + i] = static_cast<std::byte>(crc >> (8 * i));
    size_t body = 0;
    for (size_t i = 0; i < 4; ++i) body |= static_cast<size_t>(bytes[at + 10 + i]) << (8 * i);
    if (body > bytes.size() - at - kWireHeaderBytes) return;
    at += kWireHeaderBytes + body;
  }
}

void check(std::span<const std::byte> bytes, size_t piece) {
  BlobPool pool;
  FrameReader reader;
  ByteBuffer again;
  size_t consumed = 0;
  for (size_t at = 0; at < bytes.size();) {
    const size_t taken = reader.feed(bytes.subspan(at, std::min(piece, bytes.size() - at)));
    require(taken > 0);
    at += taken;
    Frame frame;
    while (reader.next(frame, pool) == ReadStatus::frame) {
      again.clear();
      const size_t size = encode(frame, reader.sequence(), again);
      require(size <= bytes.size() - consumed);
      require(std::equal(again.begin(), again.end(), bytes.begin() + static_cast<long>(consumed)));
      consumed += size;
    }
  }
  if (reader.error() == WireError::none) require(consumed + reader.buffered() == bytes.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t piece = data[0] == 0 ? size : data[0];
  ByteBuffer bytes(size - 1);
  std::transform(data + 1, data + size, bytes.begin(), [](uint8_t b) { return std::byte{b}; });
  check(bytes, piece);
  seal_headers(bytes);
  check(bytes, piece);
  return 0;
}
