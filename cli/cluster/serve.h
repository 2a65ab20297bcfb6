// What the commands that keep running share: reading a configuration, signals into exit codes.
#pragma once

#include <algorithm>
#include <csignal>
#include <string>
#include <vector>

#include "cli/console.h"
#include "cli/files.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cluster/net/loop.h"
#include "cluster/process/settings.h"
#include "cluster/process/user_client.h"

namespace imroute {

// Reads the file and the IMROUTE_* variables; shows every mistake and throws UsageError.
template <class Settings>
Settings read_settings_file(const std::string& file, const Console& console) {
  Settings settings;
  const std::vector<Diagnostic> mistakes =
      cluster::read_settings(read_file(file), file, cluster::imroute_variables(), settings);
  for (const Diagnostic& mistake : mistakes) console.err << mistake.to_string() << '\n';
  if (!mistakes.empty()) {
    throw UsageError(counted(mistakes.size(), "mistake") + ", nothing was started");
  }
  return settings;
}

// Runs it; what the system refuses there is a mistake of the user's environment.
template <class Run>
int in_environment(Run run) {
  try {
    return run();
  } catch (const cluster::SystemRefusal& refusal) {
    throw EnvironmentError(refusal.what());
  }
}

inline std::string first_word(const std::string& text) {
  const size_t from = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  return text.substr(from, text.find_first_of(" \t\r\n", from) - from);
}

// Who the options say that the user is, and how he is reached.
inline cluster::UserSettings user_settings(const Options& options) {
  cluster::UserSettings settings;
  settings.name = options.user;
  settings.device = options.device;
  settings.routers = options.routers;
  settings.tls_authority = options.tls_authority;
  settings.pass = options.pass_file.empty() ? "" : first_word(read_file(options.pass_file));
  return settings;
}

// Runs the loop until it is stopped. SIGTERM asks to leave in order, SIGINT to stop at once.
template <class Leave, class Stop>
int serve(cluster::Loop& loop, Leave leave, Stop stop) {
  int code = kExitHeld;
  loop.on_signals([&](int signal) {
    if (signal == SIGINT) code = kExitInterrupted;
    if (signal == SIGINT) {
      stop();
    } else {
      leave();
    }
  });
  loop.run();
  return code;
}

}  // namespace imroute
