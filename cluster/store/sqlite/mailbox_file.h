// The rules of the mailbox (protocol: append, membership, cursors, epochs) over one SQLite file,
// for one thread. The caller puts a transaction around as many operations as it likes and gives the
// answers out only after commit(); whatever throws in between takes all of them back.
//
// The file belongs to one process: it is locked while it is open. Each opening is another identity,
// later than all before it, so that a file that comes back from a backup is never taken for the one
// whose tail it lacks.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/store/sqlite/database.h"
#include "store/answer.h"

namespace imroute::cluster {

struct MailboxStatements;

class MailboxFile {
 public:
  // Entries older than `retention_ns` are dropped when their conversation is used; 0: never.
  // `wall_ns`: nanoseconds since 1970, now. Throws SqliteError.
  MailboxFile(const std::string& path, DurationNs retention_ns, int64_t wall_ns);
  ~MailboxFile();

  void begin();
  void commit();
  void rollback() noexcept;

  struct Answer : MailboxAnswer {
    std::vector<Entry> entries;       // of a read, without their payloads ...
    std::vector<std::string> bodies;  // ... which are here: a pool belongs to another thread
  };
  Answer apply(const MailboxOp& op, int64_t wall_ns);
  uint64_t identity() const { return identity_; }

 private:
  struct Log {
    int64_t number = 0;
    ConversationId id;
    Position head;
    uint64_t expired_seq = 0;
    uint64_t members_version = 0;
    int64_t place(uint64_t seq) const { return (number << 32) | static_cast<int64_t>(seq); }
  };
  struct Interval {
    uint64_t join = 0;
    uint64_t leave = 0;  // 0: still a member
  };

  Answer answer_to(const MailboxOp& op, int64_t wall_ns);
  Answer append(const MailboxOp& op, int64_t wall_ns);
  Answer read(const MailboxOp& op, int64_t wall_ns);
  Answer open_device(const MailboxOp& op);
  Answer compare(const MailboxOp& op);
  Answer write_cursors(const MailboxOp& op);
  Answer list_members(const MailboxOp& op);

  std::optional<Log> find(ConversationId id);
  Log make(ConversationId id);
  bool permitted(const std::optional<Log>& log, const Entry& entry);
  void answer_early(const std::optional<Log>& log, const Entry& entry, MailboxReply& reply);
  void store(Log& log, const MailboxOp& op, int64_t wall_ns);
  void note_sent(const Log& log, const Entry& entry, Position at);
  void found(Log& log, const Entry& create);
  void join(Log& log, UserId user, uint64_t seq);
  void leave(Log& log, UserId user, uint64_t seq);
  void add_to_index(UserId user, const Log& log);
  void count_members_change(Log& log);
  void expire(Log& log, int64_t wall_ns);
  void raise_epoch(uint32_t epoch);

  uint32_t epoch_at(const Log& log, uint64_t seq);
  bool contains(const Log& log, Position position);
  Position last_common(const Log& log, Position from);
  std::vector<Interval> intervals(const Log& log, UserId user);
  bool is_member(const Log& log, UserId user);
  Batch<UserId> members(const Log& log);
  Position cursor(const Log& log, DeviceKey key);
  uint64_t devices(UserId user);
  uint64_t index_version(UserId user);
  uint64_t stamped(uint64_t version) const;

  Database database_;
  DurationNs retention_ns_;
  uint64_t identity_ = 0;
  uint32_t epoch_ = 0;
  std::unique_ptr<MailboxStatements> sql_;
};

}  // namespace imroute::cluster
