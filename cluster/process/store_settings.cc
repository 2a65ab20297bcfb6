#include "cluster/process/store_settings.h"

#include <algorithm>
#include <fstream>

#include "cluster/net/link.h"
#include "cluster/process/log.h"
#include "cluster/store/redis/redis_bus.h"
#include "cluster/store/redis/redis_directory.h"
#include "cluster/store/redis/redis_mailbox.h"
#include "cluster/store/sqlite/sqlite_mailbox.h"
#include "cluster/store/zookeeper/zookeeper_registry.h"

namespace imroute::cluster {

namespace {

constexpr NamedValue kRegistries[] = {{"router", 0, "the first router holds it"},
                                      {"zookeeper", 1, "ZooKeeper: ephemeral nodes, watches"},
                                      {"static", 2, "the first router's list of nodes, no leases"}};
constexpr NamedValue kDirectories[] = {{"router", 0, "the first router holds it in memory"},
                                       {"redis", 1, "Redis: one script per user's change"}};
constexpr NamedValue kMailboxes[] = {{"router", 0, "the first router holds it in a SQLite file"},
                                     {"redis", 1, "Redis: a stream per conversation"}};

std::function<void(std::string_view)> trouble_of(const char* store) {
  return [store](std::string_view why) {
    log_event(LogLevel::warning, "store_trouble", {{"store", store}, {"why", std::string(why)}});
  };
}

RedisSettings redis_of(const StoreSettings& s, const char* store) {
  RedisSettings out;
  out.address = {s.redis};
  out.prefix = s.redis_prefix;
  out.on_trouble = trouble_of(store);
  if (s.redis_password_file.empty()) return out;
  std::ifstream in(s.redis_password_file);
  if (!std::getline(in, out.password)) {
    throw SystemRefusal("cannot read stores.redis.password_file " + s.redis_password_file);
  }
  return out;
}

// A text of which `expected` says what it should be, or nothing when it is that.
ShapeKey checked_key(const char* name, std::string& field, const char* help,
                     std::string_view (*expected)(const std::string&)) {
  ShapeKey key = text_key(name, field, help);
  key.read = [read = key.read, &field, expected](const JsonValue& value, ShapeReader& reader) {
    const size_t errors = reader.errors();
    read(value, reader);
    if (reader.errors() != errors) return;
    const std::string_view wanted = expected(field);
    if (wanted.empty()) return;
    reader.error(value, "found " + in_quotes(field) + ", expected " + std::string(wanted));
  };
  return key;
}

bool can_be_dialled(std::string_view text) {
  const std::optional<HostPort> at = parse_host_port(text);
  return at && at->port != 0;
}

std::string_view expected_of_redis(const std::string& text) {
  const bool good = !RedisAddress{text}.socket_path().empty() || can_be_dialled(text);
  return good ? "" : "host:port, or the path of a unix socket, like \"/run/redis.sock\"";
}

std::string_view expected_of_zookeeper(const std::string& text) {
  for (size_t start = 0; start <= text.size();) {
    const size_t end = std::min(text.find(',', start), text.size());
    if (!can_be_dialled(std::string_view(text).substr(start, end - start))) {
      return "host:port,host:port";
    }
    start = end + 1;
  }
  return "";
}

std::string_view expected_of_root(const std::string& text) {
  const bool good = text.size() > 1 && text.front() == '/' && text.back() != '/' &&
                    text.find("//") == std::string::npos;
  return good ? "" : "a path like \"/imroute\": no empty part, no slash at the end";
}

}  // namespace

Shape stores_shape(StoreSettings& s) {
  Shape redis;
  redis.add(checked_key("address", s.redis, "host:port, or the path of a unix socket",
                        expected_of_redis));
  redis.add(text_key("password_file", s.redis_password_file, "its first line is the password"));
  redis.add(text_key("prefix", s.redis_prefix, "of every key and channel"));
  redis.add(count_key("wait_replicas", s.redis_wait_replicas, 0, 16,
                      "replicas that must have a message before it is accepted"));
  Shape zookeeper;
  zookeeper.add(checked_key("servers", s.zookeeper, "host:port,host:port", expected_of_zookeeper));
  zookeeper.add(
      checked_key("root", s.zookeeper_root, "path of this cluster's tree", expected_of_root));
  Shape shape;
  shape.add(choice_key("registry", s.registry, kRegistries, "which servers live"));
  shape.add(choice_key("directory", s.directory, kDirectories, "which session is where"));
  shape.add(choice_key("mailbox", s.mailbox, kMailboxes, "messages and cursors"));
  shape.add(object_key("redis", std::move(redis), "for directory, mailbox and the bus pubsub"));
  shape.add(object_key("zookeeper", std::move(zookeeper), "for the registry"));
  shape.add(duration_key("retention", s.retention_ns, "messages are kept so long",
                         {.word = "forever", .word_value = 0}));
  return shape;
}

std::unique_ptr<RegistryStore> zookeeper_registry(Loop& loop, const StoreSettings& s, Address self,
                                                  const ServerPlace& place, DurationNs lease) {
  ZookeeperSettings out;
  out.servers = s.zookeeper;
  out.root = s.zookeeper_root;
  out.lease_ns = lease;
  out.on_trouble = trouble_of("registry");
  return std::make_unique<ZookeeperRegistry>(loop, self, place, std::move(out));
}

std::unique_ptr<DirectoryStore> redis_directory(Loop& loop, const StoreSettings& s) {
  return std::make_unique<RedisDirectory>(loop, redis_of(s, "directory"));
}

std::unique_ptr<MailboxStore> redis_mailbox(Loop& loop, const StoreSettings& s) {
  RedisMailboxSettings out;
  out.redis = redis_of(s, "mailbox");
  out.retention_ns = s.retention_ns;
  out.wait_replicas = s.redis_wait_replicas;
  return std::make_unique<RedisMailbox>(loop, loop.pool(), std::move(out));
}

std::unique_ptr<Bus> redis_bus(Loop& loop, const StoreSettings& s, const StrategyConfig& strategy) {
  const bool publishes =
      strategy.kind == StrategyKind::broadcast || strategy.kind == StrategyKind::cached_broadcast;
  if (!publishes || strategy.bus != BusKind::pubsub) return nullptr;
  return std::make_unique<RedisBus>(loop, redis_of(s, "bus"));
}

std::unique_ptr<MailboxStore> file_mailbox(Loop& loop, const StoreSettings& s,
                                           const std::string& path) {
  SqliteMailboxSettings out;
  out.path = path;
  out.retention_ns = s.retention_ns;
  out.on_trouble = trouble_of("mailbox");
  try {
    return std::make_unique<SqliteMailbox>(loop, loop.pool(), std::move(out));
  } catch (const SqliteError& error) {
    throw SystemRefusal(error.what());
  }
}

}  // namespace imroute::cluster
