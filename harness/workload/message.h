// The bodies and numbers of workload messages: the first eight bytes of a body are its number
// (tag), the rest follows from the number, so that whoever reads a body knows what it must be.
//
// Tags: scripted messages have their place in the script, from 1 on; the others that users start
// follow, 1, 2, 3 ...; they are the same under every strategy.
// The d-th message of a direct exchange that message n started is n + d * 2^40. Answers in groups
// have numbers drawn from (answered tag, user), with bit 62 set.
#pragma once

#include <cstdint>

#include "core/base/ids.h"
#include "core/base/payload.h"

namespace imroute {

// A body of `size` bytes, at least eight.
Payload make_body(BlobPool& pool, uint64_t tag, size_t size);

uint64_t reply_tag(uint64_t answered, UserId user, bool group);

}  // namespace imroute
