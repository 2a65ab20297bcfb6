// What a request of HTTP says and what it is answered, without sockets: targets taken apart, and
// problems as application/problem+json (RFC 9457) that say what was found, what is allowed and what
// to do.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/json.h"

namespace imroute::cluster {

// "/v1/users/a%20b?online&limit=5"
struct HttpTarget {
  std::string path;                          // as it was written
  std::vector<std::string> parts;            // "v1", "users", "a b"
  std::map<std::string, std::string> query;  // a key without '=' has an empty value
};
inline constexpr size_t kMostParts = 8;
inline constexpr size_t kMostQueryKeys = 16;
// Nothing when it is not a path, an escape is broken, a key comes twice, or there is too much of
// it.
std::optional<HttpTarget> parse_target(std::string_view text);

struct HttpRequest {
  std::string_view method;
  HttpTarget target;
  std::string_view content_type;
  std::string_view body;
  std::string_view authorization{};
};

struct HttpReply {
  int status = 200;
  std::string body;
  std::string type = "application/json";
  std::string allow;  // the methods there are, with status 405
};
// Answers a request: once, now or later. What comes after the request's deadline is dropped.
using Respond = std::function<void(HttpReply)>;

HttpReply json_reply(int status, const JsonValue& body);
inline HttpReply text_reply(int status, std::string text) {
  return {status, std::move(text), "text/plain; charset=utf-8", {}};
}

struct Problem {
  int status = 400;
  std::string detail{};  // what is wrong, in words
  std::string found{};   // this and the rest are left out when empty
  std::string allowed{};
  std::string fix{};
  std::vector<std::pair<std::string, std::string>> errors{};  // JSON pointer into the body, mistake
};
HttpReply problem_reply(const Problem& problem);
const char* status_text(int status);

// May a page of that origin speak to this server? One that was listed, one of this machine, or the
// page that was itself got from here. A host name of which the server knows nothing is not "here":
// any name can be made to lead to this machine.
bool origin_allowed(std::string_view origin, std::string_view host,
                    const std::vector<std::string>& listed);

}  // namespace imroute::cluster
