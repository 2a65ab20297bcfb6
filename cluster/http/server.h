// HTTP/1.1 for this process: the operators' port, and a router's API. One loop and no thread of its
// own: a handler that has to wait answers later.
//
// Every part of a request has a limit that is checked before memory is spent on it, and a time; a
// connection that waits between requests owns no buffer. There are at most so many connections: one
// more pushes out the oldest that waits. Requests are parsed by Beast.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cluster/http/message.h"
#include "cluster/net/link.h"

namespace imroute::cluster {

struct HttpLimits {
  size_t connections = 512;
  uint32_t header_bytes = 8 * 1024;
  size_t body_bytes = 512 * 1024;
  DurationNs idle = 60 * kSecond;     // between requests
  DurationNs arrival = 10 * kSecond;  // of a request, from its first byte
  DurationNs answer = 10 * kSecond;   // then 504
  DurationNs writing = 10 * kSecond;  // of an answer
};

struct HttpTotals {
  uint64_t requests = 0;
  uint64_t bad_requests = 0;  // that were no HTTP, too large or late
  uint64_t unanswered = 0;    // 504
  uint64_t pushed_out = 0;    // connections, for others
};

class HttpServer {
 public:
  using Answer = std::function<void(const HttpRequest& request, Respond respond)>;
  // What stands between a connection and its socket (net/layer.h); nullptr: nothing.
  using MakeLayer = std::function<LayerHandle()>;
  // Throws SystemRefusal when it cannot listen there.
  HttpServer(Loop& loop, const HostPort& at, Answer answer, const HttpLimits& limits = {},
             MakeLayer make_layer = nullptr);
  ~HttpServer();
  uint16_t port() const;
  const HttpTotals& totals() const;

 private:
  class Visit;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace imroute::cluster
