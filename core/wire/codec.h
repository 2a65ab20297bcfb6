// Frames to bytes and back, for every link in both worlds.
//
//   0  magic "im"           6  request sequence, 4 bytes little endian
//   2  version (1)         10  body length, 4 bytes little endian
//   3  serializer (0)      14  CRC-32C of bytes 0..13, little endian
//   4  type                18  body: the fields of frame_fields(type), in bit order
//   5  flags
//
// In the body, integers are LEB128 in their shortest form, enums and `hops` one byte, payload and
// list bytes after their length. Three values are turned so that the frequent case is short: a
// node is sent as node + 1 (kNoNode is 0), a conversation's `hi` rotated by one bit (a group is 1).
// Frame::flags travels in the header, on every type. A frame has exactly one encoding.
//
// What an older peer does not know is left out of its frames: see WireFeature and hello.h.
//
// Serializer 0 is the frames above. A driver may send bodies of its own under another number, in
// the same header (put_header, read_header); decode() refuses them.
//
// Every length is checked against its limit and against what is there before anything is allocated.
// `decode` is stateless and wants one whole frame at the front of its input; FrameReader keeps the
// tail of a byte stream between reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/payload.h"
#include "core/model/frame.h"
#include "core/model/limits.h"
#include "core/model/reason.h"

namespace imroute {

using ByteBuffer = std::vector<std::byte>;

inline constexpr uint8_t kWireVersion = 1;
inline constexpr size_t kWireHeaderBytes = 18;
inline constexpr size_t kMaxWireBytes = kWireHeaderBytes + kMaxFrameBytes;  // header and body

enum class WireError : uint8_t {
  none,
  bad_magic,
  unknown_version,
  unknown_serializer,
  bad_checksum,
  unknown_type,
  too_large,   // body, payload or list over its limit
  truncated,   // the body ends inside a field
  bad_varint,  // longer than needed, or out of the field's range
  bad_value,   // an enum or count without meaning
  trailing,    // the body goes on after the last field
};
std::string_view to_string(WireError error);
// What to tell the other side: version_refused, too_large or protocol_error.
Reason reason_of(WireError error);

inline constexpr uint8_t kSerializerFrames = 0;

struct WireHeader {
  uint8_t serializer = kSerializerFrames;
  uint8_t type = 0;
  uint8_t flags = 0;
  uint32_t sequence = 0;
  uint32_t body_size = 0;
};
// REQUIRES: room for kWireHeaderBytes at `out`.
void put_header(const WireHeader& header, std::byte* out);
// What is wrong with a header of which these bytes are there, as early as it shows; type and body
// size are the caller's to judge. `header` is set when none and all of it is there.
WireError read_header(std::span<const std::byte> bytes, WireHeader& header);

// Appends one frame to `out` and returns its size in bytes.
// REQUIRES: a type that `features` has; payload, list and nodes within limits.h.
size_t encode(const Frame& frame, uint32_t sequence, ByteBuffer& out,
              uint64_t features = kAllFeatures);

// Marks an encoded frame as one of another frame version: HELLO is of its sender's oldest.
void stamp_version(std::span<std::byte> frame, uint8_t version);

enum class ReadStatus : uint8_t { frame, need_more, error };

struct Decoded {
  ReadStatus status = ReadStatus::need_more;
  WireError error = WireError::none;
  uint32_t sequence = 0;  // of the frame read
  size_t size = 0;        // frame: bytes it took. need_more: bytes it takes at least, in all
};

// Reads the frame at the front of `bytes`. After an error `frame` holds nothing of use.
Decoded decode(std::span<const std::byte> bytes, Frame& frame, BlobPool& pool,
               uint64_t features = kAllFeatures);

// A byte stream, cut anywhere: feed what arrived, call next() until it says need_more. After an
// error the stream is lost (frame borders are unknown) and next() repeats the error.
class FrameReader {
 public:
  // Takes bytes up to one frame of the largest size and returns how many: all of them when next()
  // said need_more and they fit; the rest is to be fed after the next next(). Never 0 for non-empty
  // input after need_more.
  size_t feed(std::span<const std::byte> bytes);
  ReadStatus next(Frame& frame, BlobPool& pool);
  // What the two sides agreed on (hello.h), for the frames from now on.
  void speak(uint64_t features) { features_ = features; }

  WireError error() const { return error_; }
  uint32_t sequence() const { return sequence_; }  // of the last frame
  size_t buffered() const { return buffer_.size() - start_; }
  // Forgets everything, for a new connection.
  void reset();

 private:
  ByteBuffer buffer_;
  size_t start_ = 0;  // first byte not yet consumed
  uint64_t features_ = kAllFeatures;
  uint32_t sequence_ = 0;
  WireError error_ = WireError::none;
};

}  // namespace imroute
