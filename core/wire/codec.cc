#include "core/wire/codec.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "core/base/assert.h"
#include "core/wire/crc32c.h"

namespace imroute {
namespace {

constexpr std::byte kMagic0{'i'};
constexpr std::byte kMagic1{'m'};
constexpr size_t kChecksumAt = 14;
// Header and every field but the bytes of payload and list, at their longest: 18 + 246.
constexpr size_t kFixedRoom = 320;

constexpr uint32_t kMaxU32 = std::numeric_limits<uint32_t>::max();

void put_u32(std::byte* p, uint32_t v) {
  for (int i = 0; i < 4; ++i) p[i] = static_cast<std::byte>(v >> (8 * i));
}

uint32_t get_u32(const std::byte* p) {
  uint32_t v = 0;
  for (int i = 0; i < 4; ++i) v |= static_cast<uint32_t>(p[i]) << (8 * i);
  return v;
}

std::byte* put_varint(std::byte* p, uint64_t v) {
  while (v >= 0x80) {
    *p++ = static_cast<std::byte>(v | 0x80);
    v >>= 7;
  }
  *p++ = static_cast<std::byte>(v);
  return p;
}

template <class Enum>
std::byte* put_byte(std::byte* p, Enum v) {
  *p = static_cast<std::byte>(v);
  return p + 1;
}

std::byte* put_node(std::byte* p, NodeId node) {
  return put_varint(p, static_cast<uint32_t>(node.value + 1));
}

std::byte* put_scalars(std::byte* p, uint32_t fields, const Frame& f) {
  if (fields & kFieldHops) p = put_byte(p, f.hops);
  if (fields & kFieldVia) p = put_byte(p, f.via);
  if (fields & kFieldReason) p = put_byte(p, f.reason);
  if (fields & kFieldClientType) p = put_byte(p, f.client_type);
  if (fields & kFieldDevice) p = put_varint(p, f.device);
  if (fields & kFieldNode) p = put_node(p, f.node);
  if (fields & kFieldUser) p = put_varint(p, f.user.value);
  if (fields & kFieldNumber) p = put_varint(p, f.number);
  if (fields & kFieldGeneration) p = put_varint(p, f.generation);
  if (fields & kFieldIncarnation) p = put_varint(p, f.incarnation);
  if (fields & kFieldVersion) p = put_varint(p, f.version);
  if (fields & kFieldMask) p = put_varint(p, f.mask);
  if (fields & kFieldLoad) p = put_varint(p, f.load);
  if (fields & kFieldBase) p = put_varint(p, f.base);
  if (fields & kFieldRoute) p = put_varint(p, f.route.value);
  if (fields & kFieldNodes) {
    p = put_varint(p, f.nodes.size());
    for (const NodeId node : f.nodes) p = put_node(p, node);
  }
  return p;
}

std::byte* put_entry(std::byte* p, uint32_t fields, const Entry& e) {
  if (fields & kFieldConversation) {
    p = put_varint(p, std::rotl(e.conversation.hi, 1));
    p = put_varint(p, e.conversation.lo);
  }
  if (fields & kFieldPosition) {
    p = put_varint(p, e.position.epoch);
    p = put_varint(p, e.position.seq);
  }
  if (fields & kFieldKind) p = put_byte(p, e.kind);
  if (fields & kFieldSender) {
    p = put_varint(p, e.sender.value);
    p = put_varint(p, e.sender_device);
  }
  if (fields & kFieldClientSeq) p = put_varint(p, e.client_seq);
  if (fields & kFieldSubject) p = put_varint(p, e.subject.value);
  if (fields & kFieldPayload) p = put_varint(p, e.payload.size());
  return p;
}

// Consumes a body. After the first mistake it goes on harmlessly and remembers that one.
class BodyReader {
 public:
  BodyReader(const std::byte* at, const std::byte* end) : at_(at), end_(end) {}

  WireError error() const { return error_; }
  WireError finish() {
    if (at_ != end_) fail(WireError::trailing);
    return error_;
  }

  uint64_t varint(uint64_t max = std::numeric_limits<uint64_t>::max()) {
    if (at_ != end_ && *at_ < std::byte{0x80}) {  // one byte, nearly always
      const auto v = static_cast<uint64_t>(*at_++);
      return v <= max ? v : fail(WireError::bad_varint);
    }
    uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at_ == end_) return fail(WireError::truncated);
      const auto byte = static_cast<uint64_t>(*at_++);
      v |= (byte & 0x7f) << shift;
      if (byte >= 0x80) continue;
      const bool shortest = byte != 0 || shift == 0;
      const bool fits = shift < 63 || byte <= 1;
      return shortest && fits && v <= max ? v : fail(WireError::bad_varint);
    }
    return fail(WireError::bad_varint);
  }
  uint32_t varint32() { return static_cast<uint32_t>(varint(kMaxU32)); }
  NodeId node() { return NodeId{varint32() - 1}; }

  uint8_t byte() {
    if (at_ == end_) return static_cast<uint8_t>(fail(WireError::truncated));
    return static_cast<uint8_t>(*at_++);
  }
  template <class Enum>
  Enum enumerator(Enum last) {
    const uint8_t v = byte();
    if (v <= static_cast<uint8_t>(last)) return static_cast<Enum>(v);
    fail(WireError::bad_value);
    return Enum{};
  }

  std::span<const std::byte> bytes(uint32_t limit) {
    const uint64_t size = varint();
    if (error_ != WireError::none) return {};
    if (size > limit || size > static_cast<uint64_t>(end_ - at_)) {
      fail(size > limit ? WireError::too_large : WireError::truncated);
      return {};
    }
    const std::span<const std::byte> out(at_, static_cast<size_t>(size));
    at_ += size;
    return out;
  }

  uint64_t fail(WireError error) {
    if (error_ == WireError::none) error_ = error;
    at_ = end_;
    return 0;
  }

 private:
  const std::byte* at_;
  const std::byte* end_;
  WireError error_ = WireError::none;
};

void get_scalars(BodyReader& in, uint32_t fields, Frame& f) {
  if (fields & kFieldHops) f.hops = in.byte();
  if (fields & kFieldVia) f.via = in.enumerator(Via::login);
  if (fields & kFieldReason) f.reason = in.enumerator(Reason::cancelled);
  if (fields & kFieldClientType) f.client_type = in.enumerator(ClientType::pad);
  if (fields & kFieldDevice) f.device = in.varint32();
  if (fields & kFieldNode) f.node = in.node();
  if (fields & kFieldUser) f.user = UserId{in.varint()};
  if (fields & kFieldNumber) f.number = in.varint();
  if (fields & kFieldGeneration) f.generation = in.varint();
  if (fields & kFieldIncarnation) f.incarnation = in.varint();
  if (fields & kFieldVersion) f.version = in.varint();
  if (fields & kFieldMask) f.mask = in.varint();
  if (fields & kFieldLoad) f.load = in.varint();
  if (fields & kFieldBase) f.base = in.varint();
  if (fields & kFieldRoute) f.route = RouteId{in.varint()};
  if (fields & kFieldNodes) {
    const uint64_t count = in.varint();
    if (count > NodeSet::capacity()) in.fail(WireError::bad_value);
    for (uint64_t i = 0; i < count && in.error() == WireError::none; ++i) {
      f.nodes.push_back(in.node());
    }
  }
}
static_assert(static_cast<uint8_t>(Reason::cancelled) + 1 == static_cast<uint8_t>(Reason::count_));

void get_entry(BodyReader& in, uint32_t fields, Entry& e) {
  if (fields & kFieldConversation) {
    e.conversation.hi = std::rotr(in.varint(), 1);
    e.conversation.lo = in.varint();
  }
  if (fields & kFieldPosition) {
    e.position.epoch = in.varint32();
    e.position.seq = in.varint();
  }
  if (fields & kFieldKind) e.kind = in.enumerator(EntryKind::leave);
  if (fields & kFieldSender) {
    e.sender = UserId{in.varint()};
    e.sender_device = in.varint32();
  }
  if (fields & kFieldClientSeq) e.client_seq = in.varint();
  if (fields & kFieldSubject) e.subject = UserId{in.varint()};
}

WireError get_body(std::span<const std::byte> body, uint32_t fields, Frame& frame, BlobPool& pool) {
  BodyReader in(body.data(), body.data() + body.size());
  get_scalars(in, fields, frame);
  get_entry(in, fields, frame.entry);
  std::span<const std::byte> payload, list;
  if (fields & kFieldPayload) payload = in.bytes(kMaxPayloadBytes);
  if (fields & kFieldList) list = in.bytes(kMaxListBytes);
  const WireError error = in.finish();
  if (error != WireError::none) return error;
  frame.entry.payload = pool.copy(payload);
  frame.list = pool.copy(list);
  return WireError::none;
}

WireError check_frame_header(const WireHeader& header, uint64_t features) {
  if (header.serializer != kSerializerFrames) return WireError::unknown_serializer;
  if (frame_fields(static_cast<FrameType>(header.type), features) == 0) {
    return WireError::unknown_type;
  }
  return header.body_size > kMaxFrameBytes ? WireError::too_large : WireError::none;
}

}  // namespace

void put_header(const WireHeader& header, std::byte* out) {
  out[0] = kMagic0;
  out[1] = kMagic1;
  out[2] = std::byte{kWireVersion};
  out[3] = std::byte{header.serializer};
  out[4] = std::byte{header.type};
  out[5] = std::byte{header.flags};
  put_u32(out + 6, header.sequence);
  put_u32(out + 10, header.body_size);
  put_u32(out + kChecksumAt, crc32c({out, kChecksumAt}));
}

WireError read_header(std::span<const std::byte> bytes, WireHeader& header) {
  const std::byte* const p = bytes.data();
  if (bytes.size() >= 1 && p[0] != kMagic0) return WireError::bad_magic;
  if (bytes.size() >= 2 && p[1] != kMagic1) return WireError::bad_magic;
  // Before the checksum: another version may have another header.
  if (bytes.size() >= 3 && p[2] != std::byte{kWireVersion}) return WireError::unknown_version;
  if (bytes.size() < kWireHeaderBytes) return WireError::none;
  if (crc32c({p, kChecksumAt}) != get_u32(p + kChecksumAt)) return WireError::bad_checksum;
  header.serializer = static_cast<uint8_t>(p[3]);
  header.type = static_cast<uint8_t>(p[4]);
  header.flags = static_cast<uint8_t>(p[5]);
  header.sequence = get_u32(p + 6);
  header.body_size = get_u32(p + 10);
  return WireError::none;
}

size_t encode(const Frame& frame, uint32_t sequence, ByteBuffer& out, uint64_t features) {
  const uint32_t fields = frame_fields(frame.type, features);
  IM_ASSERT(fields != 0);
  const size_t payload_size = (fields & kFieldPayload) != 0 ? frame.entry.payload.size() : 0;
  const size_t list_size = (fields & kFieldList) != 0 ? frame.list.size() : 0;
  IM_ASSERT(payload_size <= kMaxPayloadBytes && list_size <= kMaxListBytes);

  std::byte fixed[kFixedRoom];
  std::byte* p = put_scalars(fixed + kWireHeaderBytes, fields, frame);
  p = put_entry(p, fields, frame.entry);
  std::byte* const list_length = p;
  if (fields & kFieldList) p = put_varint(p, list_size);

  const size_t body = static_cast<size_t>(p - fixed) - kWireHeaderBytes + payload_size + list_size;
  put_header({kSerializerFrames, static_cast<uint8_t>(frame.type), frame.flags, sequence,
              static_cast<uint32_t>(body)},
             fixed);

  out.insert(out.end(), fixed, list_length);
  if (payload_size != 0) {
    const auto bytes = frame.entry.payload.bytes();
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  if (list_length != p) out.insert(out.end(), list_length, p);
  if (list_size != 0) {
    const auto bytes = frame.list.bytes();
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  return kWireHeaderBytes + body;
}

void stamp_version(std::span<std::byte> frame, uint8_t version) {
  IM_ASSERT(frame.size() >= kWireHeaderBytes);
  frame[2] = std::byte{version};
  put_u32(frame.data() + kChecksumAt, crc32c(frame.first(kChecksumAt)));
}

Decoded decode(std::span<const std::byte> bytes, Frame& frame, BlobPool& pool, uint64_t features) {
  Decoded result;
  WireHeader header;
  result.error = read_header(bytes, header);
  const bool whole = bytes.size() >= kWireHeaderBytes;
  if (result.error == WireError::none && whole) result.error = check_frame_header(header, features);
  if (result.error != WireError::none) {
    result.status = ReadStatus::error;
    return result;
  }
  result.size = kWireHeaderBytes;
  if (!whole) return result;
  const size_t body = header.body_size;
  result.size += body;
  if (bytes.size() < result.size) return result;

  frame = Frame{};
  frame.type = static_cast<FrameType>(header.type);
  frame.flags = header.flags;
  const uint32_t fields = frame_fields(frame.type, features);
  result.error = get_body(bytes.subspan(kWireHeaderBytes, body), fields, frame, pool);
  if (result.error != WireError::none) {
    result.status = ReadStatus::error;
    return result;
  }
  result.sequence = header.sequence;
  result.status = ReadStatus::frame;
  return result;
}

size_t FrameReader::feed(std::span<const std::byte> bytes) {
  if (error_ != WireError::none) return bytes.size();
  if (start_ != 0) {  // at most once per feed: the tail moves to the front
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(start_));
    start_ = 0;
  }
  const size_t taken = std::min(bytes.size(), kMaxWireBytes - buffer_.size());
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(taken));
  return taken;
}

ReadStatus FrameReader::next(Frame& frame, BlobPool& pool) {
  if (error_ != WireError::none) return ReadStatus::error;
  const Decoded got = decode({buffer_.data() + start_, buffered()}, frame, pool, features_);
  switch (got.status) {
    case ReadStatus::frame:
      start_ += got.size;
      sequence_ = got.sequence;
      if (buffered() == 0) {
        buffer_.clear();
        start_ = 0;
      }
      break;
    case ReadStatus::need_more:
      break;
    case ReadStatus::error:
      error_ = got.error;
      break;
  }
  return got.status;
}

void FrameReader::reset() {
  buffer_.clear();
  start_ = 0;
  sequence_ = 0;
  features_ = kAllFeatures;
  error_ = WireError::none;
}

std::string_view to_string(WireError error) {
  switch (error) {
    case WireError::none:
      return "none";
    case WireError::bad_magic:
      return "bad_magic";
    case WireError::unknown_version:
      return "unknown_version";
    case WireError::unknown_serializer:
      return "unknown_serializer";
    case WireError::bad_checksum:
      return "bad_checksum";
    case WireError::unknown_type:
      return "unknown_type";
    case WireError::too_large:
      return "too_large";
    case WireError::truncated:
      return "truncated";
    case WireError::bad_varint:
      return "bad_varint";
    case WireError::bad_value:
      return "bad_value";
    case WireError::trailing:
      return "trailing";
  }
  return "?";
}

Reason reason_of(WireError error) {
  switch (error) {
    case WireError::none:
      return Reason::none;
    case WireError::unknown_version:
      return Reason::version_refused;
    case WireError::too_large:
      return Reason::too_large;
    default:
      return Reason::protocol_error;
  }
}

}  // namespace imroute
