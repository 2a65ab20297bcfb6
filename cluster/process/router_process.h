// The router as a process runs it: the core's Router on sockets. What the configuration leaves to a
// router it holds: registry and directory in memory, the mailbox in a file. It asks them itself and
// serves them to the nodes.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>

#include "cluster/machine/driver.h"
#include "cluster/process/admin.h"
#include "cluster/process/router_api.h"
#include "cluster/process/server_start.h"
#include "cluster/process/settings.h"
#include "cluster/process/user_book.h"
#include "cluster/store/held.h"
#include "cluster/store/server.h"
#include "core/router/router.h"
#include "store/directory.h"

namespace imroute::cluster {

class RouterProcess : public Environment {
 public:
  // Throws SystemRefusal, as when a port is taken or the data directory cannot be written.
  RouterProcess(Loop& loop, const RouterSettings& settings);
  ~RouterProcess() override;

  // Called once, when it serves: at once.
  void on_ready(std::function<void()> call) { loop_.post(std::move(call)); }
  const ServerPlace& place() const { return self_.place; }
  // "host:port" of the operators' port, empty when there is none.
  std::string admin() const;
  // The same of the HTTP API.
  std::string web() const;
  void stop();

 private:
  std::string metrics();
  std::optional<HostPort> where(Address) override { return std::nullopt; }  // it dials nobody
  void on_trace(const TraceRecord& record) override;
  void on_trouble(std::optional<Address> dialled, std::string_view why) override;
  void admit(const std::string& address, const Greeting& greeting, Decide decide) override;
  void before_client_frame(Link& link, const Frame& frame) override;
  bool on_client_control(Link& link, uint8_t type, std::span<const std::byte> body) override;
  bool on_store_user(const LinkHandle& link, const Greeting& greeting) override;
  MonoTime settled_at() const;
  std::unique_ptr<DirectoryStore> make_directory();
  std::unique_ptr<MailboxStore> make_mailbox();
  std::unique_ptr<RegistryStore> make_registry(Address server, const ServerPlace& place);
  bool holds_registry() const {
    return settings_.server.stores.registry != RegistryKind::zookeeper;
  }
  bool lives(const DeviceRow& row) const;
  void serve_api();
  void answer_groups(const LinkHandle& link, const UsersQuery& query);
  void answer_users(const LinkHandle& link, const UsersQuery& query);

  Loop& loop_;
  RouterSettings settings_;
  Layers layers_;
  std::filesystem::path data_dir_;
  Greeting self_;
  HeldRegistry registry_;
  std::map<NodeId, std::string> unlisted_;  // why a node is refused, as it was logged last
  MonoTime settled_at_;
  Directory directory_;
  std::unique_ptr<DirectoryStore> directory_store_;  // for the nodes and for questions of users
  std::unique_ptr<MailboxStore> mailbox_store_;
  UserBook users_, groups_;
  StoreServer server_;
  std::unique_ptr<Listener> client_listener_, peer_listener_;
  MachineOf<Router> machine_;
  std::optional<Driver> driver_;
  std::unique_ptr<HttpServer> admin_;
  RouterGate gate_;
  std::unique_ptr<RouterApi> api_;
  std::unique_ptr<HttpServer> http_;
};

}  // namespace imroute::cluster
