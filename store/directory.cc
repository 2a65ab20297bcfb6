#include "store/directory.h"

#include <algorithm>
#include <utility>

#include "core/base/hash.h"
#include "core/base/planted.h"

namespace imroute {
namespace {

constexpr int kGenerationBits = 16;  // of one life of a directory

bool same_session(const DeviceRow& a, const DeviceRow& b) {
  return a.node == b.node && a.incarnation == b.incarnation && a.link == b.link;
}

// The same session, said again: a node that had to open a new registry session, with its clients
// still there, writes their rows under its new incarnation.
bool continues(const DeviceRow& old, const DeviceRow& row) {
  return old.generation == row.generation && old.node == row.node && old.link == row.link &&
         old.incarnation <= row.incarnation;
}

bool writes(DirectoryOpKind kind) {
  return kind == DirectoryOpKind::reserve || kind == DirectoryOpKind::bind ||
         kind == DirectoryOpKind::unbind;
}

}  // namespace

Directory::Directory(DurationNs undo_window, uint64_t identity)
    : undo_window_(undo_window),
      least_generation_((identity - 1) << kGenerationBits),
      identity_(identity) {}

DirectoryAnswer Directory::handle(const DirectoryOp& op, int64_t now) {
  DirectoryAnswer answer;
  answer.reply.kind = op.kind;
  answer.reply.identity = identity_;
  if (oom_ && writes(op.kind)) {
    answer.status = ReplyStatus::error;
    return answer;
  }
  switch (op.kind) {
    case DirectoryOpKind::reserve:
      reserve(op, now, answer);
      break;
    case DirectoryOpKind::bind:
      bind(op, now, answer);
      break;
    case DirectoryOpKind::unbind:
      unbind(op, now, answer.reply);
      break;
    case DirectoryOpKind::lookup:
      answer.reply.record = record(op.user);
      break;
    case DirectoryOpKind::lookup_many: {
      auto records = std::make_shared<std::vector<UserRecord>>();
      if (op.users != nullptr) {
        records->reserve(op.users->size());
        for (const UserId user : *op.users) records->push_back(record(user));
      }
      answer.reply.records = std::move(records);
      break;
    }
    case DirectoryOpKind::check:
      check(op, answer.reply);
      break;
  }
  return answer;
}

void Directory::reserve(const DirectoryOp& op, int64_t now, DirectoryAnswer& answer) {
  remember(op.user, now);
  User& user = *users_.insert(op.user);
  Row* row = ensure_row(user, op.row.device);
  if (row == nullptr) {
    answer.status = ReplyStatus::error;
    return;
  }
  // Above what this row had, what the device has seen, and what any row had that is forgotten: a
  // device never gets a generation twice.
  row->reserved =
      std::max({row->row.generation, row->reserved, op.seen_generation, least_generation_}) + 1;
  answer.reply.generation = row->reserved;
}

void Directory::bind(const DirectoryOp& op, int64_t now, DirectoryAnswer& answer) {
  remember(op.user, now);
  DirectoryReply& reply = answer.reply;
  User& user = *users_.insert(op.user);
  Row* mine = ensure_row(user, op.row.device);
  if (mine == nullptr) {
    answer.status = ReplyStatus::error;
    return;
  }
  DeviceRow& old = mine->row;
  const bool repeated = old.state != ConnectState::none && continues(old, op.row);
  if (old.generation >= op.row.generation && !repeated) {
    reply.result = DirectoryResult::superseded;
    reply.generation = old.generation;
    reply.record = record(op.user);
    return;
  }
  const bool held = old.state != ConnectState::none && old.node != kNoNode;
  if (held && !repeated && !same_session(old, op.row)) reply.losers.push_back(old);
  for (uint32_t i = user.first; i != 0; i = rows_[i].next) {
    DeviceRow& other = rows_[i].row;
    if (other.device == op.row.device || other.state != ConnectState::online) continue;
    if (!conflicts(op.policy, other.client_type, op.row.client_type)) continue;
    reply.losers.push_back(other);
    // One more than its session holds: a session check finds the loser though DISPLACE was lost.
    other.state = ConnectState::offline;
    ++other.generation;
    rows_[i].reserved = std::max(rows_[i].reserved, other.generation);
  }
  old = op.row;
  old.state = ConnectState::online;
  mine->reserved = std::max(mine->reserved, old.generation);
  user.version = next_version();
  reply.generation = old.generation;
  reply.record = record(op.user);
}

void Directory::unbind(const DirectoryOp& op, int64_t now, DirectoryReply& reply) {
  User* user = users_.find(op.user);
  Row* row = user == nullptr ? nullptr : find_row(*user, op.row.device);
  reply.result = DirectoryResult::mismatch;
  if (row == nullptr || row->row.state == ConnectState::none) return;
  reply.generation = row->row.generation;
  if (IM_PLANTED(unregister_without_compare)) {
    row->row.state = ConnectState::offline;
    user->version = next_version();
    return;
  }
  if (row->row.generation != op.row.generation || row->row.incarnation != op.row.incarnation ||
      row->row.link != op.row.link) {
    return;
  }
  reply.result = DirectoryResult::ok;
  if (row->row.state == ConnectState::online) {
    remember(op.user, now);
    row->row.state = ConnectState::offline;
    user->version = next_version();
  }
  reply.record = record(op.user);
}

void Directory::check(const DirectoryOp& op, DirectoryReply& reply) const {
  auto verdicts = std::make_shared<std::vector<SessionVerdict>>();
  if (op.claims != nullptr) {
    for (const SessionClaim& claim : *op.claims) {
      const User* user = users_.find(claim.key.user);
      const Row* row = user == nullptr ? nullptr : find_row(*user, claim.key.device);
      SessionVerdict verdict{claim.key, claim.generation, false, 0, false};
      verdict.outdated = user != nullptr && user->version > claim.version;
      if (row == nullptr || row->row.state == ConnectState::none ||
          row->row.generation < claim.generation) {
        verdict.missing = true;
      } else if (row->row.generation > claim.generation) {
        verdict.current_generation = row->row.generation;
      } else if (row->row.state != ConnectState::online ||
                 row->row.incarnation < claim.incarnation) {
        // Its own generation, but offline or of an earlier life of the node: the holder knows
        // better, and a repeated bind is allowed.
        verdict.missing = true;
      } else if (!verdict.outdated) {
        continue;
      }
      verdicts->push_back(verdict);
    }
  }
  reply.verdicts = std::move(verdicts);
}

UserRecord Directory::record(UserId id) const {
  UserRecord out;
  out.user = id;
  const User* user = users_.find(id);
  if (user == nullptr) return out;
  out.version = user->version;
  for (uint32_t i = user->first; i != 0; i = rows_[i].next) {
    if (rows_[i].row.state != ConnectState::none) out.rows.push_back(rows_[i].row);
  }
  return out;
}

const Directory::Row* Directory::find_row(const User& user, uint32_t device) const {
  for (uint32_t i = user.first; i != 0; i = rows_[i].next) {
    if (rows_[i].row.device == device) return &rows_[i];
  }
  return nullptr;
}

Directory::Row* Directory::find_row(const User& user, uint32_t device) {
  return const_cast<Row*>(std::as_const(*this).find_row(user, device));
}

Directory::Row* Directory::ensure_row(User& user, uint32_t device) {
  uint32_t* link = &user.first;  // rows stay sorted by device: every answer lists them alike
  uint32_t count = 0;
  for (uint32_t i = user.first; i != 0; i = rows_[i].next) {
    if (rows_[i].row.device == device) return &rows_[i];
    if (rows_[i].row.device < device) link = &rows_[i].next;
    ++count;
  }
  if (count >= kMaxDevicesPerUser) return nullptr;
  const uint32_t made = rows_.make();
  rows_[made].row.device = device;
  rows_[made].next = *link;
  *link = made;
  return &rows_[made];
}

void Directory::remember(UserId id, int64_t now) {
  if (undo_window_ <= 0) return;
  while (!undo_.empty() && undo_.front().at <= now - undo_window_) undo_.pop_front();
  Undo undo{now, id, false, 0, {}};
  if (const User* user = users_.find(id); user != nullptr) {
    undo.existed = true;
    undo.version = user->version;
    for (uint32_t i = user->first; i != 0; i = rows_[i].next) undo.rows.push_back(rows_[i]);
  }
  undo_.push_back(std::move(undo));
}

void Directory::forget(UserId id) {
  User* user = users_.find(id);
  if (user == nullptr) return;
  for (uint32_t i = user->first; i != 0;) {
    const uint32_t next = rows_[i].next;
    if (!IM_PLANTED(generation_given_anew)) {
      least_generation_ = std::max(least_generation_, rows_[i].reserved);
    }
    rows_.free(i);
    i = next;
  }
  users_.erase(id);
}

uint64_t Directory::failover(int64_t now, DurationNs lose_tail) {
  uint64_t lost = 0;
  while (!undo_.empty() && undo_.back().at > now - lose_tail) {
    const Undo& undo = undo_.back();
    forget(undo.user);
    if (undo.existed) {
      User& user = *users_.insert(undo.user);
      user.version = undo.version;
      uint32_t* link = &user.first;
      for (const Row& row : undo.rows) {
        const uint32_t made = rows_.make();
        rows_[made] = row;
        rows_[made].next = 0;
        *link = made;
        link = &rows_[made].next;
      }
    }
    undo_.pop_back();
    ++lost;
  }
  ++identity_;
  undo_.clear();  // what survived is what the new primary has
  return lost;
}

uint64_t Directory::evict(uint32_t fraction_ppm, uint64_t salt) {
  std::vector<UserId> victims;
  users_.for_each([&](UserId id, const User&) {
    if (mix64(id.value, salt) % 1'000'000 < fraction_ppm) victims.push_back(id);
  });
  for (const UserId id : victims) forget(id);
  // The log would bring them back.
  undo_.clear();
  return victims.size();
}

}  // namespace imroute
