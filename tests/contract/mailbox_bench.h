// A mailbox under test, asked in few words: used by the mailbox parts of the contract suite.
#pragma once

#include <gmock/gmock.h>

#include "tests/contract/backend.h"

namespace imroute::contract {

inline constexpr UserId kAnna{1};
inline constexpr UserId kBert{2};
inline constexpr UserId kCleo{3};
inline const ConversationId kDirect = ConversationId::direct(kAnna, kBert);
inline const ConversationId kGroup = ConversationId::group(5);

class MailboxContract : public testing::TestWithParam<MailboxMaker> {
 protected:
  // A store of its own, known under epoch 1.
  void use(const MailboxOptions& options) {
    backend_ = GetParam().make(options);
    identity_ = 0;
    epoch_ = 0;
    learn_store();
  }

  // ---- what a sender does
  MailboxOp append_op(DeviceKey from, ConversationId to, uint64_t client_seq, uint64_t base,
                      EntryKind kind = EntryKind::message) const {
    MailboxOp op;
    op.kind = MailboxOpKind::append;
    op.identity = identity_;
    op.epoch = epoch_;
    op.entry.conversation = to;
    op.entry.kind = kind;
    op.entry.sender = from.user;
    op.entry.sender_device = from.device;
    op.entry.client_seq = client_seq;
    if (kind != EntryKind::message) op.entry.subject = from.user;
    op.base = base;
    return op;
  }
  MailboxReply append(DeviceKey from, ConversationId to, uint64_t client_seq, uint64_t base = 1,
                      EntryKind kind = EntryKind::message) {
    const MailboxAnswer answer = backend_->ask(append_op(from, to, client_seq, base, kind));
    EXPECT_EQ(answer.status, ReplyStatus::ok);
    return answer.reply;
  }
  MailboxOp create_op(DeviceKey from, ConversationId group, const std::vector<UserId>& members,
                      uint64_t client_seq = 1) {
    MailboxOp op = append_op(from, group, client_seq, 1, EntryKind::create);
    op.entry.payload = pool_.copy_list(std::span<const UserId>(members));
    return op;
  }
  MailboxReply create(DeviceKey from, ConversationId group, const std::vector<UserId>& members,
                      uint64_t client_seq = 1) {
    const MailboxAnswer answer = backend_->ask(create_op(from, group, members, client_seq));
    EXPECT_EQ(answer.status, ReplyStatus::ok);
    return answer.reply;
  }
  // The caller learns a store that is another one now.
  void learn_store() {
    const MailboxReply reply = ask_read(kAnna, kDirect, {}, 1);
    if (reply.identity != identity_) ++epoch_;
    identity_ = reply.identity;
  }

  // ---- what a holder does
  MailboxReply ask_read(UserId user, ConversationId from, Position after, uint32_t limit = 100) {
    MailboxOp op;
    op.kind = MailboxOpKind::read;
    op.key.user = user;
    op.entry.conversation = from;
    op.from = after;
    op.limit = limit;
    const MailboxAnswer answer = backend_->ask(op);
    EXPECT_EQ(answer.status, ReplyStatus::ok);
    return answer.reply;
  }
  std::vector<uint64_t> read_seqs(UserId user, ConversationId from, Position after,
                                  uint32_t limit = 100) {
    std::vector<uint64_t> seqs;
    const MailboxReply reply = ask_read(user, from, after, limit);
    EXPECT_EQ(reply.result, MailboxResult::ok);
    if (reply.entries == nullptr) return seqs;
    for (const Entry& e : *reply.entries) seqs.push_back(e.position.seq);
    return seqs;
  }
  MailboxReply open(DeviceKey key) {
    MailboxOp op;
    op.kind = MailboxOpKind::open_device;
    op.key = key;
    const MailboxAnswer answer = backend_->ask(op);
    EXPECT_EQ(answer.status, ReplyStatus::ok);
    return answer.reply;
  }
  ConversationState state_of(DeviceKey key, ConversationId id) {
    const MailboxReply reply = open(key);
    for (const ConversationState& s : *reply.conversations) {
      if (s.conversation == id) return s;
    }
    ADD_FAILURE() << "not listed";
    return {};
  }
  void write_cursor(DeviceKey key, ConversationId id, Position position) {
    MailboxOp op;
    op.kind = MailboxOpKind::cursors;
    op.updates = std::make_shared<const std::vector<CursorUpdate>>(
        std::vector<CursorUpdate>{{key, {id, position}}});
    EXPECT_EQ(backend_->ask(op).status, ReplyStatus::ok);
  }
  std::vector<CompareItem> compare(const CompareItem& known) {
    MailboxOp op;
    op.kind = MailboxOpKind::compare;
    op.known = std::make_shared<const std::vector<CompareItem>>(std::vector<CompareItem>{known});
    return *backend_->ask(op).reply.ahead;
  }
  uint64_t index_version(UserId user) {
    const auto ahead = compare({{}, user, {}, 0});
    return ahead.empty() ? 0 : ahead[0].index_version;
  }
  MailboxReply members(ConversationId id) {
    MailboxOp op;
    op.kind = MailboxOpKind::members;
    op.entry.conversation = id;
    return backend_->ask(op).reply;
  }

  void SetUp() override { use({}); }

  BlobPool pool_;
  std::unique_ptr<MailboxBackend> backend_;
  uint64_t identity_ = 0;
  uint32_t epoch_ = 1;
  const DeviceKey anna_{kAnna, 0};
  const DeviceKey anna_pc_{kAnna, 1};
  const DeviceKey bert_{kBert, 0};
  const DeviceKey cleo_{kCleo, 0};
  const DeviceKey anna_tablet_{kAnna, 2};  // founds groups, so that the others count from 1
};

}  // namespace imroute::contract
