// What a store answers to one operation, before anything can be lost on the way.
#pragma once

#include "core/event/event.h"
#include "core/event/stores.h"

namespace imroute {

template <class Reply>
struct AnswerOf {
  ReplyStatus status = ReplyStatus::ok;
  Reply reply;
};
using DirectoryAnswer = AnswerOf<DirectoryReply>;
using MailboxAnswer = AnswerOf<MailboxReply>;
using RegistryAnswer = AnswerOf<RegistryReply>;

}  // namespace imroute
