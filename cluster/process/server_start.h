// How every server of the cluster begins: its listeners, and the place that others are told.
#pragma once

#include <memory>
#include <string>

#include "cluster/net/link.h"
#include "cluster/net/websocket.h"
#include "cluster/process/admin.h"
#include "cluster/process/settings.h"
#include "cluster/store/store.h"

namespace imroute::cluster {

// What stands between a server's connections and their sockets: TLS as its `tls` says, and on a
// client's port WebSocket for who asks for it.
class Layers {
 public:
  // Throws SystemRefusal naming the file that cannot be used.
  Layers(Loop& loop, const ServerSettings& settings);
  LayerHandle of_client() const;  // accepted
  LayerHandle of_web() const;     // accepted, of HTTP
  LayerHandle of_peer() const;    // accepted
  LayerHandle to_peer(const HostPort& to) const;

 private:
  Loop& loop_;
  std::unique_ptr<Tls> tls_;
  bool peers_;
  WebsocketOptions websocket_;
};

// A seed that two processes, or two lives of one, do not share.
uint64_t fresh_seed();

std::unique_ptr<Listener> listen_at(Loop& loop, const std::string& address,
                                    Listener::Accept accept);

// Raises this process' limit of descriptors as far as it may, and says in the log when that is not
// enough for the clients that the settings let in.
void raise_descriptors(const ServerSettings& settings);

// nullptr when `address` is empty.
std::unique_ptr<HttpServer> http_at(Loop& loop, const std::string& address,
                                    HttpServer::Answer answer, const HttpLimits& limits = {},
                                    HttpServer::MakeLayer make_layer = nullptr);
// A few tools, each with small requests.
std::unique_ptr<HttpServer> admin_at(Loop& loop, const std::string& address,
                                     const AdminPaths& paths);
// "host:port", with the port that the system gave; empty without a server.
std::string http_place(const std::string& address, const HttpServer* server);

// What was told to advertise, or where it listens with the port that the system gave.
inline ServerPlace place_of(const ServerSettings& settings, const Listener& client,
                            const Listener& peer) {
  const auto place = [](const std::string& listens, const std::string& told, uint16_t port) {
    if (!told.empty()) return told;
    return HostPort{parse_host_port(listens)->host, port}.text();
  };
  return {place(settings.client, settings.advertise_client, client.port()),
          place(settings.peer, settings.advertise_peer, peer.port())};
}

}  // namespace imroute::cluster
