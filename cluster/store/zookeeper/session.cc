#include "cluster/store/zookeeper/session.h"

#include <zookeeper/zookeeper.h>

#include <array>
#include <utility>

namespace imroute::cluster {

namespace {

ZookeeperCode code_of(int result) {
  switch (result) {
    case ZOK:
      return ZookeeperCode::ok;
    case ZNONODE:
      return ZookeeperCode::no_node;
    case ZNODEEXISTS:
      return ZookeeperCode::node_exists;
    case ZBADVERSION:
      return ZookeeperCode::bad_version;
    case ZSESSIONEXPIRED:
    case ZINVALIDSTATE:  // the handle of a session that expired
      return ZookeeperCode::session_expired;
    case ZCONNECTIONLOSS:
    case ZOPERATIONTIMEOUT:
    case ZCLOSING:
      return ZookeeperCode::lost;
    default:
      return ZookeeperCode::other;
  }
}

void take_stat(const Stat* stat, ZookeeperAnswer& answer) {
  if (stat == nullptr) return;
  answer.created = stat->czxid;
  answer.changed = stat->mzxid;
  answer.children_changed = stat->pzxid;
  answer.version = stat->version;
}

}  // namespace

// What the library's threads reach: it outlives the session, whose calls may still be on their way.
struct ZookeeperSession::Inbox : std::enable_shared_from_this<Inbox> {
  Inbox(Loop& l, ZookeeperSession* s) : loop(l), session(s) {}
  Loop& loop;
  ZookeeperSession* session;  // nullptr: gone. Used on the loop only.
};

struct ZookeeperSession::Call {
  std::shared_ptr<Inbox> inbox;
  Handler handler;
  ZookeeperAnswer answer = {};
  // What a transaction needs until it is answered.
  std::vector<ZookeeperChange> changes = {};
  std::vector<zoo_op_t> operations = {};
  std::vector<zoo_op_result_t> results = {};
  std::array<char, 512> made = {};

  // On the library's thread; the call is the library's until here.
  static void finish(int result, const void* data) {
    std::shared_ptr<Call> call(static_cast<Call*>(const_cast<void*>(data)));
    call->answer.code = code_of(result);
    // In a transaction that failed, the first part that did says why.
    for (const zoo_op_result_t& part : call->results) {
      if (result != ZOK && part.err != ZOK && part.err != ZRUNTIMEINCONSISTENCY) {
        call->answer.code = code_of(part.err);
        break;
      }
    }
    Loop& loop = call->inbox->loop;
    loop.post([call = std::move(call)] {
      if (call->inbox->session != nullptr) call->handler(call->answer);
    });
  }
  static ZookeeperAnswer& answer_in(const void* data) {
    return static_cast<Call*>(const_cast<void*>(data))->answer;
  }
  static void on_data(int result, const char* value, int length, const Stat* stat,
                      const void* data) {
    if (result == ZOK && length > 0) {
      answer_in(data).data.assign(value, static_cast<size_t>(length));
    }
    take_stat(stat, answer_in(data));
    finish(result, data);
  }
  static void on_children(int result, const String_vector* names, const Stat* stat,
                          const void* data) {
    for (int i = 0; result == ZOK && i < names->count; ++i) {
      answer_in(data).children.emplace_back(names->data[i]);
    }
    take_stat(stat, answer_in(data));
    finish(result, data);
  }
  static void on_stat(int result, const Stat* stat, const void* data) {
    take_stat(stat, answer_in(data));
    finish(result, data);
  }
  static void on_text(int result, const char*, const void* data) { finish(result, data); }
};

ZookeeperSession::ZookeeperSession(Loop& loop, std::string servers, int timeout_ms, Events events)
    : servers_(std::move(servers)),
      timeout_ms_(timeout_ms),
      events_(std::move(events)),
      inbox_(std::make_shared<Inbox>(loop, this)) {
  zoo_set_debug_level(static_cast<ZooLogLevel>(0));  // its users say what is wrong
  begin();
}

ZookeeperSession::~ZookeeperSession() {
  inbox_->session = nullptr;
  end();
}

void ZookeeperSession::begin() {
  connected_ = false;
  handle_ = zookeeper_init(servers_.c_str(), watch_event, timeout_ms_, nullptr, inbox_.get(), 0);
  if (handle_ == nullptr) throw SystemRefusal("ZooKeeper at " + servers_ + ": no such address");
}

void ZookeeperSession::end() {
  if (handle_ != nullptr) zookeeper_close(std::exchange(handle_, nullptr));
}

// On the library's thread, which zookeeper_close ends: the inbox is there as long as the handle is.
void ZookeeperSession::watch_event(zhandle_t*, int type, int state, const char*, void* context) {
  auto* const inbox = static_cast<Inbox*>(context);
  inbox->loop.post([inbox = inbox->weak_from_this(), type, state] {
    const std::shared_ptr<Inbox> there = inbox.lock();
    if (there != nullptr && there->session != nullptr) there->session->on_event(type, state);
  });
}

void ZookeeperSession::on_event(int type, int state) {
  if (type != ZOO_SESSION_EVENT) {
    if (events_.on_watch != nullptr) events_.on_watch();
    return;
  }
  const bool was_connected = std::exchange(connected_, state == ZOO_CONNECTED_STATE);
  if (was_connected && !connected_ && events_.on_lost != nullptr) events_.on_lost();
  if (connected_ && events_.on_connected != nullptr) events_.on_connected();
  if (state != ZOO_EXPIRED_SESSION_STATE) return;
  end();
  begin();
  if (events_.on_expired != nullptr) events_.on_expired();
}

void ZookeeperSession::later(std::function<void()> call) {
  inbox_->loop.post([inbox = inbox_, call = std::move(call)] {
    if (inbox->session != nullptr) call();
  });
}

int64_t ZookeeperSession::id() const {
  return zoo_client_id(handle_) == nullptr ? 0 : zoo_client_id(handle_)->client_id;
}
int ZookeeperSession::granted_ms() const { return zoo_recv_timeout(handle_); }
std::string ZookeeperSession::password() const {
  const clientid_t* who = zoo_client_id(handle_);
  return who == nullptr ? "" : std::string(who->passwd, sizeof who->passwd);
}

// ---- asking ------------------------------------------------------------------------------------

void ZookeeperSession::sent(int result, Call* call) {
  if (result != ZOK) Call::finish(result, call);  // it never went out
}

void ZookeeperSession::get(const std::string& path, bool watch, Handler handler) {
  auto* const call = new Call{inbox_, std::move(handler)};
  sent(zoo_awget(handle_, path.c_str(), watch ? watch_event : nullptr, inbox_.get(), Call::on_data,
                 call),
       call);
}

void ZookeeperSession::children(const std::string& path, bool watch, Handler handler) {
  auto* const call = new Call{inbox_, std::move(handler)};
  sent(zoo_awget_children2(handle_, path.c_str(), watch ? watch_event : nullptr, inbox_.get(),
                           Call::on_children, call),
       call);
}

void ZookeeperSession::exists(const std::string& path, Handler handler) {
  auto* const call = new Call{inbox_, std::move(handler)};
  sent(zoo_aexists(handle_, path.c_str(), 0, Call::on_stat, call), call);
}

void ZookeeperSession::sync(const std::string& path, Handler handler) {
  auto* const call = new Call{inbox_, std::move(handler)};
  sent(zoo_async(handle_, path.c_str(), Call::on_text, call), call);
}

void ZookeeperSession::create(const std::string& path, Handler handler) {
  auto* const call = new Call{inbox_, std::move(handler)};
  sent(zoo_acreate(handle_, path.c_str(), "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, Call::on_text, call),
       call);
}

void ZookeeperSession::set(const std::string& path, const std::string& data, int32_t version,
                           Handler handler) {
  auto* const call = new Call{inbox_, std::move(handler)};
  sent(zoo_aset(handle_, path.c_str(), data.data(), static_cast<int>(data.size()), version,
                Call::on_stat, call),
       call);
}

void ZookeeperSession::change(std::vector<ZookeeperChange> changes, Handler handler) {
  auto* const call = new Call{inbox_, std::move(handler)};
  call->changes = std::move(changes);
  call->operations.resize(call->changes.size());
  call->results.resize(call->changes.size());
  for (size_t i = 0; i < call->changes.size(); ++i) {
    const ZookeeperChange& part = call->changes[i];
    zoo_op_t* const operation = &call->operations[i];
    switch (part.kind) {
      case ZookeeperChange::Kind::create_ephemeral:
        zoo_create_op_init(operation, part.path.c_str(), part.data.data(),
                           static_cast<int>(part.data.size()), &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL,
                           call->made.data(), static_cast<int>(call->made.size()));
        break;
      case ZookeeperChange::Kind::remove:
        zoo_delete_op_init(operation, part.path.c_str(), -1);
        break;
      case ZookeeperChange::Kind::set:
        zoo_set_op_init(operation, part.path.c_str(), part.data.data(),
                        static_cast<int>(part.data.size()), -1, nullptr);
        break;
    }
  }
  sent(zoo_amulti(
           handle_, static_cast<int>(call->operations.size()), call->operations.data(),
           call->results.data(), [](int result, const void* data) { Call::finish(result, data); },
           call),
       call);
}

}  // namespace imroute::cluster
