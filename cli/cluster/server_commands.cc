// node, router: one server of a cluster in this process.
#include "cli/cluster/serve.h"
#include "cli/commands.h"
#include "cluster/process/log.h"
#include "cluster/process/node_process.h"
#include "cluster/process/router_process.h"
#include "cluster/process/server_start.h"

namespace imroute {
namespace {

template <class Settings, class Process>
int run_server(const std::string& who, const Settings& settings, const Console& console,
               void (Process::*leave)(), void (Process::*stop)()) {
  using cluster::LogLevel;
  cluster::start_log(who, static_cast<LogLevel>(settings.server.log.level),
                     settings.server.log.json);
  console.err << cluster::settings_text(settings) << '\n';  // in force, after the environment
  cluster::raise_descriptors(settings.server);
  cluster::Loop loop;
  Process process(loop, settings);
  process.on_ready([&] {  // for whoever started this process: it serves, and here
    console.out << "ready " << who << " client " << process.place().client << " peer "
                << process.place().peer
                << (process.admin().empty() ? "" : " admin " + process.admin())
                << (process.web().empty() ? "" : " web " + process.web()) << std::endl;
  });
  return serve(loop, [&] { (process.*leave)(); }, [&] { (process.*stop)(); });
}

}  // namespace

int node_command(const Options& options, const Console& console) {
  const auto settings = read_settings_file<cluster::NodeSettings>(options.config, console);
  return in_environment([&] {
    return run_server<cluster::NodeSettings, cluster::NodeProcess>(
        "node:" + std::to_string(settings.server.index), settings, console,
        &cluster::NodeProcess::drain, &cluster::NodeProcess::stop);
  });
}

int router_command(const Options& options, const Console& console) {
  const auto settings = read_settings_file<cluster::RouterSettings>(options.config, console);
  return in_environment([&] {
    return run_server<cluster::RouterSettings, cluster::RouterProcess>(
        "router:" + std::to_string(settings.server.index), settings, console,
        &cluster::RouterProcess::stop, &cluster::RouterProcess::stop);
  });
}

}  // namespace imroute
