// What a store answers to one operation, before anything can be lost on the way.
#pragma once

#include <cstdint>

#include "core/event/event.h"
#include "core/event/stores.h"

namespace imroute {

// The highest client_seq that every mailbox takes: far above what a device reaches that begins anew
// with each generation, and exact in a script of Redis.
inline constexpr uint64_t kMaxClientSeq = uint64_t{1} << 52;

template <class Reply>
struct AnswerOf {
  ReplyStatus status = ReplyStatus::ok;
  Reply reply;
};
using DirectoryAnswer = AnswerOf<DirectoryReply>;
using MailboxAnswer = AnswerOf<MailboxReply>;
using RegistryAnswer = AnswerOf<RegistryReply>;

}  // namespace imroute
