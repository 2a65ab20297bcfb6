#include "cluster/net/loop.h"

#include <unistd.h>

#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <csignal>
#include <utility>
#include <vector>

namespace imroute::cluster {

namespace asio = boost::asio;

namespace {
constexpr size_t kReadBufferBytes = 256 * 1024;
constexpr size_t kMostBuffers = 64;  // kept for the next turn
constexpr size_t kMostBufferBytes = 1024 * 1024;
constexpr int kMostPerTurn = 1024;  // handlers; then what they wrote is flushed
}  // namespace

MonoTime monotonic_now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

int64_t wall_now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

struct Loop::State {
  BlobPool pool;
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  std::vector<std::shared_ptr<TurnEnd>> turn_end;
  MonoTime now = 0;  // of the handler that runs; 0: nobody has asked yet
  bool running = false;
  ByteBuffer read_buffer = ByteBuffer(kReadBufferBytes);
  std::vector<ByteBuffer> buffers;
  std::unique_ptr<asio::signal_set> signals;
  std::function<void(int)> on_signal;

  // False when the loop was stopped.
  bool take_turn() {
    if (context.run_one() == 0) return false;
    now = 0;
    for (int i = 1; i < kMostPerTurn && context.poll_one() != 0; ++i) now = 0;
    now = 0;
    return true;
  }
  void wait_signal() {
    signals->async_wait([this](const boost::system::error_code& error, int signal) {
      if (error) return;
      on_signal(signal);
      wait_signal();
    });
  }
};

Loop::Loop() : state_(std::make_unique<State>()) {}
Loop::~Loop() = default;

BlobPool& Loop::pool() { return state_->pool; }
asio::io_context& Loop::context() { return state_->context; }

MonoTime Loop::now() {
  State& s = *state_;
  if (!s.running) return monotonic_now();
  if (s.now == 0) s.now = monotonic_now();
  return s.now;
}

void Loop::run() {
  State& s = *state_;
  s.context.restart();
  s.running = true;
  do {
    for (size_t i = 0; i < s.turn_end.size(); ++i) {
      const std::shared_ptr<TurnEnd> who = std::move(s.turn_end[i]);
      who->on_turn_end();
    }
    s.turn_end.clear();
  } while (s.take_turn());
  s.running = false;
  s.now = 0;
}

void Loop::stop() { state_->context.stop(); }

void Loop::post(std::function<void()> call) { asio::post(state_->context, std::move(call)); }

void Loop::at_turn_end(std::shared_ptr<TurnEnd> who) { state_->turn_end.push_back(std::move(who)); }

std::span<std::byte> Loop::read_buffer() { return state_->read_buffer; }

ByteBuffer Loop::take_buffer() {
  if (state_->buffers.empty()) return {};
  ByteBuffer buffer = std::move(state_->buffers.back());
  state_->buffers.pop_back();
  return buffer;
}

void Loop::give_buffer(ByteBuffer&& buffer) {
  if (buffer.capacity() == 0 || buffer.capacity() > kMostBufferBytes) return;
  if (state_->buffers.size() >= kMostBuffers) return;
  buffer.clear();
  state_->buffers.push_back(std::move(buffer));
}

namespace {

using Descriptor = asio::posix::stream_descriptor;

void read_on(asio::io_context& context, std::function<bool()> call) {
  asio::post(context, [&context, call = std::move(call)] {
    if (call()) read_on(context, call);
  });
}

// A file, of which epoll knows nothing (EPERM, told by the wait alone), can be read at any time.
void watch_on(asio::io_context& context, const std::shared_ptr<Descriptor>& descriptor,
              std::function<bool()> call) {
  Descriptor& waits = *descriptor;
  waits.async_wait(Descriptor::wait_read, [&context, descriptor, call = std::move(call)](
                                              const boost::system::error_code& error) {
    if (error == asio::error::operation_aborted) return;
    if (error) return read_on(context, call);
    if (call()) watch_on(context, descriptor, call);
  });
}

}  // namespace

void Loop::watch(int descriptor, std::function<bool()> call) {
  boost::system::error_code error;
  auto watched = std::make_shared<Descriptor>(state_->context);
  watched->assign(::dup(descriptor), error);
  if (error) return read_on(state_->context, std::move(call));
  watch_on(state_->context, watched, std::move(call));
}

void Loop::on_signals(std::function<void(int)> call) {
  state_->on_signal = std::move(call);
  state_->signals = std::make_unique<asio::signal_set>(state_->context, SIGINT, SIGTERM);
  state_->wait_signal();
}

struct Timer::State {
  State(asio::io_context& context, std::function<void()> call)
      : timer(context), fire(std::move(call)) {}
  asio::steady_timer timer;
  std::function<void()> fire;
  MonoTime deadline = kNever;
};

Timer::Timer(Loop& loop, std::function<void()> fire)
    : state_(std::make_shared<State>(loop.context(), std::move(fire))) {}

Timer::~Timer() {
  state_->fire = nullptr;
  state_->timer.cancel();
}

void Timer::set(MonoTime deadline) {
  if (deadline == state_->deadline) return;
  state_->deadline = deadline;
  if (deadline == kNever) {
    state_->timer.cancel();
    return;
  }
  state_->timer.expires_at(std::chrono::steady_clock::time_point(
      std::chrono::duration_cast<std::chrono::steady_clock::duration>(
          std::chrono::nanoseconds(deadline))));
  state_->timer.async_wait([state = state_, deadline](const boost::system::error_code& error) {
    // One that was replaced while its handler waited is not the one that is set.
    if (error || state->fire == nullptr || state->deadline != deadline) return;
    state->deadline = kNever;
    state->fire();
  });
}

}  // namespace imroute::cluster
