#include "cluster/store/redis/redis_mailbox.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "cluster/store/names.h"
#include "cluster/store/redis/gather.h"
#include "cluster/store/redis/mailbox_scripts.h"
#include "cluster/store/versions.h"

namespace imroute::cluster {

namespace {

std::string text(uint64_t number) { return std::to_string(number); }

std::string text_of(const Payload& payload) {
  const std::span<const std::byte> bytes = payload.bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Batch<UserId> users_of(RedisValue list) {
  auto users = std::make_shared<std::vector<UserId>>();
  for (size_t i = 0; i < list.size(); ++i) users->push_back(UserId{list[i].number()});
  std::sort(users->begin(), users->end());
  return users;
}

// What the scripts ask about the right to a direct conversation; of a group they know themselves.
std::string access(ConversationId id, UserId user) {
  if (id.is_group()) return "g";
  return id.has_party(user) ? "1" : "0";
}

// Whose index the entry changes when it is the first of its conversation, or about members.
std::vector<UserId> who_enters(const Entry& entry) {
  const ConversationId id = entry.conversation;
  if (!id.is_group()) return {UserId{id.hi}, UserId{id.lo}};
  if (entry.kind != EntryKind::create) return {entry.subject};
  const std::span<const UserId> members = entry.payload.as<UserId>();
  return {members.begin(), members.end()};
}

}  // namespace

RedisMailbox::RedisMailbox(Loop& loop, BlobPool& pool, RedisMailboxSettings settings)
    : pool_(pool),
      settings_(std::move(settings)),
      link_(loop, settings_.redis),
      append_(link_.add_script(kAppendScript)),
      read_(link_.add_script(kReadScript)),
      state_(link_.add_script(kStateScript)),
      cursor_(link_.add_script(kCursorScript)),
      members_(link_.add_script(kMembersScript)),
      index_(link_.add_script(kIndexScript)),
      person_(link_.add_script(kPersonScript)) {
  if (settings_.wall_ns == nullptr) settings_.wall_ns = wall_now;
  link_.on_down([this] {  // what the replicas have of it is not known
    for (const auto& [done, reply] : std::exchange(held_, {})) done(ReplyStatus::unknown, reply);
  });
}

RedisWords RedisMailbox::keys(ConversationId id) const {
  const std::string tag = ":{" + name_of(id) + "}";
  const std::string& prefix = link_.settings().prefix;
  return {prefix + "box" + tag, prefix + "log" + tag, prefix + "members" + tag};
}

RedisWords RedisMailbox::keys(UserId user) const {
  const std::string tag = ":{" + text(user.value) + "}";
  const std::string& prefix = link_.settings().prefix;
  return {prefix + "person" + tag, prefix + "index" + tag};
}

std::string RedisMailbox::now_ms() const { return std::to_string(settings_.wall_ns() / 1'000'000); }
std::string RedisMailbox::retention_ms() const {
  return std::to_string(settings_.retention_ns / 1'000'000);
}

MailboxReply RedisMailbox::reply_to(MailboxOpKind kind) const {
  MailboxReply reply;
  reply.kind = kind;
  reply.identity = link_.identity();
  return reply;
}

// Another store than the caller believes in. (None at all is answered by the link: unknown.)
bool RedisMailbox::refused(const MailboxOp& op, bool names_store, const Done<MailboxReply>& done) {
  if (!names_store || !link_.is_up() || op.identity == link_.identity()) return false;
  MailboxReply reply = reply_to(op.kind);
  reply.result = MailboxResult::wrong_identity;
  link_.later([done, reply] { done(ReplyStatus::ok, reply); });
  return true;
}

void RedisMailbox::submit(MailboxOp op, Done<MailboxReply> done) {
  if (refused(op, op.kind == MailboxOpKind::append || op.identity != 0, done)) return;
  switch (op.kind) {
    case MailboxOpKind::append:
      return append({std::move(op), std::move(done), false, {}});
    case MailboxOpKind::read:
      return read(op, std::move(done));
    case MailboxOpKind::open_device:
      return open_device(op, std::move(done));
    case MailboxOpKind::compare:
      return compare(op, std::move(done));
    case MailboxOpKind::cursors:
      return write_cursors(op, std::move(done));
    case MailboxOpKind::members:
      return list_members(op, std::move(done));
  }
}

// ---- append ------------------------------------------------------------------------------------

void RedisMailbox::append(Append&& append) {
  const MailboxOp& op = append.op;
  const Entry& entry = op.entry;
  MailboxReply reply = reply_to(MailboxOpKind::append);
  if (op.epoch == 0) {
    reply.result = MailboxResult::wrong_identity;
    return link_.later([done = append.done, reply] { done(ReplyStatus::ok, reply); });
  }
  if (entry.client_seq == 0 || entry.client_seq > kMaxClientSeq || op.base > kMaxClientSeq) {
    return link_.later([done = append.done, reply] { done(ReplyStatus::error, reply); });
  }
  std::string allowed = access(entry.conversation, entry.sender);
  if (!entry.conversation.is_group() && entry.kind != EntryKind::message) allowed = "0";
  // Counted from the life of the store, as the script counts; of another life it is no version.
  const uint64_t life = version_in_life(link_.identity(), 1) - 1;
  const uint64_t known = op.members_version > life ? op.members_version - life : 0;
  RedisWords arguments = {text(op.epoch),
                          text(entry.sender.value),
                          text(entry.sender_device),
                          text(entry.client_seq),
                          text(op.base),
                          text(static_cast<uint8_t>(entry.kind)),
                          text(entry.subject.value),
                          now_ms(),
                          retention_ms(),
                          std::move(allowed),
                          append.indexed ? "1" : "0",
                          text(known),
                          text(kMaxGroupSize),
                          append.devices,
                          text_of(entry.payload)};
  if (entry.kind == EntryKind::create && founds_group(entry)) {
    for (const UserId user : who_enters(entry)) arguments.push_back(text(user.value));
  }
  const RedisWords where = keys(entry.conversation);
  link_.run(
      append_, where, arguments,
      [this, shared = std::make_shared<Append>(std::move(append))](
          ReplyStatus status, RedisValue said) { on_appended(std::move(*shared), status, said); });
}

void RedisMailbox::on_appended(Append&& append, ReplyStatus status, RedisValue said) {
  MailboxReply reply = reply_to(MailboxOpKind::append);
  const Entry& entry = append.op.entry;
  const std::string_view what = said[0].text();
  if (status != ReplyStatus::ok) return append.done(status, reply);
  if (what == "index") return index_then_append(std::move(append));
  if (what == "wrong_epoch") {
    reply.result = MailboxResult::wrong_identity;
    return append.done(status, reply);
  }
  if (what == "duplicate") reply.result = MailboxResult::duplicate;
  if (what == "out_of_order") reply.result = MailboxResult::out_of_order;
  if (what == "refused") reply.result = MailboxResult::refused;
  reply.position = {static_cast<uint32_t>(said[1].number()), said[2].number()};
  reply.expected = said[3].number();
  reply.members_version = version_in_life(link_.identity(), said[4].number());
  if (said[5].size() > 0) reply.members = users_of(said[5]);
  if (what == "out_of_order") return append.done(status, reply);
  // A refusal is final and noted, so that it is held for the replicas as well.
  if (what == "refused" || entry.kind == EntryKind::message) {
    return accept(append.done, std::move(reply));
  }
  count_index_change(
      who_enters(entry), [this, done = append.done, reply = std::move(reply)](ReplyStatus counted) {
        if (counted == ReplyStatus::ok) return accept(done, reply);
        done(ReplyStatus::unknown, reply);  // to be repeated: a duplicate counts, too
      });
}

void RedisMailbox::index_then_append(Append&& append) {
  const ConversationId id = append.op.entry.conversation;
  const std::vector<UserId> users = who_enters(append.op.entry);
  auto shared = std::make_shared<Append>(std::move(append));
  shared->indexed = true;
  const auto all = Gather::make(link_, [this, shared](ReplyStatus status) {
    if (status == ReplyStatus::ok) return this->append(std::move(*shared));
    shared->done(status, reply_to(MailboxOpKind::append));
  });
  for (const UserId user : users) {
    all->run(index_, keys(user), {name_of(id)}, [shared](RedisValue devices) {
      shared->devices.clear();
      for (size_t i = 0; i < devices.size(); ++i) {
        shared->devices += std::string(devices[i].text()) + " ";
      }
    });
  }
}

void RedisMailbox::count_index_change(const std::vector<UserId>& users,
                                      std::function<void(ReplyStatus)> then) {
  const auto all = Gather::make(link_, std::move(then));
  for (const UserId user : users) {
    all->send({"HINCRBY", keys(user)[0], "version", "1"}, [](RedisValue) {});
  }
}

void RedisMailbox::accept(const Done<MailboxReply>& done, MailboxReply reply) {
  if (settings_.wait_replicas == 0) return done(ReplyStatus::ok, reply);
  held_.emplace_back(done, std::move(reply));
  if (!waiting_) wait_for_replicas();
}

// One WAIT is for all that this connection wrote before it; what comes meanwhile takes the next.
void RedisMailbox::wait_for_replicas() {
  waiting_ = true;
  auto asked = std::make_shared<Held>(std::exchange(held_, {}));
  link_.send({"WAIT", text(settings_.wait_replicas), text(settings_.wait_ms)},
             [this, asked](ReplyStatus status, RedisValue said) {
               waiting_ = false;
               const bool enough =
                   status == ReplyStatus::ok && said.number() >= settings_.wait_replicas;
               for (const auto& [done, reply] : *asked) {
                 done(enough ? ReplyStatus::ok : ReplyStatus::unknown, reply);
               }
               if (!held_.empty() && !waiting_) wait_for_replicas();
             });
}

// ---- reading -----------------------------------------------------------------------------------

void RedisMailbox::read(const MailboxOp& op, Done<MailboxReply> done) {
  const ConversationId id = op.entry.conversation;
  link_.run(read_, keys(id),
            {text(op.key.user.value), text(op.from.epoch), text(op.from.seq), text(op.limit),
             now_ms(), retention_ms(), access(id, op.key.user)},
            [this, id, done = std::move(done)](ReplyStatus status, RedisValue said) {
              done(status, read_reply(id, said));
            });
}

MailboxReply RedisMailbox::read_reply(ConversationId conversation, RedisValue said) {
  MailboxReply reply = reply_to(MailboxOpKind::read);
  const std::string_view what = said[0].text();
  const Position position{static_cast<uint32_t>(said[1].number()), said[2].number()};
  reply.head = {static_cast<uint32_t>(said[3].number()), said[4].number()};
  reply.skipped = said[5].number();
  reply.member = said[6].number() != 0;
  if (what == "rewind") reply.result = MailboxResult::rewind;
  if (what == "reset") reply.result = MailboxResult::reset;
  (what == "ok" ? reply.next : reply.position) = position;
  auto entries = std::make_shared<std::vector<Entry>>();
  for (size_t i = 0; i < said[7].size(); ++i) {
    const RedisValue id = said[7][i][0], fields = said[7][i][1];
    const size_t dash = id.text().find('-');
    Entry entry;
    entry.conversation = conversation;
    entry.position.seq = number_of(id.text().substr(0, dash));
    entry.position.epoch = static_cast<uint32_t>(number_of(id.text().substr(dash + 1)));
    entry.kind = static_cast<EntryKind>(fields[1].number());
    entry.sender = UserId{fields[3].number()};
    entry.sender_device = static_cast<uint32_t>(fields[5].number());
    entry.client_seq = fields[7].number();
    entry.subject = UserId{fields[9].number()};
    const std::string_view payload = fields[13].text();
    entry.payload = pool_.copy(std::as_bytes(std::span(payload)));
    entries->push_back(std::move(entry));
  }
  reply.entries = std::move(entries);
  return reply;
}

// A device that is new gets its cursors before it is known: repeated after a loss on the way, that
// changes nothing.
void RedisMailbox::open_device(const MailboxOp& op, Done<MailboxReply> done) {
  link_.run(person_, keys(op.key.user), {text(op.key.device)},
            [this, op, done = std::move(done)](ReplyStatus status, RedisValue person) {
              if (status != ReplyStatus::ok) return done(status, reply_to(op.kind));
              list_states(op, person, done);
            });
}

void RedisMailbox::list_states(const MailboxOp& op, RedisValue person, Done<MailboxReply> done) {
  MailboxReply reply = reply_to(op.kind);
  reply.first_bind = person[0].number() == 0;
  reply.index_version = version_in_life(link_.identity(), person[1].number());
  auto states = std::make_shared<std::vector<ConversationState>>();
  reply.conversations = states;
  for (size_t i = 0; i < person[2].size(); ++i) {
    if (const auto id = conversation_named(person[2][i].text()); id) {
      states->push_back({.conversation = *id, .head = {}, .cursor = {}, .member = true});
    }
  }
  const DeviceKey key = op.key;
  const auto all = Gather::make(link_, [this, reply, key, done](ReplyStatus status) {
    if (status != ReplyStatus::ok || !reply.first_bind) return done(status, reply);
    link_.send({"HSET", keys(key.user)[0], "d" + text(key.device), "1"},
               [reply, done](ReplyStatus marked, RedisValue) { done(marked, reply); });
  });
  for (ConversationState& state : *states) {
    all->run(state_, keys(state.conversation),
             {text(key.user.value), text(key.device), reply.first_bind ? "1" : "0",
              access(state.conversation, key.user)},
             [states, &state](RedisValue said) {
               state.head = {static_cast<uint32_t>(said[0].number()), said[1].number()};
               state.cursor = {static_cast<uint32_t>(said[2].number()), said[3].number()};
               state.member = said[4].number() != 0;
             });
  }
}

void RedisMailbox::compare(const MailboxOp& op, Done<MailboxReply> done) {
  auto ahead = std::make_shared<std::vector<CompareItem>>();
  const auto all = Gather::make(link_, [this, ahead, done = std::move(done)](ReplyStatus status) {
    MailboxReply reply = reply_to(MailboxOpKind::compare);
    reply.ahead = ahead;
    done(status, reply);
  });
  if (op.known == nullptr) return;
  for (const CompareItem& known : *op.known) {
    if (known.conversation == ConversationId{}) {
      all->send({"HGET", keys(known.user)[0], "version"}, [this, ahead, known](RedisValue said) {
        const uint64_t version = version_in_life(link_.identity(), said.number());
        if (version > known.index_version) ahead->push_back({{}, known.user, {}, version});
      });
      continue;
    }
    all->send({"HMGET", keys(known.conversation)[0], "head_epoch", "head_seq"},
              [ahead, known](RedisValue said) {
                const Position head{static_cast<uint32_t>(said[0].number()), said[1].number()};
                if (head != known.known) {
                  ahead->push_back({known.conversation, known.user, head, 0});
                }
              });
  }
}

void RedisMailbox::write_cursors(const MailboxOp& op, Done<MailboxReply> done) {
  const auto all = Gather::make(link_, [this, done = std::move(done)](ReplyStatus status) {
    done(status, reply_to(MailboxOpKind::cursors));
  });
  if (op.updates == nullptr) return;
  for (const CursorUpdate& update : *op.updates) {
    const Position at = update.cursor.position;
    all->run(cursor_, keys(update.cursor.conversation),
             {text(update.key.user.value), text(update.key.device), text(at.epoch), text(at.seq)},
             [](RedisValue) {});
  }
}

void RedisMailbox::list_members(const MailboxOp& op, Done<MailboxReply> done) {
  const ConversationId id = op.entry.conversation;
  if (!id.is_group()) {
    MailboxReply reply = reply_to(MailboxOpKind::members);
    reply.members_version = 1;
    reply.members = std::make_shared<const std::vector<UserId>>(
        std::vector<UserId>{UserId{id.hi}, UserId{id.lo}});
    return link_.later([done = std::move(done), reply] { done(ReplyStatus::ok, reply); });
  }
  link_.run(members_, keys(id), {},
            [this, done = std::move(done)](ReplyStatus status, RedisValue said) {
              MailboxReply reply = reply_to(MailboxOpKind::members);
              reply.members_version = version_in_life(link_.identity(), said[0].number());
              reply.members = users_of(said[1]);
              done(status, reply);
            });
}

}  // namespace imroute::cluster
