// The mailbox in Redis: a stream and a hash per conversation, changed by one script at a time; what
// a user takes part in is kept with the user. Keys of a conversation share a hash tag, keys of a
// user another, and no script touches both: so an entry that brings a conversation to a user (the
// first one, a join) is three steps, each of which may be repeated: the index entry, the append,
// and the user's index version once more, so that who compared in between compares again.
//
// What an accepted message survives is the server's setting:
//   appendonly yes, appendfsync always    the end of the process and of the machine
//   appendonly yes, appendfsync everysec  the end of the process; with the machine, up to two
//   seconds
//                                         of messages are lost
//   save only, or nothing                 what was accepted since the last snapshot is lost
// A lost tail is another life of the store: identity and epoch change, devices are rewound, senders
// repeat what they hold. `wait_replicas` asks that many replicas to have an append before it is
// accepted (WAIT): a failover to one of them keeps it, in memory.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "cluster/store/redis/link.h"
#include "cluster/store/store.h"
#include "core/base/payload.h"
#include "store/answer.h"

namespace imroute::cluster {

struct RedisMailboxSettings {
  RedisSettings redis = {};
  DurationNs retention_ns = 0;  // 0: entries are kept for ever
  uint32_t wait_replicas = 0;
  uint32_t wait_ms = 500;                 // how long to wait for them
  std::function<int64_t()> wall_ns = {};  // since 1970; empty: the system's clock
};

class RedisMailbox : public MailboxStore {
 public:
  RedisMailbox(Loop& loop, BlobPool& pool, RedisMailboxSettings settings);
  void submit(MailboxOp op, Done<MailboxReply> done) override;
  uint64_t identity() const { return link_.identity(); }  // 0: not connected

 private:
  struct Append {  // on its way
    MailboxOp op;
    Done<MailboxReply> done;
    bool indexed = false;
    std::string devices;  // of a user who joins
  };
  using Held = std::vector<std::pair<Done<MailboxReply>, MailboxReply>>;

  void append(Append&& append);
  void on_appended(Append&& append, ReplyStatus status, RedisValue said);
  void index_then_append(Append&& append);
  void count_index_change(const std::vector<UserId>& users, std::function<void(ReplyStatus)> then);
  void accept(const Done<MailboxReply>& done, MailboxReply reply);
  void wait_for_replicas();
  void read(const MailboxOp& op, Done<MailboxReply> done);
  MailboxReply read_reply(ConversationId conversation, RedisValue said);
  void open_device(const MailboxOp& op, Done<MailboxReply> done);
  void list_states(const MailboxOp& op, RedisValue person, Done<MailboxReply> done);
  void compare(const MailboxOp& op, Done<MailboxReply> done);
  void write_cursors(const MailboxOp& op, Done<MailboxReply> done);
  void list_members(const MailboxOp& op, Done<MailboxReply> done);

  RedisWords keys(ConversationId id) const;
  RedisWords keys(UserId user) const;
  std::string now_ms() const;
  std::string retention_ms() const;
  MailboxReply reply_to(MailboxOpKind kind) const;
  bool refused(const MailboxOp& op, bool names_store, const Done<MailboxReply>& done);

  BlobPool& pool_;
  RedisMailboxSettings settings_;
  RedisLink link_;
  RedisLink::Script append_, read_, state_, cursor_, members_, index_, person_;
  Held held_;  // appended, the replicas not yet asked
  bool waiting_ = false;
};

}  // namespace imroute::cluster
