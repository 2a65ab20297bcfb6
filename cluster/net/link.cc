#include "cluster/net/link.h"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <charconv>
#include <chrono>
#include <utility>

#include "cluster/net/accord.h"
#include "cluster/wire/control.h"
#include "core/base/assert.h"

namespace imroute::cluster {

namespace asio = boost::asio;
using asio::ip::tcp;
using Error = boost::system::error_code;
// Knows its loop's executor by type: Asio's default, which could be any, takes 100 bytes more of
// each connection, in the socket and in what waits for it.
using Socket = asio::basic_stream_socket<tcp, asio::io_context::executor_type>;

namespace {
constexpr DurationNs kLingerTime = 2 * kSecond;  // for the other side to read our last words
constexpr size_t kMostFramesWaiting = 64;        // frames, for the other's HELLO
}  // namespace

std::string HostPort::text() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::optional<HostPort> parse_host_port(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  HostPort out;
  std::string_view host = text.substr(0, colon);
  if (host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view port = text.substr(colon + 1);
  const auto [end, problem] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (host.empty() || problem != std::errc{} || end != port.data() + port.size()) {
    return std::nullopt;
  }
  out.host = host;
  return out;
}

std::string address_of(int socket) {
  tcp::endpoint end;
  auto size = static_cast<socklen_t>(end.capacity());
  if (::getpeername(socket, end.data(), &size) != 0) return {};
  end.resize(size);
  if (!end.address().is_v6()) return end.address().to_string();
  const asio::ip::address_v6 address = end.address().to_v6();
  if (address.is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address).to_string();
  }
  auto bytes = address.to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), uint8_t{0});
  return asio::ip::address_v6(bytes).to_string() + "/64";
}

enum class Phase : uint8_t { dialling, open, lingering, closed };

// What of its options a link goes by for as long as it lives.
struct Bounds {
  explicit Bounds(const LinkOptions& options)
      : pending(static_cast<uint32_t>(options.most_pending)),
        control(static_cast<uint32_t>(options.most_control)),
        frame(static_cast<uint32_t>(options.most_frame)) {}
  uint32_t pending;
  uint32_t control;
  uint32_t frame;
};

// Every byte here is paid for by each idle connection: what few links have is behind a pointer.
struct Link::State {
  State(Loop& l, Socket s, LinkOwner& o, LinkTotals& t, const LinkOptions& how, LayerHandle between)
      : loop(l),
        socket(std::move(s)),
        owner(&o),
        totals(t),
        accord(how.hello),
        bounds(how),
        layer(std::move(between)) {}
  Loop& loop;
  Socket socket;
  LinkOwner* owner;  // nullptr once it was told of the end, or closed
  LinkTotals& totals;
  Accord accord;
  Bounds bounds;
  bool said_hello = false;
  LayerState layer_state = LayerState::opening;
  bool dialled = false;  // and the owner waits for on_connected
  Phase phase = Phase::dialling;
  bool reading = false;    // on_readable is coming
  bool consuming = false;  // the owner is being called
  bool paused = false;
  bool in_turn_end = false;  // on_turn_end is coming
  bool waiting_writable = false;
  bool overflowed = false;
  LayerHandle layer;
  ByteBuffer partial;                         // the tail of a message of which the rest is to come
  ByteBuffer messages;                        // that the layer is to carry
  ByteBuffer out;                             // for the socket
  size_t written = 0;                         // of `out`
  std::unique_ptr<asio::steady_timer> timer;  // of dialling and lingering
  std::unique_ptr<tcp::resolver> resolver;
  std::unique_ptr<const std::string> trouble;  // of HELLO

  ByteBuffer& gathered() { return layer == nullptr ? out : messages; }
  size_t pending() const { return messages.size() + out.size() - written; }
  void set_timer(DurationNs time, std::function<void()> fire) {
    timer =
        std::make_unique<asio::steady_timer>(socket.get_executor(), std::chrono::nanoseconds(time));
    timer->async_wait([fire = std::move(fire)](const Error& error) {
      if (!error) fire();
    });
  }
};

Link::Link(std::unique_ptr<State> state) : state_(std::move(state)) {}
Link::~Link() = default;

LinkHandle Link::dial(Loop& loop, const HostPort& to, LinkOwner& owner, LinkTotals& totals,
                      const LinkOptions& options, LayerHandle layer) {
  LinkHandle link(new Link(std::make_unique<State>(loop, Socket(loop.context()), owner, totals,
                                                   options, std::move(layer))));
  link->state_->dialled = true;
  link->state_->set_timer(options.dial_timeout, [link] { link->fail(Reason::timeout); });
  link->connect(to);
  return link;
}

LinkHandle Link::adopt(Loop& loop, int socket, LinkOwner& owner, LinkTotals& totals,
                       const LinkOptions& options, LayerHandle layer) {
  LinkHandle link(new Link(std::make_unique<State>(loop, Socket(loop.context()), owner, totals,
                                                   options, std::move(layer))));
  Error error;
  link->state_->socket.assign(tcp::v4(), socket, error);
  link->connected();
  return link;
}

void Link::connect(const HostPort& to) {
  Error error;
  const asio::ip::address address = asio::ip::make_address(to.host, error);
  const auto done = [link = self()](const Error& failure) {
    if (link->state_->phase != Phase::dialling) return;
    if (failure) return link->fail(Reason::refused);
    link->connected();
  };
  if (!error) {
    state_->socket.async_connect(tcp::endpoint(address, to.port), done);
    return;
  }
  state_->resolver = std::make_unique<tcp::resolver>(state_->socket.get_executor());
  state_->resolver->async_resolve(
      to.host, std::to_string(to.port),
      [link = self(), done](const Error& failure, const tcp::resolver::results_type& found) {
        if (link->state_->phase != Phase::dialling) return;
        if (failure) return link->fail(Reason::refused);
        asio::async_connect(link->state_->socket, found,
                            [done](const Error& refused, const tcp::endpoint&) { done(refused); });
      });
}

void Link::connected() {
  state_->phase = Phase::open;
  state_->resolver.reset();
  Error ignored;
  state_->socket.non_blocking(true, ignored);
  state_->socket.set_option(tcp::no_delay(true), ignored);
  wait_readable();
  if (state_->layer == nullptr) return layer_opened();
  if (!state_->dialled) return;
  state_->layer->start(state_->out);
  flush();
}

// From here on messages go through; who dialled may begin.
void Link::layer_opened() {
  state_->timer.reset();
  say_hello();
  if (!std::exchange(state_->dialled, false)) return;
  if (state_->owner != nullptr) state_->owner->on_connected(*this);
}

// Before anything else; not sooner than there is something to say, for a stranger owns no buffer.
void Link::say_hello() {
  if (std::exchange(state_->said_hello, true)) return;
  ByteBuffer hello;
  encode_hello(state_->accord.ours(), hello);
  send_encoded(hello, 0);
}

bool Link::open() const { return state_->owner != nullptr && state_->phase == Phase::open; }

std::string_view Link::trouble() const {
  if (state_->trouble != nullptr) return *state_->trouble;
  return state_->layer == nullptr ? std::string_view{} : state_->layer->trouble();
}

void Link::set_owner(LinkOwner& owner, const LinkOptions& options) {
  if (state_->owner == nullptr) return;
  state_->owner = &owner;
  state_->bounds = Bounds(options);
}

// ---- reading -----------------------------------------------------------------------------------

void Link::wait_readable() {
  if (state_->paused || std::exchange(state_->reading, true)) return;
  state_->socket.async_wait(Socket::wait_read, [link = self()](const Error& error) {
    link->state_->reading = false;
    if (link->state_->phase == Phase::closed) return;
    if (error) return link->fail(Reason::reset);
    link->on_readable();
  });
}

void Link::on_readable() {
  const std::span<std::byte> buffer = state_->loop.read_buffer();
  Error error;
  const size_t size = state_->socket.read_some(asio::buffer(buffer.data(), buffer.size()), error);
  if (error == asio::error::would_block) return wait_readable();
  if (error) {
    return fail(error == asio::error::eof ? Reason::closed_by_peer : Reason::reset);
  }
  state_->totals.bytes_in += size;
  if (state_->owner != nullptr) {
    if (state_->layer != nullptr) {
      unwrap(buffer.first(size));
    } else {
      consume(buffer.first(size));
    }
  }
  if (state_->phase != Phase::closed) wait_readable();
}

void Link::unwrap(std::span<const std::byte> bytes) {
  State& s = *state_;
  ByteBuffer messages = s.loop.take_buffer();
  const LayerState before = s.layer_state;
  s.layer_state = s.layer->receive(bytes, messages, s.out);
  if (before == LayerState::opening && s.layer_state == LayerState::failed) {
    ++s.totals.bad_handshakes;
  }
  if (before == LayerState::opening && s.layer_state == LayerState::open) layer_opened();
  if (s.layer_state == LayerState::aside) step_aside();
  if (open() && !messages.empty()) consume(messages);
  s.loop.give_buffer(std::move(messages));
  if (s.phase == Phase::closed) return;
  if (s.layer_state <= LayerState::aside) {
    if (s.pending() != 0) end_turn();
    return;
  }
  flush();
  fail(s.layer_state == LayerState::ended ? Reason::closed_by_peer : Reason::protocol_error);
}

void Link::step_aside() {
  State& s = *state_;
  s.layer.reset();
  s.out.insert(s.out.end(), s.messages.begin(), s.messages.end());
  s.loop.give_buffer(std::exchange(s.messages, {}));
  layer_opened();
}

void Link::pause() { state_->paused = true; }

void Link::resume() {
  if (!std::exchange(state_->paused, false) || state_->consuming) return;
  if (open()) consume({});
  if (state_->phase != Phase::closed) wait_readable();
}

void Link::consume(std::span<const std::byte> bytes) {
  ByteBuffer& partial = state_->partial;
  if (partial.empty()) {
    const size_t taken = take_messages(bytes);
    if (!open() || taken == bytes.size()) return;
    partial = state_->loop.take_buffer();
    partial.assign(bytes.begin() + static_cast<ptrdiff_t>(taken), bytes.end());
    return;
  }
  partial.insert(partial.end(), bytes.begin(), bytes.end());
  const size_t taken = take_messages(partial);
  partial.erase(partial.begin(), partial.begin() + static_cast<ptrdiff_t>(taken));
  if (partial.empty()) state_->loop.give_buffer(std::exchange(partial, {}));
}

// Hands whole messages to the owner, as long as it wants them. Returns the bytes they took.
size_t Link::take_messages(std::span<const std::byte> bytes) {
  size_t taken = 0;
  Frame frame;
  state_->consuming = true;
  while (open() && !state_->paused && taken < bytes.size()) {
    const std::span<const std::byte> rest = bytes.subspan(taken);
    if (!state_->accord.heard()) {
      const size_t size = take_hello(rest);
      if (size == 0) break;
      taken += size;
      continue;
    }
    if (rest.size() >= kWireHeaderBytes && rest[3] == std::byte{kSerializerControl}) {
      const size_t size = take_control(rest);
      if (size == 0) break;
      taken += size;
      continue;
    }
    const Decoded got = decode(rest, frame, state_->loop.pool(), state_->accord.read());
    if (got.size > kWireHeaderBytes + state_->bounds.frame) {
      give_up(WireError::too_large);
      break;
    }
    if (got.status == ReadStatus::error) {
      give_up(got.error);
      break;
    }
    if (got.status == ReadStatus::need_more) break;
    taken += got.size;
    ++state_->totals.frames_in;
    state_->owner->on_frame(*this, frame);
  }
  state_->consuming = false;
  return taken;
}

// 0: not all there, or wrong.
size_t Link::take_control(std::span<const std::byte> bytes) {
  WireHeader header;
  WireError error = read_header(bytes, header);
  if (error == WireError::none && header.body_size > state_->bounds.control) {
    error = WireError::too_large;
  }
  if (error != WireError::none) {
    give_up(error);
    return 0;
  }
  const size_t size = kWireHeaderBytes + header.body_size;
  if (bytes.size() < size) return 0;
  if (header.type == kControlAgreed) {
    if (state_->accord.on_agreed()) return size;
    ++state_->totals.bad_frames;
    refuse(Reason::protocol_error, "there is nothing to agree on");
    return 0;
  }
  state_->owner->on_control(*this, header.type, bytes.subspan(kWireHeaderBytes, header.body_size));
  return size;
}

// 0: not all there, or refused.
size_t Link::take_hello(std::span<const std::byte> bytes) {
  State& s = *state_;
  const Accord::Verdict verdict = s.accord.hear(bytes, s.loop.pool());
  if (verdict.refused != Reason::none) {
    ++(verdict.refused == Reason::version_refused ? s.totals.version_refused : s.totals.bad_frames);
    s.trouble = std::make_unique<const std::string>(verdict.text);
    refuse(verdict.refused, verdict.text);
    return 0;
  }
  if (!s.accord.heard()) return 0;
  if (s.accord.written() != 0) send_control(kControlAgreed, {});
  for (const Frame& frame : s.accord.take_waiting()) send(frame);
  return verdict.size;
}

void Link::give_up(WireError error) {
  ++state_->totals.bad_frames;
  refuse(reason_of(error), to_string(error));
}

// The other side is told why, and hears it whatever it is still saying.
void Link::refuse(Reason reason, std::string_view text) {
  send_control(kControlRefusal, refusal_body(reason, text));
  const LinkHandle keep = self();
  LinkOwner* owner = std::exchange(state_->owner, nullptr);
  linger();
  if (owner != nullptr) owner->on_closed(*this, reason);
}

// ---- writing -----------------------------------------------------------------------------------

bool Link::make_room(size_t bytes) {
  State& s = *state_;
  if (s.phase == Phase::closed || s.phase == Phase::lingering || s.overflowed) return false;
  say_hello();
  ByteBuffer& to = s.gathered();
  if (to.capacity() == 0) to = s.loop.take_buffer();
  s.overflowed = s.pending() + bytes > s.bounds.pending;
  end_turn();
  return !s.overflowed;
}

// What is pending goes out at the end of this turn, or when the socket takes it.
void Link::end_turn() {
  State& s = *state_;
  s.overflowed = s.overflowed || s.pending() > s.bounds.pending;
  if (s.in_turn_end || (s.waiting_writable && !s.overflowed)) return;
  s.in_turn_end = true;
  s.loop.at_turn_end(self());
}

void Link::send(const Frame& frame) {
  Accord& accord = state_->accord;
  if (accord.must_wait(frame, state_->loop.pool())) {
    accord.wait(frame);
    if (accord.waiting() <= kMostFramesWaiting) return;
    state_->overflowed = true;
    return end_turn();
  }
  if (frame_fields(frame.type, accord.written()) == 0) return;
  // A little less than its size, which is known when it is encoded.
  if (!make_room(kWireHeaderBytes + frame.entry.payload.size() + frame.list.size())) return;
  encode(frame, 0, state_->gathered(), accord.written());
  ++state_->totals.frames_out;
}

void Link::send_encoded(std::span<const std::byte> bytes, uint64_t frames) {
  if (!make_room(bytes.size())) return;
  ByteBuffer& to = state_->gathered();
  to.insert(to.end(), bytes.begin(), bytes.end());
  state_->totals.frames_out += frames;
}

void Link::send_control(uint8_t type, std::span<const std::byte> body) {
  if (!make_room(kWireHeaderBytes + body.size())) return;
  std::byte header[kWireHeaderBytes];
  put_header({kSerializerControl, type, 0, 0, static_cast<uint32_t>(body.size())}, header);
  ByteBuffer& to = state_->gathered();
  to.insert(to.end(), header, header + kWireHeaderBytes);
  to.insert(to.end(), body.begin(), body.end());
}

void Link::on_turn_end() {
  state_->in_turn_end = false;
  if (state_->overflowed) {
    ++state_->totals.slow_readers;
    return fail(Reason::slow_reader);
  }
  if (state_->phase == Phase::open) flush();
}

void Link::wrap() {
  State& s = *state_;
  if (s.messages.empty() || s.layer_state != LayerState::open) return;
  if (s.out.capacity() == 0) s.out = s.loop.take_buffer();
  s.layer->send(s.messages, s.out);
  s.loop.give_buffer(std::exchange(s.messages, {}));
}

void Link::flush() {
  State& s = *state_;
  wrap();
  while (s.written < s.out.size()) {
    Error error;
    ++s.totals.writes;
    const size_t size = s.socket.write_some(
        asio::buffer(s.out.data() + s.written, s.out.size() - s.written), error);
    if (error == asio::error::would_block) return wait_writable();
    if (error) return fail(Reason::reset);
    s.written += size;
    s.totals.bytes_out += size;
  }
  s.written = 0;
  s.loop.give_buffer(std::exchange(s.out, {}));
  if (s.phase == Phase::lingering) {
    Error ignored;
    s.socket.shutdown(Socket::shutdown_send, ignored);
  }
}

void Link::wait_writable() {
  if (std::exchange(state_->waiting_writable, true)) return;
  state_->socket.async_wait(Socket::wait_write, [link = self()](const Error& error) {
    link->state_->waiting_writable = false;
    if (link->state_->phase == Phase::closed) return;
    if (error) return link->fail(Reason::reset);
    link->flush();
  });
}

// ---- the end -----------------------------------------------------------------------------------

void Link::fail(Reason reason) {
  if (state_->phase == Phase::closed) return;
  const LinkHandle keep = self();
  close_socket();
  LinkOwner* owner = std::exchange(state_->owner, nullptr);
  if (owner != nullptr) owner->on_closed(*this, reason);
}

void Link::close() {
  state_->owner = nullptr;
  if (state_->phase != Phase::open) return close_socket();
  linger();
}

void Link::close_socket() {
  State& s = *state_;
  s.phase = Phase::closed;
  Error ignored;
  s.socket.close(ignored);
  if (s.timer != nullptr) s.timer->cancel();
  if (s.resolver != nullptr) s.resolver->cancel();
  kept.reset();
}

// Closing at once while something unread has come in would reset the connection, and the other side
// might never read why it was closed.
void Link::linger() {
  State& s = *state_;
  s.phase = Phase::lingering;
  wrap();
  if (s.layer_state == LayerState::open) s.layer->finish(s.out);
  s.set_timer(kLingerTime, [link = self()] { link->close_socket(); });
  flush();
}

}  // namespace imroute::cluster
