#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <vector>

#include "core/wire/codec.h"
#include "tests/unit/wire_frames.h"

namespace imroute {
namespace {

using testing::all_frame_types;
using testing::draw_frame;
using testing::full_frame;
using testing::same;

TEST(FrameReader, SplitAtEachByte) {
  BlobPool pool;
  for (const FrameType type : all_frame_types()) {
    const Frame sent = full_frame(type, pool);
    ByteBuffer bytes;
    const size_t one = encode(sent, 4, bytes);
    encode(sent, 5, bytes);
    for (size_t cut = 0; cut <= bytes.size(); ++cut) {
      FrameReader reader;
      Frame got;
      size_t frames = 0;
      const auto drain = [&] {
        while (reader.next(got, pool) == ReadStatus::frame) {
          ASSERT_TRUE(same(sent, got));
          ASSERT_EQ(reader.sequence(), 4 + frames);
          ++frames;
        }
        ASSERT_EQ(reader.error(), WireError::none);
      };
      ASSERT_EQ(reader.feed({bytes.data(), cut}), cut);
      drain();
      ASSERT_EQ(frames, cut / one);
      ASSERT_EQ(reader.buffered(), cut % one);
      ASSERT_EQ(reader.feed({bytes.data() + cut, bytes.size() - cut}), bytes.size() - cut);
      drain();
      ASSERT_EQ(frames, 2u) << to_string(type) << " " << cut;
    }
  }
}

RC_GTEST_PROP(FrameReader, AnyFramesInAnyPieces, ()) {
  BlobPool pool;
  std::vector<Frame> sent;
  ByteBuffer bytes;
  const int count = *rc::gen::inRange(1, 8);
  for (int i = 0; i < count; ++i) {
    sent.push_back(draw_frame(*rc::gen::elementOf(all_frame_types()), pool));
    encode(sent.back(), static_cast<uint32_t>(i), bytes);
  }
  FrameReader reader;
  std::vector<Frame> got;
  for (size_t at = 0; at < bytes.size();) {
    const auto piece = std::min(*rc::gen::inRange<size_t>(1, 200), bytes.size() - at);
    RC_ASSERT(reader.feed({bytes.data() + at, piece}) == piece);
    at += piece;
    Frame frame;
    while (reader.next(frame, pool) == ReadStatus::frame) got.push_back(frame);
  }
  RC_ASSERT(reader.error() == WireError::none);
  RC_ASSERT(reader.buffered() == 0u);
  RC_ASSERT(got.size() == sent.size());
  for (size_t i = 0; i < sent.size(); ++i) RC_ASSERT(same(sent[i], got[i]));
}

// Whatever comes, the reader answers, holds a bounded buffer, and gives every block back.
RC_GTEST_PROP(FrameReader, SurvivesNoise, ()) {
  BlobPool pool;
  {
    ByteBuffer bytes;
    encode(draw_frame(*rc::gen::elementOf(all_frame_types()), pool), 0, bytes);
    const int flips = *rc::gen::inRange(1, 6);
    for (int i = 0; i < flips; ++i) {
      bytes[*rc::gen::inRange<size_t>(0, bytes.size())] = std::byte{*rc::gen::arbitrary<uint8_t>()};
    }
    FrameReader reader;
    reader.feed(bytes);
    Frame frame;
    while (reader.next(frame, pool) == ReadStatus::frame) {}
  }
  RC_ASSERT(pool.blocks_alive() == 0u);
}

TEST(FrameReader, StopsAtTheFirstError) {
  BlobPool pool;
  ByteBuffer bytes;
  encode(full_frame(FrameType::ping, pool), 0, bytes);
  const size_t good = bytes.size();
  encode(full_frame(FrameType::ping, pool), 0, bytes);
  bytes[good + 2] = std::byte{9};
  encode(full_frame(FrameType::ping, pool), 0, bytes);
  FrameReader reader;
  Frame frame;
  reader.feed(bytes);
  EXPECT_EQ(reader.next(frame, pool), ReadStatus::frame);
  EXPECT_EQ(reader.next(frame, pool), ReadStatus::error);
  EXPECT_EQ(reader.error(), WireError::unknown_version);
  const size_t held = reader.buffered();
  EXPECT_EQ(reader.feed(bytes), bytes.size());  // swallowed
  EXPECT_EQ(reader.buffered(), held);
  EXPECT_EQ(reader.next(frame, pool), ReadStatus::error);
  reader.reset();
  bytes.resize(good);
  reader.feed(bytes);
  EXPECT_EQ(reader.next(frame, pool), ReadStatus::frame);
}

TEST(FrameReader, HoldsAtMostOneLargestFrame) {
  BlobPool pool;
  ByteBuffer bytes;
  const Frame large = full_frame(FrameType::push, pool, kMaxPayloadBytes, kMaxListBytes);
  const size_t one = encode(large, 0, bytes);
  encode(large, 1, bytes);
  encode(large, 2, bytes);
  FrameReader reader;
  std::span<const std::byte> rest(bytes);
  rest = rest.subspan(reader.feed(rest));
  EXPECT_EQ(reader.buffered(), kMaxWireBytes);
  EXPECT_EQ(reader.feed(rest), 0u);  // full until next()
  Frame got;
  size_t frames = 0;
  for (;;) {
    const ReadStatus status = reader.next(got, pool);
    if (status == ReadStatus::frame) {
      ++frames;
      continue;
    }
    ASSERT_EQ(status, ReadStatus::need_more);
    if (rest.empty()) break;
    const size_t taken = reader.feed(rest);
    ASSERT_GT(taken, 0u);
    ASSERT_LE(reader.buffered(), kMaxWireBytes);
    rest = rest.subspan(taken);
  }
  EXPECT_EQ(frames, 3u);
  EXPECT_EQ(reader.buffered(), 0u);
  EXPECT_GT(one, size_t{kMaxListBytes});
}

}  // namespace
}  // namespace imroute
