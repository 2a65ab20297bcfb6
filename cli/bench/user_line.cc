#include "cli/bench/user_line.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

#include "cli/files.h"
#include "cluster/wire/control.h"
#include "core/wire/hello.h"

namespace imroute::bench {

namespace {

constexpr int kBindPatienceMs = 60'000;
// What the load says in HELLO: frames without features, which need no further agreement.
constexpr Hello kPlain{.features = 0};

// The size of the message at the front; 0 when it is not all there.
size_t message_size(std::span<const std::byte> bytes, WireHeader& header) {
  const WireError error = read_header(bytes, header);
  if (error != WireError::none) {
    throw EnvironmentError("a node sent no frame: " + std::string(to_string(error)));
  }
  const size_t size = kWireHeaderBytes + header.body_size;
  return bytes.size() < kWireHeaderBytes || bytes.size() < size ? 0 : size;
}

[[noreturn]] void refused(const Frame& frame) {
  throw EnvironmentError("a node refused the load: " + std::string(to_string(frame.type)) + ", " +
                         std::string(to_string(frame.reason)));
}

void read_control(const WireHeader& header, std::span<const std::byte> body) {
  if (header.type != cluster::kControlRefusal) return;
  const auto refusal = cluster::read_control<cluster::Refusal>(body);
  throw EnvironmentError("a node refused the load: " + (refusal ? refusal->text : "?"));
}

}  // namespace

void start_bind(int socket, UserId user) {
  cluster::Greeting greeting;
  greeting.name = "load-" + std::to_string(user.value);
  const ByteBuffer body = cluster::control_body(greeting);
  ByteBuffer out;
  encode_hello(kPlain, out);
  const size_t hello = out.size();
  out.resize(hello + kWireHeaderBytes);
  put_header({cluster::kSerializerControl, cluster::kControlGreeting, 0, 0,
              static_cast<uint32_t>(body.size())},
             out.data() + hello);
  out.insert(out.end(), body.begin(), body.end());
  Frame bind;
  bind.type = FrameType::bind;
  bind.user = user;
  bind.generation = 1;
  bind.flags = kFlagNoCursors;
  encode(bind, 0, out, kPlain.features);
  send_all(socket, out);
}

// Reads as little as can be, so that nothing that follows is lost.
void wait_bound(int socket) {
  BlobPool pool;
  ByteBuffer got;
  for (;;) {
    pollfd ready{socket, POLLIN, 0};
    if (::poll(&ready, 1, kBindPatienceMs) <= 0) {
      throw EnvironmentError("a node does not answer a login of the load: see its log");
    }
    std::byte next[kWireHeaderBytes];
    WireHeader header;
    size_t wanted = kWireHeaderBytes - got.size();
    if (got.size() >= kWireHeaderBytes) {
      message_size(got, header);
      wanted = std::min(sizeof next, kWireHeaderBytes + header.body_size - got.size());
    }
    const ssize_t size = ::recv(socket, next, wanted, 0);
    if (size <= 0) throw EnvironmentError("a node closed a connection of the load");
    got.insert(got.end(), next, next + size);
    const size_t whole = message_size(got, header);
    if (whole == 0) continue;
    Frame frame;
    if (header.serializer == cluster::kSerializerControl) {
      read_control(header, std::span(got).subspan(kWireHeaderBytes));
    } else if (decode(got, frame, pool, kPlain.features).status == ReadStatus::frame) {
      if (frame.type == FrameType::bound) return;
      if (frame.type == FrameType::bind_refused) refused(frame);
    }
    got.clear();
  }
}

UserLine::UserLine(const std::string& node, UserId self, UserId other) : Line(dial(node)) {
  send_.type = FrameType::send;
  send_.entry.conversation = ConversationId::direct(self, other);
  start_bind(socket(), self);
  wait_bound(socket());
}

void UserLine::put(std::span<const std::byte> payload, ByteBuffer& out) {
  ++send_.entry.client_seq;
  send_.base = accepted_ + 1;
  send_.entry.payload = pool_.copy(payload);
  encode(send_, 0, out, kPlain.features);
}

size_t UserLine::take(std::span<const std::byte> bytes, const Arrived& arrived, ByteBuffer& out) {
  size_t taken = 0;
  uint64_t delivered = 0;
  for (;;) {
    const std::span<const std::byte> rest = bytes.subspan(taken);
    WireHeader header;
    const size_t size = message_size(rest, header);
    if (size == 0) break;
    taken += size;
    if (header.serializer == cluster::kSerializerControl) {
      read_control(header, rest.subspan(kWireHeaderBytes, header.body_size));
      continue;
    }
    if (decode(rest.first(size), got_, pool_, kPlain.features).status != ReadStatus::frame) {
      throw EnvironmentError("a node sent a frame that cannot be read");
    }
    switch (got_.type) {
      case FrameType::deliver:
        delivered = got_.number;
        arrived(got_.entry.payload.bytes());
        break;
      case FrameType::accepted:
        accepted_ = std::max(accepted_, got_.entry.client_seq);
        break;
      case FrameType::refused:
      case FrameType::kick:
      case FrameType::go_away:
        refused(got_);
      default:
        break;
    }
  }
  if (delivered != 0) {
    Frame ack;
    ack.type = FrameType::ack;
    ack.number = delivered;
    encode(ack, 0, out, kPlain.features);
  }
  return taken;
}

}  // namespace imroute::bench
