#include "cluster/process/router_api.h"

#include <algorithm>
#include <utility>

#include "cluster/http/documents.h"
#include "cluster/http/parameters.h"
#include "settings/names.h"

namespace imroute::cluster {

namespace {

constexpr uint64_t kMostListed = 1000;
constexpr uint64_t kListed = 100;

JsonValue id_json(UserId user) { return JsonValue::make_string(std::to_string(user.value)); }

}  // namespace

HttpReply store_silent(const char* store) {
  return problem_reply(
      {503, std::string("the ") + store + " did not answer", {}, {}, "try again in a moment"});
}

HttpReply bad_name(const std::string& found) {
  return problem_reply({400, "this is no name", found, "1 to 64 letters, digits and . _ - @", {}});
}

RouterApi::RouterApi(Parts parts)
    : parts_(std::move(parts)),
      desk_(parts_.driver, parts_.token_for),
      post_office_(parts_.loop, desk_, parts_.sessions, parts_.layer_to),
      here_(std::make_shared<RouterApi*>(this)) {
  add_routes();
}

RouterApi::~RouterApi() = default;

void RouterApi::add_routes() {
  using Method = void (RouterApi::*)(const HttpRequest&, const Respond&);
  const auto add = [this](const char* method, const char* pattern, Method call) {
    routes_.add(method, pattern,
                [this, call](const HttpRequest& request, Argument, Respond respond) {
                  (this->*call)(request, respond);
                });
  };
  add("POST", "/v1/login", &RouterApi::log_in);
  add("POST", "/v1/users", &RouterApi::register_user);
  routes_.add(
      "GET", "/v1/users",
      [this](const HttpRequest& request, Argument, Respond respond) {
        list_users(request, respond);
      },
      true);
  add("GET", "/v1/users/count", &RouterApi::count_users);
  add("POST", "/v1/messages", &RouterApi::send_message);
  add("GET", "/v1/nodes", &RouterApi::list_nodes);
  add("POST", "/v1/groups", &RouterApi::create_group);
  routes_.add("GET", "/v1/sessions/{user}",
              [this](const HttpRequest& request, Argument user, Respond respond) {
                show_sessions(request, user, respond);
              });
  routes_.add("GET", "/v1/groups/{group}",
              [this](const HttpRequest& request, Argument group, Respond respond) {
                show_group(request, group, respond);
              });
  const auto changes = [this](const char* pattern, EntryKind kind) {
    routes_.add("POST", pattern,
                [this, kind](const HttpRequest& request, Argument group, Respond respond) {
                  change_members(kind, request, group, respond);
                });
  };
  changes("/v1/groups/{group}/join", EntryKind::join);
  changes("/v1/groups/{group}/leave", EntryKind::leave);
  routes_.add("GET", "/v1/openapi.json", [](const HttpRequest&, Argument, Respond respond) {
    respond({200, std::string(openapi_document()), "application/json", {}});
  });
}

// ---- users -------------------------------------------------------------------------------------

JsonValue RouterApi::user_json(UserId user, const std::string& name) const {
  JsonValue out = JsonValue::make_object();
  out.add("id", id_json(user));
  if (!name.empty()) out.add("name", JsonValue::make_string(name));
  return out;
}

void RouterApi::register_user(const HttpRequest& request, const Respond& respond) {
  std::string name;
  Shape shape;
  shape.add(name_key("name", name, "of the user").require());
  if (const auto mistake = read_body(request, shape)) return respond(*mistake);
  const UserBook::Learnt learnt = parts_.users.learn(name);
  if (learnt == UserBook::Learnt::not_kept) {
    return respond(problem_reply({503, "the name cannot be kept now", {}, {}, "see the log"}));
  }
  respond(json_reply(learnt == UserBook::Learnt::new_name ? 201 : 200,
                     user_json(user_id_of(name), name)));
}

void RouterApi::look_up(std::vector<UserId> users,
                        std::function<void(const std::vector<UserRecord>*)> call) {
  static const std::vector<UserRecord> kNone;
  if (users.empty()) return call(&kNone);
  DirectoryOp op;
  op.kind = DirectoryOpKind::lookup_many;
  op.users = std::make_shared<const std::vector<UserId>>(std::move(users));
  const size_t count = op.users->size();
  parts_.directory.submit(
      std::move(op), [weak = std::weak_ptr(here_), count, call = std::move(call)](
                         ReplyStatus status, const DirectoryReply& reply) {
        if (weak.expired()) return;
        const bool ok =
            status == ReplyStatus::ok && reply.records != nullptr && reply.records->size() == count;
        call(ok ? reply.records.get() : nullptr);
      });
}

// The device that the post office sends with shows nothing to anybody.
bool RouterApi::is_online(const UserRecord& record) const {
  return std::any_of(record.rows.begin(), record.rows.end(), [this](const DeviceRow& row) {
    return row.device != kPostDevice && row.state == ConnectState::online && parts_.lives(row);
  });
}

void RouterApi::list_users(const HttpRequest& request, const Respond& respond) {
  QueryReader query(request.target, {"online", "prefix", "contains", "limit", "after"});
  const bool online_only = query.flag("online");
  UserBook::Filter filter{query.text("prefix"), query.text("contains"), query.text("after"), 0};
  filter.most = query.number("limit", 1, kMostListed, kListed);
  if (query.mistake()) return respond(*query.mistake());
  UserBook::Page page = parts_.users.list(filter);
  std::vector<UserId> ids;
  for (const std::string& name : page.names) ids.push_back(user_id_of(name));
  look_up(ids, [this, page = std::move(page), online_only,
                respond](const std::vector<UserRecord>* records) {
    if (records == nullptr) return respond(store_silent("directory"));
    JsonValue users = JsonValue::make_array();
    for (size_t i = 0; i < page.names.size(); ++i) {
      const bool online = is_online((*records)[i]);
      if (online_only && !online) continue;
      JsonValue& user =
          users.items.emplace_back(user_json(user_id_of(page.names[i]), page.names[i]));
      user.add("online", JsonValue::make_bool(online));
    }
    JsonValue out = JsonValue::make_object();
    out.add("users", std::move(users));
    if (!page.next.empty()) out.add("next", JsonValue::make_string(page.next));
    respond(json_reply(200, out));
  });
}

void RouterApi::show_sessions(const HttpRequest&, Argument user, const Respond& respond) {
  if (!is_user_name(user)) return respond(bad_name(user));
  const UserId id = user_id_of(user);
  look_up({id}, [this, id, respond](const std::vector<UserRecord>* records) {
    if (records == nullptr) return respond(store_silent("directory"));
    const UserRecord& record = records->front();
    JsonValue devices = JsonValue::make_array();
    for (const DeviceRow& row : record.rows) {
      const bool online = row.state == ConnectState::online && parts_.lives(row);
      JsonValue& device = devices.items.emplace_back(JsonValue::make_object());
      const char* type = client_type_names()[static_cast<size_t>(row.client_type)].name;
      device.add("device", JsonValue::make_number(uint64_t{row.device}));
      device.add("client_type", JsonValue::make_string(type));
      device.add("online", JsonValue::make_bool(online));
      if (online) device.add("node", JsonValue::make_number(uint64_t{row.node.value}));
      device.add("generation", JsonValue::make_number(row.generation));
    }
    JsonValue out = user_json(id, parts_.users.name_of(id));
    out.add("online", JsonValue::make_bool(is_online(record)));
    out.add("devices", std::move(devices));
    respond(json_reply(200, out));
  });
}

// ---- nodes -------------------------------------------------------------------------------------

void RouterApi::list_members(std::function<void(const ClusterView*)> call) {
  RegistryOp op;
  op.kind = RegistryOpKind::list;
  parts_.driver.registry()->submit(std::move(op),
                                   [weak = std::weak_ptr(here_), call = std::move(call)](
                                       ReplyStatus status, const RegistryReply& reply) {
                                     if (weak.expired()) return;
                                     call(status == ReplyStatus::ok ? reply.view.get() : nullptr);
                                   });
}

void RouterApi::list_nodes(const HttpRequest&, const Respond& respond) {
  list_members([this, respond](const ClusterView* view) {
    if (view == nullptr) return respond(store_silent("registry"));
    JsonValue nodes = JsonValue::make_array();
    for (const Member& member : view->members) {
      JsonValue& node = nodes.items.emplace_back(JsonValue::make_object());
      node.add("node", JsonValue::make_number(uint64_t{member.node.value}));
      node.add("incarnation", JsonValue::make_number(member.incarnation));
      node.add("weight", JsonValue::make_number(uint64_t{member.weight}));
      node.add("draining", JsonValue::make_bool(member.draining));
      node.add("users", JsonValue::make_number(parts_.users_at(member.node)));
      const auto place = parts_.driver.registry()->place_of(member.node);
      if (!place) continue;
      node.add("client", JsonValue::make_string(place->client));
      node.add("peer", JsonValue::make_string(place->peer));
    }
    JsonValue out = JsonValue::make_object();
    out.add("nodes", std::move(nodes));
    respond(json_reply(200, out));
  });
}

void RouterApi::count_users(const HttpRequest&, const Respond& respond) {
  list_members([this, respond](const ClusterView* view) {
    if (view == nullptr) return respond(store_silent("registry"));
    uint64_t online = 0;
    for (const Member& member : view->members) online += parts_.users_at(member.node);
    JsonValue out = JsonValue::make_object();
    out.add("known", JsonValue::make_number(uint64_t{parts_.users.size()}));
    out.add("at_nodes", JsonValue::make_number(online));
    respond(json_reply(200, out));
  });
}

}  // namespace imroute::cluster
