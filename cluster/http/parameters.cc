#include "cluster/http/parameters.h"

#include <algorithm>
#include <charconv>

namespace imroute::cluster {

std::optional<HttpReply> read_body(const HttpRequest& request, const Shape& shape) {
  const ParsedJson parsed = parse_json(request.body);
  Problem problem;
  const auto at = [](const Place& place) {
    return "line " + std::to_string(place.line) + ", column " + std::to_string(place.column) + ": ";
  };
  for (const JsonProblem& mistake : parsed.problems) {
    problem.errors.emplace_back(mistake.pointer, at(mistake.place) + mistake.message);
  }
  if (!problem.errors.empty()) {
    problem.detail = "the body is not JSON: " + problem.errors.front().second;
    problem.allowed = "one JSON object";
    return problem_reply(problem);
  }
  Diagnostics diagnostics({"body"});
  ShapeReader reader(diagnostics);
  read_shape(shape, *parsed.value, reader);
  for (const Diagnostic& mistake : diagnostics.take()) {
    problem.errors.emplace_back(mistake.pointer, mistake.message);
  }
  if (problem.errors.empty()) return std::nullopt;
  problem.status = 422;
  problem.detail = "the body is not what this path takes: " + problem.errors.front().first + " " +
                   problem.errors.front().second;
  problem.fix = "GET /v1/openapi.json describes every body";
  return problem_reply(problem);
}

QueryReader::QueryReader(const HttpTarget& target, std::initializer_list<std::string_view> known)
    : target_(target) {
  std::string allowed;
  for (const std::string_view key : known)
    allowed += (allowed.empty() ? "" : ", ") + std::string(key);
  for (const auto& [key, value] : target.query) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    mistake_ = problem_reply({400,
                              "the query has a key that this path does not know",
                              key,
                              allowed.empty() ? "no query" : allowed,
                              {},
                              {}});
    return;
  }
}

std::string QueryReader::text(const char* key) const {
  const auto at = target_.query.find(key);
  return at == target_.query.end() ? std::string() : at->second;
}

void QueryReader::wrong(const char* key, const std::string& allowed) {
  if (mistake_) return;
  mistake_ = problem_reply({400,
                            "a value in the query cannot be used",
                            std::string(key) + "=" + text(key),
                            allowed,
                            {},
                            {}});
}

bool QueryReader::flag(const char* key) {
  const auto at = target_.query.find(key);
  if (at == target_.query.end() || at->second == "false") return false;
  if (!at->second.empty() && at->second != "true") wrong(key, "nothing, true or false");
  return true;
}

uint64_t QueryReader::number(const char* key, uint64_t least, uint64_t most, uint64_t without) {
  const auto at = target_.query.find(key);
  if (at == target_.query.end()) return without;
  uint64_t value = 0;
  const std::string& digits = at->second;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool whole = error == std::errc{} && end == digits.data() + digits.size();
  if (!whole || value < least || value > most) {
    wrong(key, std::to_string(least) + " to " + std::to_string(most));
  }
  return value;
}

}  // namespace imroute::cluster
