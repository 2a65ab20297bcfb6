#include "cluster/process/server_start.h"

#include <sys/resource.h>

#include <random>

#include "cluster/process/log.h"

namespace imroute::cluster {

Layers::Layers(const TlsFiles& files)
    : tls_(files.certificate.empty() ? nullptr : std::make_unique<Tls>(files)),
      peers_(!files.authority.empty()) {}
LayerHandle Layers::of_client() const {
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

std::unique_ptr<AdminServer> admin_at(Loop& loop, const std::string& address, AdminPaths paths) {
  if (address.empty()) return nullptr;
  return std::make_unique<AdminServer>(
      loop, *parse_host_port(address),
      [paths = std::move(paths)](std::string_view method, std::string_view path) {
        return answer_admin(paths, method, path);
      });
}

std::string admin_place(const ServerSettings& settings, const AdminServer* admin) {
  if (admin == nullptr) return {};
  return HostPort{parse_host_port(settings.admin)->host, admin->port()}.text();
}

}  // namespace imroute::cluster
