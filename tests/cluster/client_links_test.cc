// What a server lets a client say before it believes it, and as whom it lets it in.
#include "cluster/machine/client_links.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "cluster/process/gate.h"
#include "tests/cluster/loop_rig.h"

namespace imroute::cluster {
namespace {

struct Machine : EventSink {
  void deliver(const Event& event) override {
    if (std::holds_alternative<ClientUp>(event)) ++up;
    if (std::holds_alternative<ClientDown>(event)) ++down;
    if (const auto* frame = std::get_if<ClientFrame>(&event)) frames.push_back(frame->frame);
  }
  void peer_down_later(Address, Reason) override {}
  int up = 0, down = 0;
  std::vector<Frame> frames;
};

struct Door : Environment {
  std::optional<HostPort> where(Address) override { return std::nullopt; }
  void admit(const std::string&, const Greeting& greeting, Decide decide) override {
    greetings.push_back(greeting);
    if (later) {
      waiting = std::move(decide);
    } else {
      decide(gate == nullptr ? answer : gate->admit(greeting));
    }
  }
  std::vector<Greeting> greetings;
  Admission answer;
  NodeGate* gate = nullptr;
  bool later = false;
  Decide waiting;
};

struct Caller : LinkOwner {
  void on_connected(Link&) override { connected = true; }
  void on_frame(Link&, const Frame& frame) override { frames.push_back(frame); }
  void on_control(Link&, uint8_t type, std::span<const std::byte> body) override {
    if (type == kControlRefusal) refusal = *read_control<Refusal>(body);
  }
  void on_closed(Link&, Reason) override { closed = true; }
  bool connected = false, closed = false;
  std::vector<Frame> frames;
  std::optional<Refusal> refusal;
};

class Clients : public LoopRig {
 protected:
  void serve(const ClientLimits& limits = {}) {
    clients_.emplace(loop_, machine_, door_, limits);
    listener_.emplace(loop_, HostPort{"127.0.0.1", 0},
                      [this](int socket) { clients_->adopt(socket); });
  }
  LinkHandle dial(Caller& caller) {
    LinkHandle link = Link::dial(loop_, here(*listener_), caller, totals_);
    run_until([&] { return caller.connected; });
    links_.push_back(link);
    return link;
  }
  static void greet(Link& link, const std::string& proof = {}) {
    Greeting greeting;
    greeting.proof = proof;
    link.send_control(kControlGreeting, control_body(greeting));
  }
  static void bind_as(Link& link, uint64_t user, uint32_t device = 0, uint64_t generation = 1) {
    Frame frame;
    frame.type = FrameType::bind;
    frame.user = UserId{user};
    frame.device = device;
    frame.generation = generation;
    link.send(frame);
  }
  uint64_t refused(ClientRefusal why) const {
    return clients_->refused()[static_cast<size_t>(why)];
  }
  void TearDown() override {
    for (const LinkHandle& link : links_) link->close();
    if (clients_) clients_->close_all();
  }
  Machine machine_;
  Door door_;
  LinkTotals totals_;
  std::optional<ClientLinks> clients_;
  std::optional<Listener> listener_;
  std::vector<LinkHandle> links_;
};

TEST_F(Clients, WhoWasAdmittedIsHeardAndNotBefore) {
  door_.later = true;
  serve();
  Caller caller;
  const LinkHandle link = dial(caller);
  greet(*link);
  for (uint64_t i = 1; i <= 100; ++i) bind_as(*link, i);  // with the greeting, in one write
  run_until([&] { return door_.waiting != nullptr; });
  bind_as(*link, 101);  // and after it
  const uint64_t sent = totals_.bytes_out;
  run_until([&] { return totals_.bytes_out > sent; });
  EXPECT_EQ(machine_.up, 0);
  EXPECT_TRUE(machine_.frames.empty());
  door_.waiting({});
  run_until([&] { return machine_.frames.size() == 101; });
  EXPECT_EQ(machine_.up, 1);
  for (uint64_t i = 1; i <= 101; ++i) EXPECT_EQ(machine_.frames[i - 1].user, UserId{i});
}

TEST_F(Clients, WhoIsNotAdmittedIsToldWhy) {
  door_.answer = {Reason::bad_token, "not you", {}};
  serve();
  Caller caller;
  const LinkHandle link = dial(caller);
  greet(*link);
  bind_as(*link, 1);
  run_until([&] { return caller.closed; });
  ASSERT_TRUE(caller.refusal);
  EXPECT_EQ(caller.refusal->reason, Reason::bad_token);
  EXPECT_EQ(caller.refusal->text, "not you");
  EXPECT_EQ(machine_.up + machine_.down, 0);
  EXPECT_TRUE(machine_.frames.empty());
  EXPECT_EQ(refused(ClientRefusal::not_admitted), 1u);
}

TEST_F(Clients, ADecisionThatComesTooLateLetsNobodyIn) {
  door_.later = true;
  ClientLimits limits;
  limits.greeting_time = 20 * kMillisecond;
  serve(limits);
  Caller caller;
  const LinkHandle link = dial(caller);
  greet(*link);
  run_until([&] { return door_.waiting != nullptr && refused(ClientRefusal::late) == 1; });
  door_.waiting({});
  EXPECT_EQ(machine_.up, 0);
  EXPECT_EQ(clients_->size(), 0u);
}

// ---- impersonation -----------------------------------------------------------------------------

TEST_F(Clients, NobodyBindsAsSomebodyElse) {
  door_.answer.identity = {UserId{5}, 1, 9};
  serve();
  struct Try {
    uint64_t user;
    uint32_t device;
    uint64_t generation;
  };
  uint64_t tries = 0;
  for (const Try& t : {Try{6, 1, 9}, Try{5, 0, 9}, Try{5, 1, 10}}) {
    Caller caller;
    const LinkHandle link = dial(caller);
    greet(*link);
    bind_as(*link, t.user, t.device, t.generation);
    run_until([&] { return caller.closed; });
    ASSERT_EQ(caller.frames.size(), 1u);
    EXPECT_EQ(caller.frames[0].type, FrameType::bind_refused);
    EXPECT_EQ(caller.frames[0].reason, Reason::bad_token);
    EXPECT_EQ(caller.frames[0].user, UserId{t.user});
    EXPECT_EQ(refused(ClientRefusal::impersonation), ++tries);
  }
  EXPECT_TRUE(machine_.frames.empty());
  EXPECT_EQ(machine_.down, 3);
  Caller itself;
  const LinkHandle link = dial(itself);
  greet(*link);
  bind_as(*link, 5, 1, 9);
  run_until([&] { return machine_.frames.size() == 1; });
}

TEST_F(Clients, NobodyLogsInAsSomebodyElse) {
  door_.answer.identity.user = UserId{5};
  serve();
  Caller caller;
  const LinkHandle link = dial(caller);
  greet(*link);
  Frame login;
  login.type = FrameType::login;
  login.user = UserId{6};
  login.number = 3;
  link->send(login);
  run_until([&] { return caller.closed; });
  ASSERT_EQ(caller.frames.size(), 1u);
  EXPECT_EQ(caller.frames[0].type, FrameType::login_refused);
  EXPECT_EQ(caller.frames[0].number, 3u);
  EXPECT_EQ(caller.frames[0].reason, Reason::bad_token);
}

TEST_F(Clients, ATokenIsGoodForItsUserAtItsNodeInItsTime) {
  const std::string file = testing::TempDir() + "imroute_gate_" + std::to_string(::getpid());
  std::ofstream(file) << "one " << std::string(32, 'k') << "\n";
  NodeGate gate({file, kSecond}, NodeId{3});
  KeyRing keys("keys", file), other("keys", file);
  std::ofstream(file) << "one " << std::string(32, 'x') << "\n";
  KeyRing wrong("keys", file);
  std::filesystem::remove(file);
  door_.gate = &gate;
  serve();
  const int64_t later = unix_now() + 3600;
  const auto refusal = [&](const std::string& token) {
    Caller caller;
    const LinkHandle link = dial(caller);
    greet(*link, token);
    bind_as(*link, 5, 0, 1);
    run_until([&] { return caller.closed; });
    return caller.refusal ? caller.refusal->text : "";
  };
  EXPECT_EQ(refusal(""), "token: missing");
  EXPECT_EQ(refusal("nonsense"), "token: malformed");
  EXPECT_EQ(refusal(make_token(wrong, {UserId{5}, 0, NodeId{3}, 1, later})),
            "token: wrong_signature");
  EXPECT_EQ(refusal(make_token(keys, {UserId{5}, 0, NodeId{4}, 1, later})), "token: wrong_node");
  EXPECT_EQ(refusal(make_token(keys, {UserId{5}, 0, NodeId{3}, 1, unix_now() - 1})),
            "token: expired");
  EXPECT_EQ(refusal(make_token(keys, {UserId{6}, 0, NodeId{3}, 1, later})),  // of another user
            "this connection is somebody else's");
  EXPECT_TRUE(machine_.frames.empty());
  EXPECT_EQ(refused(ClientRefusal::not_admitted), 5u);
  EXPECT_EQ(gate.refused()[static_cast<size_t>(TokenFault::expired)], 1u);
  EXPECT_EQ(gate.refused()[static_cast<size_t>(TokenFault::wrong_node)], 1u);
  Caller caller;
  const LinkHandle link = dial(caller);
  greet(*link, make_token(keys, {UserId{5}, 0, NodeId{3}, 1, later}));
  bind_as(*link, 5);
  run_until([&] { return machine_.frames.size() == 1; });
}

// ---- limits ------------------------------------------------------------------------------------

TEST_F(Clients, BeforeItsGreetingAClientMaySayLittle) {
  serve();
  for (const uint8_t serializer : {kSerializerControl, kSerializerFrames}) {
    Caller caller;
    const LinkHandle link = dial(caller);
    std::byte header[kWireHeaderBytes];
    const uint8_t type = serializer == kSerializerControl ? static_cast<uint8_t>(kControlGreeting)
                                                          : static_cast<uint8_t>(FrameType::send);
    put_header({serializer, type, 0, 0, 4096}, header);
    link->send_encoded(header, 0);
    run_until([&] { return caller.closed; });
    ASSERT_TRUE(caller.refusal);
    EXPECT_EQ(caller.refusal->reason, Reason::too_large);
  }
  EXPECT_EQ(clients_->totals().bad_frames, 2u);
}

// A byte now and then is no greeting.
TEST_F(Clients, WhoIsSlowWithItsGreetingIsClosed) {
  ClientLimits limits;
  limits.greeting_time = 50 * kMillisecond;
  serve(limits);
  Caller caller;
  const LinkHandle link = dial(caller);
  const ByteBuffer body = control_body(Greeting{});
  std::byte header[kWireHeaderBytes];
  put_header({kSerializerControl, kControlGreeting, 0, 0, static_cast<uint32_t>(body.size())},
             header);
  size_t at = 0;
  run_until([&] {
    if (at + 1 < kWireHeaderBytes) link->send_encoded({header + at++, 1}, 0);
    return caller.closed;
  });
  EXPECT_EQ(refused(ClientRefusal::late), 1u);
  EXPECT_EQ(machine_.up, 0);
}

TEST_F(Clients, ACrowdOfSilentOnesPushesOutItsOldest) {
  ClientLimits limits;
  limits.most_new = 10;
  limits.greeting_time = 3600 * kSecond;
  serve(limits);
  Caller served;
  const LinkHandle link = dial(served);
  greet(*link);
  run_until([&] { return machine_.up == 1; });
  std::vector<Caller> silent(25);
  for (Caller& caller : silent) dial(caller);
  run_until([&] { return refused(ClientRefusal::pushed_out) == 15; });
  run_until([&] {
    return std::count_if(silent.begin(), silent.end(), [](auto& c) { return c.closed; }) == 15;
  });
  EXPECT_TRUE(silent.front().closed);
  EXPECT_FALSE(silent.back().closed);
  bind_as(*link, 1);
  run_until([&] { return machine_.frames.size() == 1; });
}

TEST_F(Clients, AnAddressHasSoManyConnectionsAndGetsThemBack) {
  ClientLimits limits;
  limits.per_address = 3;
  serve(limits);
  std::vector<Caller> callers(4);
  for (Caller& caller : callers) {
    const LinkHandle link = dial(caller);
    greet(*link);
  }
  run_until([&] { return callers[3].closed && machine_.up == 3; });
  EXPECT_EQ(refused(ClientRefusal::per_address), 1u);
  links_[0]->close();
  run_until([&] { return machine_.down == 1; });
  Caller again;
  greet(*dial(again));
  run_until([&] { return machine_.up == 4; });
}

TEST_F(Clients, AnAddressLogsInSoOftenASecond) {
  ClientLimits limits;
  limits.logins_per_address = 5;
  serve(limits);
  Caller caller;
  const LinkHandle link = dial(caller);
  greet(*link);
  for (uint64_t i = 1; i <= 50; ++i) bind_as(*link, i);
  run_until([&] { return caller.closed; });
  EXPECT_EQ(machine_.frames.size(), 5u);
  EXPECT_EQ(caller.frames.back().reason, Reason::overloaded);
  EXPECT_EQ(refused(ClientRefusal::login_rate), 1u);
}

TEST_F(Clients, WhenAllPlacesAreTakenTheNextIsClosed) {
  ClientLimits limits;
  limits.most = 1;
  serve(limits);
  Caller first, second;
  greet(*dial(first));
  run_until([&] { return machine_.up == 1; });
  dial(second);
  run_until([&] { return second.closed; });
  EXPECT_EQ(refused(ClientRefusal::full), 1u);
}

TEST(AddressBooks, ForgetAddressesThatTakeNothing) {
  AddressBook book(0, 0);
  for (int i = 0; i < 10'000; ++i) book.take_seat(std::to_string(i));
  EXPECT_EQ(book.size(), 0u);
  const auto seat = book.take_seat("1");
  EXPECT_EQ(book.size(), 1u);
}

}  // namespace
}  // namespace imroute::cluster
