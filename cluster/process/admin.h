// The port for operators and their tools: a few paths over HTTP/1.1, one answer a connection. It is
// no front for users: small requests only, few connections, each with little time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "cluster/net/link.h"

namespace imroute::cluster {

struct AdminAnswer {
  int status = 200;
  std::string body;
  const char* type = "text/plain; charset=utf-8";
};

class AdminServer {
 public:
  // `answer(method, path)`. Throws SystemRefusal when it cannot listen there.
  using Answer = std::function<AdminAnswer(std::string_view method, std::string_view path)>;
  AdminServer(Loop& loop, const HostPort& at, Answer answer);
  ~AdminServer();
  uint16_t port() const { return listener_->port(); }

 private:
  struct Visit;
  void adopt(int socket);

  Loop& loop_;
  std::shared_ptr<Answer> answer_;
  std::shared_ptr<size_t> open_ = std::make_shared<size_t>(0);
  std::unique_ptr<Listener> listener_;
};

// The paths that every server has.
struct AdminPaths {
  std::function<bool()> ready;           // /readyz: takes logins or places them
  std::function<std::string()> metrics;  // /metrics
  std::function<void()> drain;           // POST /drain
};
AdminAnswer answer_admin(const AdminPaths& paths, std::string_view method, std::string_view path);

}  // namespace imroute::cluster
