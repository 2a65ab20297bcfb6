// HELLO, and frames between versions: what two ends agree on, by their bytes.
#include "core/wire/hello.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/unit/wire_frames.h"

namespace imroute {
namespace {

using testing::full_frame;
using testing::same;

ByteBuffer said(const Hello& hello) {
  ByteBuffer bytes;
  encode_hello(hello, bytes);
  return bytes;
}

Agreement between(const Hello& ours, const Hello& theirs) {
  BlobPool pool;
  return agree(ours, said(theirs), pool);
}

// A contract with every version that will ever be.
TEST(WireHello, LayoutIsFixed) {
  const ByteBuffer bytes = said({1, 3, 0x81});
  ASSERT_EQ(bytes.size(), kWireHeaderBytes + 4);
  EXPECT_EQ(bytes[0], std::byte{'i'});
  EXPECT_EQ(bytes[1], std::byte{'m'});
  EXPECT_EQ(bytes[2], std::byte{1});   // of the oldest version its sender speaks
  EXPECT_EQ(bytes[4], std::byte{31});  // type
  const ByteBuffer body(bytes.begin() + kWireHeaderBytes, bytes.end());
  // newest, features (two bytes), oldest
  const ByteBuffer expected{std::byte{3}, std::byte{0x81}, std::byte{1}, std::byte{1}};
  EXPECT_EQ(body, expected);
  EXPECT_EQ(said({7, 9, 0})[2], std::byte{7});
}

TEST(WireHello, TheNewestCommonVersionAndTheCommonFeatures) {
  EXPECT_EQ(between({1, 1, 0b0110}, {1, 1, 0b0011}), (Agreement{Reason::none, 1, 0b0010}));
  EXPECT_EQ(between({1, 3, 7}, {1, 2, 7}), (Agreement{Reason::none, 2, 7}));
  // Features that we have never heard of are none of ours.
  EXPECT_EQ(between({}, {1, 9, ~uint64_t{0}}), (Agreement{Reason::none, 1, kAllFeatures}));
}

TEST(WireHello, NoCommonVersionIsATypedRefusal) {
  EXPECT_EQ(between({1, 1, 7}, {2, 4, 7}).refused, Reason::version_refused);
  EXPECT_EQ(between({2, 4, 7}, {1, 1, 7}).refused, Reason::version_refused);
}

TEST(WireHello, WhatIsNoHelloIsAProtocolError) {
  BlobPool pool;
  ByteBuffer ping;
  encode(full_frame(FrameType::ping, pool), 0, ping);
  EXPECT_EQ(agree({}, ping, pool).refused, Reason::protocol_error);
  ByteBuffer hello = said({});
  EXPECT_EQ(agree({}, std::span(hello).first(hello.size() - 1), pool).refused,
            Reason::protocol_error);
  hello[6] = std::byte{0xff};  // the checksum does not fit any more
  EXPECT_EQ(agree({}, hello, pool).refused, Reason::protocol_error);
  EXPECT_EQ(between({}, {1, 0, 0}).refused, Reason::protocol_error) << "newest below oldest";
}

RC_GTEST_PROP(WireHello, BothEndsComeToTheSame, ()) {
  const auto drawn = [] {
    Hello hello;
    hello.oldest = *rc::gen::inRange<uint8_t>(1, 4);
    hello.newest = static_cast<uint8_t>(hello.oldest + *rc::gen::inRange(0, 3));
    hello.features = *rc::gen::arbitrary<uint64_t>();
    return hello;
  };
  Hello a = drawn(), b = drawn();
  a.oldest = kWireVersion;  // each reads frames of this version
  a.newest = std::max(a.newest, a.oldest);
  RC_ASSERT(between(a, b) == between(b, a) || b.oldest != kWireVersion);
  RC_ASSERT((between(a, b).refused == Reason::none) ==
            (b.oldest == kWireVersion && a.newest >= b.oldest));
}

// Without a feature its field is not in the bytes, and reads as its zero.
TEST(WireFeatures, AFieldThatThePeerDoesNotKnowIsLeftOut) {
  BlobPool pool;
  struct Row {
    FrameType type;
    uint64_t feature;
    void (*clear)(Frame&);
  };
  const Row rows[] = {
      {FrameType::nack, kFeatureHints,
       [](Frame& f) {
         f.node = kNoNode;
         f.generation = 0;
       }},
      {FrameType::ack, kFeatureSelectiveAck, [](Frame& f) { f.mask = 0; }},
      {FrameType::login, kFeatureUnreachable, [](Frame& f) { f.nodes.clear(); }},
  };
  for (const Row& row : rows) {
    const Frame sent = full_frame(row.type, pool);
    for (const uint64_t features : {uint64_t{0}, kAllFeatures & ~row.feature}) {
      ByteBuffer whole, bytes;
      encode(sent, 0, whole);
      encode(sent, 0, bytes, features);
      EXPECT_LT(bytes.size(), whole.size()) << to_string(row.type);
      Frame got, expected = sent;
      row.clear(expected);
      ASSERT_EQ(decode(bytes, got, pool, features).status, ReadStatus::frame);
      EXPECT_TRUE(same(expected, got)) << to_string(row.type);
      // Who expects the field notices: agreeing is not optional.
      EXPECT_EQ(decode(bytes, got, pool).error, WireError::truncated);
      EXPECT_EQ(decode(whole, got, pool, features).error, WireError::trailing);
    }
    ByteBuffer whole, bytes;
    encode(sent, 0, whole);
    encode(sent, 0, bytes, row.feature);
    EXPECT_EQ(bytes, whole) << "only that feature matters to " << to_string(row.type);
  }
}

TEST(WireFeatures, ATypeThatThePeerDoesNotKnowIsUnknown) {
  BlobPool pool;
  for (const auto& [type, feature] : {std::pair{FrameType::handover, kFeatureHandover},
                                      std::pair{FrameType::pointers, kFeaturePointers}}) {
    EXPECT_EQ(frame_fields(type, kAllFeatures & ~feature), 0u);
    ByteBuffer bytes;
    encode(full_frame(type, pool), 0, bytes);
    Frame got;
    EXPECT_EQ(decode(bytes, got, pool, kAllFeatures & ~feature).error, WireError::unknown_type);
    EXPECT_EQ(decode(bytes, got, pool, feature).status, ReadStatus::frame);
  }
}

TEST(WireFeatures, AReaderSpeaksWhatWasAgreed) {
  BlobPool pool;
  const Frame sent = full_frame(FrameType::nack, pool);
  ByteBuffer bytes;
  encode_hello({kWireVersion, kWireVersion, 0}, bytes);
  encode(sent, 0, bytes, 0);
  FrameReader reader;
  reader.feed(bytes);
  Frame got;
  ASSERT_EQ(reader.next(got, pool), ReadStatus::frame);
  ASSERT_EQ(got.type, FrameType::hello);
  reader.speak(got.mask);
  ASSERT_EQ(reader.next(got, pool), ReadStatus::frame);
  EXPECT_EQ(got.node, kNoNode);
  reader.reset();  // another connection begins with everything
  ByteBuffer whole;
  encode(sent, 0, whole);
  reader.feed(whole);
  ASSERT_EQ(reader.next(got, pool), ReadStatus::frame);
  EXPECT_EQ(got.node, sent.node);
}

}  // namespace
}  // namespace imroute
