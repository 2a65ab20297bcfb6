// HELLO: what two ends of a connection agree on before anything else, in both worlds. Each side
// sends one as its first frame, without waiting for the other's, so it costs no round trip. Both
// compute the same agreement: the newest frame version that both speak, and the features that both
// have (WireFeature). Where there is no common version both know it, and whoever closes says
// version_refused: a typed refusal, not a hang-up.
//
// A HELLO is a frame of the oldest version that its sender speaks, so whoever shares any version
// with it can read it; features that this build has never heard of are bits that it does not have.
// What goes to everybody without a HELLO (the pub/sub bus) uses the oldest version and types that
// every build has.
#pragma once

#include <cstdint>
#include <span>

#include "core/wire/codec.h"

namespace imroute {

struct Hello {
  uint8_t oldest = kWireVersion;  // frame versions this side speaks
  uint8_t newest = kWireVersion;
  uint64_t features = kAllFeatures;
  friend bool operator==(const Hello&, const Hello&) = default;
};

// Appends the frame and returns its size.
size_t encode_hello(const Hello& hello, ByteBuffer& out);

struct Agreement {
  Reason refused = Reason::none;  // version_refused, or protocol_error for bytes that are no HELLO
  uint8_t version = 0;
  uint64_t features = 0;
  friend bool operator==(const Agreement&, const Agreement&) = default;
};

// `theirs`: the first frame of the other side, whole.
Agreement agree(const Hello& ours, std::span<const std::byte> theirs, BlobPool& pool);

}  // namespace imroute
