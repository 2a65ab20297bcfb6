#include "cluster/process/settings.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>

#include "cluster/security/callback.h"
#include "config/set_at.h"
#include "config/units.h"
#include "settings/shapes.h"

namespace imroute::cluster {

namespace {

constexpr NamedValue kLogLevels[] = {{"debug", 0, "every connection"},
                                     {"info", 1, "what an operator wants to know"},
                                     {"warning", 2, "what should not be"},
                                     {"error", 3, "what does not work"}};

enum class Use : uint8_t { listen, dial };

// "host:port"; to be dialled it must name one host and a port.
ShapeKey address_key(const char* name, std::string& field, Use use, const char* help) {
  ShapeKey key = text_key(name, field, help);
  key.read = [read = key.read, &field, use](const JsonValue& value, ShapeReader& reader) {
    const size_t errors = reader.errors();
    read(value, reader);
    if (reader.errors() != errors) return;
    const std::optional<HostPort> at = parse_host_port(field);
    if (!at) {
      return reader.error(
          value, "found " + in_quotes(field) + ", expected host:port, like \"127.0.0.1:7000\"");
    }
    if (use == Use::listen) return;
    if (at->port == 0) reader.error(value, "port 0 cannot be dialled: give the port");
    if (at->host == "0.0.0.0" || at->host == "::") {
      reader.error(value, in_quotes(at->host) +
                              " is every address of this machine and none that "
                              "others can dial: name one");
    }
  };
  return key;
}

Shape log_shape(LogSettings& l) {
  Shape shape;
  shape.add(choice_key("level", l.level, kLogLevels, "what is logged"));
  shape.add(flag_key("json", l.json, "one JSON object a line, for machines"));
  return shape;
}

Shape advertise_shape(ServerSettings& s) {
  Shape shape;
  shape.add(address_key("client", s.advertise_client, Use::dial, "where clients dial it"));
  shape.add(address_key("peer", s.advertise_peer, Use::dial, "where servers dial it"));
  return shape;
}

Shape router_place_shape(RouterPlace& r) {
  Shape shape;
  shape.add(address_key("client", r.client, Use::dial, "where clients dial it").require());
  shape.add(address_key("peer", r.peer, Use::dial, "where servers dial it").require());
  return shape;
}

Shape node_place_shape(NodePlace& n) {
  Shape shape;
  shape.add(count_key("node", n.node.value, 0, 9'999, "its number").require());
  shape.add(address_key("client", n.client, Use::dial, "where clients dial it").require());
  shape.add(address_key("peer", n.peer, Use::dial, "where servers dial it").require());
  return shape;
}

// A list where none is asked for, or none where one is; a number twice.
void check_nodes(const RouterSettings& r, const JsonValue& value, ShapeReader& reader) {
  const bool listed = r.server.stores.registry == RegistryKind::listed;
  if (listed && r.nodes.empty()) {
    reader.error(value,
                 "stores.registry is \"static\", so nodes must list the nodes of the cluster");
  }
  const JsonValue* list = value.find("nodes");
  if (list == nullptr) return;
  if (!listed && !r.nodes.empty()) {
    reader.error(*list,
                 "a list of nodes is for stores.registry \"static\"; others find out themselves");
  }
  for (size_t i = 0; i < std::min(r.nodes.size(), list->items.size()); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (r.nodes[i].node != r.nodes[j].node) continue;
      reader.error(list->items[i], "node " + std::to_string(r.nodes[i].node.value) +
                                       " is listed already: each node once");
      break;
    }
  }
}

Shape tls_shape(TlsFiles& t) {
  Shape shape;
  shape.add(text_key("certificate", t.certificate,
                     "PEM file, with its chain: clients must speak TLS then"));
  shape.add(text_key("key", t.key, "PEM file, of the certificate"));
  shape.add(text_key("authority", t.authority,
                     "PEM file: servers must speak TLS to each other then, each with a certificate "
                     "of it"));
  shape.check = [&t](const JsonValue& value, ShapeReader& reader) {
    if (t.certificate.empty() != t.key.empty()) {
      reader.error(value, "certificate and key go together: give both, or none");
    } else if (t.certificate.empty() && !t.authority.empty()) {
      reader.error(value,
                   "authority is for servers among themselves, and each must show a certificate: "
                   "give certificate and key");
    }
  };
  return shape;
}

Shape limits_shape(ClientLimits& l) {
  Shape shape;
  shape.add(count_key("half_open", l.most_new, 1, 1'000'000,
                      "connections that have not yet said who they are; the oldest goes for a new "
                      "one"));
  shape.add(duration_key("half_open_time", l.greeting_time, "in which they must be admitted"));
  shape.add(count_key("connections_per_address", l.per_address, 0, 10'000'000,
                      "0: as many as they like"));
  shape.add(count_key("logins_per_address", l.logins_per_address, 0, 1'000'000,
                      "a second; 0: as many as they like"));
  return shape;
}

Shape tokens_shape(TokenSettings& t) {
  Shape shape;
  shape.add(text_key("key_file", t.key_file,
                     "lines of ID SECRET; the first signs. The same in all servers"));
  shape.add(duration_key("valid", t.valid_ns, "from login to bind"));
  return shape;
}

Shape auth_shape(AuthSettings& a) {
  Shape shape;
  shape.add(text_key("key_file", a.key_file,
                     "lines of ID SECRET: a client must show a pass signed with one"));
  shape.add(text_key("http_key_file", a.http_key_file,
                     "lines of ID SECRET: requests over HTTP must carry one of the secrets"));
  ShapeKey callback =
      text_key("callback", a.callback, "http://host:port/path of who decides about each login");
  callback.read = [read = callback.read, &a](const JsonValue& value, ShapeReader& reader) {
    const size_t errors = reader.errors();
    read(value, reader);
    if (reader.errors() != errors || parse_callback_url(a.callback)) return;
    reader.error(value, "found " + in_quotes(a.callback) +
                            ", expected http://host:port/path, like "
                            "\"http://127.0.0.1:8080/may-log-in\"");
  };
  shape.add(std::move(callback));
  shape.add(duration_key("timeout", a.timeout_ns, "for its answer; then the login is refused"));
  return shape;
}

// As a browser names it: nothing after the host and its port.
bool is_origin(std::string_view text) {
  const size_t scheme = text.find("://");
  return scheme != std::string_view::npos && scheme != 0 && text.size() > scheme + 3 &&
         text.find_first_of("/ ,*", scheme + 3) == std::string_view::npos;
}

Shape websocket_shape(ServerSettings& s) {
  Shape shape;
  ShapeKey key =
      text_key("origins", s.websocket_origins,
               "pages of which sites may connect, beside those of this machine and of "
               "this server's own address: \"https://a.example,https://b.example:8080\"");
  key.read = [read = key.read, &s](const JsonValue& value, ShapeReader& reader) {
    const size_t errors = reader.errors();
    read(value, reader);
    std::string_view rest = s.websocket_origins;
    while (reader.errors() == errors && !rest.empty()) {
      const std::string_view one = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(rest.size(), one.size() + 1));
      if (is_origin(one)) continue;
      reader.error(value, "found " + in_quotes(one) +
                              ", expected scheme and host, like \"https://chat.example\", with "
                              "commas between several");
    }
  };
  shape.add(std::move(key));
  return shape;
}

Shape wire_shape(WireSettings& w) {
  Shape shape;
  shape.add(flag_key("hints", w.hints, "NACK: where the user went"));
  shape.add(flag_key("selective_ack", w.selective_ack, "ACK: what came beyond a gap"));
  shape.add(flag_key("unreachable", w.unreachable, "LOGIN: the nodes that did not serve"));
  shape.add(flag_key("handover", w.handover, "HANDOVER: the unacknowledged, from node to node"));
  shape.add(flag_key("pointers", w.pointers, "POINTERS: sessions held against placement"));
  return shape;
}

void add_server_keys(Shape& shape, ServerSettings& s) {
  shape.add(address_key("client", s.client, Use::listen,
                        "listens here for clients; port 0: any that is free"));
  shape.add(address_key("peer", s.peer, Use::listen,
                        "listens here for servers; port 0: any that is free"));
  shape.add(address_key("admin", s.admin, Use::listen,
                        "listens here for operators: /healthz /readyz /metrics /drain; default: "
                        "nowhere. Whoever reaches it may drain: keep it on loopback"));
  shape.add(object_key("advertise", advertise_shape(s),
                       "how others reach it, when that is not where it listens"));
  shape.add(count_key("max_clients", s.clients.most, 1, 10'000'000, "connections of clients"));
  shape.add(object_key("limits", limits_shape(s.clients), "of clients, before they are believed"));
  shape.add(object_key("log", log_shape(s.log), "on standard error"));
  shape.add(object_key("strategy", strategy_shape(s.strategy), "routing strategy"));
  shape.add(object_key("sessions", sessions_shape(s.sessions), "logins, leases, heartbeats"));
  shape.add(object_key("delivery", delivery_shape(s.delivery), "reliability and order"));
  shape.add(object_key("stores", stores_shape(s.stores), "registry, directory, mailbox, bus"));
  shape.add(object_key("tls", tls_shape(s.tls), "encryption; default: none"));
  shape.add(object_key("websocket", websocket_shape(s), "clients that come by WebSocket"));
  shape.add(object_key("tokens", tokens_shape(s.tokens), "what clients show to nodes"));
  shape.add(
      object_key("wire", wire_shape(s.wire),
                 "features of the wire that it has; without one, its connections do without"));
}

// Contradictions between keys.
void check_server(const ServerSettings& s, const JsonValue& value, ShapeReader& reader) {
  const auto everywhere = [](const std::string& text) {
    const std::optional<HostPort> at = parse_host_port(text);
    return at && (at->host == "0.0.0.0" || at->host == "::");
  };
  const auto need = [&](const char* name, const std::string& listens, const std::string& given) {
    if (!everywhere(listens) || !given.empty()) return;
    reader.error(value, "listens on every address (" + std::string(name) + " is " +
                            in_quotes(listens) + "), so advertise." + name +
                            " must say which one others are to dial");
  };
  need("client", s.client, s.advertise_client);
  need("peer", s.peer, s.advertise_peer);
  const SessionConfig& c = s.sessions;
  const auto below = [&](const char* name, DurationNs least, const char* limit, DurationNs most) {
    if (least < most) return;
    reader.error(value, std::string("sessions.") + name + " (" + format_duration(least) +
                            ") must be below sessions." + limit + " (" + format_duration(most) +
                            ")");
  };
  below("client_lease", c.client_lease(), "lease", c.lease_ns);
  below("heartbeat", c.heartbeat_ns, "heartbeat_timeout", c.heartbeat_timeout());
  below("heartbeat", c.heartbeat_ns, "lease", c.lease_ns);
  below("client_heartbeat", c.client_heartbeat(), "client_lease", c.client_lease());
}

// IMROUTE_SESSIONS__LEASE -> /sessions/lease
std::string pointer_of(const std::string& variable) {
  std::string out = "/";
  std::string_view rest = std::string_view(variable).substr(std::string_view("IMROUTE_").size());
  while (!rest.empty()) {
    if (rest.starts_with("__")) {
      out += '/';
      rest.remove_prefix(2);
      continue;
    }
    out += static_cast<char>(std::tolower(static_cast<unsigned char>(rest.front())));
    rest.remove_prefix(1);
  }
  return out;
}

std::vector<Diagnostic> read_all(std::string_view text, const std::string& source,
                                 const EnvironmentVariables& variables, const Shape& shape) {
  std::vector<std::string> sources{source};
  for (const auto& [name, value] : variables) sources.push_back(name);
  Diagnostics diagnostics(std::move(sources));
  ParsedJson parsed = parse_json(text);
  for (JsonProblem& problem : parsed.problems) {
    diagnostics.add(problem.place, std::move(problem.pointer), std::move(problem.message));
  }
  if (!parsed.value) return diagnostics.take();
  for (size_t i = 0; i < variables.size(); ++i) {
    const auto override_source = static_cast<uint32_t>(i + 1);
    set_at(*parsed.value, pointer_of(variables[i].first),
           override_value(variables[i].second, override_source), {override_source, 0, 0},
           diagnostics);
  }
  ShapeReader reader(diagnostics);
  read_shape(shape, *parsed.value, reader);
  return diagnostics.take();
}

}  // namespace

Shape node_settings_shape(NodeSettings& n) {
  Shape shape;
  shape.add(count_key("node", n.server.index, 0, 9'999, "its number, from 0; unique").require());
  add_server_keys(shape, n.server);
  shape.add(count_key("weight", n.weight, 0, 1'000'000, "relative capacity"));
  shape.add(object_list_key("routers", n.routers, router_place_shape,
                            "router 0, 1, ...; the first holds the stores"));
  shape.add(object_key("invocation", invocation_shape(n.invocation), "calls to routers"));
  shape.add(duration_key("drain_timeout", n.drain_timeout_ns,
                         "a drain that clients hold up ends after it"));
  shape.check = [&n](const JsonValue& value, ShapeReader& reader) {
    if (n.routers.empty()) reader.error(value, "routers is empty: the first holds the stores");
    check_server(n.server, value, reader);
  };
  return shape;
}

Shape router_settings_shape(RouterSettings& r) {
  Shape shape;
  shape.add(count_key("router", r.server.index, 0, 999, "its number, from 0; unique"));
  add_server_keys(shape, r.server);
  shape.add(
      text_key("data_dir", r.data_dir,
               "what must outlive the process: messages, the registry's numbers, names of users"));
  shape.add(address_key("http", r.http, Use::listen,
                        "listens here for the backend of an application (GET /v1/openapi.json); "
                        "default: nowhere. Whoever reaches it acts for any user"));
  shape.add(object_key("balancer", balancer_shape(r.balancer), "chooses the node of a login"));
  shape.add(object_key("auth", auth_shape(r.auth), "who may log in; default: whoever comes"));
  shape.add(object_list_key("nodes", r.nodes, node_place_shape,
                            "of the cluster, when stores.registry is static"));
  shape.check = [&r](const JsonValue& value, ShapeReader& reader) {
    check_server(r.server, value, reader);
    check_nodes(r, value, reader);
    const bool asks = !r.auth.key_file.empty() || !r.auth.callback.empty();
    if (asks && r.server.tokens.key_file.empty()) {
      reader.error(value,
                   "auth decides who may log in, but without tokens.key_file, here and in the "
                   "nodes, a client goes to a node without logging in");
    }
    if (r.server.index != 0 && r.server.stores.needs_router()) {
      reader.error(value,
                   "router 0 holds what stores leave to a router, so it must be the only "
                   "one: give registry, directory and mailbox servers of their own");
    }
    if (!r.http.empty() && !r.server.tls.certificate.empty() && r.server.tls.authority.empty()) {
      reader.error(value,
                   "http sends messages to the nodes as a client does, and must know them by their "
                   "certificates: give tls.authority");
    }
  };
  return shape;
}

EnvironmentVariables imroute_variables() {
  EnvironmentVariables out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const size_t equals = text.find('=');
    if (!text.starts_with("IMROUTE_") || equals == std::string_view::npos) continue;
    out.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<Diagnostic> read_settings(std::string_view text, const std::string& source,
                                      const EnvironmentVariables& variables,
                                      NodeSettings& settings) {
  auto mistakes = read_all(text, source, variables, node_settings_shape(settings));
  complete(settings.server.sessions);
  return mistakes;
}

std::vector<Diagnostic> read_settings(std::string_view text, const std::string& source,
                                      const EnvironmentVariables& variables,
                                      RouterSettings& settings) {
  auto mistakes = read_all(text, source, variables, router_settings_shape(settings));
  complete(settings.server.sessions);
  return mistakes;
}

std::string settings_text(NodeSettings settings) {
  return json_text(write_shape(node_settings_shape(settings)));
}
std::string settings_text(RouterSettings settings) {
  return json_text(write_shape(router_settings_shape(settings)));
}

}  // namespace imroute::cluster
