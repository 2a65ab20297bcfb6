#include "cluster/process/server_start.h"

#include <sys/resource.h>

#include <algorithm>
#include <random>
#include <utility>

#include "cluster/http/documents.h"
#include "cluster/process/json_frames.h"
#include "cluster/process/log.h"

namespace imroute::cluster {

Layers::Layers(Loop& loop, const ServerSettings& settings)
    : loop_(loop),
      tls_(settings.tls.certificate.empty() ? nullptr : std::make_unique<Tls>(settings.tls)),
      peers_(!settings.tls.authority.empty()),
      websocket_{{}, chat_page(), [&loop, features = settings.wire.hello().features] {
                   return std::make_unique<JsonFrames>(loop.pool(), features);
                 }} {
  std::string_view rest = settings.websocket_origins;
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    websocket_.origins.emplace_back(one);
  }
}
LayerHandle Layers::of_client() const {
  LayerHandle front = front_layer(websocket_);
  return tls_ == nullptr ? std::move(front) : stack_layers(loop_, of_web(), std::move(front));
}
LayerHandle Layers::of_web() const {
  return tls_ == nullptr ? nullptr : tls_->accept(Tls::Admits::anybody);
}
LayerHandle Layers::of_peer() const {
  return peers_ ? tls_->accept(Tls::Admits::authorised) : nullptr;
}
LayerHandle Layers::to_peer(const HostPort& to) const {
  return peers_ ? tls_->dial(to.host) : nullptr;
}

uint64_t fresh_seed() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

std::unique_ptr<Listener> listen_at(Loop& loop, const std::string& address,
                                    Listener::Accept accept) {
  return std::make_unique<Listener>(loop, *parse_host_port(address), std::move(accept));
}

void raise_descriptors(const ServerSettings& settings) {
  constexpr rlim_t kOthers = 1024;  // servers, stores, operators
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t wanted = rlim_t{settings.clients.most} + settings.clients.most_new + kOthers;
  if (limit.rlim_cur >= wanted) return;
  log_event(LogLevel::warning, "few_descriptors",
            {{"has", std::to_string(limit.rlim_cur)},
             {"max_clients and limits.half_open want", std::to_string(wanted)},
             {"fix", "ulimit -n " + std::to_string(wanted)}});
}

std::unique_ptr<HttpServer> http_at(Loop& loop, const std::string& address,
                                    HttpServer::Answer answer, const HttpLimits& limits,
                                    HttpServer::MakeLayer make_layer) {
  if (address.empty()) return nullptr;
  return std::make_unique<HttpServer>(loop, *parse_host_port(address), std::move(answer), limits,
                                      std::move(make_layer));
}

std::unique_ptr<HttpServer> admin_at(Loop& loop, const std::string& address,
                                     const AdminPaths& paths) {
  HttpLimits limits;
  limits.connections = 64;
  limits.body_bytes = 1024;
  return http_at(
      loop, address,
      [routes = admin_routes(paths)](const HttpRequest& request, const Respond& respond) {
        routes.answer(request, respond);
      },
      limits);
}

std::string http_place(const std::string& address, const HttpServer* server) {
  if (server == nullptr) return {};
  return HostPort{parse_host_port(address)->host, server->port()}.text();
}

}  // namespace imroute::cluster
