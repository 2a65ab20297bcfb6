#include "cluster/store/remote.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>
#include <variant>

#include "cluster/store/server.h"
#include "cluster/wire/store_codec.h"
#include "core/base/hash.h"

namespace imroute::cluster {

namespace {
constexpr size_t kMostOpen = 65'536;
constexpr DurationNs kRedialMin = 50 * kMillisecond;
constexpr DurationNs kRedialMax = 2 * kSecond;

using AnyDone = std::variant<Done<DirectoryReply>, Done<MailboxReply>, Done<RegistryReply>>;

void answer_unknown(const AnyDone& done) {
  if (const auto* d = std::get_if<Done<DirectoryReply>>(&done))
    return (*d)(ReplyStatus::unknown, {});
  if (const auto* m = std::get_if<Done<MailboxReply>>(&done)) return (*m)(ReplyStatus::unknown, {});
  std::get<Done<RegistryReply>>(done)(ReplyStatus::unknown, {});
}
}  // namespace

class RemoteStores::Connection : public LinkOwner {
 public:
  Connection(Loop& loop, const HostPort& holder, const Greeting& self, LayerTo layer_to)
      : loop_(loop),
        holder_(holder),
        self_(self),
        layer_to_(std::move(layer_to)),
        redial_(loop, [this] { dial(); }) {
    self_.kind = CallerKind::store_user;
    dial();
  }
  ~Connection() override {
    if (link_ != nullptr) link_->close();
  }

  template <class Reply, class Op>
  void submit(Op&& op, Done<Reply> done) {
    if (!up_ || open_.size() >= kMostOpen) {
      // Not from inside submit.
      loop_.post([alive = std::weak_ptr<bool>(alive_), done = std::move(done)] {
        if (!alive.expired()) done(ReplyStatus::unknown, Reply{});
      });
      return;
    }
    const StoreRequest request{next_number_++, std::forward<Op>(op)};
    open_.emplace(request.number, std::move(done));
    link_->send_control(kControlStoreOp, encode_request(request));
  }
  void set_view_changed(std::function<void()> callback) { view_changed_ = std::move(callback); }
  std::optional<ServerPlace> place_of(NodeId node) const {
    const auto at = places_.find(node);
    return at == places_.end() ? std::nullopt : std::optional(at->second);
  }

 private:
  void dial() {
    link_ = Link::dial(loop_, holder_, *this, totals_, kStoreLink,
                       layer_to_ == nullptr ? nullptr : layer_to_(holder_));
  }
  void on_connected(Link& link) override {
    link.send_control(kControlGreeting, control_body(self_));
  }
  void on_frame(Link& link, const Frame&) override { give_up(link); }
  void on_control(Link& link, uint8_t type, std::span<const std::byte> body) override {
    if (type == kControlGreeting) {
      up_ = true;
      failures_ = 0;
      if (view_changed_ != nullptr) view_changed_();
    } else if (type == kControlViewChanged) {
      if (view_changed_ != nullptr) view_changed_();
    } else if (type == kControlStoreReply) {
      on_reply(link, body);
    } else {
      give_up(link);
    }
  }
  void on_reply(Link& link, std::span<const std::byte> body) {
    StoreResponse response;
    if (!decode_response(body, loop_.pool(), response)) return give_up(link);
    const auto at = open_.find(response.number);
    if (at == open_.end()) return;
    const AnyDone done = std::move(at->second);
    open_.erase(at);
    if (response.status != ReplyStatus::ok) {
      return std::visit([&](const auto& call) { call(response.status, {}); }, done);
    }
    if (done.index() != response.reply.index()) {
      answer_unknown(done);
      return give_up(link);
    }
    if (const auto* d = std::get_if<Done<DirectoryReply>>(&done)) {
      (*d)(response.status, std::get<DirectoryReply>(response.reply));
    } else if (const auto* m = std::get_if<Done<MailboxReply>>(&done)) {
      (*m)(response.status, std::get<MailboxReply>(response.reply));
    } else {
      const auto& reply = std::get<RegistryReply>(response.reply);
      learn_places(reply, response.places);
      std::get<Done<RegistryReply>>(done)(response.status, reply);
    }
  }
  void learn_places(const RegistryReply& reply, const std::vector<ServerPlace>& places) {
    if (reply.view == nullptr || places.size() != reply.view->members.size()) return;
    places_.clear();
    for (size_t i = 0; i < places.size(); ++i) places_[reply.view->members[i].node] = places[i];
  }
  void give_up(Link& link) {
    link.close();
    on_closed(link, Reason::protocol_error);
  }
  void on_closed(Link&, Reason) override {
    up_ = false;
    link_ = nullptr;
    const DurationNs longest =
        std::min(kRedialMax, kRedialMin << std::min<uint32_t>(failures_++, 10));
    const MonoTime now = monotonic_now();
    // Somewhere in the upper half, so that many users of one holder do not come back together.
    const uint64_t jitter = mix64(static_cast<uint64_t>(now), self_.index);
    redial_.set(now + longest / 2 +
                static_cast<DurationNs>(jitter % static_cast<uint64_t>(longest / 2)));
    const auto lost = std::exchange(open_, {});
    for (const auto& [number, done] : lost) answer_unknown(done);
  }

  Loop& loop_;
  HostPort holder_;
  Greeting self_;
  LayerTo layer_to_;
  LinkTotals totals_;
  LinkHandle link_;
  bool up_ = false;
  uint32_t failures_ = 0;
  uint64_t next_number_ = 1;
  std::unordered_map<uint64_t, AnyDone> open_;
  std::map<NodeId, ServerPlace> places_;
  std::function<void()> view_changed_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  Timer redial_;
};

namespace {

using Shared = std::shared_ptr<RemoteStores::Connection>;

class RemoteDirectory : public DirectoryStore {
 public:
  explicit RemoteDirectory(Shared connection) : connection_(std::move(connection)) {}
  void submit(DirectoryOp op, Done<DirectoryReply> done) override {
    connection_->submit<DirectoryReply>(std::move(op), std::move(done));
  }

 private:
  Shared connection_;
};

class RemoteMailbox : public MailboxStore {
 public:
  explicit RemoteMailbox(Shared connection) : connection_(std::move(connection)) {}
  void submit(MailboxOp op, Done<MailboxReply> done) override {
    connection_->submit<MailboxReply>(std::move(op), std::move(done));
  }

 private:
  Shared connection_;
};

class RemoteRegistry : public RegistryStore {
 public:
  explicit RemoteRegistry(Shared connection) : connection_(std::move(connection)) {}
  ~RemoteRegistry() override { connection_->set_view_changed(nullptr); }
  void submit(RegistryOp op, Done<RegistryReply> done) override {
    connection_->submit<RegistryReply>(std::move(op), std::move(done));
  }
  void on_view_changed(std::function<void()> callback) override {
    connection_->set_view_changed(std::move(callback));
  }
  std::optional<ServerPlace> place_of(NodeId node) const override {
    return connection_->place_of(node);
  }

 private:
  Shared connection_;
};

}  // namespace

RemoteStores::RemoteStores(Loop& loop, const HostPort& holder, const Greeting& self,
                           LayerTo layer_to)
    : connection_(std::make_shared<Connection>(loop, holder, self, std::move(layer_to))) {}
RemoteStores::~RemoteStores() = default;

std::unique_ptr<DirectoryStore> RemoteStores::directory() {
  return std::make_unique<RemoteDirectory>(connection_);
}
std::unique_ptr<MailboxStore> RemoteStores::mailbox() {
  return std::make_unique<RemoteMailbox>(connection_);
}
std::unique_ptr<RegistryStore> RemoteStores::registry() {
  return std::make_unique<RemoteRegistry>(connection_);
}

}  // namespace imroute::cluster
