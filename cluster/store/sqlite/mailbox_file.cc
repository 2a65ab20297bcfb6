#include "cluster/store/sqlite/mailbox_file.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "cluster/store/names.h"
#include "cluster/store/sqlite/schema.h"
#include "cluster/store/versions.h"

namespace imroute::cluster {

namespace {
constexpr uint64_t kMaxSeq = std::numeric_limits<uint32_t>::max();
}  // namespace

MailboxFile::MailboxFile(const std::string& path, DurationNs retention_ns, int64_t wall_ns)
    : database_(path), retention_ns_(retention_ns) {
  // Exclusive: the lock says that another process has it, and no shared memory is needed. FULL: a
  // commit is on the disk when it returns.
  database_.run(
      "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
      "PRAGMA synchronous = FULL; BEGIN IMMEDIATE");
  uint32_t format = 0;
  {
    Statement is_there(database_, "SELECT count(*) FROM sqlite_schema WHERE name = 'store'");
    Query there = is_there.with();
    if (there.next() && there.number(0) == 0) {
      database_.run(kMailboxSchema);
      database_.run("INSERT INTO store VALUES (" + std::to_string(kMailboxFormat) + ", 0, 0)");
    }
  }
  {
    Statement which(database_, "SELECT format FROM store");
    Query row = which.with();
    if (row.next()) format = row.small(0);
  }
  if (format != kMailboxFormat) {
    throw SqliteError(path + " has format " + std::to_string(format) + "; this program writes " +
                      std::to_string(kMailboxFormat));
  }
  sql_ = std::make_unique<MailboxStatements>(database_);
  uint64_t before = 0;
  {
    Query row = sql_->read_store.with();
    if (row.next()) before = row.number(0), epoch_ = row.small(1);
  }
  identity_ = next_identity(before, wall_ns);
  Statement(database_, "UPDATE store SET identity = ?").with(identity_).run();
  commit();
}

MailboxFile::~MailboxFile() = default;

void MailboxFile::begin() { database_.run("BEGIN IMMEDIATE"); }
void MailboxFile::commit() { database_.run("COMMIT"); }

void MailboxFile::rollback() noexcept {
  try {
    if (database_.in_transaction()) database_.run("ROLLBACK");
    Query row = sql_->read_store.with();
    if (row.next()) epoch_ = row.small(1);
  } catch (const SqliteError&) {
    // The file cannot even be read; the epoch stays the higher one, which refuses, never accepts.
  }
}

MailboxFile::Answer MailboxFile::apply(const MailboxOp& op, int64_t wall_ns) {
  Answer answer;
  const bool names_store = op.kind == MailboxOpKind::append || op.identity != 0;
  if (names_store && op.identity != identity_) {
    answer.reply.result = MailboxResult::wrong_identity;
  } else {
    answer = answer_to(op, wall_ns);
  }
  answer.reply.kind = op.kind;
  answer.reply.identity = identity_;
  return answer;
}

MailboxFile::Answer MailboxFile::answer_to(const MailboxOp& op, int64_t wall_ns) {
  switch (op.kind) {
    case MailboxOpKind::append:
      return append(op, wall_ns);
    case MailboxOpKind::read:
      return read(op, wall_ns);
    case MailboxOpKind::open_device:
      return open_device(op);
    case MailboxOpKind::compare:
      return compare(op);
    case MailboxOpKind::cursors:
      return write_cursors(op);
    case MailboxOpKind::members:
      return list_members(op);
  }
  return {};
}

// ---- append ------------------------------------------------------------------------------------

MailboxFile::Answer MailboxFile::append(const MailboxOp& op, int64_t wall_ns) {
  Answer answer;
  MailboxReply& reply = answer.reply;
  const Entry& entry = op.entry;
  if (op.epoch == 0 || op.epoch < epoch_) {
    reply.result = MailboxResult::wrong_identity;
    return answer;
  }
  if (entry.client_seq == 0 || entry.client_seq > kMaxClientSeq || op.base > kMaxClientSeq) {
    answer.status = ReplyStatus::error;
    return answer;
  }
  raise_epoch(op.epoch);
  std::optional<Log> log = find(entry.conversation);
  uint64_t last = 0;
  if (log) {
    Query party = sql_->party.with(log->number, entry.sender.value, entry.sender_device);
    if (party.next()) last = party.number(2);
  }
  const uint64_t expected = std::max(last + 1, op.base);
  if (entry.client_seq > expected) {
    reply.result = MailboxResult::out_of_order;
    reply.expected = expected;
    return answer;
  }
  if (entry.client_seq < expected) {
    answer_early(log, entry, reply);
  } else if (!permitted(log, entry)) {
    // Final, so a repetition on its way must not be stored either: not even when the group is made
    // before it comes. No third party ever belongs to a direct conversation.
    reply.result = MailboxResult::refused;
    if (!log && entry.conversation.is_group()) log = make(entry.conversation);
    if (log) note_sent(*log, entry, Position{});
  } else {
    const bool first = !log;
    if (first) log = make(entry.conversation);
    if (first && !log->id.is_group()) {
      add_to_index(UserId{log->id.hi}, *log);
      if (log->id.hi != log->id.lo) add_to_index(UserId{log->id.lo}, *log);
    }
    store(*log, op, wall_ns);
    reply.position = log->head;
  }
  if (log && log->id.is_group()) {
    reply.members_version = stamped(log->members_version);
    if (reply.members_version != op.members_version) reply.members = members(*log);
  }
  return answer;
}

// One that was answered before: where it went, if that is still known.
void MailboxFile::answer_early(const std::optional<Log>& log, const Entry& entry,
                               MailboxReply& reply) {
  reply.result = MailboxResult::duplicate;
  if (!log) return;
  Query sent = sql_->sent.with(log->number, entry.sender.value, entry.sender_device,
                               entry.client_seq % kMaxOpenSends, entry.client_seq);
  if (!sent.next()) return;
  reply.position = {sent.small(0), sent.number(1)};
  if (reply.position.seq == 0) reply.result = MailboxResult::refused;
}

bool MailboxFile::permitted(const std::optional<Log>& log, const Entry& entry) {
  if (!entry.conversation.is_group()) {
    return entry.kind == EntryKind::message && entry.conversation.has_party(entry.sender);
  }
  const bool there = log && log->head.seq != 0;
  if (entry.kind == EntryKind::create) return !there && founds_group(entry);
  if (!there) return false;
  const bool member = is_member(*log, entry.sender);
  if (entry.kind == EntryKind::message) return member;
  if (entry.subject != entry.sender) return false;
  if (entry.kind == EntryKind::leave) return member;
  Query count = sql_->member_count.with(log->number);
  return !member && count.next() && count.number(0) < kMaxGroupSize;
}

void MailboxFile::store(Log& log, const MailboxOp& op, int64_t wall_ns) {
  const Entry& entry = op.entry;
  if (log.head.seq >= kMaxSeq) throw SqliteError(name_of(log.id) + " is full");
  expire(log, wall_ns);
  const uint64_t seq = log.head.seq + 1;
  if (log.head.epoch != op.epoch) sql_->add_run.with(log.number, seq, op.epoch).run();
  log.head = {op.epoch, seq};
  sql_->add_entry
      .with(log.place(seq), op.epoch, static_cast<int>(entry.kind), entry.sender.value,
            entry.sender_device, entry.client_seq, entry.subject.value, wall_ns,
            entry.payload.bytes())
      .run();
  sql_->write_head.with(op.epoch, seq, log.number).run();
  note_sent(log, entry, log.head);
  if (entry.kind == EntryKind::create) found(log, entry);
  if (entry.kind == EntryKind::join) join(log, entry.subject, seq);
  if (entry.kind == EntryKind::leave) leave(log, entry.subject, seq);
}

void MailboxFile::note_sent(const Log& log, const Entry& entry, Position at) {
  sql_->write_last.with(log.number, entry.sender.value, entry.sender_device, entry.client_seq)
      .run();
  sql_->write_sent
      .with(log.number, entry.sender.value, entry.sender_device, entry.client_seq % kMaxOpenSends,
            entry.client_seq, at.epoch, at.seq)
      .run();
}

void MailboxFile::raise_epoch(uint32_t epoch) {
  if (epoch <= epoch_) return;
  sql_->write_epoch.with(epoch).run();
  epoch_ = epoch;
}

// ---- groups ------------------------------------------------------------------------------------

void MailboxFile::found(Log& log, const Entry& create) {
  for (const uint64_t user : create.payload.as<uint64_t>()) {
    sql_->join.with(log.number, user, log.head.seq).run();
    add_to_index(UserId{user}, log);
  }
  count_members_change(log);
}

void MailboxFile::join(Log& log, UserId user, uint64_t seq) {
  const bool first = intervals(log, user).empty();
  sql_->join.with(log.number, user.value, seq).run();
  if (first) {
    add_to_index(user, log);
    // What was before is not for them: their devices start here.
    const uint32_t epoch = epoch_at(log, seq - 1);
    const uint64_t opened = devices(user);
    for (uint32_t device = 0; device < 64; ++device) {
      if ((opened >> device & 1) == 0) continue;
      sql_->write_cursor.with(log.number, user.value, device, epoch, seq - 1).run();
    }
  } else {
    sql_->count_index_change.with(user.value).run();
  }
  count_members_change(log);
}

void MailboxFile::leave(Log& log, UserId user, uint64_t seq) {
  sql_->leave.with(seq, log.number, user.value).run();
  sql_->count_index_change.with(user.value).run();
  count_members_change(log);
}

void MailboxFile::count_members_change(Log& log) {
  Query version = sql_->count_members_change.with(log.number);
  if (version.next()) log.members_version = version.number(0);
}

// ---- what there is -----------------------------------------------------------------------------

std::optional<MailboxFile::Log> MailboxFile::find(ConversationId id) {
  const std::string name = name_of(id);
  Query row = sql_->find.with(std::string_view(name));
  if (!row.next()) return std::nullopt;
  return Log{static_cast<int64_t>(row.number(0)),
             id,
             {row.small(1), row.number(2)},
             row.number(3),
             row.number(4)};
}

MailboxFile::Log MailboxFile::make(ConversationId id) {
  const std::string name = name_of(id);
  Query row = sql_->make.with(std::string_view(name));
  Log log;
  log.id = id;
  if (row.next()) log.number = static_cast<int64_t>(row.number(0));
  row.run();
  return log;
}

void MailboxFile::add_to_index(UserId user, const Log& log) {
  uint64_t version = 0;
  {
    Query row = sql_->count_index_change.with(user.value);
    if (row.next()) version = row.number(0);
    row.run();
  }
  sql_->add_listed.with(user.value, version, log.number).run();
}

uint64_t MailboxFile::stamped(uint64_t version) const {
  return version_in_life(identity_, version);
}

}  // namespace imroute::cluster
