// Stores that another process holds, over real sockets: the answers are those of the store, what is
// lost with a connection is answered unknown, a watch outlives it, and what a registry must not
// forget survives its process.
#include <filesystem>
#include <fstream>

#include "cluster/store/held.h"
#include "cluster/store/registry_file.h"
#include "cluster/store/remote.h"
#include "cluster/store/server.h"
#include "tests/cluster/loop_rig.h"

namespace imroute::cluster {
namespace {

constexpr DurationNs kLease = 3600 * kSecond;

class ServedStores : public LoopRig {
 protected:
  void SetUp() override {
    file_ = std::filesystem::path(testing::TempDir()) /
            ("registry-" + std::to_string(::getpid()) + ".json");
    std::filesystem::remove(file_);
    serve();
  }
  void TearDown() override {
    stop_serving();
    std::filesystem::remove(file_);
  }

  struct Holder : LinkOwner {  // takes greetings, as PeerLinks does
    explicit Holder(ServedStores& t) : test(t) {}
    void on_frame(Link&, const Frame&) override {}
    void on_control(Link& link, uint8_t, std::span<const std::byte> body) override {
      const auto hello = read_control<Greeting>(body);
      ASSERT_TRUE(hello);
      link.send_control(kControlGreeting, control_body(Greeting{}));
      test.server_->adopt(link.shared_from_this(), *hello);
    }
    void on_closed(Link&, Reason) override {}
    ServedStores& test;
  };

  void serve(uint16_t port = 0) {
    registry_ = std::make_unique<HeldRegistry>(loop_, kLease, file_);
    directory_ = std::make_unique<Directory>(0, registry_->starts());
    mailbox_ = std::make_unique<Mailbox>(MailboxSettings{.identity = registry_->starts()});
    directory_store_ = held_directory(loop_, *directory_, registry_->settled_at());
    mailbox_store_ = held_mailbox(loop_, *mailbox_);
    server_ = std::make_unique<StoreServer>(loop_.pool(), *directory_store_, *mailbox_store_,
                                            [this](Address who, const ServerPlace& place) {
                                              return registry_->for_server(who, place);
                                            });
    listener_.emplace(loop_, HostPort{"127.0.0.1", port},
                      [this](int socket) { Link::adopt(loop_, socket, holder_, totals_, {}); });
  }
  void stop_serving() {
    listener_.reset();
    server_.reset();
    directory_store_.reset();
    mailbox_store_.reset();
    registry_.reset();
    mailbox_.reset();
  }

  struct User {
    std::unique_ptr<RemoteStores> stores;
    std::unique_ptr<DirectoryStore> directory;
    std::unique_ptr<MailboxStore> mailbox;
    std::unique_ptr<RegistryStore> registry;
    int changes = 0;
  };
  std::unique_ptr<User> user(uint32_t node) {
    Greeting self;
    self.index = node;
    const std::string port = std::to_string(7100 + node);
    self.place = {"client.example:" + port, "peer.example:" + port};
    auto out = std::make_unique<User>();
    out->stores = std::make_unique<RemoteStores>(loop_, here(*listener_), self);
    out->directory = out->stores->directory();
    out->mailbox = out->stores->mailbox();
    out->registry = out->stores->registry();
    out->registry->on_view_changed([u = out.get()] { ++u->changes; });
    run_until([&] { return out->changes == 1; });  // connected
    return out;
  }
  template <class Reply, class Store, class Op>
  AnswerOf<Reply> ask(Store& store, const Op& op) {
    std::optional<AnswerOf<Reply>> answer;
    store.submit(op, [&](ReplyStatus status, const Reply& reply) { answer = {status, reply}; });
    EXPECT_FALSE(answer) << "answered from inside submit";
    run_until([&] { return answer.has_value(); });
    return answer.value_or(AnswerOf<Reply>{ReplyStatus::error, {}});
  }
  RegistryReply open(User& user) {
    RegistryOp op;
    op.kind = RegistryOpKind::open;
    const auto answer = ask<RegistryReply>(*user.registry, op);
    EXPECT_EQ(answer.status, ReplyStatus::ok);
    return answer.reply;
  }
  ViewHandle list(User& user) {
    return ask<RegistryReply>(*user.registry, RegistryOp{}).reply.view;
  }

  std::filesystem::path file_;
  std::unique_ptr<HeldRegistry> registry_;
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<Mailbox> mailbox_;
  std::unique_ptr<DirectoryStore> directory_store_;
  std::unique_ptr<MailboxStore> mailbox_store_;
  std::unique_ptr<StoreServer> server_;
  Holder holder_{*this};
  LinkTotals totals_;
  std::optional<Listener> listener_;
};

DirectoryOp reserve(uint64_t user) {
  DirectoryOp op;
  op.kind = DirectoryOpKind::reserve;
  op.user = UserId{user};
  return op;
}

TEST_F(ServedStores, AnswersAreThoseOfTheStore) {
  const auto a = user(0);
  EXPECT_EQ(ask<DirectoryReply>(*a->directory, reserve(5)).reply.generation, 1u);
  EXPECT_EQ(ask<DirectoryReply>(*a->directory, reserve(5)).reply.generation, 2u);
  MailboxOp append;
  append.identity = mailbox_->identity();
  append.epoch = 1;
  append.entry.conversation = ConversationId::direct(UserId{1}, UserId{2});
  append.entry.sender = UserId{1};
  append.entry.client_seq = 1;
  append.entry.payload = loop_.pool().copy(std::as_bytes(std::span(std::string_view("hello"))));
  append.base = 1;
  EXPECT_EQ(ask<MailboxReply>(*a->mailbox, append).reply.position, (Position{1, 1}));
  MailboxOp read;
  read.kind = MailboxOpKind::read;
  read.key.user = UserId{2};
  read.entry.conversation = append.entry.conversation;
  read.limit = 10;
  const auto answer = ask<MailboxReply>(*a->mailbox, read);
  ASSERT_EQ(answer.reply.entries->size(), 1u);
  EXPECT_EQ(answer.reply.entries->front().payload, append.entry.payload);
}

TEST_F(ServedStores, EachServerIsItselfInTheRegistryAndHearsOfOthers) {
  const auto a = user(0);
  const auto b = user(1);
  const RegistryReply opened = open(*a);
  EXPECT_EQ(list(*b)->members.size(), 1u);
  EXPECT_EQ(b->registry->place_of(NodeId{0})->client, "client.example:7100");
  open(*b);
  run_until([&] { return b->changes == 2; });
  const ViewHandle both = list(*b);
  ASSERT_EQ(both->members.size(), 2u);
  EXPECT_EQ(both->members[1].node, NodeId{1});
  EXPECT_EQ(b->registry->place_of(NodeId{1})->peer, "peer.example:7101");
  EXPECT_FALSE(b->registry->place_of(NodeId{2}));
  RegistryOp close;  // of another's session: refused
  close.kind = RegistryOpKind::close;
  close.session = opened.session;
  EXPECT_EQ(ask<RegistryReply>(*b->registry, close).status, ReplyStatus::error);
  EXPECT_EQ(ask<RegistryReply>(*a->registry, close).status, ReplyStatus::ok);
  run_until([&] { return b->changes == 3; });
  EXPECT_EQ(list(*b)->members.size(), 1u);
}

TEST_F(ServedStores, AProcessThatReturnsKeepsSessionsAndForgetsRows) {
  const auto a = user(0);
  const RegistryReply opened = open(*a);
  const uint64_t version = list(*a)->version;
  const uint64_t identity = ask<DirectoryReply>(*a->directory, reserve(5)).reply.identity;
  RegistryOp epoch;
  epoch.kind = RegistryOpKind::raise_epoch;
  epoch.identity = 10;
  EXPECT_EQ(ask<RegistryReply>(*a->registry, epoch).reply.epoch, 1u);

  const uint16_t port = listener_->port();
  std::optional<ReplyStatus> lost;
  a->directory->submit(reserve(6), [&](ReplyStatus s, const DirectoryReply&) { lost = s; });
  stop_serving();
  run_until([&] { return lost.has_value(); });
  EXPECT_EQ(*lost, ReplyStatus::unknown);
  EXPECT_EQ(ask<DirectoryReply>(*a->directory, reserve(6)).status, ReplyStatus::unknown);

  const int changes = a->changes;
  serve(port);
  run_until([&] { return a->changes > changes; });  // it came back by itself
  RegistryOp renew;
  renew.kind = RegistryOpKind::renew;
  renew.session = opened.session;
  EXPECT_EQ(ask<RegistryReply>(*a->registry, renew).status, ReplyStatus::ok);
  const ViewHandle view = list(*a);
  EXPECT_GT(view->version, version);
  ASSERT_EQ(view->members.size(), 1u);
  EXPECT_EQ(view->members[0].incarnation, opened.incarnation);
  EXPECT_EQ(a->registry->place_of(NodeId{0})->client, "client.example:7100");
  EXPECT_EQ(ask<RegistryReply>(*a->registry, epoch).reply.epoch, 1u);
  EXPECT_GT(open(*a).incarnation, opened.incarnation);

  // Another directory, and who is missing in it is not known before a lease is over.
  const auto answer = ask<DirectoryReply>(*a->directory, reserve(5));
  EXPECT_GT(answer.reply.identity, identity);
  DirectoryOp lookup;
  lookup.user = UserId{5};
  EXPECT_EQ(ask<DirectoryReply>(*a->directory, lookup).status, ReplyStatus::unknown);
}

TEST_F(ServedStores, ARegistryFileThatIsNotOneIsRefusedWithItsPlace) {
  stop_serving();
  std::ofstream(file_) << "{\"starts\": 1, \"view_version\": \"x\"}";
  try {
    read_registry_file(file_);
    FAIL() << "read";
  } catch (const SystemRefusal& refusal) {
    EXPECT_NE(std::string(refusal.what()).find(".json:1:"), std::string::npos) << refusal.what();
  }
}

TEST_F(ServedStores, AUserThatTalksNonsenseIsClosedAndNoOther) {
  const auto a = user(0);
  struct Stranger : LinkOwner {
    void on_connected(Link& link) override {
      Greeting greeting;
      greeting.kind = CallerKind::store_user;
      greeting.index = 7;
      link.send_control(kControlGreeting, control_body(greeting));
      link.send_control(kControlStoreOp, ByteBuffer(50, std::byte{0xff}));
    }
    void on_frame(Link&, const Frame&) override {}
    void on_control(Link&, uint8_t, std::span<const std::byte>) override {}
    void on_closed(Link&, Reason) override { closed = true; }
    bool closed = false;
  } stranger;
  const LinkHandle link = Link::dial(loop_, here(*listener_), stranger, totals_);
  run_until([&] { return stranger.closed; });
  EXPECT_EQ(ask<DirectoryReply>(*a->directory, reserve(5)).status, ReplyStatus::ok);
  EXPECT_EQ(server_->users(), 1u);
}

}  // namespace
}  // namespace imroute::cluster
