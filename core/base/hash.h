// Hashes whose values are part of the contract (placement, trace hashes): the same on every
// compiler, today and tomorrow. `mix64` is the finaliser of SplitMix64 (Steele, Lea, Flood 2014);
// `hash_bytes` is XXH64 (Collet, specification 0.1.1), checked against its published vectors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/base/ids.h"

namespace imroute {

constexpr uint64_t mix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

constexpr uint64_t mix64(uint64_t a, uint64_t b) {
  return mix64(mix64(a) ^ (b * 0x9fb21c651e98df25ull));
}

uint64_t hash_bytes(std::span<const std::byte> bytes, uint64_t seed = 0);
uint64_t hash_text(std::string_view text, uint64_t seed = 0);

// Hash functor for the project's maps. `salt` is secret where keys are chosen by clients.
struct IdHash {
  template <class Tag, class Rep>
  constexpr uint64_t operator()(Id<Tag, Rep> id, uint64_t salt = 0) const {
    return mix64(id.value ^ salt);
  }
  constexpr uint64_t operator()(uint64_t v, uint64_t salt = 0) const { return mix64(v ^ salt); }
  constexpr uint64_t operator()(const DeviceKey& k, uint64_t salt = 0) const {
    return mix64(k.user.value ^ salt, k.device);
  }
  constexpr uint64_t operator()(const ConversationId& c, uint64_t salt = 0) const {
    return mix64(c.hi ^ salt, c.lo);
  }
};

// Order-sensitive running digest, for state digests and trace hashes.
class Digest {
 public:
  constexpr void add(uint64_t v) { state_ = mix64(state_ ^ v); }
  constexpr uint64_t value() const { return state_; }

 private:
  uint64_t state_ = 0x243f6a8885a308d3ull;  // pi
};

}  // namespace imroute
