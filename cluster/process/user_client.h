// A user's device as a process runs it: the core's Client on sockets. It logs in through a router,
// goes where it is sent, and comes back by itself.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/machine/driver.h"
#include "cluster/process/settings.h"
#include "core/client/client.h"

namespace imroute::cluster {

struct UserSettings {
  std::string name;
  uint32_t device = 0;
  ClientType client_type = ClientType::pc;
  std::vector<std::string> routers{"127.0.0.1:7000"};  // host:port, where clients dial them
  std::string pass;                                    // for routers that want one
  std::string tls_authority;  // PEM file of who vouches for the servers; empty: no TLS
  DeliveryConfig delivery;
  SessionConfig sessions;
};

class UserClient : public Environment {
 public:
  using OnNotice = std::function<void(const Notify&)>;
  // Why a server does not let this user in, for people; comes again with every attempt.
  // `refused`: this user is not let in.
  using OnTrouble = std::function<void(const std::string& why, bool refused)>;
  // Throws SystemRefusal when the authority cannot be used.
  UserClient(Loop& loop, const UserSettings& settings, OnNotice on_notice, OnTrouble on_trouble);
  ~UserClient() override;

  void start() { driver_->command({CommandKind::start, {}, {}, 0}); }
  void stop() { driver_->command({CommandKind::stop, {}, {}, 0}); }
  void send(ConversationId to, std::string_view text, uint64_t tag);
  // With this user and `members`; refused when it exists.
  void create(ConversationId group, std::vector<UserId> members, uint64_t tag);
  void join(ConversationId group, uint64_t tag);
  void leave(ConversationId group, uint64_t tag);

  UserId user() const { return user_; }
  Client& core() { return machine_.core(); }

 private:
  std::optional<HostPort> where(Address server) override;
  LayerHandle layer_to(const HostPort& to) override { return through_(to); }
  std::string proof_for(Address server) override;
  void on_notice(const Notify& notice) override;
  void on_trouble(std::optional<Address> server, std::string_view why) override;
  void on_server_control(Address server, uint8_t type, std::span<const std::byte> body) override;

  Loop& loop_;
  UserSettings settings_;
  UserId user_;
  OnNotice on_notice_;
  OnTrouble on_trouble_;
  LayerTo through_;
  std::map<NodeId, HostPort> places_;
  bool online_ = false;
  std::string token_;  // for the node of the last login
  MachineOf<Client> machine_;
  std::optional<Driver> driver_;
};

// How that user's connections are dialled. Throws SystemRefusal when the authority cannot be used.
LayerTo dialled_as(const UserSettings& settings);

// One question about users, to all routers, one after the other: each knows the names that logged
// in through it.
class UserQuestion : public LinkOwner {
 public:
  // Nothing: no router was reached and answered in time.
  using OnAnswer = std::function<void(const std::optional<UsersAnswer>&)>;
  UserQuestion(Loop& loop, const UserSettings& who, const UsersQuery& query, OnAnswer on_answer);
  ~UserQuestion() override;

 private:
  void on_connected(Link& link) override;
  void on_frame(Link&, const Frame&) override {}
  void on_control(Link& link, uint8_t type, std::span<const std::byte> body) override;
  void on_closed(Link& link, Reason reason) override;
  void ask_next();
  void take(const UsersAnswer& got);

  Loop& loop_;
  std::vector<std::string> routers_;
  LayerTo through_;
  Greeting greeting_;
  size_t next_ = 0;
  UsersQuery query_;
  std::optional<UsersAnswer> answer_;  // of those asked so far
  OnAnswer on_answer_;
  LinkTotals totals_;
  LinkHandle link_;
  Timer timer_;
};

}  // namespace imroute::cluster
