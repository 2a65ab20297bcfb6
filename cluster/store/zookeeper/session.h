// One ZooKeeper session on the loop. The client library has threads of its own; every answer and
// event is posted to the loop here, in the order in which the server sent it: a watch's event is
// seen before any answer that shows what it is about.
//
// The session lasts while the library reaches the server often enough, over as many connections as
// that takes. One that expired is gone for good: a new one is begun, and its user is told.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/net/loop.h"

typedef struct _zhandle zhandle_t;

namespace imroute::cluster {

// The library's own codes, as far as somebody here does something about them.
enum class ZookeeperCode { ok, no_node, node_exists, bad_version, session_expired, lost, other };

struct ZookeeperAnswer {
  ZookeeperCode code = ZookeeperCode::lost;
  std::string data;                   // get
  std::vector<std::string> children;  // children
  int64_t created = 0;                // transaction that made the node,
  int64_t changed = 0;                // that wrote its data last,
  int64_t children_changed = 0;       // and that added or removed a child last
  int32_t version = 0;                // of the data
};

// One part of a transaction.
struct ZookeeperChange {
  enum class Kind { create_ephemeral, remove, set };
  Kind kind = Kind::set;
  std::string path;
  std::string data;
};

class ZookeeperSession {
 public:
  struct Events {
    std::function<void()> on_connected;  // also again, after a connection was lost
    std::function<void()> on_expired;    // a new session has been begun
    std::function<void()> on_watch;      // one of the watches that were set has fired
    std::function<void()> on_lost;       // the connection; the session may outlive it
  };
  // `servers`: "host:port,host:port".
  ZookeeperSession(Loop& loop, std::string servers, int timeout_ms, Events events);
  // Ends the session; forgets what is open.
  ~ZookeeperSession();

  using Handler = std::function<void(const ZookeeperAnswer&)>;
  // Never call back from inside.
  void get(const std::string& path, bool watch, Handler handler);
  void children(const std::string& path, bool watch, Handler handler);
  void exists(const std::string& path, Handler handler);
  // Until what the leader had done before has come to the server that answers here.
  void sync(const std::string& path, Handler handler);
  void create(const std::string& path, Handler handler);  // persistent, empty
  void set(const std::string& path, const std::string& data, int32_t version, Handler handler);
  void change(std::vector<ZookeeperChange> changes, Handler handler);  // all or nothing

  // At a later turn, unless the session object is gone by then.
  void later(std::function<void()> call);

  bool connected() const { return connected_; }
  int64_t id() const;      // 0 before it is there
  int granted_ms() const;  // the timeout that the server granted
  // Who else knows id and password can take the session over, or end it.
  std::string password() const;

 private:
  struct Inbox;
  struct Call;
  void begin();
  void end();
  void sent(int result, Call* call);
  void on_event(int type, int state);
  static void watch_event(zhandle_t*, int type, int state, const char* path, void* context);

  std::string servers_;
  int timeout_ms_;
  Events events_;
  std::shared_ptr<Inbox> inbox_;
  zhandle_t* handle_ = nullptr;
  bool connected_ = false;
};

}  // namespace imroute::cluster
