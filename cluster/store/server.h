// Serves the stores of this process to others over their connections: each request is asked of a
// store like any other, so what is behind may be memory, SQLite or anything with the same
// interface.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "cluster/net/link.h"
#include "cluster/store/store.h"
#include "cluster/wire/control.h"
#include "cluster/wire/store_codec.h"

namespace imroute::cluster {

// Between a process that holds stores and one that asks it.
inline constexpr LinkOptions kStoreLink{.most_pending = 64 * 1024 * 1024,
                                        .most_control = kMostStoreBytes};

class StoreServer : public LinkOwner {
 public:
  // nullptr: the registry is not held here.
  using MakeRegistry = std::function<std::unique_ptr<RegistryStore>(Address, const ServerPlace&)>;
  // The stores outlive the server.
  StoreServer(BlobPool& pool, DirectoryStore& directory, MailboxStore& mailbox,
              MakeRegistry make_registry);
  ~StoreServer() override;

  // Of a server that greeted as a user of the stores.
  void adopt(const LinkHandle& link, const Greeting& greeting);
  size_t users() const { return users_.size(); }

 private:
  struct User;
  void on_frame(Link& link, const Frame& frame) override;
  void on_control(Link& link, uint8_t type, std::span<const std::byte> body) override;
  void on_closed(Link& link, Reason reason) override;
  void drop(Link& link);

  BlobPool& pool_;
  DirectoryStore& directory_;
  MailboxStore& mailbox_;
  MakeRegistry make_registry_;
  std::map<const Link*, std::shared_ptr<User>> users_;
};

}  // namespace imroute::cluster
