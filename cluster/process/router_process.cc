#include "cluster/process/router_process.h"

#include <algorithm>
#include <utility>

#include "cluster/process/log.h"
#include "cluster/process/metrics.h"

namespace imroute::cluster {

namespace {

RouterConfig config_of(const RouterSettings& s) {
  RouterConfig config;
  config.id = RouterId{s.server.index};
  config.seed = fresh_seed();
  config.strategy = s.server.strategy;
  config.balancer = s.balancer;
  config.delivery = s.server.delivery;
  config.sessions = s.server.sessions;
  return config;
}

HeldRegistry::Listed listed_in(const RouterSettings& settings) {
  HeldRegistry::Listed out;
  for (const NodePlace& node : settings.nodes) out[node.node] = {node.client, node.peer};
  return out;
}

std::filesystem::path made_directory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw SystemRefusal("cannot make the directory " + path + ": " + error.message());
  return path;
}

constexpr uint32_t kMostUsersAnswered = 1000;

}  // namespace

RouterProcess::RouterProcess(Loop& loop, const RouterSettings& settings)
    : loop_(loop),
      settings_(settings),
      layers_(loop, settings.server),
      data_dir_(made_directory(settings.data_dir)),
      registry_(loop, settings.server.sessions.lease_ns, data_dir_ / "registry.json",
                listed_in(settings)),
      settled_at_(settled_at()),
      directory_(0, registry_.starts()),
      directory_store_(make_directory()),
      mailbox_store_(make_mailbox()),
      users_(data_dir_ / "users.txt"),
      groups_(data_dir_ / "groups.txt"),
      server_(loop.pool(), *directory_store_, *mailbox_store_,
              [this](Address server, const ServerPlace& place) {
                return holds_registry() ? registry_.for_server(server, place) : nullptr;
              }),
      client_listener_(
          listen_at(loop, settings.server.client,
                    [this](int socket) { driver_->clients().adopt(socket, layers_.of_client()); })),
      peer_listener_(
          listen_at(loop, settings.server.peer,
                    [this](int socket) { driver_->peers().adopt(socket, layers_.of_peer()); })),
      machine_(config_of(settings), loop.pool()),
      gate_(loop, settings.server.tokens, settings.auth) {
  registry_.on_unlisted = [this](NodeId node, const std::string& why) {
    if (std::exchange(unlisted_[node], why) == why) return;  // it asks twice a second
    log_event(LogLevel::warning, "node_refused",
              {{"node", std::to_string(node.value)}, {"why", why}});
  };
  self_.kind = CallerKind::router;
  self_.index = settings.server.index;
  self_.place = place_of(settings.server, *client_listener_, *peer_listener_);
  driver_.emplace(loop, machine_, *this,
                  DriverOptions{self_, settings.server.clients, settings.server.wire.hello(),
                                settings.server.log.level == 0});
  driver_->set_stores({make_directory(), nullptr,
                       make_registry(imroute::address_of(RouterId{self_.index}), self_.place),
                       nullptr});
  admin_ = admin_at(loop, settings.server.admin,
                    {[this] { return driver_->peers().up() != 0; }, [this] { return metrics(); },
                     [this] { stop(); }});
  serve_api();
  loop.post([this] { driver_->start(); });
}

RouterProcess::~RouterProcess() = default;

void RouterProcess::serve_api() {
  if (settings_.http.empty()) return;
  api_ = std::make_unique<RouterApi>(
      RouterApi::Parts{loop_, *driver_, users_, groups_, *directory_store_, *mailbox_store_,
                       [this](const DeviceRow& row) { return lives(row); },
                       [this](NodeId node) { return machine_.core().users_at(node); },
                       [this](const HostPort& to) { return layers_.to_peer(to); },
                       [this](const Frame& login_ok) { return gate_.token_for(login_ok); },
                       settings_.server.sessions, settings_.server.delivery.guarantee});
  http_ = http_at(
      loop_, settings_.http,
      [this](const HttpRequest& request, const Respond& respond) {
        if (gate_.admits_request(request.authorization)) return api_->answer(request, respond);
        respond(problem_reply({401, "this request does not say who sends it", "",
                               "Authorization: Bearer SECRET", "a secret of auth.http_key_file"}));
      },
      {}, [this] { return layers_.of_web(); });
}

std::string RouterProcess::web() const { return http_place(settings_.http, http_.get()); }

std::string RouterProcess::admin() const {
  return http_place(settings_.server.admin, admin_.get());
}

std::string RouterProcess::metrics() {
  std::string text;
  add_counters(text, machine_.core().counters());
  add_driver(text, *driver_);
  add_refusals(text, "passes_refused", "passes that were not believed", gate_.refused());
  add(text, "http_refused_total", "counter", "requests over HTTP without the secret",
      gate_.requests_refused());
  if (gate_.callback() != nullptr) add_callback(text, *gate_.callback());
  if (http_ != nullptr) add_http(text, http_->totals(), api_->senders());
  return text;
}

void RouterProcess::on_trace(const TraceRecord& record) { log_trace(record); }

void RouterProcess::on_trouble(std::optional<Address> dialled, std::string_view why) {
  log_trouble(dialled, why);
}

// With a registry elsewhere nothing tells who has not yet written its rows again.
MonoTime RouterProcess::settled_at() const {
  if (holds_registry() || registry_.starts() == 1) return registry_.settled_at();
  return monotonic_now() + settings_.server.sessions.lease_ns;
}

std::unique_ptr<DirectoryStore> RouterProcess::make_directory() {
  const StoreSettings& s = settings_.server.stores;
  if (s.directory == DirectoryKind::redis) return redis_directory(loop_, s);
  return held_directory(loop_, directory_, settled_at_);
}

std::unique_ptr<MailboxStore> RouterProcess::make_mailbox() {
  const StoreSettings& s = settings_.server.stores;
  if (s.mailbox == MailboxKind::redis) return redis_mailbox(loop_, s);
  return file_mailbox(loop_, s, (data_dir_ / "mailbox.db").string());
}

std::unique_ptr<RegistryStore> RouterProcess::make_registry(Address server,
                                                            const ServerPlace& place) {
  if (holds_registry()) return registry_.for_server(server, place);
  return zookeeper_registry(loop_, settings_.server.stores, server, place,
                            settings_.server.sessions.lease_ns);
}

void RouterProcess::stop() {
  log_event(LogLevel::info, "stopped");
  loop_.stop();
}

// A client is told where a node is before it is told to go there.
void RouterProcess::before_client_frame(Link& link, const Frame& frame) {
  if (frame.type != FrameType::login_ok) return;
  const auto place = driver_->registry()->place_of(frame.node);
  if (place) {
    link.send_control(kControlPlace,
                      control_body(PlaceNotice{frame.node, place->client, gate_.token_for(frame)}));
  }
}

void RouterProcess::admit(const std::string& address, const Greeting& greeting, Decide decide) {
  gate_.admit(address, greeting,
              [this, name = greeting.name, decide = std::move(decide)](const Admission& admission) {
                if (admission.refused == Reason::none) users_.learn(name);
                decide(admission);
              });
}

bool RouterProcess::on_client_control(Link& link, uint8_t type, std::span<const std::byte> body) {
  const auto query = type == kControlUsersQuery ? read_control<UsersQuery>(body) : std::nullopt;
  if (query && query->groups) {
    answer_groups(link.shared_from_this(), *query);
  } else if (query) {
    answer_users(link.shared_from_this(), *query);
  }
  return query.has_value();
}

bool RouterProcess::on_store_user(const LinkHandle& link, const Greeting& greeting) {
  log_event(LogLevel::info, "store_user",
            {{"node", std::to_string(greeting.index)}, {"client", greeting.place.client}});
  server_.adopt(link, greeting);
  return true;
}

bool RouterProcess::lives(const DeviceRow& row) const {
  if (holds_registry()) return registry_.lives(row.node, row.incarnation);
  return driver_->registry()->place_of(row.node).has_value();
}

void RouterProcess::answer_groups(const LinkHandle& link, const UsersQuery& query) {
  for (const std::string& name : query.learn) groups_.learn(name);
  const size_t most = std::min(query.limit, kMostUsersAnswered);
  UsersAnswer answer{query.number, true, false, {}};
  for (size_t i = 0; i < std::min(query.ids.size(), most); ++i) {
    answer.users.push_back({query.ids[i], groups_.name_of(query.ids[i]), false});
  }
  link->send_control(kControlUsersAnswer, control_body(answer));
}

void RouterProcess::answer_users(const LinkHandle& link, const UsersQuery& query) {
  const size_t most = std::min(query.limit, kMostUsersAnswered);
  UsersAnswer answer{query.number, false, false, {}};
  auto ids = std::make_shared<std::vector<UserId>>();
  if (query.ids.empty()) {
    const UserBook::Page page = users_.list({query.prefix, {}, {}, most});
    for (const std::string& name : page.names) ids->push_back(user_id_of(name));
    answer.more = !page.next.empty();
  } else {
    ids->assign(query.ids.begin(),
                query.ids.begin() + static_cast<ptrdiff_t>(std::min(query.ids.size(), most)));
  }
  DirectoryOp op;
  op.kind = DirectoryOpKind::lookup_many;
  op.users = ids;
  const bool online_only = query.online_only;
  directory_store_->submit(
      std::move(op), [this, link, ids, answer, online_only](ReplyStatus status,
                                                            const DirectoryReply& reply) mutable {
        answer.known = status == ReplyStatus::ok && reply.records != nullptr;
        for (size_t i = 0; i < ids->size(); ++i) {
          KnownUser user{(*ids)[i], users_.name_of((*ids)[i]), false};
          if (answer.known && i < reply.records->size()) {
            for (const DeviceRow& row : (*reply.records)[i].rows) {
              user.online |= row.state == ConnectState::online && lives(row);
            }
          }
          if (user.online || !online_only) answer.users.push_back(std::move(user));
        }
        link->send_control(kControlUsersAnswer, control_body(answer));
      });
}

}  // namespace imroute::cluster
