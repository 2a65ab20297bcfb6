#include "core/wire/codec.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "core/wire/crc32c.h"
#include "tests/unit/wire_frames.h"

namespace imroute {
namespace {

using testing::all_frame_types;
using testing::draw_frame;
using testing::full_frame;
using testing::same;

ByteBuffer encoded(const Frame& frame, uint32_t sequence = 1) {
  ByteBuffer bytes;
  encode(frame, sequence, bytes);
  return bytes;
}

// Puts the right checksum on a header that a test has changed.
void reseal(ByteBuffer& bytes) {
  const uint32_t crc = crc32c({bytes.data(), 14});
  for (size_t i = 0; i < 4; ++i) bytes[14 + i] = static_cast<std::byte>(crc >> (8 * i));
}

// A frame of `type` with a body made by hand.
ByteBuffer with_body(FrameType type, const std::vector<uint8_t>& body) {
  ByteBuffer bytes(kWireHeaderBytes);
  bytes[0] = std::byte{'i'};
  bytes[1] = std::byte{'m'};
  bytes[2] = std::byte{kWireVersion};
  bytes[4] = static_cast<std::byte>(type);
  bytes[10] = static_cast<std::byte>(body.size());
  reseal(bytes);
  for (const uint8_t b : body) bytes.push_back(std::byte{b});
  return bytes;
}

WireError error_of(const ByteBuffer& bytes) {
  BlobPool pool;
  Frame frame;
  const Decoded got = decode(bytes, frame, pool);
  EXPECT_EQ(got.status == ReadStatus::error, got.error != WireError::none);
  return got.error;
}

TEST(WireCodec, EveryTypeRoundTrips) {
  for (const FrameType type : all_frame_types()) {
    EXPECT_TRUE(rc::check(std::string(to_string(type)), [type] {
      BlobPool pool;
      const Frame sent = draw_frame(type, pool);
      const uint32_t sequence = testing::draw32();
      ByteBuffer bytes{std::byte{0xee}};  // encode appends
      const size_t size = encode(sent, sequence, bytes);
      RC_ASSERT(size + 1 == bytes.size());
      Frame got;
      const Decoded result = decode(std::span(bytes).subspan(1), got, pool);
      RC_ASSERT(result.status == ReadStatus::frame);
      RC_ASSERT(result.size == size);
      RC_ASSERT(result.sequence == sequence);
      RC_ASSERT(same(sent, got));
    }));
  }
}

TEST(WireCodec, CarriesOnlyTheFieldsOfItsType) {
  BlobPool pool;
  Frame ping = full_frame(FrameType::deliver, pool);
  ping.type = FrameType::ping;
  Frame got;
  ASSERT_EQ(decode(encoded(ping), got, pool).status, ReadStatus::frame);
  Frame expected;
  expected.type = FrameType::ping;
  expected.flags = ping.flags;
  expected.number = ping.number;
  EXPECT_TRUE(same(expected, got));
}

// The bytes are a contract with every node already running.
TEST(WireCodec, LayoutIsFixed) {
  Frame frame;
  frame.type = FrameType::nack;
  frame.flags = kFlagRepeat;
  frame.route = RouteId{300};
  frame.user = UserId{5};
  frame.reason = Reason::no_session;
  frame.generation = 1;
  const ByteBuffer bytes = encoded(frame, 0x01020304);
  ByteBuffer expected;
  const uint8_t nack = static_cast<uint8_t>(FrameType::nack);
  const uint8_t reason = static_cast<uint8_t>(Reason::no_session);
  for (const int b : {int{'i'}, int{'m'}, 1, 0, int{nack}, 32, 4,           3, 2, 1, 6,    0,
                      0,        0,        0, 0, 0,         0,  int{reason}, 0, 5, 1, 0xac, 2}) {
    expected.push_back(static_cast<std::byte>(b));
  }
  reseal(expected);
  EXPECT_EQ(bytes, expected);
}

TEST(WireCodec, TruncatedNeedsMoreAndSaysHowMuch) {
  BlobPool pool;
  for (const FrameType type : all_frame_types()) {
    const ByteBuffer bytes = encoded(full_frame(type, pool));
    for (size_t n = 0; n < bytes.size(); ++n) {
      Frame frame;
      const Decoded got = decode({bytes.data(), n}, frame, pool);
      ASSERT_EQ(got.status, ReadStatus::need_more) << to_string(type) << " " << n;
      ASSERT_EQ(got.size, n < kWireHeaderBytes ? kWireHeaderBytes : bytes.size());
    }
  }
}

// A body cut short under a header that agrees with it ends inside a field, or is a shorter frame.
TEST(WireCodec, ShortBodyIsAnError) {
  BlobPool pool;
  for (const FrameType type : all_frame_types()) {
    const ByteBuffer whole = encoded(full_frame(type, pool));
    for (size_t n = kWireHeaderBytes; n < whole.size(); ++n) {
      ByteBuffer cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n));
      const size_t body = n - kWireHeaderBytes;
      cut[10] = static_cast<std::byte>(body);
      cut[11] = static_cast<std::byte>(body >> 8);
      reseal(cut);
      ASSERT_EQ(error_of(cut), WireError::truncated) << to_string(type) << " " << n;
    }
    ByteBuffer longer = whole;
    longer.push_back(std::byte{0});
    const size_t body = longer.size() - kWireHeaderBytes;
    longer[10] = static_cast<std::byte>(body);
    longer[11] = static_cast<std::byte>(body >> 8);
    reseal(longer);
    ASSERT_EQ(error_of(longer), WireError::trailing) << to_string(type);
  }
}

TEST(WireCodec, EveryFlippedHeaderBitIsFound) {
  BlobPool pool;
  const ByteBuffer whole = encoded(full_frame(FrameType::deliver, pool));
  for (size_t bit = 0; bit < kWireHeaderBytes * 8; ++bit) {
    ByteBuffer bytes = whole;
    bytes[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    const WireError expected = bit < 16   ? WireError::bad_magic
                               : bit < 24 ? WireError::unknown_version
                                          : WireError::bad_checksum;
    ASSERT_EQ(error_of(bytes), expected) << bit;
  }
}

// A flipped body bit gives another frame or an error, and what decodes encodes to the same bytes.
TEST(WireCodec, FlippedBodyBitsAreHarmless) {
  BlobPool pool;
  for (const FrameType type : all_frame_types()) {
    const ByteBuffer whole = encoded(full_frame(type, pool));
    for (size_t bit = kWireHeaderBytes * 8; bit < whole.size() * 8; ++bit) {
      ByteBuffer bytes = whole;
      bytes[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
      Frame frame;
      const Decoded got = decode(bytes, frame, pool);
      if (got.status == ReadStatus::frame) {
        ASSERT_EQ(encoded(frame), bytes) << to_string(type) << " bit " << bit;
      }
    }
  }
}

TEST(WireCodec, HeaderRefusalsAreTyped) {
  BlobPool pool;
  const ByteBuffer good = encoded(full_frame(FrameType::ping, pool));
  ByteBuffer bytes = good;
  bytes[2] = std::byte{2};
  reseal(bytes);
  EXPECT_EQ(error_of(bytes), WireError::unknown_version);
  EXPECT_EQ(reason_of(WireError::unknown_version), Reason::version_refused);
  EXPECT_EQ(error_of(ByteBuffer(bytes.begin(), bytes.begin() + 3)), WireError::unknown_version);
  bytes = good;
  bytes[3] = std::byte{1};
  reseal(bytes);
  EXPECT_EQ(error_of(bytes), WireError::unknown_serializer);
  for (const int type : {0, 255, static_cast<int>(FrameType::count_)}) {
    bytes = good;
    bytes[4] = static_cast<std::byte>(type);
    reseal(bytes);
    EXPECT_EQ(error_of(bytes), WireError::unknown_type);
  }
  bytes = good;
  bytes[12] = std::byte{0x10};  // 1 MiB + 2
  reseal(bytes);
  EXPECT_EQ(error_of(bytes), WireError::too_large);
  EXPECT_EQ(reason_of(WireError::too_large), Reason::too_large);
  EXPECT_EQ(error_of({std::byte{'G'}}), WireError::bad_magic);
  EXPECT_EQ(error_of({std::byte{'i'}, std::byte{'M'}}), WireError::bad_magic);
}

TEST(WireCodec, BodyRefusalsAreTyped) {
  EXPECT_EQ(error_of(with_body(FrameType::ping, {0x80, 0x00})), WireError::bad_varint);
  const std::vector<uint8_t> eleven(11, 0x80);
  EXPECT_EQ(error_of(with_body(FrameType::ping, eleven)), WireError::bad_varint);
  std::vector<uint8_t> too_big(9, 0xff);
  too_big.push_back(2);  // 2^64
  EXPECT_EQ(error_of(with_body(FrameType::ping, too_big)), WireError::bad_varint);
  too_big.back() = 1;  // 2^64 - 1
  EXPECT_EQ(error_of(with_body(FrameType::ping, too_big)), WireError::none);
  const uint8_t past = static_cast<uint8_t>(Reason::count_);
  EXPECT_EQ(error_of(with_body(FrameType::kick, {past})), WireError::bad_value);
  // bound: device is 32 bits.
  EXPECT_EQ(error_of(with_body(FrameType::bound, {0xff, 0xff, 0xff, 0xff, 0x0f, 1, 1})),
            WireError::none);
  EXPECT_EQ(error_of(with_body(FrameType::bound, {0xff, 0xff, 0xff, 0xff, 0x1f, 1, 1})),
            WireError::bad_varint);
  // owners: user version count nodes...
  EXPECT_EQ(error_of(with_body(FrameType::owners, {1, 1, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1})),
            WireError::bad_value);
  // handover: the payload says it is larger than allowed, before anything is allocated.
  BlobPool pool;
  const Frame empty = full_frame(FrameType::handover, pool, 0);
  ByteBuffer bytes = encoded(empty);
  std::vector<uint8_t> body;
  for (size_t i = kWireHeaderBytes; i + 1 < bytes.size(); ++i) {
    body.push_back(static_cast<uint8_t>(bytes[i]));
  }
  body.insert(body.end(), {0x81, 0x80, 0x04});  // 65537
  EXPECT_EQ(error_of(with_body(FrameType::handover, body)), WireError::too_large);
  // pointers: node, then a list of kMaxListBytes + 1.
  EXPECT_EQ(error_of(with_body(FrameType::pointers, {1, 0x81, 0x80, 0x20})), WireError::too_large);
  EXPECT_EQ(error_of(with_body(FrameType::pointers, {1, 0x80, 0x80, 0x20})), WireError::truncated);
}

// One byte over the limit, and all of it there.
TEST(WireCodec, OversizedIsRefusedThoughComplete) {
  BlobPool pool;
  ByteBuffer bytes = encoded(full_frame(FrameType::handover, pool, kMaxPayloadBytes));
  const size_t length_at = bytes.size() - kMaxPayloadBytes - 3;
  ASSERT_EQ(bytes[length_at], std::byte{0x80});
  bytes[length_at] = std::byte{0x81};
  bytes.push_back(std::byte{0});
  const size_t body = bytes.size() - kWireHeaderBytes;
  for (size_t i = 0; i < 4; ++i) bytes[10 + i] = static_cast<std::byte>(body >> (8 * i));
  reseal(bytes);
  EXPECT_EQ(error_of(bytes), WireError::too_large);
}

TEST(WireCodec, LargestFrameFits) {
  BlobPool pool;
  const Frame sent = full_frame(FrameType::forward, pool, kMaxPayloadBytes, kMaxListBytes);
  const ByteBuffer bytes = encoded(sent);
  EXPECT_LT(bytes.size(), kMaxWireBytes);
  Frame got;
  ASSERT_EQ(decode(bytes, got, pool).status, ReadStatus::frame);
  EXPECT_TRUE(same(sent, got));
}

TEST(WireCodec, SmallFramesAreSmall) {
  BlobPool pool;
  Frame frame;
  frame.type = FrameType::ack;
  frame.number = 100;
  EXPECT_EQ(encoded(frame).size(), kWireHeaderBytes + 2);
  frame.type = FrameType::nack;  // kNoNode is one byte
  EXPECT_EQ(encoded(frame).size(), kWireHeaderBytes + 5);
}

TEST(WireCodecDeathTest, EncoderRefusesWhatNoDecoderTakes) {
  BlobPool pool;
  Frame frame;
  ByteBuffer out;
  EXPECT_DEATH(encode(frame, 0, out), "");
  frame.type = FrameType::send;
  frame.entry.payload = pool.make(kMaxPayloadBytes + 1);
  EXPECT_DEATH(encode(frame, 0, out), "");
}

}  // namespace
}  // namespace imroute
