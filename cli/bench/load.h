// The load of a benchmark, the same whatever is under it: pairs of connections, of which what goes
// in at one comes out at the other. Every message carries its number and the time at which it was
// due, so that one that is lost, repeated or overtaken is seen, and so that latency counts from
// when a message should have been sent (a server that stalls cannot hide behind a sender that waits
// for it).
//
// What is spoken on a connection is the Line's; the load reads, writes, counts and measures. It
// runs in a process of its own: what it costs is nobody's but its own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/time.h"
#include "core/wire/codec.h"
#include "harness/result/result.h"

namespace imroute::bench {

// Thrown where a benchmark waits, when Ctrl-C was pressed.
struct Interrupted {};
void stop_if_interrupted();

// Closed with its owner.
class OpenSocket {
 public:
  explicit OpenSocket(int socket) : socket_(socket) {}
  OpenSocket(OpenSocket&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
  OpenSocket& operator=(OpenSocket&&) = delete;
  ~OpenSocket();
  int value() const { return socket_; }

 private:
  int socket_;
};

class Line {
 public:
  using Arrived = std::function<void(std::span<const std::byte> payload)>;
  explicit Line(OpenSocket socket) : socket_(std::move(socket)) {}
  virtual ~Line() = default;

  // Appends one message for the other end of the pair.
  virtual void put(std::span<const std::byte> payload, ByteBuffer& out) = 0;
  // Takes whole units from the front of what arrived and returns their size; messages go to
  // `arrived`, and what must be answered to `out`. Throws EnvironmentError for what cannot be.
  virtual size_t take(std::span<const std::byte> bytes, const Arrived& arrived,
                      ByteBuffer& out) = 0;
  int socket() const { return socket_.value(); }

 private:
  OpenSocket socket_;
};

struct Pair {
  std::unique_ptr<Line> from, to;
};

struct Shape {
  uint64_t messages = 0;   // in all, a multiple of `batch`
  uint32_t payload = 128;  // bytes
  uint32_t batch = 64;     // sent together
  uint32_t window = 64;    // of a pair, on the way; not less than `batch`
  uint64_t rate = 0;  // messages a second, whatever comes back (open loop); 0: as the windows let
  DurationNs think_ns = 0;  // a pair pauses so long before it fills its window again
};

struct Measured {
  uint64_t messages = 0;
  DurationNs took_ns = 0;
  Histogram latency;
};

class Load {
 public:
  explicit Load(std::vector<Pair> pairs);
  ~Load();
  // Knocks at every pair until something has come through: servers that have just started may not
  // know each other yet, and drop what they cannot route.
  void open();
  // As often as wanted; numbers go on. Throws EnvironmentError when nothing comes any more, or what
  // comes is not what was sent.
  Measured run(const Shape& shape);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A connected socket to an IPv4 address, "127.0.0.1:7000"; blocking. `source`: the last byte of the
// 127.0.0.x that it comes from; 0: any.
OpenSocket dial(const std::string& address, uint32_t source = 0);
void send_all(int socket, std::span<const std::byte> bytes);

}  // namespace imroute::bench
