// up: a whole cluster on this machine, each server a process of its own, so that one can be killed
// like any other.
#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <memory>
#include <sstream>

#include "cli/cluster/child.h"
#include "cli/cluster/serve.h"
#include "cli/commands.h"
#include "cluster/security/authority.h"
#include "config/json.h"
#include "settings/names.h"

namespace imroute {
namespace {

using cluster::NodeSettings;
using cluster::RouterSettings;

struct Running {
  std::unique_ptr<Child> child;
  std::string client, peer, admin, web;  // where it serves
};

// "ready node:0 client 127.0.0.1:7100 peer 127.0.0.1:7101 admin 127.0.0.1:7102 web ..."
void read_ready(const std::string& line, Running& into) {
  std::istringstream words(line);
  std::string word;
  words >> word >> word;
  for (std::string place; words >> word >> place;) {
    if (word == "client") into.client = place;
    if (word == "peer") into.peer = place;
    if (word == "admin") into.admin = place;
    if (word == "web") into.web = place;
  }
}

// Why a server that never was ready ended: its mistakes, or the last that it said.
std::string last_words(const Child& child) {
  const std::string log = read_file(child.log_file());
  const size_t end = log.find_last_not_of('\n') + 1;  // 0 of one that said nothing
  if (child.exit_code() == kExitUsage || end == 0) return log.substr(0, end);
  const size_t start = log.find_last_of('\n', end - 1) + 1;
  return log.substr(start, end - start);
}

class Up {
 public:
  Up(const Options& options, const Console& console)
      : options_(options), console_(console), directory_(options.data_dir) {}

  int run() {
    lock_directory();
    if (!options_.strategies.empty()) {
      strategy_ = *parse_strategy_name(options_.strategies.front(), strategy_, nullptr);
    }
    if (options_.tls) {
      tls_ = cluster::Authority(directory_ / "tls", "authority")
                 .issue("server", "IP:127.0.0.1,DNS:localhost");
    }
    loop_.on_signals([this](int signal) { on_signal(signal); });
    start_router();
    loop_.run();
    return code_;
  }

 private:
  // Of another that runs there, the logs and certificates are in use.
  void lock_directory() {
    const std::string file = (directory_ / "up.lock").string();
    lock_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (lock_ < 0 || ::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
      throw EnvironmentError(errno == EWOULDBLOCK
                                 ? "another imroute up runs in " + directory_.string() +
                                       "; give this one a --data of its own"
                                 : "cannot lock " + file + ": " + std::strerror(errno));
    }
  }
  std::string address(uint32_t offset) const {
    return "127.0.0.1:" + std::to_string(options_.port == 0 ? 0 : options_.port + offset);
  }
  template <class Settings>
  std::vector<std::string> arguments(const char* command, const char* file_name,
                                     const Settings& settings) {
    const std::filesystem::path file = directory_ / file_name;
    write_file(file, cluster::settings_text(settings) + "\n");
    return {command, "--config", file.string()};
  }
  std::unique_ptr<Child> start(const std::string& name, const std::vector<std::string>& arguments) {
    return std::make_unique<Child>(
        loop_, name, arguments, (directory_ / (name + ".log")).string(),
        Child::Events{[this](Child& child, const std::string& line) { on_ready(child, line); },
                      [this](Child& child) { on_end(child); }});
  }

  void start_router() {
    RouterSettings settings;
    settings.server.client = address(0);
    settings.server.peer = address(1);
    settings.server.admin = address(2);
    settings.http = address(3);
    settings.server.strategy = strategy_;
    settings.server.tls = tls_;
    settings.data_dir = directory_.string();
    router_.child = start("router", arguments("router", "router.json", settings));
  }
  void start_nodes() {
    nodes_.resize(options_.nodes);
    for (uint32_t i = 0; i < options_.nodes; ++i) {
      NodeSettings settings;
      settings.server.index = i;
      settings.server.client = address(10 + 4 * i);
      settings.server.peer = address(11 + 4 * i);
      settings.server.admin = address(12 + 4 * i);
      settings.server.strategy = strategy_;
      settings.server.tls = tls_;
      settings.routers = {{router_.client, router_.peer}};
      const std::string name = "node-" + std::to_string(i);
      nodes_[i].child = start(name, arguments("node", (name + ".json").c_str(), settings));
    }
  }

  void on_ready(Child& child, const std::string& line) {
    if (&child == router_.child.get()) {
      read_ready(line, router_);
      return start_nodes();
    }
    bool all = true;
    for (Running& node : nodes_) {
      if (node.child.get() == &child) read_ready(line, node);
      all = all && node.child != nullptr && node.child->ready();
    }
    if (all) print_table();
  }

  void print_table() {
    Table table({{"server"}, {"pid", true}, {"clients"}, {"servers"}, {"admin"}, {"web"}});
    const auto row = [&table](const Running& r) {
      table.add_row({{r.child->name(), Paint::cyan},
                     {std::to_string(r.child->pid())},
                     {r.client},
                     {r.peer},
                     {r.admin},
                     {r.web.empty() ? "-" : r.web}});
    };
    row(router_);
    for (const Running& node : nodes_) row(node);
    table.print(console_);
    console_.out << "\nlogs and configuration in " << directory_.string()
                 << "; Ctrl-C stops all\nnext, in another terminal: imroute chat --user alice"
                 << (router_.client == "127.0.0.1:7000" ? "" : " --router " + router_.client)
                 << (options_.tls ? " --tls-ca " + tls_.authority : "") << std::endl;
  }

  void on_end(Child& child) {
    if (!stopping_) {
      console_.err << "imroute: " << child.name() << " (pid " << child.pid() << ") "
                   << child.end_text() << std::endl;
      const std::string why = child.ready() ? "" : last_words(child);
      if (!why.empty()) console_.err << why << std::endl;
      // Without its start the cluster is not the one asked for; a server that dies later is missed
      // by clients no more than one of a real cluster.
      if (!child.ready() || &child == router_.child.get()) {
        code_ = child.ready()                     ? kExitViolated
                : child.exit_code() == kExitUsage ? kExitUsage
                                                  : kExitEnvironment;
        stop(SIGINT);
      }
    }
    go_on_stopping();
  }

  void on_signal(int signal) {
    if (stopping_) {  // the second time: at once
      code_ = kExitInterrupted;
      return loop_.stop();
    }
    if (signal == SIGINT) code_ = kExitInterrupted;
    stop(signal);
    go_on_stopping();
  }
  // Nodes first: the router hears from each that it leaves. Nobody is left to drain to.
  void stop(int) {
    stopping_ = true;
    for (const Running& node : nodes_) {
      if (node.child != nullptr) node.child->signal(SIGINT);
    }
  }
  void go_on_stopping() {
    if (!stopping_) return;
    for (const Running& node : nodes_) {
      if (node.child != nullptr && !node.child->ended()) return;
    }
    if (router_.child == nullptr || router_.child->ended()) return loop_.stop();
    router_.child->signal(SIGINT);
  }

  const Options& options_;
  const Console& console_;
  std::filesystem::path directory_;
  int lock_ = -1;  // the end of the process lets go
  StrategyConfig strategy_;
  cluster::TlsFiles tls_;
  cluster::Loop loop_;
  Running router_;
  std::vector<Running> nodes_;
  bool stopping_ = false;
  int code_ = kExitHeld;
};

}  // namespace

int up_command(const Options& options, const Console& console) {
  prepare_directory(options.data_dir);
  return in_environment([&] { return Up(options, console).run(); });
}

}  // namespace imroute
