// Which stores a server uses, and where they are. The same in all servers of a cluster.
#pragma once

#include <memory>
#include <string>

#include "cluster/net/loop.h"
#include "cluster/store/store.h"
#include "config/shape.h"
#include "core/model/config.h"

namespace imroute::cluster {

enum class RegistryKind : uint8_t { router, zookeeper, listed };
enum class DirectoryKind : uint8_t { router, redis };
enum class MailboxKind : uint8_t { router, redis };

struct StoreSettings {
  RegistryKind registry = RegistryKind::router;
  DirectoryKind directory = DirectoryKind::router;
  MailboxKind mailbox = MailboxKind::router;
  std::string redis = "127.0.0.1:6379";
  std::string redis_password_file;
  std::string redis_prefix = "imroute:";
  uint32_t redis_wait_replicas = 0;
  std::string zookeeper = "127.0.0.1:2181";
  std::string zookeeper_root = "/imroute";
  DurationNs retention_ns = 0;  // 0: for ever

  bool needs_router() const {
    return registry != RegistryKind::zookeeper || directory == DirectoryKind::router ||
           mailbox == MailboxKind::router;
  }
};

Shape stores_shape(StoreSettings& settings);

// Those that are servers of their own. Each throws SystemRefusal when the settings cannot be used.
std::unique_ptr<RegistryStore> zookeeper_registry(Loop& loop, const StoreSettings& settings,
                                                  Address self, const ServerPlace& place,
                                                  DurationNs lease);
std::unique_ptr<DirectoryStore> redis_directory(Loop& loop, const StoreSettings& settings);
std::unique_ptr<MailboxStore> redis_mailbox(Loop& loop, const StoreSettings& settings);
// When the strategy publishes; nullptr when it does not.
std::unique_ptr<Bus> redis_bus(Loop& loop, const StoreSettings& settings,
                               const StrategyConfig& strategy);
// The mailbox that a router holds for the others, in a file.
std::unique_ptr<MailboxStore> file_mailbox(Loop& loop, const StoreSettings& settings,
                                           const std::string& path);

}  // namespace imroute::cluster
