// HELLO on real links: what the two ends agree on, what is said before they have, and what becomes
// of who speaks nothing that we do.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cluster/net/accord.h"
#include "cluster/net/link.h"
#include "cluster/wire/control.h"
#include "core/base/payload.h"
#include "tests/cluster/loop_rig.h"

namespace imroute::cluster {
namespace {

struct Talker : LinkOwner {
  void on_connected(Link& link) override {
    connected = true;
    if (say_first) say_first(link);
  }
  void on_frame(Link&, const Frame& frame) override { frames.push_back(frame); }
  void on_control(Link&, uint8_t type, std::span<const std::byte> body) override {
    controls.push_back(type);
    if (type == kControlRefusal) refusal = *read_control<Refusal>(body);
  }
  void on_closed(Link& link, Reason why) override {
    closed = why;
    trouble = link.trouble();
  }
  bool connected = false;
  std::function<void(Link&)> say_first;
  std::vector<Frame> frames;
  std::vector<uint8_t> controls;
  std::optional<Refusal> refusal;
  std::optional<Reason> closed;
  std::string trouble;
};

Frame frame_of(FrameType type) {
  Frame frame;
  frame.type = type;
  frame.user = UserId{7};
  return frame;
}
Frame hinted_nack() {
  Frame nack = frame_of(FrameType::nack);
  nack.node = NodeId{3};
  nack.generation = 9;
  return nack;
}
Frame login_past(std::initializer_list<NodeId> unreachable) {
  Frame login = frame_of(FrameType::login);
  login.number = 5;
  for (const NodeId node : unreachable) login.nodes.push_back(node);
  return login;
}

Hello having(uint64_t features) { return {kWireVersion, kWireVersion, features}; }
ByteBuffer hello_bytes(const Hello& hello) {
  ByteBuffer bytes;
  encode_hello(hello, bytes);
  return bytes;
}

class Hellos : public LoopRig {
 protected:
  void listen(const Hello& ours) {
    listener_.emplace(loop_, HostPort{"127.0.0.1", 0}, [this, ours](int socket) {
      LinkOptions options;
      options.hello = ours;
      served_ = Link::adopt(loop_, socket, server_, server_totals_, options);
    });
  }
  void connect(const Hello& client, const Hello& server) {
    listen(server);
    LinkOptions options;
    options.hello = client;
    dialled_ = Link::dial(loop_, here(*listener_), client_, client_totals_, options);
  }
  // One that says only what the test says.
  void connect_raw(const Hello& server) {
    listen(server);
    raw_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(listener_->port());
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::connect(raw_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    run_until([&] { return served_ != nullptr; });
  }
  void say(std::span<const std::byte> bytes) {
    ASSERT_EQ(::send(raw_, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }
  void say_control(uint8_t type, std::span<const std::byte> body) {
    std::byte header[kWireHeaderBytes];
    put_header({kSerializerControl, type, 0, 0, static_cast<uint32_t>(body.size())}, header);
    say(header);
    if (!body.empty()) say(body);
  }
  // What has come, until the server closes or `bytes` are there.
  ByteBuffer hear(size_t bytes) {
    ByteBuffer got;
    bool ended = false;
    run_until([&] {
      std::byte chunk[4096];
      const ssize_t size = ::recv(raw_, chunk, sizeof chunk, MSG_DONTWAIT);
      if (size > 0) got.insert(got.end(), chunk, chunk + size);
      ended = size == 0;
      return ended || got.size() >= bytes;
    });
    return got;
  }
  void TearDown() override {
    if (dialled_ != nullptr) dialled_->close();
    if (served_ != nullptr) served_->close();
    if (raw_ >= 0) ::close(raw_);
  }
  int raw_ = -1;
  Talker client_, server_;
  LinkTotals client_totals_, server_totals_;
  std::optional<Listener> listener_;
  LinkHandle dialled_, served_;
  BlobPool pool_;
};

// ---- what both have ----------------------------------------------------------------------------

TEST_F(Hellos, FramesHaveWhatBothSidesKnow) {
  struct Case {
    uint64_t client, server;
  };
  for (const Case& c : {Case{kAllFeatures, kAllFeatures}, Case{kAllFeatures, 0},
                        Case{0, kAllFeatures}, Case{kFeatureHints, ~kFeatureHints},
                        Case{kFeatureHints | kFeatureHandover, ~uint64_t{0}}}) {
    connect(having(c.client), having(c.server));
    run_until([&] { return client_.connected && served_ != nullptr; });
    const uint64_t both = c.client & c.server & kAllFeatures;
    // Both ways, both when nothing has been heard yet and when all has.
    for (int round = 0; round < 2; ++round) {
      for (const auto& [from, to] : {std::pair{dialled_, &server_}, std::pair{served_, &client_}}) {
        to->frames.clear();
        Frame ack = frame_of(FrameType::ack);
        ack.number = 4;
        ack.mask = 6;
        from->send(hinted_nack());
        from->send(ack);
        from->send(frame_of(FrameType::handover));
        from->send(frame_of(FrameType::ping));
        run_until([&] { return !to->frames.empty() && to->frames.back().type == FrameType::ping; });
        const bool handover = (both & kFeatureHandover) != 0;
        ASSERT_EQ(to->frames.size(), handover ? 4u : 3u);
        const bool hints = (both & kFeatureHints) != 0;
        EXPECT_EQ(to->frames[0].node, hints ? NodeId{3} : kNoNode);
        EXPECT_EQ(to->frames[0].generation, hints ? 9u : 0u);
        EXPECT_EQ(to->frames[1].number, 4u);
        EXPECT_EQ(to->frames[1].mask, (both & kFeatureSelectiveAck) != 0 ? 6u : 0u);
      }
    }
    EXPECT_TRUE(client_.controls.empty() && server_.controls.empty()) << "HELLO is the link's own";
    EXPECT_EQ(server_totals_.bad_frames + client_totals_.bad_frames, 0u);
    dialled_->close();
    served_->close();
    served_ = nullptr;
    client_.connected = false;
  }
}

// An older build reads all that it is sent: nothing in it is newer than itself.
TEST_F(Hellos, AnOlderClientIsSentNothingThatItDoesNotKnow) {
  connect_raw(having(kAllFeatures));
  say(hello_bytes(having(kFeatureHandover)));
  Frame login;
  ByteBuffer bytes;
  encode(login_past({NodeId{1}}), 0, bytes, 0);
  say(bytes);
  run_until([&] { return server_.frames.size() == 1; });
  EXPECT_EQ(server_.frames[0].number, 5u);
  served_->send(hinted_nack());
  served_->send(frame_of(FrameType::pointers));
  served_->send(frame_of(FrameType::ping));
  const ByteBuffer expected = [&] {
    ByteBuffer out = hello_bytes(having(kAllFeatures));
    out.resize(out.size() + kWireHeaderBytes);  // `agreed`
    put_header({kSerializerControl, kControlAgreed, 0, 0, 0}, out.data() + hello_bytes({}).size());
    encode(hinted_nack(), 0, out, kFeatureHandover);
    encode(frame_of(FrameType::ping), 0, out, 0);
    return out;
  }();
  EXPECT_EQ(hear(expected.size()), expected);
}

// ---- neither waits -----------------------------------------------------------------------------

TEST_F(Hellos, AFirstFrameGoesWithoutWaitingAndIsReadByAnyBuild) {
  listener_.emplace(loop_, HostPort{"127.0.0.1", 0}, [this](int socket) { raw_ = socket; });
  client_.say_first = [](Link& link) { link.send(login_past({})); };
  dialled_ = Link::dial(loop_, here(*listener_), client_, client_totals_);
  run_until([&] { return raw_ >= 0; });
  ByteBuffer expected = hello_bytes({});
  encode(login_past({}), 0, expected, 0);
  EXPECT_EQ(hear(expected.size()), expected) << "before the server has said anything";
}

TEST_F(Hellos, AFrameThatWouldLoseSomethingWaitsAndThoseBehindItToo) {
  listener_.emplace(loop_, HostPort{"127.0.0.1", 0}, [this](int socket) { raw_ = socket; });
  client_.say_first = [](Link& link) {
    link.send(frame_of(FrameType::ping));
    link.send(login_past({NodeId{1}, NodeId{2}}));
    link.send(frame_of(FrameType::pong));
  };
  dialled_ = Link::dial(loop_, here(*listener_), client_, client_totals_);
  run_until([&] { return raw_ >= 0; });
  ByteBuffer first = hello_bytes({});
  encode(frame_of(FrameType::ping), 0, first, 0);
  EXPECT_EQ(hear(first.size()), first);
  say(hello_bytes({}));
  ByteBuffer rest(kWireHeaderBytes);
  put_header({kSerializerControl, kControlAgreed, 0, 0, 0}, rest.data());
  encode(login_past({NodeId{1}, NodeId{2}}), 0, rest);
  encode(frame_of(FrameType::pong), 0, rest);
  EXPECT_EQ(hear(rest.size()), rest);
}

TEST_F(Hellos, WhatWaitsIsBounded) {
  listener_.emplace(loop_, HostPort{"127.0.0.1", 0}, [this](int socket) { raw_ = socket; });
  client_.say_first = [](Link& link) {
    for (int i = 0; i < 100; ++i) link.send(login_past({NodeId{1}}));
  };
  dialled_ = Link::dial(loop_, here(*listener_), client_, client_totals_);
  run_until([&] { return client_.closed.has_value(); });
  EXPECT_EQ(*client_.closed, Reason::slow_reader);
}

// ---- refusals ----------------------------------------------------------------------------------

TEST_F(Hellos, NoCommonVersionIsATypedRefusalThatBothSidesUnderstand) {
  connect({2, 4, kAllFeatures}, having(kAllFeatures));
  run_until([&] { return client_.closed && server_.closed; });
  EXPECT_EQ(*client_.closed, Reason::version_refused);
  EXPECT_EQ(*server_.closed, Reason::version_refused);
  EXPECT_EQ(server_.trouble,
            "no frame version in common: one side speaks 1, the other 2 or later; upgrade the side "
            "that speaks 1");
  EXPECT_EQ(client_.trouble,
            "no frame version in common: one side speaks 2 to 4, the other 1; upgrade the side "
            "that speaks 1");
  EXPECT_EQ(server_totals_.version_refused, 1u);
  EXPECT_EQ(client_totals_.version_refused, 1u);
  EXPECT_EQ(server_totals_.bad_frames, 0u);
}

TEST_F(Hellos, ARawClientOfAnotherVersionIsToldWhy) {
  connect_raw(having(kAllFeatures));
  say(hello_bytes({3, 3, 0}));
  say(ByteBuffer(100'000, std::byte{1}));  // and goes on talking
  ByteBuffer expected = hello_bytes(having(kAllFeatures));
  const ByteBuffer body =
      refusal_body(Reason::version_refused,
                   "no frame version in common: one side speaks 1, the other 3 or later; upgrade "
                   "the side that speaks 1");
  expected.resize(expected.size() + kWireHeaderBytes);
  put_header({kSerializerControl, kControlRefusal, 0, 0, static_cast<uint32_t>(body.size())},
             expected.data() + hello_bytes({}).size());
  expected.insert(expected.end(), body.begin(), body.end());
  EXPECT_EQ(hear(expected.size()), expected);
  EXPECT_EQ(*server_.closed, Reason::version_refused);
}

TEST_F(Hellos, WhatIsNoHelloIsRefusedInWords) {
  const auto greeting = [&] { say_control(kControlGreeting, control_body(Greeting{})); };
  const auto ping = [&] {
    ByteBuffer bytes;
    encode(frame_of(FrameType::ping), 0, bytes);
    say(bytes);
  };
  const auto large = [&] {
    std::byte header[kWireHeaderBytes];
    put_header({kSerializerFrames, static_cast<uint8_t>(FrameType::hello), 0, 0, 1u << 20}, header);
    say(header);
  };
  const auto turned = [&] {  // newest below oldest
    ByteBuffer bytes = hello_bytes({1, 0, 0});
    say(bytes);
  };
  const auto agreed = [&] {  // on nothing
    say(hello_bytes(having(0)));
    say_control(kControlAgreed, {});
  };
  struct Case {
    std::function<void()> say;
    Reason reason;
    const char* text;
  };
  for (const Case& c :
       {Case{greeting, Reason::protocol_error, "a HELLO must come first"},
        Case{ping, Reason::protocol_error, "a HELLO must come first"},
        Case{large, Reason::too_large, "too large for a HELLO"},
        Case{turned, Reason::protocol_error, "not a HELLO"},
        Case{agreed, Reason::protocol_error, "there is nothing to agree on"},
        Case{[&] { say(ByteBuffer(50, std::byte{0x55})); }, Reason::protocol_error, "bad_magic"}}) {
    server_ = {};
    server_totals_ = {};
    connect_raw(having(kAllFeatures));
    c.say();
    run_until([&] { return server_.closed.has_value(); });
    EXPECT_EQ(*server_.closed, c.reason) << c.text;
    EXPECT_EQ(server_totals_.bad_frames, 1u) << c.text;
    const ByteBuffer got = hear(1 << 20);  // to the end
    const ByteBuffer body = refusal_body(c.reason, c.text);
    ASSERT_GE(got.size(), body.size()) << c.text;
    EXPECT_TRUE(
        std::equal(body.begin(), body.end(), got.end() - static_cast<ptrdiff_t>(body.size())))
        << c.text;
    EXPECT_TRUE(server_.frames.empty() && server_.controls.empty());
    ::close(std::exchange(raw_, -1));
    served_ = nullptr;
  }
}

}  // namespace
}  // namespace imroute::cluster
