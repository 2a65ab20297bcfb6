#include "cluster/http/message.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <utility>

#include "cluster/net/link.h"
#include "cluster/wire/text.h"

namespace imroute::cluster {

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// "+" is a space in a query, as forms write it.
std::optional<std::string> unescape(std::string_view text, bool plus_is_space) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+' && plus_is_space) c = ' ';
    if (c == '%') {
      if (text.size() - i < 3) return std::nullopt;
      const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return std::nullopt;
    out += c;
  }
  if (!is_utf8(out)) return std::nullopt;
  return out;
}

bool parse_parts(std::string_view path, std::vector<std::string>& parts) {
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(part.size());
    auto text = unescape(part, false);
    if (!text || parts.size() == kMostParts) return false;
    parts.push_back(std::move(*text));
  }
  return true;
}

bool parse_query(std::string_view query, std::map<std::string, std::string>& into) {
  while (!query.empty()) {
    const std::string_view item = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), item.size() + 1));
    if (item.empty()) continue;
    const size_t equals = item.find('=');
    auto key = unescape(item.substr(0, equals), true);
    auto value =
        equals == std::string_view::npos ? std::string() : unescape(item.substr(equals + 1), true);
    if (!key || !value || into.size() == kMostQueryKeys) return false;
    if (!into.emplace(std::move(*key), std::move(*value)).second) return false;
  }
  return true;
}

bool is_loopback_name(std::string_view host) {
  if (host == "localhost") return true;
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(std::string(host), error);
  return !error && address.is_loopback();
}

bool is_address(std::string_view host) {
  boost::system::error_code error;
  boost::asio::ip::make_address(std::string(host), error);
  return !error;
}

// Problems show what was sent, and that may be anything.
JsonValue quotable(std::string text) {
  if (!is_utf8(text)) {
    for (char& c : text) c = static_cast<unsigned char>(c) < 0x80 ? c : '?';
  }
  return JsonValue::make_string(text);
}

}  // namespace

std::optional<HttpTarget> parse_target(std::string_view text) {
  if (!text.starts_with('/') || text.find('#') != std::string_view::npos) return std::nullopt;
  const size_t mark = text.find('?');
  HttpTarget out;
  out.path = text.substr(0, mark);
  if (!parse_parts(out.path, out.parts)) return std::nullopt;
  if (mark != std::string_view::npos && !parse_query(text.substr(mark + 1), out.query)) {
    return std::nullopt;
  }
  return out;
}

HttpReply json_reply(int status, const JsonValue& body) {
  return {status, json_line(body) + "\n", "application/json", {}};
}

const char* status_text(int status) {
  static constexpr std::pair<int, const char*> kTexts[] = {
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {204, "No Content"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {413, "Content Too Large"},
      {415, "Unsupported Media Type"},
      {422, "Unprocessable Content"},
      {426, "Upgrade Required"},
      {431, "Request Header Fields Too Large"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
  };
  for (const auto& [number, words] : kTexts) {
    if (number == status) return words;
  }
  return "Error";
}

HttpReply problem_reply(const Problem& p) {
  JsonValue out = JsonValue::make_object();
  out.add("type", JsonValue::make_string("about:blank"));
  out.add("title", JsonValue::make_string(status_text(p.status)));
  out.add("status", JsonValue::make_number(static_cast<uint64_t>(p.status)));
  out.add("detail", quotable(p.detail));
  const auto add = [&out](const char* key, const std::string& text) {
    if (!text.empty()) out.add(key, quotable(text));
  };
  add("found", p.found);
  add("allowed", p.allowed);
  add("fix", p.fix);
  if (!p.errors.empty()) {
    JsonValue& errors = out.add("errors", JsonValue::make_array());
    for (const auto& [pointer, mistake] : p.errors) {
      JsonValue& error = errors.items.emplace_back(JsonValue::make_object());
      error.add("pointer", quotable(pointer));
      error.add("detail", quotable(mistake));
    }
  }
  HttpReply reply = json_reply(p.status, out);
  reply.type = "application/problem+json";
  return reply;
}

bool origin_allowed(std::string_view origin, std::string_view host,
                    const std::vector<std::string>& listed) {
  if (std::find(listed.begin(), listed.end(), origin) != listed.end()) return true;
  const size_t scheme = origin.find("://");
  if (scheme == std::string_view::npos) return false;  // "null": a page from nowhere
  const std::string_view place = origin.substr(scheme + 3);
  const bool has_port = place.find(':', place.rfind(']') + 1) != std::string_view::npos;
  const auto at = parse_host_port(std::string(place) + (has_port ? "" : ":0"));
  if (!at) return false;
  return is_loopback_name(at->host) || (place == host && is_address(at->host));
}

}  // namespace imroute::cluster
