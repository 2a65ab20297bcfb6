// Links over loopback sockets: batching, cut frames, garbage, slow readers, last words.
#include "cluster/net/link.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cluster/wire/control.h"
#include "tests/cluster/loop_rig.h"

namespace imroute::cluster {
namespace {

struct Owner : LinkOwner {
  void on_connected(Link&) override { connected = true; }
  void on_frame(Link& link, const Frame& frame) override {
    numbers.push_back(frame.number);
    if (frame.number == close_at) link.close();
  }
  void on_control(Link&, uint8_t type, std::span<const std::byte> body) override {
    controls.emplace_back(type, body.size());
    if (type == kControlRefusal) refusal = *read_control<Refusal>(body);
  }
  void on_closed(Link&, Reason why) override { closed = why; }
  bool connected = false;
  std::vector<uint64_t> numbers;
  std::vector<std::pair<uint8_t, size_t>> controls;
  std::optional<Refusal> refusal;
  std::optional<Reason> closed;
  uint64_t close_at = 0;
};

Frame ping(uint64_t number) {
  Frame frame;
  frame.type = FrameType::ping;
  frame.number = number;
  return frame;
}

class Links : public LoopRig {
 protected:
  void connect(const LinkOptions& options = {}) {
    listener_.emplace(loop_, HostPort{"127.0.0.1", 0}, [this, options](int socket) {
      served_ = Link::adopt(loop_, socket, server_, server_totals_, options);
    });
    dialled_ = Link::dial(loop_, here(*listener_), client_, client_totals_, options);
    ByteBuffer hello;
    const size_t first = encode_hello(options.hello, hello) + kWireHeaderBytes;  // and `agreed`
    run_until([&] { return client_totals_.bytes_in == first && server_totals_.bytes_in == first; });
    client_totals_ = server_totals_ = {};
  }
  // A peer that does nothing by itself.
  void connect_raw(const LinkOptions& options) {
    listener_.emplace(loop_, HostPort{"127.0.0.1", 0}, [this, options](int socket) {
      served_ = Link::adopt(loop_, socket, server_, server_totals_, options);
    });
    raw_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(listener_->port());
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::connect(raw_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    run_until([&] { return served_ != nullptr; });
  }
  void TearDown() override {
    if (dialled_ != nullptr) dialled_->close();
    if (served_ != nullptr) served_->close();
    if (raw_ >= 0) ::close(raw_);
  }
  int raw_ = -1;
  Owner client_, server_;
  LinkTotals client_totals_, server_totals_;
  std::optional<Listener> listener_;
  LinkHandle dialled_, served_;
};

TEST_F(Links, WhatOneTurnSendsIsOneWrite) {
  connect();
  for (uint64_t i = 1; i <= 500; ++i) dialled_->send(ping(i));
  run_until([&] { return server_.numbers.size() == 500; });
  EXPECT_EQ(client_totals_.writes, 1u);
  EXPECT_EQ(client_totals_.frames_out, 500u);
  for (uint64_t i = 1; i <= 500; ++i) EXPECT_EQ(server_.numbers[i - 1], i);
}

TEST_F(Links, FramesAndControlMessagesCutAnywhereArriveInOrder) {
  connect();
  ByteBuffer bytes;
  encode(ping(1), 0, bytes);
  encode(ping(2), 0, bytes);
  for (const std::byte b : bytes) {  // one byte a turn
    dialled_->send_encoded({&b, 1}, 0);
    const uint64_t sent = client_totals_.bytes_out + 1;
    run_until([&] { return server_totals_.bytes_in == sent; });
  }
  EXPECT_EQ(server_.numbers, (std::vector<uint64_t>{1, 2}));
  const ByteBuffer body(10'000, std::byte{7});
  dialled_->send_control(kControlGreeting, body);
  dialled_->send(ping(3));
  run_until([&] { return server_.numbers.size() == 3; });
  ASSERT_EQ(server_.controls.size(), 1u);
  EXPECT_EQ(server_.controls[0], (std::pair<uint8_t, size_t>{kControlGreeting, 10'000}));
}

TEST_F(Links, GarbageIsRefusedWithAReasonAndClosed) {
  connect();
  const ByteBuffer garbage(100, std::byte{0x55});
  dialled_->send_encoded(garbage);
  run_until([&] { return server_.closed && client_.closed; });
  EXPECT_EQ(*server_.closed, Reason::protocol_error);
  ASSERT_TRUE(client_.refusal);
  EXPECT_EQ(client_.refusal->text, "bad_magic");
  EXPECT_EQ(server_totals_.bad_frames, 1u);
}

TEST_F(Links, AControlMessageOverTheLimitIsRefusedBeforeItIsThere) {
  connect();
  std::byte header[kWireHeaderBytes];
  put_header({kSerializerControl, kControlGreeting, 0, 0, 1u << 30}, header);
  dialled_->send_encoded(header, 0);
  run_until([&] { return server_.closed.has_value(); });
  EXPECT_EQ(*server_.closed, Reason::too_large);
}

TEST_F(Links, AReaderThatDoesNotReadIsClosed) {
  LinkOptions small;
  small.most_pending = 64 * 1024;
  connect_raw(small);
  const ByteBuffer block(32 * 1024, std::byte{});
  uint64_t given = 0;
  run_until([&] {  // the kernel takes its share first
    served_->send_encoded(block);
    given += block.size();
    return server_.closed.has_value();
  });
  EXPECT_EQ(*server_.closed, Reason::slow_reader);
  EXPECT_EQ(server_totals_.slow_readers, 1u);
  // No more waited here than allowed.
  EXPECT_LE(given - server_totals_.bytes_out, small.most_pending + 2 * block.size());
}

TEST_F(Links, LastWordsArriveThoughTheOtherSideKeepsTalking) {
  connect();
  for (uint64_t i = 1; i <= 1000; ++i) dialled_->send(ping(i));
  served_->send(ping(77));
  served_->close();  // before what the client says was read
  run_until([&] { return client_.closed.has_value(); });
  EXPECT_EQ(client_.numbers, (std::vector<uint64_t>{77}));
  EXPECT_EQ(*client_.closed, Reason::closed_by_peer);
  EXPECT_FALSE(server_.closed);  // who closes hears no more
}

TEST_F(Links, ALinkClosedInTheMiddleOfABatchHearsNothingOfTheRest) {
  server_.close_at = 3;
  connect();
  for (uint64_t i = 1; i <= 10; ++i) dialled_->send(ping(i));
  run_until([&] { return client_.closed.has_value(); });
  EXPECT_EQ(server_.numbers, (std::vector<uint64_t>{1, 2, 3}));
}

TEST_F(Links, NobodyThereIsRefused) {
  uint16_t port = 0;
  {
    const Listener gone(loop_, HostPort{"127.0.0.1", 0}, [](int socket) { ::close(socket); });
    port = gone.port();
  }
  dialled_ = Link::dial(loop_, {"127.0.0.1", port}, client_, client_totals_);
  run_until([&] { return client_.closed.has_value(); });
  EXPECT_EQ(*client_.closed, Reason::refused);
}

TEST_F(Links, ATakenPortIsNamed) {
  const Listener first(loop_, HostPort{"127.0.0.1", 0}, [](int socket) { ::close(socket); });
  try {
    const Listener second(loop_, here(first), [](int socket) { ::close(socket); });
    FAIL() << "two listeners on one port";
  } catch (const SystemRefusal& refusal) {
    EXPECT_EQ(std::string(refusal.what()), "cannot listen on " + here(first).text() +
                                               ": the port is taken; name another, or stop who has "
                                               "it");
  }
}

TEST(HostPorts, AreReadAndWritten) {
  EXPECT_EQ(parse_host_port("127.0.0.1:7000")->port, 7000);
  EXPECT_EQ(parse_host_port("[::1]:0")->host, "::1");
  EXPECT_EQ(parse_host_port("[::1]:0")->text(), "[::1]:0");
  for (const char* bad : {"", ":7000", "host", "host:", "host:70000", "host:7x", "::1:7000"}) {
    EXPECT_FALSE(parse_host_port(bad)) << bad;
  }
}

}  // namespace
}  // namespace imroute::cluster
