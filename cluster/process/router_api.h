// What a router answers over HTTP, for the backend of an application: who there is and where,
// logins for clients that speak another protocol up to here, messages sent for users, and groups.
// openapi.json describes it, and is tested against it. Whoever reaches it acts for any user.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cluster/http/routes.h"
#include "cluster/process/login_desk.h"
#include "cluster/process/post_office.h"
#include "cluster/process/user_book.h"
#include "cluster/store/store.h"
#include "config/shape.h"

namespace imroute::cluster {

// A key of a body that names a user, or a group.
ShapeKey name_key(const char* name, std::string& field, const char* help);
// Numbers of the sender's own make a request repeatable.
ShapeKey id_key(uint64_t& field);
HttpReply bad_name(const std::string& found);
HttpReply store_silent(const char* store);
// For a post that was refused.
HttpReply refused_reply(Reason reason);
// {"id": ..., "position": ...}, or that this one was stored no more.
HttpReply stored_reply(int status, const PostAnswer& answer);

class RouterApi {
 public:
  // What of the router's process it works with. All outlive it.
  struct Parts {
    Loop& loop;
    Driver& driver;
    UserBook& users;
    UserBook& groups;
    DirectoryStore& directory;
    MailboxStore& mailbox;
    std::function<bool(const DeviceRow&)> lives;  // the row's session is at a node that lives
    std::function<uint64_t(NodeId)> users_at;     // by the node's last report
    LayerTo layer_to;                             // for a connection to a node
    LoginDesk::TokenFor token_for;
    SessionConfig sessions;
    Guarantee guarantee = Guarantee::at_least_once;
  };
  explicit RouterApi(Parts parts);
  ~RouterApi();

  void answer(const HttpRequest& request, const Respond& respond) {
    routes_.answer(request, respond);
  }
  size_t senders() const { return post_office_.senders(); }

 private:
  using Argument = const std::string&;
  void add_routes();
  void register_user(const HttpRequest& request, const Respond& respond);
  void list_users(const HttpRequest& request, const Respond& respond);
  void count_users(const HttpRequest& request, const Respond& respond);
  void show_sessions(const HttpRequest& request, Argument user, const Respond& respond);
  void log_in(const HttpRequest& request, const Respond& respond);
  void send_message(const HttpRequest& request, const Respond& respond);
  void list_nodes(const HttpRequest& request, const Respond& respond);
  void create_group(const HttpRequest& request, const Respond& respond);
  void change_members(EntryKind kind, const HttpRequest& request, Argument group,
                      const Respond& respond);
  void show_group(const HttpRequest& request, Argument group, const Respond& respond);

  void look_up(std::vector<UserId> users, std::function<void(const std::vector<UserRecord>*)> call);
  void list_members(std::function<void(const ClusterView*)> call);
  // Sends it for the user's device and responds with what `reply` makes of the answer.
  void post_for(DeviceKey from, PostedMessage message, const Respond& respond,
                std::function<HttpReply(const PostAnswer&)> reply);
  JsonValue user_json(UserId user, const std::string& name) const;
  bool is_online(const UserRecord& record) const;

  Parts parts_;
  LoginDesk desk_;
  PostOffice post_office_;
  HttpRoutes routes_;
  std::shared_ptr<RouterApi*> here_;  // callbacks of stores come to nobody once this is gone
};

}  // namespace imroute::cluster
