#include "tests/contract/real/zookeeper_server.h"

#include <fstream>
#include <stdexcept>

#include "tests/contract/real/relay.h"

namespace imroute::contract {

namespace {

std::string jar(const std::string& name, const std::string& package) {
  const std::string path = "/usr/share/java/" + name;
  if (!std::filesystem::exists(path)) {
    throw std::runtime_error(path + " is missing; on Debian: apt-get install " + package);
  }
  return path;
}

}  // namespace

ZookeeperServer::ZookeeperServer(std::filesystem::path folder)
    : folder_(std::move(folder)), port_(free_port()) {
  std::ofstream(folder_ / "zoo.cfg") << "tickTime=200\ninitLimit=10\nsyncLimit=5\n"
                                     << "dataDir=" << (folder_ / "data").string() << '\n'
                                     << "clientPort=" << port_ << '\n'
                                     << "clientPortAddress=127.0.0.1\n"
                                     << "admin.enableServer=false\nmaxClientCnxns=0\n";
  start();
}

void ZookeeperServer::start() {
  process_ = Process(
      {"java", "-Xmx64m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Dzookeeper.forceSync=no",
       "-cp",
       jar("zookeeper.jar", "libzookeeper-java") + ":" + jar("slf4j-simple.jar", "libslf4j-java"),
       "org.apache.zookeeper.server.ZooKeeperServerMain", (folder_ / "zoo.cfg").string()},
      "openjdk-17-jre-headless", (folder_ / "zookeeper.log").string());
}

}  // namespace imroute::contract
