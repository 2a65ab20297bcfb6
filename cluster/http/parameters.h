// Reads what a request brings in its query and its body. Every mistake of a body is told at once,
// each at its place.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "cluster/http/message.h"
#include "config/shape.h"

namespace imroute::cluster {

// Fills what `shape` describes. Nothing when it could; else what to answer.
std::optional<HttpReply> read_body(const HttpRequest& request, const Shape& shape);

// The keys of a query that a path knows.
class QueryReader {
 public:
  QueryReader(const HttpTarget& target, std::initializer_list<std::string_view> known);
  std::string text(const char* key) const;
  bool flag(const char* key);  // given without a value, or true or false
  uint64_t number(const char* key, uint64_t least, uint64_t most, uint64_t without);
  // The first mistake.
  const std::optional<HttpReply>& mistake() const { return mistake_; }

 private:
  void wrong(const char* key, const std::string& allowed);
  const HttpTarget& target_;
  std::optional<HttpReply> mistake_;
};

}  // namespace imroute::cluster
