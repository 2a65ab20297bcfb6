#include "store/mailbox.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

#include "core/base/assert.h"
#include "core/base/hash.h"

namespace imroute {
namespace {

constexpr uint64_t kMaxSeq = std::numeric_limits<uint32_t>::max();
constexpr uint32_t kMaxDeviceNumber = 63;  // devices opened are a mask per user

}  // namespace

Mailbox::Mailbox(const MailboxSettings& settings)
    : settings_(settings), identity_(settings.identity) {}
Mailbox::~Mailbox() = default;

MailboxAnswer Mailbox::handle(const MailboxOp& op, int64_t now) {
  const bool names_store = op.kind == MailboxOpKind::append || op.identity != 0;
  const bool writes = op.kind == MailboxOpKind::append || op.kind == MailboxOpKind::cursors ||
                      op.kind == MailboxOpKind::open_device;
  MailboxAnswer answer;
  if (oom_ && writes) {
    answer.status = ReplyStatus::error;
  } else if (names_store && op.identity != identity_) {
    answer.reply.result = MailboxResult::wrong_identity;
  } else {
    switch (op.kind) {
      case MailboxOpKind::append:
        answer = append(op, now);
        break;
      case MailboxOpKind::read:
        answer = read(op, now);
        break;
      case MailboxOpKind::open_device:
        answer = open_device(op);
        break;
      case MailboxOpKind::compare:
        answer = compare(op);
        break;
      case MailboxOpKind::cursors:
        answer = write_cursors(op, now);
        break;
      case MailboxOpKind::members:
        answer = list_members(op);
        break;
    }
  }
  answer.reply.kind = op.kind;
  answer.reply.identity = identity_;
  return answer;
}

// ---- append ------------------------------------------------------------------------------------

MailboxAnswer Mailbox::append(const MailboxOp& op, int64_t now) {
  MailboxAnswer answer;
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
  epoch_ = op.epoch;
  uint32_t number = find_log(entry.conversation);
  const DeviceKey from{entry.sender, entry.sender_device};
  const bool allowed = permitted(number == 0 ? nullptr : &logs_[number], entry);
  Party* party = number == 0 ? nullptr : find_party(logs_[number], from);
  const uint64_t last = party == nullptr ? 0 : party->last_client_seq;
  const uint64_t expected = std::max(last + 1, op.base);
  if (entry.client_seq > expected) {
    reply.result = MailboxResult::out_of_order;
    reply.expected = expected;
    return answer;
  }
  if (entry.client_seq < expected) {
    const Spot spot = party == nullptr ? Spot{} : spot_of(*party, entry.client_seq);
    reply.result = spot.epoch == kRefusedEpoch ? MailboxResult::refused : MailboxResult::duplicate;
    if (reply.result == MailboxResult::duplicate) reply.position = {spot.epoch, spot.seq};
  } else if (!allowed) {
    // Final, so a repetition on its way must not be stored either: not even when the group is made
    // before it comes. No third party ever belongs to a direct conversation.
    reply.result = MailboxResult::refused;
    if (number == 0 && entry.conversation.is_group()) number = make_group(entry.conversation);
    if (number != 0) {
      note_spot(ensure_party(logs_[number], from), entry.client_seq, Spot{kRefusedEpoch, 0});
    }
  } else {
    if (number == 0) number = make_empty(entry);
    store(number, op, now);
    reply.position = {logs_[number].head_epoch, logs_[number].head_seq};
  }
  if (number != 0 && logs_[number].group != 0) {
    const Group& group = groups_[logs_[number].group];
    reply.members_version = group.members_version;
    if (group.members_version != op.members_version) reply.members = group.members;
  }
  return answer;
}

bool Mailbox::permitted(const Log* log, const Entry& entry) const {
  if (!entry.conversation.is_group()) {
    return entry.kind == EntryKind::message && entry.conversation.has_party(entry.sender);
  }
  if (entry.kind == EntryKind::create) {
    return founds_group(entry) && (log == nullptr || log->head_seq == 0);
  }
  if (log == nullptr || log->head_seq == 0) return false;
  const bool member = is_member(*log, entry.sender);
  switch (entry.kind) {
    case EntryKind::message:
      return member;
    case EntryKind::join:
      return !member && entry.subject == entry.sender &&
             groups_[log->group].members->size() < kMaxGroupSize;
    case EntryKind::leave:
      return member && entry.subject == entry.sender;
    case EntryKind::create:
      return false;
  }
  return false;
}

void Mailbox::store(uint32_t number, const MailboxOp& op, int64_t now) {
  Log& log = logs_[number];
  const Entry& entry = op.entry;
  IM_ASSERT(log.head_seq < kMaxSeq);
  if (settings_.retention_ns > 0) expire(log, now);
  const uint32_t seq = log.head_seq + 1;
  if (log.head_seq != 0 && log.head_epoch != op.epoch) {
    if (log.runs == 0) {
      log.runs = runs_.make();
      runs_[log.runs].push_back({1, log.head_epoch});
    }
    runs_[log.runs].push_back({seq, op.epoch});
  }
  const uint32_t made = entries_.make();
  Item& item = entries_[made];
  item.payload = entry.payload;
  item.sender = entry.sender;
  item.subject = entry.subject;
  item.at = now;
  item.client_seq = entry.client_seq;
  item.sender_device = entry.sender_device;
  item.epoch = op.epoch;
  item.seq = seq;
  item.kind = entry.kind;
  item.previous = log.last;
  (log.last == 0 ? log.first : entries_[log.last].next) = made;
  log.last = made;
  ++log.kept;
  log.head_seq = seq;
  log.head_epoch = op.epoch;
  ++appended_;
  note_spot(ensure_party(log, {entry.sender, entry.sender_device}), item.client_seq,
            Spot{op.epoch, seq});
  apply_membership(number, entry, seq);
  if (settings_.unsynced_window_ns > 0) {
    while (!recent_.empty() && recent_.front().at <= now - settings_.unsynced_window_ns) {
      recent_.pop_front();
    }
    recent_.push_back({now, number});
  }
  // Cursors drive trimming; this is for conversations that nobody has a cursor to move in.
  if (log.kept % (log.group == 0 ? 16 : 1024) == 0) trim(log, now);
}

void Mailbox::apply_membership(uint32_t number, const Entry& entry, uint32_t seq) {
  const Log& log = logs_[number];
  if (log.group == 0 || entry.kind == EntryKind::message) return;
  Group& group = groups_[log.group];
  std::vector<UserId> members = *group.members;
  const auto at = std::lower_bound(members.begin(), members.end(), entry.subject);
  if (entry.kind == EntryKind::leave) {
    group.intervals.insert(entry.subject)->back().leave = seq;
    members.erase(at);
    ++users_.insert(entry.subject)->index_version;
  } else if (entry.kind == EntryKind::join) {
    members.insert(at, entry.subject);
    enter(number, entry.subject, seq);
  } else {
    for (const uint64_t user : entry.payload.as<uint64_t>()) {
      members.emplace_back(user);
      enter(number, UserId{user}, seq);
    }
  }
  set_members(group, std::move(members));
}

// What was before is not for them: the devices of who enters for the first time start there.
void Mailbox::enter(uint32_t number, UserId id, uint32_t seq) {
  Log& log = logs_[number];
  Group& group = groups_[log.group];
  group.intervals.insert(id)->push_back({seq, 0});
  if (std::find(group.ever.begin(), group.ever.end(), id) != group.ever.end()) {
    ++users_.insert(id)->index_version;
    return;
  }
  group.ever.push_back(id);
  add_to_index(id, number);
  for (uint64_t left = users_.insert(id)->devices; left != 0; left &= left - 1) {
    Party& party = ensure_party(log, {id, static_cast<uint32_t>(std::countr_zero(left))});
    party.cursor_seq = seq - 1;
    party.cursor_epoch = epoch_at(log, seq - 1);
  }
}

// ---- reading -----------------------------------------------------------------------------------

MailboxAnswer Mailbox::read(const MailboxOp& op, int64_t now) {
  MailboxAnswer answer;
  MailboxReply& reply = answer.reply;
  const uint32_t number = find_log(op.entry.conversation);
  if (number == 0) {
    if (op.from.seq > 0) reply.result = MailboxResult::rewind;
    reply.member = !op.entry.conversation.is_group();
    return answer;
  }
  Log& log = logs_[number];
  if (settings_.retention_ns > 0) expire(log, now);
  reply.head = {log.head_epoch, log.head_seq};
  if (op.from.seq > 0 && !contains(log, op.from)) {
    reply.result = MailboxResult::rewind;
    reply.position = last_common(log, op.from);
    reply.member = belongs_after(log, op.key.user, reply.position.seq);
    return answer;
  }
  const UserId user = op.key.user;
  if (log.expired_seq > op.from.seq) {
    for (uint64_t seq = op.from.seq + 1; seq <= log.expired_seq; ++seq) {
      if (entitled(log, user, static_cast<uint32_t>(seq))) ++reply.skipped;
    }
    if (reply.skipped > 0) {
      reply.result = MailboxResult::reset;
      reply.position = {epoch_at(log, log.expired_seq), log.expired_seq};
      reply.member = belongs_after(log, user, log.expired_seq);
      return answer;
    }
  }
  uint32_t at = first_after(log, op.from.seq);
  auto entries = std::make_shared<std::vector<Entry>>();
  reply.next = op.from;
  for (; at != 0 && entries->size() < op.limit; at = entries_[at].next) {
    const Item& item = entries_[at];
    reply.next = {item.epoch, item.seq};
    log.read_last = at;
    if (entitled(log, user, item.seq)) entries->push_back(entry_of(log, item));
  }
  if (at == 0 && op.limit > 0) reply.next = reply.head;
  reply.entries = std::move(entries);
  reply.member = belongs_after(log, user, reply.next.seq);
  return answer;
}

// The first kept entry after `seq`, or 0. Looked for from the end, where readers who keep up are,
// or from where the log was read last: those who catch up with a long backlog read on from there.
uint32_t Mailbox::first_after(const Log& log, uint64_t seq) const {
  uint32_t at = log.last;
  if (at == 0 || entries_[at].seq <= seq) return 0;
  const uint32_t read = log.read_last;
  if (read != 0 && 2 * seq < entries_[read].seq + uint64_t{entries_[at].seq}) at = read;
  while (entries_[at].seq <= seq) at = entries_[at].next;
  while (entries_[at].previous != 0 && entries_[entries_[at].previous].seq > seq) {
    at = entries_[at].previous;
  }
  return at;
}

MailboxAnswer Mailbox::open_device(const MailboxOp& op) {
  MailboxAnswer answer;
  MailboxReply& reply = answer.reply;
  if (op.key.device > kMaxDeviceNumber) {
    answer.status = ReplyStatus::error;
    return answer;
  }
  User& user = *users_.insert(op.key.user);
  const uint64_t bit = uint64_t{1} << op.key.device;
  reply.first_bind = (user.devices & bit) == 0;
  user.devices |= bit;
  reply.index_version = user.index_version;
  auto states = std::make_shared<std::vector<ConversationState>>();
  for (uint32_t link = user.first; link != 0; link = links_[link].next) {
    Log& log = logs_[links_[link].log];
    if (reply.first_bind && log.head_seq > 0) {
      Party& party = ensure_party(log, op.key);
      party.cursor_seq = log.head_seq;
      party.cursor_epoch = log.head_epoch;
    }
    const Party* party = find_party(log, op.key);
    ConversationState state;
    state.conversation = log.id;
    state.head = {log.head_epoch, log.head_seq};
    if (party != nullptr) state.cursor = {party->cursor_epoch, party->cursor_seq};
    state.member = is_member(log, op.key.user);
    states->push_back(state);
  }
  reply.conversations = std::move(states);
  return answer;
}

MailboxAnswer Mailbox::compare(const MailboxOp& op) const {
  MailboxAnswer answer;
  auto ahead = std::make_shared<std::vector<CompareItem>>();
  if (op.known != nullptr) {
    for (const CompareItem& known : *op.known) {
      if (known.conversation == ConversationId{}) {
        const User* user = users_.find(known.user);
        const uint64_t version = user == nullptr ? 0 : user->index_version;
        if (version > known.index_version) {
          ahead->push_back({known.conversation, known.user, {}, version});
        }
        continue;
      }
      const Position now_at = head(known.conversation);
      if (now_at != known.known) {
        ahead->push_back({known.conversation, known.user, now_at, 0});
      }
    }
  }
  answer.reply.ahead = std::move(ahead);
  return answer;
}

MailboxAnswer Mailbox::list_members(const MailboxOp& op) const {
  MailboxAnswer answer;
  const ConversationId id = op.entry.conversation;
  if (!id.is_group()) {
    answer.reply.members_version = 1;
    answer.reply.members = std::make_shared<const std::vector<UserId>>(
        std::vector<UserId>{UserId{id.hi}, UserId{id.lo}});
    return answer;
  }
  const uint32_t number = find_log(id);
  if (number == 0) {
    answer.reply.members = std::make_shared<const std::vector<UserId>>();
    return answer;
  }
  answer.reply.members_version = groups_[logs_[number].group].members_version;
  answer.reply.members = groups_[logs_[number].group].members;
  return answer;
}

// ---- cursors and what they let go --------------------------------------------------------------

MailboxAnswer Mailbox::write_cursors(const MailboxOp& op, int64_t now) {
  MailboxAnswer answer;
  if (op.updates == nullptr) return answer;
  for (const CursorUpdate& update : *op.updates) {
    const uint32_t number = find_log(update.cursor.conversation);
    if (number == 0) continue;
    Log& log = logs_[number];
    const Position to = update.cursor.position;
    // A position that is not in this log was lost with its entry; to believe it would skip the
    // entry that is there now.
    if (to.seq == 0 || !contains(log, to)) continue;
    Party& party = ensure_party(log, update.key);
    if (to.seq <= party.cursor_seq) continue;
    party.cursor_seq = static_cast<uint32_t>(to.seq);
    party.cursor_epoch = to.epoch;
    if (log.group == 0) {
      trim(log, now);
    } else if (++groups_[log.group].cursor_writes >= groups_[log.group].ever.size()) {
      groups_[log.group].cursor_writes = 0;
      trim(log, now);
    }
  }
  return answer;
}

bool Mailbox::needed_by(const Log& log, UserId id, const Item& item) const {
  const User* user = users_.find(id);
  if (user == nullptr) return false;
  for (uint64_t left = user->devices; left != 0; left &= left - 1) {
    const auto device = static_cast<uint32_t>(std::countr_zero(left));
    if (item.sender == id && item.sender_device == device) continue;
    const Party* party = find_party(log, {id, device});
    if (party == nullptr || party->cursor_seq < item.seq) return true;
  }
  return false;
}

bool Mailbox::needed(const Log& log, const Item& item) const {
  if (log.group == 0) {
    return needed_by(log, UserId{log.id.hi}, item) ||
           (log.id.lo != log.id.hi && needed_by(log, UserId{log.id.lo}, item));
  }
  for (const UserId user : groups_[log.group].ever) {
    if (entitled(log, user, item.seq) && needed_by(log, user, item)) return true;
  }
  return false;
}

void Mailbox::trim(Log& log, int64_t now) {
  if (!settings_.trim) return;
  while (log.first != 0) {
    const Item& item = entries_[log.first];
    // What a failover may still take back stays, so that it can be taken back.
    if (settings_.unsynced_window_ns > 0 && item.at > now - settings_.unsynced_window_ns) return;
    if (needed(log, item)) return;
    drop_first(log);
  }
}

void Mailbox::expire(Log& log, int64_t now) {
  while (log.first != 0 && entries_[log.first].at <= now - settings_.retention_ns) {
    if (needed(log, entries_[log.first])) log.expired_seq = entries_[log.first].seq;
    drop_first(log);
  }
}

void Mailbox::drop_first(Log& log) {
  const uint32_t gone = log.first;
  if (log.read_last == gone) log.read_last = 0;
  log.first = entries_[gone].next;
  (log.first == 0 ? log.last : entries_[log.first].previous) = 0;
  --log.kept;
  entries_.free(gone);
}

void Mailbox::tear(const MailboxOp& op, int64_t now) {
  const bool names_store = op.kind == MailboxOpKind::append || op.identity != 0;
  if (names_store && op.identity != identity_) return;
  if (op.kind == MailboxOpKind::append) {
    const uint32_t number = find_log(op.entry.conversation);
    const Log* log = number == 0 ? nullptr : &logs_[number];
    const bool first = log == nullptr || log->head_seq == 0;
    if (first && permitted(log, op.entry)) make_empty(op.entry);
  }
  if (op.kind == MailboxOpKind::cursors && op.updates != nullptr) {
    MailboxOp first = op;
    first.updates = std::make_shared<std::vector<CursorUpdate>>(
        op.updates->begin(), op.updates->begin() + static_cast<ptrdiff_t>(op.updates->size() / 2));
    write_cursors(first, now);
  }
}

// ---- failover ----------------------------------------------------------------------------------

std::vector<Entry> Mailbox::failover(int64_t now, DurationNs lose_tail) {
  const DurationNs tail = std::min(lose_tail, settings_.unsynced_window_ns);
  std::vector<Entry> lost;
  while (!recent_.empty() && recent_.back().at > now - tail) {
    // Retention may have taken it meanwhile; then there is nothing left to lose.
    if (logs_[recent_.back().log].last != 0) lost.push_back(discard_last(recent_.back().log));
    recent_.pop_back();
  }
  recent_.clear();
  std::reverse(lost.begin(), lost.end());
  ++identity_;
  return lost;
}

Entry Mailbox::discard_last(uint32_t number) {
  Log& log = logs_[number];
  const uint32_t gone = log.last;
  const Item& item = entries_[gone];
  Entry entry = entry_of(log, item);
  if (log.read_last == gone) log.read_last = 0;
  log.last = item.previous;
  (log.last == 0 ? log.first : entries_[log.last].next) = 0;
  --log.kept;
  log.head_seq = item.seq - 1;
  if (log.runs != 0) {
    std::vector<EpochRun>& runs = runs_[log.runs];
    while (!runs.empty() && runs.back().first_seq > log.head_seq) runs.pop_back();
    if (runs.empty()) {
      runs_.free(log.runs);
      log.runs = 0;
    }
  }
  log.head_epoch = log.head_seq == 0 ? 0 : epoch_at(log, log.head_seq);
  Party* sender = find_party(log, {item.sender, item.sender_device});
  if (sender != nullptr) take_back_spot(*sender, item.client_seq);
  const auto pull_back = [&](Party& party) {
    if (party.cursor_seq <= log.head_seq) return;
    party.cursor_seq = log.head_seq;
    party.cursor_epoch = log.head_epoch;
  };
  if (log.group == 0) {
    for (uint32_t i = log.parties; i != 0; i = parties_[i].next) pull_back(parties_[i]);
  } else {
    Group& group = groups_[log.group];
    group.parties.for_each([&](const DeviceKey&, uint32_t i) { pull_back(parties_[i]); });
    if (item.kind == EntryKind::create) {  // there is no such group any more
      for (const uint64_t user : entry.payload.as<uint64_t>()) {
        group.intervals.insert(UserId{user})->pop_back();
        ++users_.insert(UserId{user})->index_version;
      }
      set_members(group, {});
    } else if (item.kind != EntryKind::message) {
      std::vector<Interval>& intervals = *group.intervals.insert(item.subject);
      std::vector<UserId> members = *group.members;
      const auto at = std::lower_bound(members.begin(), members.end(), item.subject);
      if (item.kind == EntryKind::join) {
        intervals.pop_back();
        members.erase(at);
      } else {
        intervals.back().leave = 0;
        members.insert(at, item.subject);
      }
      ++users_.insert(item.subject)->index_version;
      set_members(group, std::move(members));
    }
  }
  entries_.free(gone);
  return entry;
}

}  // namespace imroute
