#include "cli/bench/load.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "cli/files.h"
#include "cli/interrupt.h"
#include "cluster/net/link.h"

namespace imroute::bench {

namespace {

constexpr DurationNs kPatience = 30 * kSecond;  // without anything coming back
constexpr DurationNs kKnockEvery = 50 * kMillisecond;
constexpr uint64_t kKnock = ~uint64_t{0};  // in place of a number
constexpr size_t kReadBytes = 256 * 1024;

[[noreturn]] void system_failed(const std::string& what) {
  throw EnvironmentError("cannot " + what + ": " + std::strerror(errno));
}

struct Stamp {
  uint64_t number = 0;  // within its pair, from 0
  MonoTime due = 0;
};

// One end of a pair.
struct End {
  Line* line = nullptr;
  size_t pair = 0;
  ByteBuffer tail;  // of what arrived
  ByteBuffer out;
  size_t written = 0;
  bool waits_writable = false;
};

struct PairState {
  uint64_t sent = 0;
  uint64_t arrived = 0;
  MonoTime not_before = 0;  // thinking until then
  bool open = false;        // something has come through
};

}  // namespace

void stop_if_interrupted() {
  if (interrupted()) throw Interrupted{};
}

OpenSocket::~OpenSocket() {
  if (socket_ >= 0) ::close(socket_);
}

struct Load::State {
  std::vector<Pair> pairs;
  std::vector<End> ends;  // 2 * pair: from, 2 * pair + 1: to
  std::vector<PairState> counts;
  std::vector<std::byte> buffer = std::vector<std::byte>(kReadBytes);
  ByteBuffer payload;
  int poll = -1;
  Shape shape;
  Measured measured;
  uint64_t put = 0;  // of this run
  size_t turn = 0;   // whose batch is next, when it is the clock that sends
  MonoTime started = 0;
  MonoTime heard = 0;

  void watch(End& end, int operation) {
    epoll_event event{};
    event.events = EPOLLIN | (end.waits_writable ? uint32_t{EPOLLOUT} : 0);
    event.data.u64 = static_cast<uint64_t>(&end - ends.data());
    if (::epoll_ctl(poll, operation, end.line->socket(), &event) != 0) system_failed("wait");
  }
  void flush(End& end) {
    while (end.written < end.out.size()) {
      const ssize_t size = ::send(end.line->socket(), end.out.data() + end.written,
                                  end.out.size() - end.written, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (size < 0 && errno == EINTR) continue;
      const bool full = size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
      if (size < 0 && !full) system_failed("send");
      if (full != end.waits_writable) {
        end.waits_writable = full;
        watch(end, EPOLL_CTL_MOD);
      }
      if (full) return;
      end.written += static_cast<size_t>(size);
    }
    end.out.clear();
    end.written = 0;
    if (!end.waits_writable) return;
    end.waits_writable = false;
    watch(end, EPOLL_CTL_MOD);
  }
  void put_one(End& end, const Stamp& stamp) {
    std::memcpy(payload.data(), &stamp, sizeof stamp);
    end.line->put(payload, end.out);
  }
  void put_batch(size_t pair, MonoTime due) {
    End& end = ends[2 * pair];
    for (uint32_t i = 0; i < shape.batch; ++i) put_one(end, {counts[pair].sent++, due});
    put += shape.batch;
    if (!end.waits_writable) flush(end);
  }
  // Fills what the window has room for; true when it only waits for the time.
  void fill(size_t pair, MonoTime now) {
    const PairState& count = counts[pair];
    while (put < shape.messages && count.sent - count.arrived + shape.batch <= shape.window &&
           count.not_before <= now) {
      put_batch(pair, now);
    }
  }
  void on_message(size_t pair, std::span<const std::byte> bytes) {
    Stamp stamp;
    if (bytes.size() < sizeof stamp) throw EnvironmentError("a message came back changed");
    std::memcpy(&stamp, bytes.data(), sizeof stamp);
    PairState& count = counts[pair];
    count.open = true;
    if (stamp.number == kKnock) return;
    if (bytes.size() != payload.size()) throw EnvironmentError("a message came back changed");
    if (stamp.number != count.arrived) {
      throw EnvironmentError("message " + std::to_string(count.arrived) + " of a pair was due, " +
                             std::to_string(stamp.number) +
                             " came: one was lost, repeated or overtaken");
    }
    ++count.arrived;
    ++measured.messages;
    measured.latency.add(heard - stamp.due);
  }
  void on_readable(End& end) {
    const ssize_t size = ::recv(end.line->socket(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size < 0) system_failed("receive");
    if (size == 0) throw EnvironmentError("a server closed a connection of the load");
    heard = cluster::monotonic_now();
    const uint64_t before = counts[end.pair].arrived;
    std::span<const std::byte> bytes(buffer.data(), static_cast<size_t>(size));
    if (!end.tail.empty()) {
      end.tail.insert(end.tail.end(), bytes.begin(), bytes.end());
      bytes = end.tail;
    }
    const size_t taken = end.line->take(
        bytes, [&](std::span<const std::byte> message) { on_message(end.pair, message); }, end.out);
    ByteBuffer rest(bytes.begin() + static_cast<ptrdiff_t>(taken), bytes.end());
    end.tail = std::move(rest);
    if (!end.waits_writable) flush(end);
    if (counts[end.pair].arrived != before) counts[end.pair].not_before = heard + shape.think_ns;
  }

  // Sends what is due and returns when the next is.
  MonoTime send_due(MonoTime now) {
    if (shape.rate == 0) {
      MonoTime next = kNever;
      for (size_t pair = 0; pair < pairs.size(); ++pair) {
        fill(pair, now);
        if (counts[pair].not_before > now) next = std::min(next, counts[pair].not_before);
      }
      return next;
    }
    while (put < shape.messages) {
      const auto after =
          static_cast<DurationNs>(static_cast<double>(put) * 1e9 / static_cast<double>(shape.rate));
      if (started + after > now) return started + after;
      put_batch(turn++ % pairs.size(), started + after);
    }
    return kNever;
  }
  void wait(MonoTime until) {
    stop_if_interrupted();
    epoll_event events[64];
    const DurationNs left = std::clamp<DurationNs>(until - cluster::monotonic_now(), 0, kSecond);
    const timespec time{left / kSecond, left % kSecond};
    const int count = ::epoll_pwait2(poll, events, 64, &time, nullptr);
    if (count < 0 && errno != EINTR) system_failed("wait");
    for (int i = 0; i < count; ++i) {
      End& end = ends[events[i].data.u64];
      if ((events[i].events & EPOLLOUT) != 0) flush(end);
      if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) on_readable(end);
    }
  }
};

Load::Load(std::vector<Pair> pairs) : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.pairs = std::move(pairs);
  s.counts.resize(s.pairs.size());
  s.ends.resize(2 * s.pairs.size());
  s.poll = ::epoll_create1(EPOLL_CLOEXEC);
  if (s.poll < 0) system_failed("make an epoll");
  for (size_t i = 0; i < s.ends.size(); ++i) {
    s.ends[i].line = i % 2 == 0 ? s.pairs[i / 2].from.get() : s.pairs[i / 2].to.get();
    s.ends[i].pair = i / 2;
    s.watch(s.ends[i], EPOLL_CTL_ADD);
  }
}

Load::~Load() {
  if (state_->poll >= 0) ::close(state_->poll);
}

void Load::open() {
  State& s = *state_;
  s.payload.assign(sizeof(Stamp), std::byte{});
  const MonoTime until = cluster::monotonic_now() + kPatience;
  const auto closed = [&s] {
    return std::any_of(s.counts.begin(), s.counts.end(), [](const auto& c) { return !c.open; });
  };
  while (closed()) {
    for (size_t pair = 0; pair < s.pairs.size(); ++pair) {
      if (s.counts[pair].open) continue;
      s.put_one(s.ends[2 * pair], {kKnock, 0});
      s.flush(s.ends[2 * pair]);
    }
    const MonoTime again = cluster::monotonic_now() + kKnockEvery;
    while (closed() && cluster::monotonic_now() < again) s.wait(again);
    if (again > until) throw EnvironmentError("nothing comes through the servers of the benchmark");
  }
}

Measured Load::run(const Shape& shape) {
  State& s = *state_;
  s.shape = shape;
  s.payload.assign(std::max<size_t>(shape.payload, sizeof(Stamp)), std::byte{'x'});
  s.measured = {};
  s.put = 0;
  s.started = s.heard = cluster::monotonic_now();
  while (s.measured.messages < shape.messages) {
    const MonoTime next = s.send_due(cluster::monotonic_now());
    s.wait(next);
    if (cluster::monotonic_now() - std::max(s.heard, std::min(next, s.heard + kSecond)) >
        kPatience) {
      throw EnvironmentError(std::to_string(s.measured.messages) + " of " + std::to_string(s.put) +
                             " messages came, then nothing more: see the logs of the servers");
    }
  }
  s.measured.took_ns = cluster::monotonic_now() - s.started;
  return s.measured;
}

OpenSocket dial(const std::string& address, uint32_t source) {
  const auto at = cluster::parse_host_port(address);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(at ? at->port : uint16_t{0});
  if (!at || ::inet_pton(AF_INET, at->host.c_str(), &to.sin_addr) != 1) {
    throw EnvironmentError("the load needs an IPv4 address to dial, not " + address);
  }
  OpenSocket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int out = socket.value();
  if (out < 0) system_failed("open a connection");
  const int on = 1;
  ::setsockopt(out, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (source != 0) {  // the port is chosen when it is known where to, so that each has them all
    ::setsockopt(out, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    sockaddr_in from{};
    from.sin_family = AF_INET;
    from.sin_addr.s_addr = htonl((127u << 24) | source);
    if (::bind(out, reinterpret_cast<sockaddr*>(&from), sizeof from) != 0) system_failed("bind");
  }
  if (::connect(out, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
    system_failed("connect to " + address);
  }
  return socket;
}

void send_all(int socket, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) system_failed("send");
    bytes = bytes.subspan(static_cast<size_t>(size));
  }
}

}  // namespace imroute::bench
