#include "cluster/store/held.h"

#include <algorithm>
#include <utility>

#include "cluster/store/postbox.h"
#include "cluster/store/registry_file.h"

namespace imroute::cluster {

namespace {

class DirectoryHere : public DirectoryStore {
 public:
  DirectoryHere(Loop& loop, Directory& directory, MonoTime settled_at)
      : directory_(directory), settled_at_(settled_at), postbox_(loop) {}
  void submit(DirectoryOp op, Done<DirectoryReply> done) override {
    const MonoTime now = monotonic_now();
    DirectoryAnswer answer;
    const bool looks_up =
        op.kind == DirectoryOpKind::lookup || op.kind == DirectoryOpKind::lookup_many;
    if (looks_up && now < settled_at_) {
      answer.status = ReplyStatus::unknown;
    } else {
      answer = directory_.handle(op, now);
    }
    postbox_.send(std::move(done), std::move(answer));
  }

 private:
  Directory& directory_;
  MonoTime settled_at_;
  Postbox postbox_;
};

class MailboxHere : public MailboxStore {
 public:
  MailboxHere(Loop& loop, Mailbox& mailbox) : mailbox_(mailbox), postbox_(loop) {}
  void submit(MailboxOp op, Done<MailboxReply> done) override {
    postbox_.send(std::move(done), mailbox_.handle(op, monotonic_now()));
  }

 private:
  Mailbox& mailbox_;
  Postbox postbox_;
};

}  // namespace

std::unique_ptr<DirectoryStore> held_directory(Loop& loop, Directory& directory,
                                               MonoTime settled_at) {
  return std::make_unique<DirectoryHere>(loop, directory, settled_at);
}

std::unique_ptr<MailboxStore> held_mailbox(Loop& loop, Mailbox& mailbox) {
  return std::make_unique<MailboxHere>(loop, mailbox);
}

// ---- registry ----------------------------------------------------------------------------------

namespace {
constexpr DurationNs kNoEnd = kNever / 4;  // of a lease
}  // namespace

class HeldRegistry::View : public RegistryStore {
 public:
  View(HeldRegistry& held, Address server, ServerPlace place)
      : held_(held), server_(server), place_(std::move(place)), postbox_(held.loop_) {
    held_.watchers_[server_].push_back(this);
  }
  ~View() override { std::erase(held_.watchers_[server_], this); }
  void submit(RegistryOp op, Done<RegistryReply> done) override {
    postbox_.send(std::move(done), held_.handle(server_, place_, op));
  }
  void on_view_changed(std::function<void()> callback) override { callback_ = std::move(callback); }
  std::optional<ServerPlace> place_of(NodeId node) const override {
    const auto at = held_.places_.find(node);
    return at == held_.places_.end() ? std::nullopt : std::optional(at->second);
  }
  void fire() {
    if (callback_ != nullptr) postbox_.send(callback_);
  }

 private:
  HeldRegistry& held_;
  Address server_;
  ServerPlace place_;
  std::function<void()> callback_;
  Postbox postbox_;
};

HeldRegistry::HeldRegistry(Loop& loop, DurationNs lease, std::filesystem::path file, Listed listed)
    : loop_(loop),
      lease_(lease),
      file_(std::move(file)),
      listed_(std::move(listed)),
      timer_(loop, [this] {
        registry_->expire_due(monotonic_now());
        after_change();
      }) {
  load();
  open_listed();
  save();
  set_timer();
}

std::unique_ptr<RegistryStore> HeldRegistry::for_server(Address server, const ServerPlace& place) {
  return std::make_unique<View>(*this, server, place);
}

bool HeldRegistry::lives(NodeId node, uint64_t incarnation) const {
  const Member* member = registry_->view()->find(node);
  return member != nullptr && member->incarnation == incarnation;
}

RegistryAnswer HeldRegistry::handle(Address server, const ServerPlace& place,
                                    const RegistryOp& op) {
  if (op.kind == RegistryOpKind::open && server.kind == PeerKind::node) {
    if (!admits(server, place)) return {ReplyStatus::error, {}};
    places_[NodeId{server.index}] = place;
  }
  RegistryOp done = op;
  if (!listed_.empty() && op.kind == RegistryOpKind::close) {  // a member for ever: it only rests
    done.kind = RegistryOpKind::announce;
    done.draining = true;
  }
  RegistryAnswer answer = registry_->handle(server, done, monotonic_now());
  answer.reply.kind = op.kind;
  after_change();  // on the disk before it is said
  return answer;
}

void HeldRegistry::after_change() {
  const RegistryState state = registry_->state();
  if (state.view_version != saved_version_ || state.latest_identity != saved_identity_) save();
  for (const Address& server : registry_->take_fired(monotonic_now())) {
    for (View* view : watchers_[server]) view->fire();
  }
  set_timer();
}

void HeldRegistry::set_timer() { timer_.set(listed_.empty() ? registry_->next_expiry() : kNever); }

bool HeldRegistry::admits(Address server, const ServerPlace& place) const {
  if (listed_.empty()) return true;
  const auto at = listed_.find(NodeId{server.index});
  if (at != listed_.end() && at->second == place) return true;
  if (on_unlisted != nullptr) {
    const auto words = [](const ServerPlace& p) {
      return "client " + p.client + ", peer " + p.peer;
    };
    on_unlisted(NodeId{server.index},
                at == listed_.end()
                    ? "it is not in nodes"
                    : "it is at " + words(place) + ", and in nodes at " + words(at->second));
  }
  return false;
}

// Before its first life a listed node has one that nobody leads.
void HeldRegistry::open_listed() {
  for (const auto& [node, place] : listed_) {
    places_[node] = place;
    if (registry_->view()->find(node) != nullptr) continue;
    RegistryOp op;
    op.kind = RegistryOpKind::open;
    registry_->handle(address_of(node), op, monotonic_now());
  }
}

void HeldRegistry::load() {
  const MonoTime now = monotonic_now();
  RegistryFile found = read_registry_file(file_);
  starts_ = found.starts + 1;
  places_ = found.places;
  settled_at_ = found.state.sessions.empty() ? now : now + lease_;
  if (!listed_.empty()) {
    std::erase_if(found.state.sessions, [this](const RegistryState::Session& session) {
      return !listed_.contains(session.node);
    });
  }
  registry_ = std::make_unique<Registry>(listed_.empty() ? lease_ : kNoEnd, found.state, now);
}

void HeldRegistry::save() {
  RegistryFile out{starts_, registry_->state(), {}};
  for (const RegistryState::Session& session : out.state.sessions) {
    const auto at = places_.find(session.node);
    if (at != places_.end()) out.places.insert(*at);
  }
  write_registry_file(file_, out);
  saved_version_ = out.state.view_version;
  saved_identity_ = out.state.latest_identity;
}

}  // namespace imroute::cluster
