#include "cluster/store/zookeeper/zookeeper_registry.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

namespace imroute::cluster {

namespace {

using Json = nlohmann::json;
using Change = ZookeeperChange;

constexpr size_t kIdentitiesKept = 1000;

ReplyStatus status_of(ZookeeperCode code) {
  if (code == ZookeeperCode::ok) return ReplyStatus::ok;
  return code == ZookeeperCode::lost ? ReplyStatus::unknown : ReplyStatus::error;
}

int timeout_ms(DurationNs lease) { return static_cast<int>(lease * 4 / 3 / kMillisecond); }

// What stands in a member's node; nothing when it is not ours.
struct MemberData {
  Member member;
  ServerPlace place;
};
std::optional<MemberData> member_of(const ZookeeperAnswer& node) {
  try {
    const Json json = Json::parse(node.data);
    return MemberData{{NodeId{json.at("node")}, json.at("weight"),
                       static_cast<uint64_t>(node.created), json.at("draining")},
                      {json.at("client"), json.at("peer")}};
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

struct Epochs {
  uint32_t epoch = 0;                // of the last ...
  std::vector<uint64_t> identities;  // ... of these
};
std::optional<Epochs> epochs_of(const std::string& data) {
  if (data.empty()) return Epochs{};
  try {
    const Json json = Json::parse(data);
    return Epochs{json.at("epoch"), json.at("identities")};
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

std::string hex(int64_t number) {
  char text[17];
  std::snprintf(text, sizeof text, "%llx", static_cast<unsigned long long>(number));
  return text;
}

}  // namespace

ZookeeperRegistry::ZookeeperRegistry(Loop& loop, Address self, ServerPlace place,
                                     ZookeeperSettings settings)
    : loop_(loop),
      self_(self),
      place_(std::move(place)),
      settings_(std::move(settings)),
      members_(settings_.root + "/members"),
      epochs_(settings_.root + "/epochs"),
      silence_(loop, [this] { trouble("no answer yet"); }),
      session_(std::make_unique<ZookeeperSession>(
          loop, settings_.servers, timeout_ms(settings_.lease_ns),
          ZookeeperSession::Events{[this] { prepare(); }, [this] { expired(); },
                                   [this] { watched(); },
                                   [this] { trouble("the connection is lost"); }})) {
  silence_.set(monotonic_now() + settings_.lease_ns);
}

ZookeeperRegistry::~ZookeeperRegistry() = default;

std::optional<ServerPlace> ZookeeperRegistry::place_of(NodeId node) const {
  const auto at = places_.find(node);
  return at == places_.end() ? std::nullopt : std::optional(at->second);
}

void ZookeeperRegistry::trouble(std::string_view what) {
  if (settings_.on_trouble == nullptr) return;
  settings_.on_trouble("ZooKeeper at " + settings_.servers + ": " + std::string(what));
}

// Connected: checks what was granted and sees to it that the tree is there.
void ZookeeperRegistry::prepare() {
  silence_.set(kNever);
  if (session_->granted_ms() < timeout_ms(settings_.lease_ns)) {
    ready_ = false;
    return trouble("grants sessions of " + std::to_string(session_->granted_ms()) +
                   " ms, this lease needs " + std::to_string(timeout_ms(settings_.lease_ns)) +
                   ": raise maxSessionTimeout");
  }
  std::vector<std::string> paths;
  for (size_t slash = settings_.root.find('/', 1); slash != std::string::npos;
       slash = settings_.root.find('/', slash + 1)) {
    paths.push_back(settings_.root.substr(0, slash));
  }
  paths.insert(paths.end(), {settings_.root, members_, epochs_});
  for (const std::string& path : paths) {
    session_->create(path, [this, last = path == epochs_](const ZookeeperAnswer& answer) {
      const bool there =
          answer.code == ZookeeperCode::ok || answer.code == ZookeeperCode::node_exists;
      if (last && there) ready_ = true;
    });
  }
}

void ZookeeperRegistry::expired() {
  ready_ = false;
  own_ = 0;
  own_path_.clear();
  watched();
}

void ZookeeperRegistry::watched() {
  if (std::exchange(armed_, false) && changed_ != nullptr) changed_();
}

// ---- operations --------------------------------------------------------------------------------

void ZookeeperRegistry::submit(RegistryOp op, Done<RegistryReply> done) {
  ++open_ops_;
  Answered answered = [this, kind = op.kind, done = std::move(done)](ReplyStatus status,
                                                                     RegistryReply reply) {
    --open_ops_;
    reply.kind = kind;
    done(status, reply);
  };
  const auto later = [&](ReplyStatus status) {
    session_->later([answered, status] { answered(status, {}); });
  };
  if (!ready_ || open_ops_ > settings_.most_open) return later(ReplyStatus::unknown);
  switch (op.kind) {
    case RegistryOpKind::open:
      if (self_.kind != PeerKind::node) return later(ReplyStatus::error);
      return open(op, std::move(answered));
    case RegistryOpKind::list:
      return list(std::move(answered));
    case RegistryOpKind::raise_epoch:
      return raise_epoch(op.identity, std::move(answered));
    case RegistryOpKind::renew:
    case RegistryOpKind::close:
    case RegistryOpKind::announce:
      if (!holds(op)) return later(ReplyStatus::error);
      if (op.kind == RegistryOpKind::renew) return renew(op, std::move(answered));
      if (op.kind == RegistryOpKind::close) return close(op, std::move(answered));
      return announce(op, std::move(answered));
  }
}

std::string ZookeeperRegistry::data(uint32_t weight, bool draining) const {
  return Json{{"node", self_.index},
              {"weight", weight},
              {"draining", draining},
              {"client", place_.client},
              {"peer", place_.peer}}
      .dump();
}

// Takes the place of all former selves in one transaction: nobody sees two, or none.
void ZookeeperRegistry::open(const RegistryOp& op, Answered answered) {
  own_ = 0;
  weight_ = op.weight;
  const std::string path = members_ + "/" + std::to_string(self_.index) + "-" +
                           hex(session_->id()) + "-" + std::to_string(++opens_);
  own_path_ = path;
  session_->children(members_, false, [this, op, path, answered](const ZookeeperAnswer& now) {
    if (now.code != ZookeeperCode::ok) return answered(status_of(now.code), {});
    const std::string mine = std::to_string(self_.index) + "-";
    std::vector<Change> changes;
    for (const std::string& name : now.children) {
      if (name.starts_with(mine)) {
        changes.push_back({Change::Kind::remove, members_ + "/" + name, {}});
      }
    }
    changes.push_back({Change::Kind::create_ephemeral, path, data(op.weight, op.draining)});
    session_->change(changes, [this, op, path, answered](const ZookeeperAnswer& made) {
      // A former self ended meanwhile: as it is now, then.
      if (made.code == ZookeeperCode::no_node) return open(op, answered);
      if (made.code != ZookeeperCode::ok) return answered(status_of(made.code), {});
      session_->exists(path, [this, path, answered](const ZookeeperAnswer& node) {
        RegistryReply reply;
        if (node.code == ZookeeperCode::ok && own_path_ == path) {
          own_ = reply.session = reply.incarnation = static_cast<uint64_t>(node.created);
        }
        answered(status_of(node.code), reply);
      });
    });
  });
}

void ZookeeperRegistry::renew(const RegistryOp& op, Answered answered) {
  session_->sync(members_, [](const ZookeeperAnswer&) {});
  session_->exists(own_path_, [op, answered](const ZookeeperAnswer& node) {
    RegistryReply reply;
    reply.session = reply.incarnation = op.session;
    answered(status_of(node.code), reply);
  });
}

void ZookeeperRegistry::close(const RegistryOp& op, Answered answered) {
  session_->change({{Change::Kind::remove, own_path_, {}}},
                   [this, op, answered](const ZookeeperAnswer& gone) {
                     if (gone.code == ZookeeperCode::ok && holds(op)) own_ = 0;
                     answered(status_of(gone.code), {});
                   });
}

void ZookeeperRegistry::announce(const RegistryOp& op, Answered answered) {
  session_->change({{Change::Kind::set, own_path_, data(weight_, op.draining)},
                    {Change::Kind::set, members_, ""}},
                   [op, answered](const ZookeeperAnswer& set) {
                     RegistryReply reply;
                     reply.session = reply.incarnation = op.session;
                     answered(status_of(set.code), reply);
                   });
}

// ---- the view ----------------------------------------------------------------------------------

struct ZookeeperRegistry::Listing {
  Answered answered;
  ReplyStatus status = ReplyStatus::ok;
  ClusterView view;
  std::map<NodeId, ServerPlace> places;
  size_t open = 0;
};

void ZookeeperRegistry::list(Answered answered) {
  armed_ = true;
  const auto listing = std::make_shared<Listing>();
  listing->answered = std::move(answered);
  // The watches stand before anything is read, so no change falls between.
  session_->get(members_, true, [](const ZookeeperAnswer&) {});
  session_->children(members_, true, [this, listing](const ZookeeperAnswer& now) {
    listing->status = status_of(now.code);
    listing->view.version = static_cast<uint64_t>(std::max(now.changed, now.children_changed));
    listing->open = now.children.size();
    if (now.children.empty()) return finish_list(*listing);
    for (const std::string& name : now.children) {
      session_->get(members_ + "/" + name, false, [this, listing](const ZookeeperAnswer& node) {
        if (node.code == ZookeeperCode::ok) {
          if (const auto found = member_of(node); found) {
            listing->view.members.push_back(found->member);
            listing->places[found->member.node] = found->place;
          }
        } else if (node.code != ZookeeperCode::no_node) {  // left meanwhile; the watch has fired
          listing->status = std::max(listing->status, status_of(node.code));
        }
        if (--listing->open == 0) finish_list(*listing);
      });
    }
  });
}

void ZookeeperRegistry::finish_list(Listing& listing) {
  std::vector<Member>& members = listing.view.members;
  std::sort(members.begin(), members.end(),
            [](const Member& a, const Member& b) { return a.node < b.node; });
  RegistryReply reply;
  if (listing.status == ReplyStatus::ok) {
    places_ = std::move(listing.places);
    reply.view = std::make_shared<const ClusterView>(std::move(listing.view));
  }
  listing.answered(listing.status, reply);
}

// ---- mailbox epochs ----------------------------------------------------------------------------

// Written under the version that was read: of two who see a new mailbox at once, one reads again.
void ZookeeperRegistry::raise_epoch(uint64_t identity, Answered answered) {
  session_->get(epochs_, false, [this, identity, answered](const ZookeeperAnswer& now) {
    if (now.code != ZookeeperCode::ok) return answered(status_of(now.code), {});
    std::optional<Epochs> epochs = epochs_of(now.data);
    if (!epochs) {
      trouble(epochs_ + " is not ours: " + now.data);
      return answered(ReplyStatus::error, {});
    }
    std::vector<uint64_t>& known = epochs->identities;
    RegistryReply reply;
    reply.epoch = epochs->epoch;
    if (!known.empty() && known.back() == identity) return answered(ReplyStatus::ok, reply);
    const bool superseded = std::find(known.begin(), known.end(), identity) != known.end();
    if (identity == 0 || superseded) return answered(ReplyStatus::error, {});
    known.push_back(identity);
    if (known.size() > kIdentitiesKept) known.erase(known.begin());
    ++reply.epoch;
    session_->set(epochs_, Json{{"epoch", reply.epoch}, {"identities", known}}.dump(), now.version,
                  [this, identity, reply, answered](const ZookeeperAnswer& set) {
                    if (set.code == ZookeeperCode::bad_version) {
                      return raise_epoch(identity, answered);
                    }
                    answered(status_of(set.code), reply);
                  });
  });
}

}  // namespace imroute::cluster
