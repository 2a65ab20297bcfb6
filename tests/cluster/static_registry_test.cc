// A registry of a list: its members are there before they live and after they died, nobody else
// ever is, and who has begun goes on without the holder.
#include <unistd.h>

#include <filesystem>

#include "cluster/store/held.h"
#include "cluster/store/without_lease.h"
#include "tests/cluster/loop_rig.h"

namespace imroute::cluster {
namespace {

constexpr Address kFirst = address_of(NodeId{1});

class StaticRegistry : public LoopRig {
 protected:
  void SetUp() override { begin(listed_); }
  void TearDown() override { std::filesystem::remove(file_); }
  void begin(const HeldRegistry::Listed& listed) {
    held_ = std::make_unique<HeldRegistry>(loop_, kSecond, file_, listed);
    held_->on_unlisted = [this](NodeId node, const std::string& why) {
      refused_.push_back(std::to_string(node.value) + ": " + why);
    };
  }
  RegistryAnswer ask(RegistryStore& store, RegistryOp op) {
    std::optional<RegistryAnswer> answer;
    store.submit(op, [&answer](ReplyStatus status, const RegistryReply& reply) {
      answer = RegistryAnswer{status, reply};
    });
    run_until([&] { return answer.has_value(); });
    return *answer;
  }
  RegistryAnswer ask(Address from, RegistryOp op, const ServerPlace& place) {
    return ask(*held_->for_server(from, place), op);
  }
  static RegistryOp of(RegistryOpKind kind, uint64_t session = 0) {
    RegistryOp op;
    op.kind = kind;
    op.session = session;
    return op;
  }
  ViewHandle view() { return ask(kFirst, of(RegistryOpKind::list), {}).reply.view; }

  std::filesystem::path file_ = std::filesystem::path(testing::TempDir()) /
                                ("imroute_static_" + std::to_string(::getpid()) + ".json");
  const ServerPlace one_{"10.0.0.1:1", "10.0.0.1:2"}, two_{"10.0.0.2:1", "10.0.0.2:2"};
  const HeldRegistry::Listed listed_{{NodeId{1}, one_}, {NodeId{2}, two_}};
  std::unique_ptr<HeldRegistry> held_;
  std::vector<std::string> refused_;
};

TEST_F(StaticRegistry, AListedNodeIsAMemberBeforeItLivesAndAfterItsHolderWasRestarted) {
  ASSERT_EQ(view()->members.size(), 2u);
  EXPECT_EQ(held_->for_server(kFirst, {})->place_of(NodeId{2}), two_);
  const uint64_t unborn = view()->find(NodeId{1})->incarnation;
  const RegistryReply born = ask(kFirst, of(RegistryOpKind::open), one_).reply;
  EXPECT_GT(born.incarnation, unborn);
  begin(listed_);
  ASSERT_EQ(view()->members.size(), 2u);
  EXPECT_EQ(view()->find(NodeId{1})->incarnation, born.incarnation);
  EXPECT_EQ(ask(kFirst, of(RegistryOpKind::renew, born.session), one_).status, ReplyStatus::ok);
  EXPECT_LT(held_->settled_at(), kNever / 8) << "lookups wait for a lease, not for ever";
}

TEST_F(StaticRegistry, WhoLeavesIsDrainingUntilItsNextLife) {
  const RegistryReply first = ask(kFirst, of(RegistryOpKind::open), one_).reply;
  const RegistryAnswer left = ask(kFirst, of(RegistryOpKind::close, first.session), one_);
  EXPECT_EQ(left.status, ReplyStatus::ok);
  EXPECT_EQ(left.reply.kind, RegistryOpKind::close);
  ASSERT_EQ(view()->members.size(), 2u);
  EXPECT_TRUE(view()->find(NodeId{1})->draining);
  const RegistryReply second = ask(kFirst, of(RegistryOpKind::open), one_).reply;
  EXPECT_FALSE(view()->find(NodeId{1})->draining);
  EXPECT_GT(second.incarnation, first.incarnation);
}

TEST_F(StaticRegistry, WhoIsNotAsTheListSaysDoesNotBegin) {
  EXPECT_EQ(ask(address_of(NodeId{3}), of(RegistryOpKind::open), one_).status, ReplyStatus::error);
  EXPECT_EQ(ask(kFirst, of(RegistryOpKind::open), {"10.0.0.1:9", "10.0.0.1:2"}).status,
            ReplyStatus::error);
  EXPECT_EQ(refused_, (std::vector<std::string>{
                          "3: it is not in nodes",
                          "1: it is at client 10.0.0.1:9, peer 10.0.0.1:2, and in nodes at client "
                          "10.0.0.1:1, peer 10.0.0.1:2"}));
  EXPECT_EQ(view()->members.size(), 2u);
}

TEST_F(StaticRegistry, WhoIsTakenOffTheListIsNoMember) {
  const RegistryReply first = ask(kFirst, of(RegistryOpKind::open), one_).reply;
  begin({{NodeId{2}, two_}});
  ASSERT_EQ(view()->members.size(), 1u);
  EXPECT_EQ(ask(kFirst, of(RegistryOpKind::renew, first.session), one_).status, ReplyStatus::error);
}

// ---- without its holder ------------------------------------------------------------------------

struct Holder : RegistryStore {
  void submit(RegistryOp op, Done<RegistryReply> done) override { asked.emplace_back(op, done); }
  void on_view_changed(std::function<void()>) override {}
  std::optional<ServerPlace> place_of(NodeId) const override { return std::nullopt; }
  std::vector<std::pair<RegistryOp, Done<RegistryReply>>> asked;
};

TEST_F(StaticRegistry, WhoHasBegunGoesOnUntilItHearsThatItIsReplaced) {
  auto owned = std::make_unique<Holder>();
  Holder& holder = *owned;
  const auto node = without_lease(loop_, std::move(owned));
  EXPECT_EQ(ask(*node, of(RegistryOpKind::renew, 7)).status, ReplyStatus::error) << "of nobody";
  std::optional<ReplyStatus> opened;
  node->submit(of(RegistryOpKind::open),
               [&opened](ReplyStatus status, const RegistryReply&) { opened = status; });
  EXPECT_FALSE(opened) << "to begin, the holder must answer";
  RegistryReply reply;
  reply.session = 7;
  holder.asked.back().second(ReplyStatus::ok, reply);
  EXPECT_EQ(opened, ReplyStatus::ok);
  // It answers nothing, or is known to be away.
  EXPECT_EQ(ask(*node, of(RegistryOpKind::renew, 7)).status, ReplyStatus::ok);
  holder.asked.back().second(ReplyStatus::unknown, {});
  EXPECT_EQ(ask(*node, of(RegistryOpKind::renew, 7)).status, ReplyStatus::ok);
  holder.asked.back().second(ReplyStatus::error, {});
  EXPECT_EQ(ask(*node, of(RegistryOpKind::renew, 7)).status, ReplyStatus::error);
}

}  // namespace
}  // namespace imroute::cluster
