// What a mailbox file is asked: entries after a position, a device's conversations, what is ahead
// of what a node knows; and the cursors that come back.
#include <algorithm>
#include <utility>

#include "cluster/store/names.h"
#include "cluster/store/sqlite/mailbox_file.h"
#include "cluster/store/sqlite/schema.h"
#include "cluster/store/versions.h"

namespace imroute::cluster {

namespace {

constexpr uint32_t kDevices = 64;  // opened ones are a mask per user

template <class Intervals>
bool covers(const Intervals& intervals, uint64_t seq) {
  return std::any_of(intervals.begin(), intervals.end(), [seq](const auto& i) {
    return i.join <= seq && (i.leave == 0 || seq < i.leave);
  });
}

template <class Intervals>
bool belongs_after(const Intervals& intervals, uint64_t seq) {
  return std::any_of(intervals.begin(), intervals.end(),
                     [seq](const auto& i) { return i.leave == 0 || i.leave > seq + 1; });
}

}  // namespace

MailboxFile::Answer MailboxFile::read(const MailboxOp& op, int64_t wall_ns) {
  Answer answer;
  MailboxReply& reply = answer.reply;
  const UserId user = op.key.user;
  reply.member = !op.entry.conversation.is_group();
  std::optional<Log> log = find(op.entry.conversation);
  if (!log || log->head.seq == 0) {
    if (op.from.seq > 0) reply.result = MailboxResult::rewind;
    return answer;
  }
  expire(*log, wall_ns);
  reply.head = log->head;
  const std::vector<Interval> entitled = intervals(*log, user);
  const auto place = [&](Position position) {
    reply.member = !log->id.is_group() || belongs_after(entitled, position.seq);
    return position;
  };
  if (op.from.seq > 0 && !contains(*log, op.from)) {
    reply.result = MailboxResult::rewind;
    reply.position = place(last_common(*log, op.from));
    return answer;
  }
  for (uint64_t seq = op.from.seq + 1; seq <= log->expired_seq; ++seq) {
    if (covers(entitled, seq)) ++reply.skipped;
  }
  if (reply.skipped > 0) {
    reply.result = MailboxResult::reset;
    reply.position = place({epoch_at(*log, log->expired_seq), log->expired_seq});
    return answer;
  }
  reply.next = op.from;
  Query rows = sql_->entries.with(log->place(op.from.seq), log->place(log->head.seq));
  bool more = true;
  while (answer.entries.size() < op.limit && (more = rows.next())) {
    reply.next = {rows.small(1), rows.number(0) & 0xffffffff};
    if (!covers(entitled, reply.next.seq)) continue;
    Entry entry;
    entry.conversation = log->id;
    entry.position = reply.next;
    entry.kind = static_cast<EntryKind>(rows.number(2));
    entry.sender = UserId{rows.number(3)};
    entry.sender_device = rows.small(4);
    entry.client_seq = rows.number(5);
    entry.subject = UserId{rows.number(6)};
    answer.entries.push_back(std::move(entry));
    answer.bodies.emplace_back(rows.text(7));
  }
  reply.next = place(more ? reply.next : reply.head);
  return answer;
}

MailboxFile::Answer MailboxFile::open_device(const MailboxOp& op) {
  Answer answer;
  MailboxReply& reply = answer.reply;
  if (op.key.device >= kDevices) {
    answer.status = ReplyStatus::error;
    return answer;
  }
  const uint64_t user = op.key.user.value;
  const uint64_t bit = uint64_t{1} << op.key.device;
  reply.first_bind = (devices(op.key.user) & bit) == 0;
  if (reply.first_bind) sql_->open_device.with(user, bit).run();
  reply.index_version = index_version(op.key.user);
  auto states = std::make_shared<std::vector<ConversationState>>();
  std::vector<ConversationId> ids;
  for (Query rows = sql_->listed.with(user); rows.next();) {
    if (const auto id = conversation_named(rows.text(0)); id) ids.push_back(*id);
  }
  for (const ConversationId id : ids) {
    const std::optional<Log> log = find(id);
    if (!log) continue;
    if (reply.first_bind && log->head.seq > 0) {  // a device is entitled from its first bind
      sql_->write_cursor.with(log->number, user, op.key.device, log->head.epoch, log->head.seq)
          .run();
    }
    ConversationState state;
    state.conversation = id;
    state.head = log->head;
    state.cursor = cursor(*log, op.key);
    state.member = is_member(*log, op.key.user);
    states->push_back(state);
  }
  reply.conversations = std::move(states);
  return answer;
}

MailboxFile::Answer MailboxFile::compare(const MailboxOp& op) {
  Answer answer;
  auto ahead = std::make_shared<std::vector<CompareItem>>();
  if (op.known != nullptr) {
    for (const CompareItem& known : *op.known) {
      if (known.conversation == ConversationId{}) {
        const uint64_t version = index_version(known.user);
        if (version > known.index_version) ahead->push_back({{}, known.user, {}, version});
        continue;
      }
      const std::optional<Log> log = find(known.conversation);
      const Position head = log ? log->head : Position{};
      if (head != known.known) ahead->push_back({known.conversation, known.user, head, 0});
    }
  }
  answer.reply.ahead = std::move(ahead);
  return answer;
}

MailboxFile::Answer MailboxFile::write_cursors(const MailboxOp& op) {
  if (op.updates == nullptr) return {};
  for (const CursorUpdate& update : *op.updates) {
    const std::optional<Log> log = find(update.cursor.conversation);
    const Position to = update.cursor.position;
    // A position that is not in this log was lost with its entry; to believe it would skip the
    // entry that is there now.
    if (!log || to.seq == 0 || !contains(*log, to)) continue;
    if (to.seq <= cursor(*log, update.key).seq) continue;
    sql_->write_cursor.with(log->number, update.key.user.value, update.key.device, to.epoch, to.seq)
        .run();
  }
  return {};
}

MailboxFile::Answer MailboxFile::list_members(const MailboxOp& op) {
  Answer answer;
  const ConversationId id = op.entry.conversation;
  if (!id.is_group()) {
    answer.reply.members_version = 1;
    answer.reply.members = std::make_shared<const std::vector<UserId>>(
        std::vector<UserId>{UserId{id.hi}, UserId{id.lo}});
    return answer;
  }
  const std::optional<Log> log = find(id);
  answer.reply.members_version = log ? stamped(log->members_version) : 0;
  answer.reply.members = log ? members(*log) : std::make_shared<const std::vector<UserId>>();
  return answer;
}

// ---- positions ---------------------------------------------------------------------------------

uint32_t MailboxFile::epoch_at(const Log& log, uint64_t seq) {
  if (seq == 0) return 0;
  Query run = sql_->run_at.with(log.number, seq);
  return run.next() ? run.small(0) : 0;
}

bool MailboxFile::contains(const Log& log, Position position) {
  return position.seq <= log.head.seq && epoch_at(log, position.seq) == position.epoch;
}

Position MailboxFile::last_common(const Log& log, Position from) {
  uint64_t seq = std::min(from.seq, log.head.seq);
  Query runs = sql_->runs_back.with(log.number, seq);
  while (runs.next()) {
    if (runs.small(1) <= from.epoch) return {runs.small(1), seq};
    seq = runs.number(0) - 1;
  }
  return {};
}

// Drops what is older than the retention, from the front: a log stays a piece without holes.
void MailboxFile::expire(Log& log, int64_t wall_ns) {
  if (retention_ns_ <= 0) return;
  uint64_t until = log.head.seq;
  {
    Query younger = sql_->first_younger.with(log.place(log.expired_seq), log.place(log.head.seq),
                                             wall_ns - retention_ns_);
    if (younger.next()) until = (younger.number(0) & 0xffffffff) - 1;
  }
  if (until <= log.expired_seq) return;
  sql_->drop_until.with(log.place(log.expired_seq), log.place(until)).run();
  sql_->write_expired.with(until, log.number).run();
  log.expired_seq = until;
}

// ---- people ------------------------------------------------------------------------------------

std::vector<MailboxFile::Interval> MailboxFile::intervals(const Log& log, UserId user) {
  std::vector<Interval> out;
  if (!log.id.is_group()) {
    if (log.id.has_party(user)) out.push_back({1, 0});
    return out;
  }
  for (Query rows = sql_->intervals.with(log.number, user.value); rows.next();) {
    out.push_back({rows.number(0), rows.number(1)});
  }
  return out;
}

bool MailboxFile::is_member(const Log& log, UserId user) {
  const std::vector<Interval> all = intervals(log, user);
  return !all.empty() && all.back().leave == 0;
}

Batch<UserId> MailboxFile::members(const Log& log) {
  auto out = std::make_shared<std::vector<UserId>>();
  for (Query rows = sql_->members.with(log.number); rows.next();) {
    out->push_back(UserId{rows.number(0)});
  }
  return out;
}

Position MailboxFile::cursor(const Log& log, DeviceKey key) {
  Query party = sql_->party.with(log.number, key.user.value, key.device);
  if (!party.next()) return {};
  return {party.small(0), party.number(1)};
}

uint64_t MailboxFile::devices(UserId user) {
  Query person = sql_->person.with(user.value);
  return person.next() ? person.number(1) : 0;
}

uint64_t MailboxFile::index_version(UserId user) {
  Query person = sql_->person.with(user.value);
  return person.next() ? stamped(person.number(0)) : 0;
}

}  // namespace imroute::cluster
