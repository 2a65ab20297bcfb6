// The port for operators and their tools: whether a server lives and is ready, what it counts, and
// how it is told to leave.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cluster/http/routes.h"
#include "cluster/http/server.h"

namespace imroute::cluster {

// What a server brings for the paths that every server has.
struct AdminPaths {
  std::function<bool()> ready;           // /readyz: takes logins or places them
  std::function<std::string()> metrics;  // /metrics
  std::function<void()> drain;           // POST /drain
};
HttpRoutes admin_routes(const AdminPaths& paths);

}  // namespace imroute::cluster
