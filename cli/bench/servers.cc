#include "cli/bench/servers.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/bench/load.h"
#include "cli/files.h"

namespace imroute::bench {

DurationNs processor_time(pid_t pid) {
  clockid_t clock{};
  timespec time{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &time) != 0) {
    throw EnvironmentError("a server under the benchmark is gone");
  }
  return time.tv_sec * kSecond + time.tv_nsec;
}

uint64_t private_bytes(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/status");
  for (std::string word; in >> word;) {
    uint64_t kilobytes = 0;
    if (word == "RssAnon:" && in >> kilobytes) return kilobytes * 1024;
  }
  throw EnvironmentError("cannot read what memory a server under the benchmark has");
}

void need_descriptors(uint64_t count, const std::string& what) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  if (limit.rlim_cur >= count) return;
  rlimit wanted = limit;
  wanted.rlim_cur = count;
  if (count <= limit.rlim_max && ::setrlimit(RLIMIT_NOFILE, &wanted) == 0) return;
  throw EnvironmentError(what + " need " + std::to_string(count) +
                         " descriptors in one process, and " + std::to_string(limit.rlim_max) +
                         " are allowed: try again after `ulimit -n " + std::to_string(count) +
                         "`, or with fewer --connections");
}

namespace {

std::string fresh_directory() {
  std::string path = std::filesystem::temp_directory_path() / "imroute-bench-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) {
    throw EnvironmentError("cannot make a directory below " +
                           std::filesystem::temp_directory_path().string() + ": " +
                           std::strerror(errno));
  }
  return path;
}

// "ready node:0 client 127.0.0.1:7100 peer 127.0.0.1:7101"
void read_places(const std::string& line, std::string& client, std::string& peer) {
  std::istringstream words(line);
  std::string word;
  words >> word >> word;
  for (std::string place; words >> word >> place;) {
    if (word == "client") client = place;
    if (word == "peer") peer = place;
  }
}

std::string content(const std::string& file) {
  std::ifstream in(file);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

}  // namespace

template <class Settings>
void Servers::start(const char* command, const std::string& name, const Settings& settings) {
  const std::string file = directory_.path + "/" + name + ".json";
  write_file(file, cluster::settings_text(settings) + "\n");
  Server& server = servers_.emplace_back();
  server.child =
      std::make_unique<Child>(loop_, name, std::vector<std::string>{command, "--config", file},
                              directory_.path + "/" + name + ".log",
                              Child::Events{[this, &server](Child&, const std::string& line) {
                                              read_places(line, server.client, server.peer);
                                              loop_.stop();
                                            },
                                            [this](Child&) { loop_.stop(); }});
}

void Servers::wait_ready() {
  const auto ready = [](const Server& server) { return server.child->ready(); };
  while (!std::all_of(servers_.begin(), servers_.end(), ready)) {
    loop_.run();
    stop_if_interrupted();
    for (const Server& server : servers_) {
      if (!server.child->ended()) continue;
      throw EnvironmentError(server.child->name() + " of the benchmark " +
                             server.child->end_text() + ":\n" + content(server.child->log_file()));
    }
  }
}

Servers::Servers(const ServerPlan& plan) : directory_{fresh_directory()} {
  servers_.reserve(plan.nodes + 1);
  cluster::ServerSettings common = plan.common;
  common.client = common.peer = "127.0.0.1:0";
  common.log.level = 2;
  cluster::RouterSettings router;
  router.server = common;
  router.data_dir = directory_.path;
  start("router", "router", router);
  wait_ready();
  for (uint32_t i = 0; i < plan.nodes; ++i) {
    cluster::NodeSettings node;
    node.server = common;
    node.server.index = i;
    node.routers = {{servers_[0].client, servers_[0].peer}};
    start("node", "node-" + std::to_string(i), node);
  }
  wait_ready();
}

Servers::Directory::~Directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

DurationNs Servers::processor_time() const {
  DurationNs sum = 0;
  for (const Server& server : servers_) sum += bench::processor_time(server.child->pid());
  return sum;
}

}  // namespace imroute::bench
