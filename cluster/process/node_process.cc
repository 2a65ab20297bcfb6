#include "cluster/process/node_process.h"

#include <algorithm>

#include "cluster/process/log.h"
#include "cluster/process/metrics.h"
#include "cluster/store/without_lease.h"

namespace imroute::cluster {

namespace {

constexpr DurationNs kReadyCheck = 10 * kMillisecond;
constexpr DurationNs kSettleCheck = 10 * kMillisecond;
constexpr DurationNs kSettleTime = kSecond;  // for the registry to hear that a node leaves

NodeConfig config_of(const NodeSettings& s) {
  NodeConfig config;
  config.id = NodeId{s.server.index};
  config.weight = s.weight;
  config.seed = fresh_seed();
  config.routers = static_cast<uint32_t>(s.routers.size());
  config.strategy = s.server.strategy;
  config.invocation = s.invocation;
  config.delivery = s.server.delivery;
  config.sessions = s.server.sessions;
  config.capacity.sessions = s.server.clients.most;
  return config;
}

const char* why_fenced(FenceCause cause) {
  switch (cause) {
    case FenceCause::never:
      break;
    case FenceCause::ran_out:
      return "its lease was not renewed in time";
    case FenceCause::forgotten:
      return "the registry does not know its lease any more";
    case FenceCause::cut_off:
      return "the others renew their leases again, and this node could not";
  }
  return "";
}

}  // namespace

NodeProcess::NodeProcess(Loop& loop, const NodeSettings& settings)
    : loop_(loop),
      settings_(settings),
      layers_(loop, settings.server),
      gate_(settings.server.tokens, NodeId{settings.server.index}),
      client_listener_(
          listen_at(loop, settings.server.client,
                    [this](int socket) { driver_->clients().adopt(socket, layers_.of_client()); })),
      peer_listener_(
          listen_at(loop, settings.server.peer,
                    [this](int socket) { driver_->peers().adopt(socket, layers_.of_peer()); })),
      machine_(config_of(settings), loop.pool()),
      ready_(loop, [this] { look_whether_ready(); }),
      fences_(loop, [this] { look_whether_fenced(); }),
      end_(loop, [this] { end_when_settled(); }) {
  self_.kind = CallerKind::node;
  self_.index = settings.server.index;
  self_.place = place_of(settings.server, *client_listener_, *peer_listener_);
  driver_.emplace(loop, machine_, *this,
                  DriverOptions{self_, settings.server.clients, settings.server.wire.hello(),
                                settings.server.log.level == 0});
  driver_->set_stores(make_stores());
  admin_ = admin_at(
      loop, settings.server.admin,
      {[this] { return machine_.core().status().serving && !machine_.core().status().draining; },
       [this] { return metrics(); }, [this] { drain(); }});
  loop.post([this] { driver_->start(); });
  look_whether_fenced();
}

NodeProcess::~NodeProcess() = default;

std::string NodeProcess::admin() const { return http_place(settings_.server.admin, admin_.get()); }

std::string NodeProcess::metrics() {
  std::string text;
  add_counters(text, machine_.core().counters());
  add_driver(text, *driver_);
  add_refusals(text, "tokens_refused", "tokens that were not believed", gate_.refused());
  add_status(text, machine_.core().status());
  add_times(text, "route_seconds",
            "from looking for a user elsewhere until a node said that it delivers",
            machine_.core().route_times());
  return text;
}

void NodeProcess::on_trace(const TraceRecord& record) { log_trace(record); }

void NodeProcess::on_trouble(std::optional<Address> dialled, std::string_view why) {
  log_trouble(dialled, why);
}

Stores NodeProcess::make_stores() {
  const StoreSettings& s = settings_.server.stores;
  std::optional<RemoteStores> router;
  if (s.needs_router()) {
    router.emplace(loop_, *parse_host_port(settings_.routers.front().peer), self_,
                   [this](const HostPort& to) { return layers_.to_peer(to); });
  }
  Stores out;
  out.directory =
      s.directory == DirectoryKind::redis ? redis_directory(loop_, s) : router->directory();
  out.mailbox = s.mailbox == MailboxKind::redis ? redis_mailbox(loop_, s) : router->mailbox();
  out.registry = s.registry == RegistryKind::zookeeper
                     ? zookeeper_registry(loop_, s, address_of(NodeId{self_.index}), self_.place,
                                          settings_.server.sessions.lease_ns)
                     : router->registry();
  if (s.registry == RegistryKind::listed) {
    out.registry = without_lease(loop_, std::move(out.registry), [this] {
      if (std::exchange(refusal_logged_, true)) return;
      log_event(
          LogLevel::warning, "not_listed",
          {{"why", "the router's nodes do not have this node at this place; its log says more"},
           {"client", self_.place.client},
           {"peer", self_.place.peer}});
    });
  }
  out.bus = redis_bus(loop_, s, settings_.server.strategy);
  return out;
}

void NodeProcess::on_ready(std::function<void()> call) {
  on_ready_ = std::move(call);
  ready_.set(monotonic_now());
}

// The beacon that tells the routers follows within a heartbeat.
void NodeProcess::look_whether_ready() {
  if (serving_) return std::exchange(on_ready_, nullptr)();
  serving_ = machine_.core().status().serving && driver_->peers().up() != 0;
  ready_.set(monotonic_now() + (serving_ ? settings_.server.sessions.heartbeat_ns : kReadyCheck));
}

// Within a heartbeat, also of one that serves again by then.
void NodeProcess::look_whether_fenced() {
  const uint64_t fences = machine_.core().counters().fences;
  if (std::exchange(fences_logged_, fences) != fences) {
    fenced_logged_ = true;
    log_event(LogLevel::warning, "fenced",
              {{"why", why_fenced(machine_.core().status().fence_cause)},
               {"times", std::to_string(fences)}});
  }
  if (fenced_logged_ && !machine_.core().status().fenced) {
    fenced_logged_ = false;
    log_event(LogLevel::info, "serves_again");
  }
  fences_.set(monotonic_now() + settings_.server.sessions.heartbeat_ns);
}

std::optional<HostPort> NodeProcess::where(Address server) {
  if (server.kind == PeerKind::router) {
    if (server.index >= settings_.routers.size()) return std::nullopt;
    return parse_host_port(settings_.routers[server.index].peer);
  }
  const auto place = driver_->registry()->place_of(NodeId{server.index});
  return place ? parse_host_port(place->peer) : std::nullopt;
}

void NodeProcess::drain() {
  if (draining_) return stop();
  draining_ = true;
  log_event(LogLevel::info, "drain_started",
            {{"clients", std::to_string(driver_->clients().size())}});
  client_listener_->stop();
  end_by_ = monotonic_now() + settings_.drain_timeout_ns;
  end_.set(end_by_);
  driver_->command(Command{CommandKind::drain, {}, {}, 0});
}

void NodeProcess::stop() {
  client_listener_->stop();
  end_by_ = std::min(end_by_, monotonic_now() + kSettleTime);
  end_.set(end_by_);
  if (!std::exchange(draining_, true)) driver_->command(Command{CommandKind::drain, {}, {}, 0});
  driver_->clients().drop_all();
}

void NodeProcess::on_notice(const Notify& notice) {
  if (notice.kind != NoticeKind::drained) return;
  log_event(LogLevel::info, "drained");
  end_by_ = monotonic_now() + kSettleTime;
  end_.set(monotonic_now());
}

// What the machine asked of its stores on leaving is answered, or has had its time.
void NodeProcess::end_when_settled() {
  if (driver_->operations_open() != 0 && monotonic_now() < end_by_) {
    return end_.set(monotonic_now() + kSettleCheck);
  }
  log_event(LogLevel::info, "stopped");
  loop_.stop();
}

}  // namespace imroute::cluster
