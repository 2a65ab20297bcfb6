#include "cluster/http/routes.h"

#include <utility>

#include "cluster/http/parameters.h"

namespace imroute::cluster {

namespace {

bool is_argument(const std::string& part) { return part.starts_with('{'); }

bool matches(const std::vector<std::string>& pattern, const std::vector<std::string>& parts) {
  if (pattern.size() != parts.size()) return false;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (is_argument(pattern[i]) ? parts[i].empty() : pattern[i] != parts[i]) return false;
  }
  return true;
}

bool is_json(std::string_view type) {
  return type.substr(0, type.find_first_of("; \t")) == "application/json";
}

void add_word(std::string& list, std::string_view word) {
  if (list.find(word) != std::string::npos) return;
  list += list.empty() ? "" : ", ";
  list += word;
}

}  // namespace

void HttpRoutes::add(const char* method, const char* pattern, Handler handler, bool reads_query) {
  routes_.push_back(
      {method, parse_target(pattern)->parts, pattern, std::move(handler), reads_query});
}

void HttpRoutes::answer(const HttpRequest& request, const Respond& respond) const {
  const std::string_view method = request.method == "HEAD" ? "GET" : request.method;
  std::string allow;
  for (const Route& route : routes_) {
    if (!matches(route.parts, request.target.parts)) continue;
    add_word(allow, route.method);
    if (route.method == "GET") add_word(allow, "HEAD");
    if (route.method != method) continue;
    if (!request.body.empty() && !is_json(request.content_type)) {
      return respond(problem_reply({415, "the body is not declared as JSON",
                                    "Content-Type: " + std::string(request.content_type),
                                    "application/json", "send Content-Type: application/json"}));
    }
    const QueryReader none(request.target, {});
    if (!route.reads_query && none.mistake()) return respond(*none.mistake());
    std::string argument;
    for (size_t i = 0; i < route.parts.size(); ++i) {
      if (is_argument(route.parts[i])) argument = request.target.parts[i];
    }
    return route.handler(request, argument, respond);
  }
  if (!allow.empty()) {
    HttpReply reply = problem_reply({405, "this path does not have that method",
                                     std::string(request.method) + " " + request.target.path, allow,
                                     "use one of the methods that are allowed"});
    reply.allow = allow;
    return respond(std::move(reply));
  }
  std::string paths;
  for (const Route& route : routes_) add_word(paths, route.pattern);
  respond(problem_reply({404, "there is no such path", request.target.path, paths, {}}));
}

}  // namespace imroute::cluster
