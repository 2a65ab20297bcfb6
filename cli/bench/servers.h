// The servers under a benchmark: a router and nodes, each a process of its own, with what they have
// used so far. Their files are below a directory of the benchmark, gone with it.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "cli/cluster/child.h"
#include "cluster/process/settings.h"

namespace imroute::bench {

// Processor time of a process so far, all its threads. Throws EnvironmentError when it is gone.
DurationNs processor_time(pid_t pid);
// Memory of a process that is its own, resident now.
uint64_t private_bytes(pid_t pid);
// So many descriptors in this process, and in those that it starts. Throws EnvironmentError that
// names `ulimit -n` when the system does not allow them.
void need_descriptors(uint64_t count, const std::string& what);

// Of all servers.
struct ServerPlan {
  uint32_t nodes = 2;
  cluster::ServerSettings common;
};

class Servers {
 public:
  // Ready when it returns.
  explicit Servers(const ServerPlan& plan);

  const std::string& node(size_t index) const { return servers_[index + 1].client; }
  pid_t node_pid(size_t index) const { return servers_[index + 1].child->pid(); }
  pid_t router_pid() const { return servers_[0].child->pid(); }
  // Router and nodes together.
  DurationNs processor_time() const;

 private:
  struct Server {
    std::unique_ptr<Child> child;
    std::string client, peer;
  };
  template <class Settings>
  void start(const char* command, const std::string& name, const Settings& settings);
  void wait_ready();

  struct Directory {  // gone with it
    std::string path;
    ~Directory();
  };
  Directory directory_;
  cluster::Loop loop_;
  std::vector<Server> servers_;  // the router, then the nodes
};

}  // namespace imroute::bench
