// The stores that another process holds (server.h), over one connection: three stores that share
// it. What was sent when the connection breaks is answered unknown; what comes while it is down,
// too. It dials again by itself, with jittered backoff, and then says that the view changed: a
// watch does not outlive its connection.
#pragma once

#include <memory>

#include "cluster/net/link.h"
#include "cluster/store/store.h"
#include "cluster/wire/control.h"

namespace imroute::cluster {

class RemoteStores {
 public:
  RemoteStores(Loop& loop, const HostPort& holder, const Greeting& self,
               LayerTo layer_to = nullptr);
  ~RemoteStores();

  // Each once; they keep what they share alive.
  std::unique_ptr<DirectoryStore> directory();
  std::unique_ptr<MailboxStore> mailbox();
  std::unique_ptr<RegistryStore> registry();

  class Connection;

 private:
  std::shared_ptr<Connection> connection_;
};

}  // namespace imroute::cluster
