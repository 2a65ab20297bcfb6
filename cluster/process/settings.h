// What a process of the cluster is told at start-up: one JSON file, changed by IMROUTE_* variables
// of the environment, checked as scenarios are (all mistakes at once, each at its place).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/machine/client_links.h"
#include "cluster/net/link.h"
#include "cluster/net/tls.h"
#include "cluster/process/gate.h"
#include "cluster/process/store_settings.h"
#include "config/diagnostic.h"
#include "config/shape.h"
#include "core/model/config.h"

namespace imroute::cluster {

// An address in a configuration, kept as it was written until it is used.
struct RouterPlace {
  std::string client = "127.0.0.1:7000";
  std::string peer = "127.0.0.1:7001";
};

// A node of a static registry.
struct NodePlace {
  NodeId node;
  std::string client;
  std::string peer;
};

struct LogSettings {
  uint8_t level = 1;  // of log_level_names()
  bool json = false;
};

// What this server's HELLO says that it has. Turning one off is for the case that it does harm: its
// connections then do without it, as with a server that never had it.
struct WireSettings {
  bool hints = true;
  bool selective_ack = true;
  bool unreachable = true;
  bool handover = true;
  bool pointers = true;
  Hello hello() const {
    const auto with = [](bool has, WireFeature feature) { return has ? uint64_t{feature} : 0; };
    return {kWireVersion, kWireVersion,
            with(hints, kFeatureHints) | with(selective_ack, kFeatureSelectiveAck) |
                with(unreachable, kFeatureUnreachable) | with(handover, kFeatureHandover) |
                with(pointers, kFeaturePointers)};
  }
};

// What node and router have in common.
struct ServerSettings {
  uint32_t index = 0;
  std::string client;  // listens here
  std::string peer;
  std::string advertise_client;  // others dial here; default: what it listens on
  std::string advertise_peer;
  ClientLimits clients;
  LogSettings log;
  StrategyConfig strategy;
  SessionConfig sessions;
  DeliveryConfig delivery;
  StoreSettings stores;
  std::string admin;  // listens here for operators; empty: nowhere
  TlsFiles tls;
  std::string websocket_origins;  // of pages that may connect: "https://a,https://b:8080"
  TokenSettings tokens;
  WireSettings wire;
};
inline ServerSettings server_at(const char* client, const char* peer) {
  ServerSettings server;
  server.client = client;
  server.peer = peer;
  return server;
}

struct NodeSettings {
  ServerSettings server = server_at("127.0.0.1:7100", "127.0.0.1:7101");
  uint32_t weight = 1;
  std::vector<RouterPlace> routers{RouterPlace{}};
  InvocationConfig invocation;
  DurationNs drain_timeout_ns = 30 * kSecond;
};

struct RouterSettings {
  ServerSettings server = server_at("127.0.0.1:7000", "127.0.0.1:7001");
  std::string data_dir = "imroute-data";
  AuthSettings auth;
  std::string http;  // listens here for the application's backend; empty: nowhere
  BalancerConfig balancer;
  std::vector<NodePlace> nodes;  // of the registry, when that is static
};

Shape node_settings_shape(NodeSettings& settings);
Shape router_settings_shape(RouterSettings& settings);

using EnvironmentVariables = std::vector<std::pair<std::string, std::string>>;
// Those of this process that begin with IMROUTE_.
EnvironmentVariables imroute_variables();

// Fills `settings`; `source` names the text in mistakes. IMROUTE_SESSIONS__LEASE=10s sets
// /sessions/lease.
std::vector<Diagnostic> read_settings(std::string_view text, const std::string& source,
                                      const EnvironmentVariables& variables,
                                      NodeSettings& settings);
std::vector<Diagnostic> read_settings(std::string_view text, const std::string& source,
                                      const EnvironmentVariables& variables,
                                      RouterSettings& settings);
// What is in force, canonically; nothing in it is secret.
std::string settings_text(NodeSettings settings);
std::string settings_text(RouterSettings settings);

}  // namespace imroute::cluster
