// The directory in Redis: one hash per user, changed by one script at a time, so that login policy
// and losers are decided atomically. Keys of a user share a hash tag (`imroute:session:{42}`), and
// a script touches one user only.
//
// A record's version is the server's clock in microseconds, or one more than before when that is
// not later: a record that lost its tail or was evicted comes back with a later one.
#pragma once

#include "cluster/store/redis/link.h"
#include "cluster/store/store.h"

namespace imroute::cluster {

class RedisDirectory : public DirectoryStore {
 public:
  RedisDirectory(Loop& loop, RedisSettings settings);
  void submit(DirectoryOp op, Done<DirectoryReply> done) override;
  uint64_t identity() const { return link_.identity(); }  // 0: not connected

 private:
  void reserve(const DirectoryOp& op, Done<DirectoryReply> done);
  void bind(const DirectoryOp& op, Done<DirectoryReply> done);
  void unbind(const DirectoryOp& op, Done<DirectoryReply> done);
  void lookup(UserId user, Done<DirectoryReply> done);
  void lookup_many(const DirectoryOp& op, Done<DirectoryReply> done);
  void check(const DirectoryOp& op, Done<DirectoryReply> done);
  std::string key(UserId user) const;
  DirectoryReply reply_to(DirectoryOpKind kind) const;

  RedisLink link_;
  RedisLink::Script reserve_, bind_, unbind_;
};

}  // namespace imroute::cluster
