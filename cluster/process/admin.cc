#include "cluster/process/admin.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace imroute::cluster {

namespace {

constexpr size_t kMostVisits = 64;
constexpr size_t kMostRequest = 8 * 1024;
constexpr DurationNs kVisitTime = 5 * kSecond;

const char* status_text(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 202:
      return "Accepted";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    default:
      return "Service Unavailable";
  }
}

std::string response_text(const AdminAnswer& answer, bool head) {
  std::string out = "HTTP/1.1 " + std::to_string(answer.status) + " " + status_text(answer.status) +
                    "\r\nContent-Type: " + answer.type +
                    "\r\nContent-Length: " + std::to_string(answer.body.size()) +
                    "\r\nConnection: close\r\n\r\n";
  return head ? out : out + answer.body;
}

}  // namespace

struct AdminServer::Visit {
  Visit(Loop& loop, int s, std::shared_ptr<Answer> a, std::shared_ptr<size_t> o)
      : socket(s), answer(std::move(a)), open(std::move(o)), late(loop, [this] {
          ::shutdown(socket, SHUT_RDWR);  // seen as the end of its input
        }) {
    ++*open;
    late.set(monotonic_now() + kVisitTime);
  }
  ~Visit() {
    --*open;
    ::close(socket);
  }

  // False when the visit is over.
  bool read_some() {
    char buffer[2048];
    const ssize_t size = ::recv(socket, buffer, sizeof buffer, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (size <= 0) return false;
    request.append(buffer, static_cast<size_t>(size));
    const bool whole = request.find("\r\n\r\n") != std::string::npos;
    if (!whole && request.size() < kMostRequest) return true;
    respond(whole);
    return false;
  }
  void respond(bool whole) {
    const std::string_view line = std::string_view(request).substr(0, request.find("\r\n"));
    const size_t first = line.find(' '), second = line.rfind(' ');
    AdminAnswer said{400, "not a request\n"};
    std::string_view method;
    if (whole && first < second && line.substr(second + 1).starts_with("HTTP/1.")) {
      method = line.substr(0, first);
      said = (*answer)(method, line.substr(first + 1, second - first - 1));
    }
    const std::string text = response_text(said, method == "HEAD");
    [[maybe_unused]] const ssize_t sent =
        ::send(socket, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    ::shutdown(socket, SHUT_WR);
  }

  int socket;
  std::shared_ptr<Answer> answer;
  std::shared_ptr<size_t> open;
  Timer late;
  std::string request;
};

AdminServer::AdminServer(Loop& loop, const HostPort& at, Answer answer)
    : loop_(loop),
      answer_(std::make_shared<Answer>(std::move(answer))),
      listener_(std::make_unique<Listener>(loop, at, [this](int socket) { adopt(socket); })) {}

AdminServer::~AdminServer() {
  *answer_ = [](auto, auto) { return AdminAnswer{503, ""}; };
}

void AdminServer::adopt(int socket) {
  if (*open_ >= kMostVisits) {
    ::close(socket);
    return;
  }
  auto visit = std::make_shared<Visit>(loop_, socket, answer_, open_);
  loop_.watch(socket, [visit] { return visit->read_some(); });
}

AdminAnswer answer_admin(const AdminPaths& paths, std::string_view method, std::string_view path) {
  const bool gets = method == "GET" || method == "HEAD";
  path = path.substr(0, path.find('?'));
  if (path == "/drain") {
    if (method != "POST") return {405, "POST it\n"};
    paths.drain();
    return {202, "draining\n"};
  }
  const bool known = path == "/healthz" || path == "/readyz" || path == "/metrics";
  if (!known) return {404, "GET /healthz, /readyz, /metrics; POST /drain\n"};
  if (!gets) return {405, "GET it\n"};
  if (path == "/healthz") return {200, "ok\n"};
  if (path == "/metrics") return {200, paths.metrics(), "text/plain; version=0.0.4"};
  return paths.ready() ? AdminAnswer{200, "ready\n"} : AdminAnswer{503, "not ready\n"};
}

}  // namespace imroute::cluster
