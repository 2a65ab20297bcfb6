// One TCP connection that carries frames and control messages (cluster/wire/control.h), in order,
// as they are or through a layer (layer.h: TLS, WebSocket). Each side says HELLO first, and frames
// have what both sides know (accord.h); the owner hears neither.
//
// Reading waits for readability without owning a buffer, then reads into the loop's; only the tail
// of a message that is not all there is kept, so an idle connection costs a socket and this object.
// What is sent is gathered and written at the end of the turn. A receiver that lets more than
// `most_pending` bytes wait is closed with slow_reader: nothing grows without bound.
//
// The owner hears of a link until it closes it, or until on_closed; not after that.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cluster/net/layer.h"
#include "cluster/net/loop.h"
#include "core/model/frame.h"
#include "core/model/limits.h"
#include "core/model/reason.h"
#include "core/wire/hello.h"

namespace imroute::cluster {

class Link;
using LinkHandle = std::shared_ptr<Link>;

class LinkOwner {
 public:
  virtual ~LinkOwner() = default;
  virtual void on_connected(Link&) {}  // one that was dialled; its layer is open
  virtual void on_frame(Link& link, const Frame& frame) = 0;
  virtual void on_control(Link& link, uint8_t type, std::span<const std::byte> body) = 0;
  virtual void on_closed(Link& link, Reason reason) = 0;
};

// "host:port", "[::1]:7000"; nothing when it is not of that form. Port 0 is allowed.
struct HostPort {
  std::string host;
  uint16_t port = 0;
  std::string text() const;
};
std::optional<HostPort> parse_host_port(std::string_view text);

// Where the other end of a connected socket is, without its port: the unit that is counted. Of IPv6
// it is the network of 64 bits, which is what one host commonly has.
std::string address_of(int socket);

// What the links of one owner counted.
struct LinkTotals {
  uint64_t frames_in = 0;
  uint64_t frames_out = 0;
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  uint64_t writes = 0;  // system calls that wrote
  uint64_t bad_frames = 0;
  uint64_t slow_readers = 0;
  uint64_t bad_handshakes = 0;   // layers that failed before they were open
  uint64_t version_refused = 0;  // no frame version in common
};

struct LinkOptions {
  size_t most_pending = 1024 * 1024;      // bytes that may wait to be written
  size_t most_control = 64 * 1024;        // body of a control message
  size_t most_frame = kMaxFrameBytes;     // body of a frame
  DurationNs dial_timeout = 2 * kSecond;  // until connected, and the layer open
  Hello hello{};                          // what this side says; of a link's first options
};

class Link : public TurnEnd, public std::enable_shared_from_this<Link> {
 public:
  // Dials. on_connected or on_closed follows, later.
  static LinkHandle dial(Loop& loop, const HostPort& to, LinkOwner& owner, LinkTotals& totals,
                         const LinkOptions& options = {}, LayerHandle layer = nullptr);
  // Of a listener: takes over a connected socket.
  static LinkHandle adopt(Loop& loop, int socket, LinkOwner& owner, LinkTotals& totals,
                          const LinkOptions& options = {}, LayerHandle layer = nullptr);
  ~Link() override;

  // Not sent when the other side does not know its type.
  void send(const Frame& frame);
  // REQUIRES: bytes that are the same with any features.
  void send_encoded(std::span<const std::byte> bytes, uint64_t frames = 1);
  void send_control(uint8_t type, std::span<const std::byte> body);
  // What is pending goes out first, if the other side takes it. The owner hears no more.
  void close();
  bool open() const;
  // Between the two nothing is read and the owner is called for nothing that arrives.
  void pause();
  void resume();
  // Why its layer or HELLO failed, for people; empty when neither did.
  std::string_view trouble() const;

  void set_owner(LinkOwner& owner, const LinkOptions& options);
  // The owner's name for it.
  uint64_t tag = 0;
  // The owner's, let go when the socket is closed.
  std::shared_ptr<void> kept;

 private:
  struct State;
  explicit Link(std::unique_ptr<State> state);
  LinkHandle self() { return shared_from_this(); }
  void on_turn_end() override;
  void connect(const HostPort& to);
  void connected();
  void wait_readable();
  void on_readable();
  void unwrap(std::span<const std::byte> bytes);
  void layer_opened();
  void say_hello();
  void step_aside();
  void consume(std::span<const std::byte> bytes);
  size_t take_messages(std::span<const std::byte> bytes);
  size_t take_control(std::span<const std::byte> bytes);
  bool make_room(size_t bytes);
  void end_turn();
  void wrap();
  void flush();
  void wait_writable();
  void fail(Reason reason);
  size_t take_hello(std::span<const std::byte> bytes);
  void give_up(WireError error);
  void refuse(Reason reason, std::string_view text);
  void linger();
  void close_socket();
  std::unique_ptr<State> state_;
};

// Accepts connections on one address. Throws SystemRefusal naming the address when it cannot.
class Listener {
 public:
  using Accept = std::function<void(int socket)>;  // the receiver owns the socket
  Listener(Loop& loop, const HostPort& at, Accept accept);
  ~Listener();
  uint16_t port() const;  // the one given by the system when 0 was asked for
  void stop();            // no more connections

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace imroute::cluster
