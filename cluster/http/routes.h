// Which path and method is answered by what. A path that is not there, or not with that method, is
// answered with what there is.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/http/message.h"

namespace imroute::cluster {

class HttpRoutes {
 public:
  // `argument` is the part of the path that stands for "{...}" of the pattern, empty without one.
  using Handler =
      std::function<void(const HttpRequest& request, const std::string& argument, Respond respond)>;
  // "/v1/sessions/{user}". A body, where the method has one, must be called JSON: so no page of
  // another site can send it without a browser asking first. GET also answers HEAD.
  // `reads_query`: the handler looks at the query itself; else there must be none.
  void add(const char* method, const char* pattern, Handler handler, bool reads_query = false);
  void answer(const HttpRequest& request, const Respond& respond) const;

 private:
  struct Route {
    std::string method;
    std::vector<std::string> parts;
    std::string pattern;
    Handler handler;
    bool reads_query;
  };
  std::vector<Route> routes_;
};

}  // namespace imroute::cluster
