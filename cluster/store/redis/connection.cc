#include "cluster/store/redis/connection.h"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <charconv>
#include <utility>

#include "cluster/net/link.h"

namespace imroute::cluster {

namespace asio = boost::asio;

// ---- values ------------------------------------------------------------------------------------

uint64_t number_of(std::string_view digits) {
  uint64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

bool RedisValue::nothing() const { return reply_ == nullptr || reply_->type == REDIS_REPLY_NIL; }
bool RedisValue::is_error() const { return reply_ != nullptr && reply_->type == REDIS_REPLY_ERROR; }

std::string_view RedisValue::text() const {
  if (reply_ == nullptr || reply_->str == nullptr) return {};
  return {reply_->str, static_cast<size_t>(reply_->len)};
}

uint64_t RedisValue::number() const {
  if (reply_ == nullptr) return 0;
  if (reply_->type == REDIS_REPLY_INTEGER) return static_cast<uint64_t>(reply_->integer);
  return number_of(text());
}

size_t RedisValue::size() const {
  return reply_ == nullptr || reply_->type != REDIS_REPLY_ARRAY ? 0 : reply_->elements;
}

RedisValue RedisValue::operator[](size_t i) const {
  return i < size() ? RedisValue(reply_->element[i]) : RedisValue();
}

// ---- the connection ----------------------------------------------------------------------------

struct RedisConnection::State : std::enable_shared_from_this<State> {
  explicit State(asio::io_context& io) : socket(io) {}

  asio::posix::stream_descriptor socket;  // hiredis owns what it stands for
  redisAsyncContext* context = nullptr;
  std::function<void(std::string_view)> on_closed;  // empty: closed already, or forgotten
  bool forgotten = false;
  bool wants_read = false, reading = false;
  bool wants_write = false, writing = false;

  static State& of(void* data) { return *static_cast<State*>(data); }

  void read() {
    if (std::exchange(reading, true)) return;
    socket.async_wait(asio::posix::descriptor_base::wait_read,
                      [self = shared_from_this()](const boost::system::error_code& error) {
                        self->reading = false;
                        if (error || self->context == nullptr) return;
                        redisAsyncHandleRead(self->context);
                        if (self->context != nullptr && self->wants_read) self->read();
                      });
  }
  void write() {
    if (std::exchange(writing, true)) return;
    socket.async_wait(asio::posix::descriptor_base::wait_write,
                      [self = shared_from_this()](const boost::system::error_code& error) {
                        self->writing = false;
                        if (error || self->context == nullptr) return;
                        redisAsyncHandleWrite(self->context);
                        if (self->context != nullptr && self->wants_write) self->write();
                      });
  }
  void watch() {
    context->data = this;
    context->ev.data = this;
    context->ev.addRead = [](void* p) { of(p).wants_read = true, of(p).read(); };
    context->ev.delRead = [](void* p) { of(p).wants_read = false; };
    context->ev.addWrite = [](void* p) { of(p).wants_write = true, of(p).write(); };
    context->ev.delWrite = [](void* p) { of(p).wants_write = false; };
    context->ev.cleanup = [](void* p) {  // hiredis closes the socket itself
      State& state = of(p);
      state.context = nullptr;
      if (state.socket.is_open()) state.socket.release();
    };
    socket.assign(context->c.fd);
    redisAsyncSetDisconnectCallback(context, [](const redisAsyncContext* c, int) {
      of(c->data).closed(c->errstr == nullptr ? "closed" : c->errstr);
    });
    redisAsyncSetConnectCallback(context, [](const redisAsyncContext* c, int status) {
      if (status != REDIS_OK) of(c->data).closed(c->errstr == nullptr ? "refused" : c->errstr);
    });
  }
  void closed(std::string_view why) {
    if (const auto call = std::exchange(on_closed, nullptr); call != nullptr) call(why);
  }
};

struct RedisConnection::Call {
  std::shared_ptr<State> state;
  Callback callback;
  bool once;
  static void answered(redisAsyncContext*, void* reply, void* data) {
    Call* call = static_cast<Call*>(data);
    const auto* said = static_cast<const redisReply*>(reply);
    const bool last = call->once || said == nullptr;
    if (!call->state->forgotten) {
      if (last) {
        std::exchange(call->callback, nullptr)(said);
      } else {
        call->callback(said);
      }
    }
    if (last) delete call;
  }
};

std::string RedisAddress::socket_path() const {
  constexpr std::string_view kUnix = "unix:";
  if (text.starts_with(kUnix)) return text.substr(kUnix.size());
  return text.starts_with('/') ? text : "";
}

RedisConnection::RedisConnection(Loop& loop, const RedisAddress& address,
                                 std::function<void(std::string_view)> on_closed)
    : state_(std::make_shared<State>(loop.context())) {
  state_->on_closed = std::move(on_closed);
  const std::string path = address.socket_path();
  if (!path.empty()) {
    state_->context = redisAsyncConnectUnix(path.c_str());
  } else {
    const HostPort at = parse_host_port(address.text).value_or(HostPort{address.text, 6379});
    state_->context = redisAsyncConnect(at.host.c_str(), at.port);
  }
  redisAsyncContext* context = state_->context;
  if (context != nullptr && context->err == 0) {
    if (path.empty()) redisEnableKeepAlive(&context->c);
    state_->watch();
    return;
  }
  const std::string why = context == nullptr ? "out of memory" : context->errstr;
  if (context != nullptr) redisAsyncFree(std::exchange(state_->context, nullptr));
  loop.post([state = state_, why] { state->closed(why); });
}

RedisConnection::~RedisConnection() {
  state_->forgotten = true;
  state_->on_closed = nullptr;
  if (state_->context != nullptr) redisAsyncFree(state_->context);
}

void RedisConnection::close(std::string_view why) {
  const std::string reason(why);
  const std::shared_ptr<State> state = state_;
  // hiredis would tell of the end while it frees, without the reason.
  const auto call = std::exchange(state->on_closed, nullptr);
  if (state->context != nullptr) redisAsyncFree(state->context);
  if (call != nullptr) call(reason);
}

void RedisConnection::send(const RedisWords& words, Callback callback) {
  std::vector<const char*> starts;
  std::vector<size_t> lengths;
  for (const std::string& word : words) {
    starts.push_back(word.data());
    lengths.push_back(word.size());
  }
  auto call = std::make_unique<Call>(Call{state_, std::move(callback), true});
  if (state_->context != nullptr &&
      redisAsyncCommandArgv(state_->context, Call::answered, call.get(),
                            static_cast<int>(words.size()), starts.data(),
                            lengths.data()) == REDIS_OK) {
    call.release();  // Call::answered deletes it
    return;
  }
  asio::post(state_->socket.get_executor(), [call = std::shared_ptr<Call>(std::move(call))] {
    if (!call->state->forgotten) call->callback(nullptr);
  });
}

void RedisConnection::subscribe(const std::string& channel, Callback callback) {
  auto call = std::make_unique<Call>(Call{state_, std::move(callback), false});
  if (state_->context == nullptr) return;
  const char* words[] = {"SUBSCRIBE", channel.data()};
  const size_t lengths[] = {9, channel.size()};
  if (redisAsyncCommandArgv(state_->context, Call::answered, call.get(), 2, words, lengths) ==
      REDIS_OK) {
    call.release();
  }
}

}  // namespace imroute::cluster
