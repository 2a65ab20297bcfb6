// One thread's event loop: sockets, deadlines, signals, and calls from other threads. Everything of
// one machine runs here, so nothing of it needs a lock.
//
// A turn takes one event, then all others that are ready, then runs the turn's end: there each link
// that was written to is flushed, so that a destination gets one write per wake-up however many
// frames were made for it. Asio stays behind this header and link.h.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>

#include "core/base/payload.h"
#include "core/base/time.h"
#include "core/wire/codec.h"

namespace boost::asio {
class io_context;
}

namespace imroute::cluster {

// The system refused something that the user can change: a taken port, a name without an address.
class SystemRefusal : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// This process' monotonic clock.
MonoTime monotonic_now();
// The machine's clock, in nanoseconds since 1970: for what outlives the process.
int64_t wall_now();

// Something with work at the end of a turn.
class TurnEnd {
 public:
  virtual ~TurnEnd() = default;
  virtual void on_turn_end() = 0;
};

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  boost::asio::io_context& context();

  // Payloads of the machine that runs here. It outlives everything that waits in the loop.
  BlobPool& pool();

  // When what is being carried out began: the time of everything that came with one read.
  MonoTime now();

  // Runs until stop(); then may run again. What was posted or sent before is carried out first.
  void run();
  // From any thread.
  void stop();
  void post(std::function<void()> call);

  // Calls it once at the end of this turn, also when it is asked for from there.
  void at_turn_end(std::shared_ptr<TurnEnd> who);

  // Read into by whichever link is readable; valid until it returns to the loop.
  std::span<std::byte> read_buffer();
  // Empty buffers that keep their capacity from one use to the next: who has nothing to keep owns
  // none.
  ByteBuffer take_buffer();
  void give_buffer(ByteBuffer&& buffer);

  // Calls each time that something can be read from the descriptor, or its end has come, until
  // false is returned. A file, which can always be read, is called for at once and again.
  void watch(int descriptor, std::function<bool()> call);

  // SIGINT and SIGTERM of the process go to this loop: `call(signal)`, as often as they come.
  void on_signals(std::function<void(int)> call);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// One deadline. Setting it anew replaces it; destroyed, it does not fire.
class Timer {
 public:
  Timer(Loop& loop, std::function<void()> fire);
  ~Timer();
  // kNever: none. A deadline that is over fires at the next turn.
  void set(MonoTime deadline);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace imroute::cluster
