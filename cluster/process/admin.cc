#include "cluster/process/admin.h"

#include <utility>

namespace imroute::cluster {

HttpRoutes admin_routes(const AdminPaths& paths) {
  using Text = std::function<HttpReply()>;
  HttpRoutes routes;
  const auto add = [&routes](const char* method, const char* path, Text text) {
    routes.add(
        method, path,
        [text = std::move(text)](const HttpRequest&, const std::string&, const Respond& respond) {
          respond(text());
        },
        true);  // whatever a probe or a scraper adds
  };
  add("GET", "/healthz", [] { return text_reply(200, "ok\n"); });
  add("GET", "/readyz", [ready = paths.ready] {
    return ready() ? text_reply(200, "ready\n") : text_reply(503, "not ready\n");
  });
  add("GET", "/metrics", [metrics = paths.metrics] {
    return HttpReply{200, metrics(), "text/plain; version=0.0.4", {}};
  });
  add("POST", "/drain", [drain = paths.drain] {
    drain();
    return text_reply(202, "draining\n");
  });
  return routes;
}

}  // namespace imroute::cluster
