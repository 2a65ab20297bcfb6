#include "cluster/store/server.h"

#include <utility>

#include "cluster/wire/store_codec.h"

namespace imroute::cluster {

struct StoreServer::User : std::enable_shared_from_this<User> {
  LinkHandle link;
  std::unique_ptr<RegistryStore> registry;

  template <class Reply>
  Done<Reply> answer(uint64_t number) {
    return [user = weak_from_this(), number](ReplyStatus status, const Reply& reply) {
      if (const std::shared_ptr<User> here = user.lock()) here->respond(number, status, reply);
    };
  }
  template <class Reply>
  void respond(uint64_t number, ReplyStatus status, const Reply& reply) {
    StoreResponse response{number, status, reply, {}};
    if constexpr (std::is_same_v<Reply, RegistryReply>) {
      if (reply.view != nullptr) {
        for (const Member& member : reply.view->members) {
          response.places.push_back(registry->place_of(member.node).value_or(ServerPlace{}));
        }
      }
    }
    link->send_control(kControlStoreReply, encode_response(response));
  }
};

StoreServer::StoreServer(BlobPool& pool, DirectoryStore& directory, MailboxStore& mailbox,
                         MakeRegistry make_registry)
    : pool_(pool),
      directory_(directory),
      mailbox_(mailbox),
      make_registry_(std::move(make_registry)) {}

StoreServer::~StoreServer() {
  for (const auto& [link, user] : users_) user->link->close();
}

void StoreServer::adopt(const LinkHandle& link, const Greeting& greeting) {
  auto user = std::make_shared<User>();
  user->link = link;
  user->registry = make_registry_(address_of(NodeId{greeting.index}), greeting.place);
  if (user->registry != nullptr)
    user->registry->on_view_changed([link] { link->send_control(kControlViewChanged, {}); });
  users_[link.get()] = std::move(user);
  link->set_owner(*this, kStoreLink);
}

void StoreServer::on_frame(Link& link, const Frame&) { drop(link); }

void StoreServer::on_control(Link& link, uint8_t type, std::span<const std::byte> body) {
  StoreRequest request;
  if (type != kControlStoreOp || !decode_request(body, pool_, request)) return drop(link);
  User& user = *users_.at(&link);
  const uint64_t number = request.number;
  if (auto* directory = std::get_if<DirectoryOp>(&request.op)) {
    directory_.submit(std::move(*directory), user.answer<DirectoryReply>(number));
  } else if (auto* mailbox = std::get_if<MailboxOp>(&request.op)) {
    mailbox_.submit(std::move(*mailbox), user.answer<MailboxReply>(number));
  } else if (user.registry == nullptr) {
    drop(link);
  } else {
    user.registry->submit(std::move(std::get<RegistryOp>(request.op)),
                          user.answer<RegistryReply>(number));
  }
}

void StoreServer::on_closed(Link& link, Reason) { users_.erase(&link); }

void StoreServer::drop(Link& link) {
  link.send_control(kControlRefusal, refusal_body(Reason::protocol_error, "not a store operation"));
  link.close();
  users_.erase(&link);
}

}  // namespace imroute::cluster
