// What a machine of some version says in its HELLO. The versions are those of `version_skew`
// (Fault::version): the first knew none of the optional features of the wire, a later one has left
// our frame version behind.
#pragma once

#include <cstdint>

#include "core/wire/hello.h"
#include "harness/scenario/scenario.h"

namespace imroute {

inline Hello hello_of(uint32_t version) {
  if (version == kFirstVersion) return {kWireVersion, kWireVersion, 0};
  if (version == kLaterVersion) return {kWireVersion + 1, kWireVersion + 1, ~uint64_t{0}};
  return {};
}

}  // namespace imroute
