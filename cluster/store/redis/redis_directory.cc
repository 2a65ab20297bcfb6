#include "cluster/store/redis/redis_directory.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "cluster/store/redis/directory_scripts.h"
#include "cluster/store/redis/gather.h"

namespace imroute::cluster {

namespace {

const std::string kVersion = "version";

std::string words_of(const DeviceRow& row) {
  std::string out;
  for (const uint64_t word : {uint64_t{static_cast<uint8_t>(row.state)}, uint64_t{row.node.value},
                              row.incarnation, row.link.value, row.generation, uint64_t{0},
                              uint64_t{static_cast<uint8_t>(row.client_type)}, uint64_t{row.app},
                              uint64_t{row.client_version}}) {
    if (!out.empty()) out += ' ';
    out += std::to_string(word);
  }
  return out;
}

DeviceRow row_of(std::string_view field, std::string_view words) {
  uint64_t number[9] = {};
  const char* at = words.data();
  const char* const end = at + words.size();
  for (uint64_t& n : number) {
    at = std::from_chars(at, end, n).ptr;
    if (at != end) ++at;
  }
  DeviceRow row;
  std::from_chars(field.data() + 1, field.data() + field.size(), row.device);
  row.state = static_cast<ConnectState>(number[0]);
  row.node = NodeId{static_cast<uint32_t>(number[1])};
  row.incarnation = number[2];
  row.link = LinkId{number[3]};
  row.generation = number[4];
  row.client_type = static_cast<ClientType>(number[6]);
  row.app = static_cast<uint32_t>(number[7]);
  row.client_version = static_cast<uint32_t>(number[8]);
  return row;
}

// Rows of an answer to HGETALL, by device; what was only reserved is no row yet.
InlineVector<DeviceRow, kMaxDevicesPerUser> rows_of(RedisValue fields) {
  InlineVector<DeviceRow, kMaxDevicesPerUser> rows;
  for (size_t i = 0; i + 1 < fields.size(); i += 2) {
    if (!fields[i].text().starts_with('d')) continue;
    const DeviceRow row = row_of(fields[i].text(), fields[i + 1].text());
    if (row.state != ConnectState::none) rows.push_back(row);
  }
  std::sort(rows.begin(), rows.end(),
            [](const DeviceRow& a, const DeviceRow& b) { return a.device < b.device; });
  return rows;
}

UserRecord record_of(UserId user, RedisValue fields) {
  UserRecord record;
  record.user = user;
  record.rows = rows_of(fields);
  for (size_t i = 0; i + 1 < fields.size(); i += 2) {
    if (fields[i].text() == kVersion) record.version = fields[i + 1].number();
  }
  return record;
}

}  // namespace

RedisDirectory::RedisDirectory(Loop& loop, RedisSettings settings)
    : link_(loop, std::move(settings)),
      reserve_(link_.add_script(kReserveScript)),
      bind_(link_.add_script(kBindScript)),
      unbind_(link_.add_script(kUnbindScript)) {}

std::string RedisDirectory::key(UserId user) const {
  return link_.settings().prefix + "session:{" + std::to_string(user.value) + "}";
}

DirectoryReply RedisDirectory::reply_to(DirectoryOpKind kind) const {
  DirectoryReply reply;
  reply.kind = kind;
  reply.identity = link_.identity();
  return reply;
}

void RedisDirectory::submit(DirectoryOp op, Done<DirectoryReply> done) {
  switch (op.kind) {
    case DirectoryOpKind::reserve:
      return reserve(op, std::move(done));
    case DirectoryOpKind::bind:
      return bind(op, std::move(done));
    case DirectoryOpKind::unbind:
      return unbind(op, std::move(done));
    case DirectoryOpKind::lookup:
      return lookup(op.user, std::move(done));
    case DirectoryOpKind::lookup_many:
      return lookup_many(op, std::move(done));
    case DirectoryOpKind::check:
      return check(op, std::move(done));
  }
}

void RedisDirectory::reserve(const DirectoryOp& op, Done<DirectoryReply> done) {
  link_.run(reserve_, {key(op.user), link_.settings().prefix + "generation"},
            {std::to_string(op.row.device), std::to_string(op.seen_generation),
             std::to_string(kMaxDevicesPerUser)},
            [this, done = std::move(done)](ReplyStatus status, RedisValue said) {
              DirectoryReply reply = reply_to(DirectoryOpKind::reserve);
              reply.generation = said.number();
              done(status, reply);
            });
}

void RedisDirectory::bind(const DirectoryOp& op, Done<DirectoryReply> done) {
  std::string conflicting;
  for (const ClientType type :
       {ClientType::mobile, ClientType::pc, ClientType::web, ClientType::pad}) {
    conflicting += conflicts(op.policy, type, op.row.client_type) ? '1' : '0';
  }
  link_.run(bind_, {key(op.user)},
            {std::to_string(op.row.device), std::to_string(kMaxDevicesPerUser), conflicting,
             words_of(op.row)},
            [this, user = op.user, done = std::move(done)](ReplyStatus status, RedisValue said) {
              DirectoryReply reply = reply_to(DirectoryOpKind::bind);
              if (said[0].number() != 0) reply.result = DirectoryResult::superseded;
              reply.generation = said[1].number();
              reply.record = record_of(user, said[2]);
              reply.losers = rows_of(said[3]);
              done(status, reply);
            });
}

void RedisDirectory::unbind(const DirectoryOp& op, Done<DirectoryReply> done) {
  link_.run(unbind_, {key(op.user)},
            {std::to_string(op.row.device), std::to_string(op.row.generation),
             std::to_string(op.row.incarnation), std::to_string(op.row.link.value)},
            [this, user = op.user, done = std::move(done)](ReplyStatus status, RedisValue said) {
              DirectoryReply reply = reply_to(DirectoryOpKind::unbind);
              if (said[0].number() != 0) reply.result = DirectoryResult::mismatch;
              reply.generation = said[1].number();
              reply.record = record_of(user, said[2]);
              done(status, reply);
            });
}

void RedisDirectory::lookup(UserId user, Done<DirectoryReply> done) {
  link_.send({"HGETALL", key(user)},
             [this, user, done = std::move(done)](ReplyStatus status, RedisValue said) {
               DirectoryReply reply = reply_to(DirectoryOpKind::lookup);
               reply.record = record_of(user, said);
               done(status, reply);
             });
}

void RedisDirectory::lookup_many(const DirectoryOp& op, Done<DirectoryReply> done) {
  auto records = std::make_shared<std::vector<UserRecord>>();
  if (op.users != nullptr) records->resize(op.users->size());
  const auto all = Gather::make(link_, [this, records, done = std::move(done)](ReplyStatus status) {
    DirectoryReply reply = reply_to(DirectoryOpKind::lookup_many);
    reply.records = records;
    done(status, reply);
  });
  for (size_t i = 0; i < records->size(); ++i) {
    const UserId user = (*op.users)[i];
    all->send({"HGETALL", key(user)},
              [records, user, i](RedisValue said) { (*records)[i] = record_of(user, said); });
  }
}

void RedisDirectory::check(const DirectoryOp& op, Done<DirectoryReply> done) {
  auto verdicts = std::make_shared<std::vector<SessionVerdict>>();
  const auto all =
      Gather::make(link_, [this, verdicts, done = std::move(done)](ReplyStatus status) {
        DirectoryReply reply = reply_to(DirectoryOpKind::check);
        reply.verdicts = verdicts;
        done(status, reply);
      });
  if (op.claims == nullptr) return;
  for (const SessionClaim& claim : *op.claims) {
    const std::string field = "d" + std::to_string(claim.key.device);
    all->send({"HMGET", key(claim.key.user), field, kVersion}, [=](RedisValue said) {
      const DeviceRow row = said[0].nothing() ? DeviceRow{} : row_of(field, said[0].text());
      const uint64_t version = said[1].nothing() ? 0 : said[1].number();
      SessionVerdict verdict{claim.key, claim.generation, false, 0, version > claim.version};
      if (row.state != ConnectState::none && row.generation > claim.generation) {
        verdict.current_generation = row.generation;
      } else if (row.state == ConnectState::online && row.generation == claim.generation &&
                 row.incarnation >= claim.incarnation) {
        if (!verdict.outdated) return;
      } else {
        verdict.missing = true;  // no row, an earlier one, or its own but offline or void
      }
      verdicts->push_back(verdict);
    });
  }
}

}  // namespace imroute::cluster
