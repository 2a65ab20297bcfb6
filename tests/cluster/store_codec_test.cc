// Store operations and replies over the wire: what is sent arrives, and bytes that are no message
// are refused, whatever they are.
#include "cluster/wire/store_codec.h"

#include <gtest/gtest.h>

#include <string_view>

namespace imroute::cluster {
namespace {

class StoreCodec : public testing::Test {
 protected:
  Payload payload(std::string_view text) { return pool_.copy(std::as_bytes(std::span(text))); }
  Entry entry() {
    return {ConversationId::direct(UserId{7}, UserId{1ull << 62}),
            {3, 900},
            EntryKind::join,
            UserId{7},
            2,
            1ull << 40,
            UserId{9},
            payload("hello")};
  }
  DeviceRow row() {
    return {1, 2, 3, ClientType::web, ConnectState::online, NodeId{5}, 6, LinkId{7}, 8};
  }
  std::vector<StoreRequest> requests() {
    DirectoryOp bind;
    bind.kind = DirectoryOpKind::bind;
    bind.user = UserId{~uint64_t{0}};
    bind.row = row();
    bind.seen_generation = 11;
    bind.policy = LoginPolicy::single;
    bind.users = std::make_shared<std::vector<UserId>>(std::vector{UserId{1}, UserId{2}});
    bind.claims = std::make_shared<std::vector<SessionClaim>>(
        std::vector{SessionClaim{{UserId{3}, 1}, 4, 5, 6}});
    MailboxOp append;
    append.identity = 5;
    append.epoch = 6;
    append.entry = entry();
    append.base = 7;
    append.members_version = 8;
    append.key = {UserId{9}, 1};
    append.from = {1, 2};
    append.limit = 64;
    append.known = std::make_shared<std::vector<CompareItem>>(
        std::vector{CompareItem{{1, 2}, UserId{3}, {4, 5}, 6}});
    append.updates = std::make_shared<std::vector<CursorUpdate>>();
    RegistryOp open;
    open.kind = RegistryOpKind::announce;
    open.session = 1;
    open.identity = 2;
    open.weight = 3;
    open.draining = true;
    return {{1, bind}, {1ull << 50, append}, {3, open}};
  }
  std::vector<StoreResponse> responses() {
    DirectoryReply directory;
    directory.result = DirectoryResult::superseded;
    directory.identity = 4;
    directory.record = {UserId{1}, 2, {}};
    directory.record.rows.push_back(row());
    directory.losers.push_back(row());
    directory.verdicts = std::make_shared<std::vector<SessionVerdict>>(
        std::vector{SessionVerdict{{UserId{1}, 2}, 3, true, 4, true}});
    MailboxReply mailbox;
    mailbox.kind = MailboxOpKind::read;
    mailbox.result = MailboxResult::reset;
    mailbox.position = {1, 2};
    mailbox.skipped = 3;
    mailbox.member = false;
    mailbox.entries = std::make_shared<std::vector<Entry>>(std::vector{entry(), entry()});
    mailbox.conversations = std::make_shared<std::vector<ConversationState>>(
        std::vector{ConversationState{{1, 2}, {3, 4}, {5, 6}, false}});
    RegistryReply registry;
    registry.kind = RegistryOpKind::list;
    registry.epoch = 9;
    registry.view = std::make_shared<ClusterView>(
        ClusterView{7, {{NodeId{0}, 1, 2, false}, {NodeId{3}, 4, 5, true}}});
    return {{1, ReplyStatus::ok, directory, {}},
            {2, ReplyStatus::ok, mailbox, {}},
            {3, ReplyStatus::ok, registry, {{"a:1", "b:2"}, {}}},
            {4, ReplyStatus::error, DirectoryReply{}, {}}};
  }
  BlobPool pool_;
};

TEST_F(StoreCodec, WhatIsSentArrives) {
  for (const StoreRequest& request : requests()) {
    const ByteBuffer bytes = encode_request(request);
    StoreRequest got;
    ASSERT_TRUE(decode_request(bytes, pool_, got));
    EXPECT_EQ(got.number, request.number);
    EXPECT_EQ(got.op.index(), request.op.index());
    EXPECT_EQ(encode_request(got), bytes);
  }
  for (const StoreResponse& response : responses()) {
    const ByteBuffer bytes = encode_response(response);
    StoreResponse got;
    ASSERT_TRUE(decode_response(bytes, pool_, got));
    EXPECT_EQ(got.places, response.places);
    EXPECT_EQ(encode_response(got), bytes);
  }
}

TEST_F(StoreCodec, FieldsKeepTheirPlaces) {
  StoreResponse got;
  ASSERT_TRUE(decode_response(encode_response(responses()[1]), pool_, got));
  const auto& reply = std::get<MailboxReply>(got.reply);
  ASSERT_EQ(reply.entries->size(), 2u);
  const Entry& entry = reply.entries->front();
  EXPECT_EQ(entry.conversation, ConversationId::direct(UserId{7}, UserId{1ull << 62}));
  EXPECT_EQ(entry.client_seq, 1ull << 40);
  EXPECT_EQ(entry.payload, payload("hello"));
  EXPECT_EQ(reply.members, nullptr);  // none is not empty
  EXPECT_FALSE(reply.conversations->front().member);
}

TEST_F(StoreCodec, EveryCutAndEveryChangedByteIsRefusedOrRead) {
  size_t refused = 0;
  for (const StoreRequest& request : requests()) {
    const ByteBuffer bytes = encode_request(request);
    for (size_t cut = 0; cut < bytes.size(); ++cut) {
      StoreRequest got;
      EXPECT_FALSE(decode_request({bytes.data(), cut}, pool_, got)) << cut;
    }
    ByteBuffer longer = bytes;
    longer.push_back(std::byte{0});
    StoreRequest more;
    EXPECT_FALSE(decode_request(longer, pool_, more));
    for (size_t at = 0; at < bytes.size(); ++at) {
      for (const int value : {0x00, 0x7f, 0x80, 0xff}) {
        ByteBuffer changed = bytes;
        changed[at] = static_cast<std::byte>(value);
        StoreRequest got;
        if (!decode_request(changed, pool_, got)) {
          ++refused;
        } else {  // it means something else now, and says so again
          StoreRequest again;
          EXPECT_TRUE(decode_request(encode_request(got), pool_, again));
        }
      }
    }
  }
  EXPECT_GT(refused, 100u);
  EXPECT_EQ(pool_.blocks_alive(), 0u);
}

// A count is checked against the bytes that are there before room is made for it.
TEST_F(StoreCodec, AnImpossibleCountMakesNoRoom) {
  ByteBuffer bytes = encode_request(requests()[0]);
  bytes.resize(bytes.size() - 8);
  bytes.insert(bytes.end(), 9, std::byte{0xff});
  StoreRequest got;
  EXPECT_FALSE(decode_request(bytes, pool_, got));
}

}  // namespace
}  // namespace imroute::cluster
