// TLS beneath links: what passes, who is refused and why, and what a start-up is told of its files.
#include "cluster/net/tls.h"

#include <gmock/gmock.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include <fstream>

#include "cluster/security/authority.h"
#include "cluster/wire/control.h"
#include "tests/cluster/loop_rig.h"

namespace imroute::cluster {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Side : LinkOwner {
  void on_connected(Link&) override { connected = true; }
  void on_frame(Link& link, const Frame& frame) override {
    numbers.push_back(frame.number);
    if (frame.number == 0) link.close();
  }
  void on_control(Link&, uint8_t type, std::span<const std::byte> body) override {
    controls.emplace_back(type, body.size());
  }
  void on_closed(Link& link, Reason why) override {
    closed = why;
    trouble = link.trouble();
  }
  bool connected = false;
  std::vector<uint64_t> numbers;
  std::vector<std::pair<uint8_t, size_t>> controls;
  std::optional<Reason> closed;
  std::string trouble;
};

Frame ping_of(uint64_t number) {
  Frame frame;
  frame.type = FrameType::ping;
  frame.number = number;
  return frame;
}

class TlsLinks : public LoopRig {
 protected:
  TlsLinks() : directory_(testing::TempDir() + "imroute_tls_" + std::to_string(::getpid())) {}
  void listen(std::function<LayerHandle()> layer) {
    listener_.emplace(loop_, HostPort{"127.0.0.1", 0}, [this, layer](int socket) {
      served_ = Link::adopt(loop_, socket, server_, server_totals_, {}, layer());
    });
  }
  void dial(LayerHandle layer, const LinkOptions& options = {}) {
    dialled_ =
        Link::dial(loop_, here(*listener_), client_, client_totals_, options, std::move(layer));
  }
  void TearDown() override {
    if (dialled_ != nullptr) dialled_->close();
    if (served_ != nullptr) served_->close();
    std::filesystem::remove_all(directory_);
  }
  std::filesystem::path directory_;
  Authority authority_{directory_, "authority"};
  Authority stranger_{directory_, "stranger"};
  TlsFiles shown_ = authority_.issue("server");
  Tls serving_{{shown_.certificate, shown_.key, authority_.file()}};
  Tls user_{{{}, {}, authority_.file()}};
  Side client_, server_;
  LinkTotals client_totals_, server_totals_;
  std::optional<Listener> listener_;
  int silent_ = -1;  // a connection that nobody serves
  LinkHandle dialled_, served_;
};

TEST_F(TlsLinks, CarryWhatPlainLinksCarryInOneWriteATurn) {
  listen([this] { return serving_.accept(Tls::Admits::anybody); });
  dial(user_.dial("127.0.0.1"));
  run_until([&] { return client_.connected; });
  const uint64_t before = client_totals_.writes;
  for (uint64_t i = 1; i <= 500; ++i) dialled_->send(ping_of(i));
  const ByteBuffer body(50'000, std::byte{7});  // more than one record of TLS
  dialled_->send_control(kControlGreeting, body);
  run_until([&] { return server_.controls.size() == 1; });
  ASSERT_EQ(server_.numbers.size(), 500u);
  for (uint64_t i = 1; i <= 500; ++i) EXPECT_EQ(server_.numbers[i - 1], i);
  EXPECT_EQ(server_.controls[0].second, 50'000u);
  EXPECT_EQ(client_totals_.writes, before + 1);
  served_->send(ping_of(77));
  served_->close();
  run_until([&] { return client_.closed.has_value(); });
  EXPECT_EQ(client_.numbers, (std::vector<uint64_t>{77}));
  EXPECT_EQ(*client_.closed, Reason::closed_by_peer);
  EXPECT_EQ(client_.trouble, "");
}

TEST_F(TlsLinks, WhatIsSaidBeforeTheHandshakeIsOverWaitsForIt) {
  listen([this] { return serving_.accept(Tls::Admits::anybody); });
  dial(user_.dial("127.0.0.1"));
  run_until([&] { return served_ != nullptr; });
  served_->send(ping_of(5));
  EXPECT_FALSE(client_.connected);
  run_until([&] { return !client_.numbers.empty(); });
  EXPECT_TRUE(client_.connected);
}

TEST_F(TlsLinks, AServerOfAnotherAuthorityIsNotTalkedTo) {
  const TlsFiles other = stranger_.issue("other");
  const Tls impostor({other.certificate, other.key, {}});
  listen([&] { return impostor.accept(Tls::Admits::anybody); });
  dial(user_.dial("127.0.0.1"));
  run_until([&] { return client_.closed && server_.closed; });
  EXPECT_FALSE(client_.connected);
  EXPECT_THAT(client_.trouble, HasSubstr("unable to get local issuer certificate"));
  EXPECT_EQ(client_totals_.bad_handshakes, 1u);
  EXPECT_EQ(server_totals_.bad_handshakes, 1u);
  EXPECT_THAT(server_.trouble, HasSubstr("unknown ca"));
}

TEST_F(TlsLinks, AServerIsNotTakenForAnother) {
  const TlsFiles other = authority_.issue("elsewhere", "DNS:elsewhere.example");
  const Tls elsewhere({other.certificate, other.key, {}});
  listen([&] { return elsewhere.accept(Tls::Admits::anybody); });
  dial(user_.dial("127.0.0.1"));
  run_until([&] { return client_.closed.has_value(); });
  EXPECT_THAT(client_.trouble, HasSubstr("IP address mismatch"));
  client_ = {};
  dial(user_.dial("node.example"));
  run_until([&] { return client_.closed.has_value(); });
  EXPECT_THAT(client_.trouble, HasSubstr("ostname mismatch"));
  client_ = {};
  dial(user_.dial("elsewhere.example"));
  run_until([&] { return client_.connected; });
}

TEST_F(TlsLinks, AmongServersACertificateOfTheAuthorityIsNeeded) {
  listen([this] { return serving_.accept(Tls::Admits::authorised); });
  dial(user_.dial("127.0.0.1"));  // shows none
  run_until([&] { return server_.closed && client_.closed; });
  EXPECT_THAT(server_.trouble, HasSubstr("peer did not return a certificate"));
  EXPECT_EQ(server_totals_.bad_handshakes, 1u);

  const TlsFiles other = stranger_.issue("other");
  const Tls intruder({other.certificate, other.key, authority_.file()});
  client_ = server_ = {};
  dial(intruder.dial("127.0.0.1"));
  run_until([&] { return server_.closed && client_.closed; });
  EXPECT_THAT(server_.trouble, HasSubstr("unable to get local issuer certificate"));
  EXPECT_EQ(server_totals_.bad_handshakes, 2u);

  client_ = server_ = {};
  dial(serving_.dial("127.0.0.1"));
  run_until([&] { return client_.connected; });
  dialled_->send(ping_of(9));
  run_until([&] { return server_.numbers == std::vector<uint64_t>{9}; });
}

TEST_F(TlsLinks, PlainIntoTlsAndTlsIntoPlainEndAtOnce) {
  listen([this] { return serving_.accept(Tls::Admits::anybody); });
  dial(nullptr);
  run_until([&] { return client_.connected; });
  dialled_->send(ping_of(1));
  run_until([&] { return server_.closed && client_.closed; });
  EXPECT_EQ(*server_.closed, Reason::protocol_error);
  EXPECT_EQ(server_totals_.bad_handshakes, 1u);
  EXPECT_TRUE(server_.numbers.empty());

  client_ = server_ = {};
  listen([] { return nullptr; });
  dial(user_.dial("127.0.0.1"));
  run_until([&] { return server_.closed && client_.closed; });
  EXPECT_EQ(server_totals_.bad_frames, 1u);
  EXPECT_FALSE(client_.connected);
}

TEST_F(TlsLinks, OneWhoNeverAnswersTheHandshakeIsGivenUp) {
  listener_.emplace(loop_, HostPort{"127.0.0.1", 0}, [this](int socket) { silent_ = socket; });
  LinkOptions options;
  options.dial_timeout = 20 * kMillisecond;
  dial(user_.dial("127.0.0.1"), options);
  run_until([&] { return client_.closed.has_value(); });
  EXPECT_EQ(*client_.closed, Reason::timeout);
  EXPECT_FALSE(client_.connected);
  ::close(silent_);
}

TEST_F(TlsLinks, OneLayerOnAnotherCarriesThroughBoth) {
  listen([this] {
    return stack_layers(loop_, serving_.accept(Tls::Admits::anybody),
                        serving_.accept(Tls::Admits::authorised));
  });
  dial(stack_layers(loop_, user_.dial("127.0.0.1"), serving_.dial("127.0.0.1")));
  run_until([&] { return client_.connected; });
  dialled_->send(ping_of(1));
  served_->send(ping_of(2));
  run_until([&] { return !server_.numbers.empty() && !client_.numbers.empty(); });
  dialled_->send(ping_of(0));  // closes it there
  run_until([&] { return client_.closed.has_value(); });
  EXPECT_EQ(*client_.closed, Reason::closed_by_peer);

  client_ = server_ = {};  // the upper one refuses: it is shown no certificate
  dial(stack_layers(loop_, user_.dial("127.0.0.1"), user_.dial("127.0.0.1")));
  run_until([&] { return client_.closed && server_.closed; });
  EXPECT_THAT(server_.trouble, HasSubstr("peer did not return a certificate"));
}

TEST_F(TlsLinks, NothingOlderThanTls12) {
  EXPECT_EQ(SSL_CTX_get_min_proto_version(serving_.context()), TLS1_2_VERSION);
}

// It was valid when the process began.
TEST_F(TlsLinks, ACertificateThatHasExpiredIsRefusedByBothSides) {
  const TlsFiles old = authority_.issue("old", "IP:127.0.0.1", -3600);
  const Tls late({shown_.certificate, shown_.key, authority_.file()});
  SSL_CTX_use_certificate_chain_file(late.context(), old.certificate.c_str());
  SSL_CTX_use_PrivateKey_file(late.context(), old.key.c_str(), SSL_FILETYPE_PEM);
  listen([&] { return late.accept(Tls::Admits::anybody); });
  dial(user_.dial("127.0.0.1"));
  run_until([&] { return client_.closed && server_.closed; });
  EXPECT_THAT(client_.trouble, HasSubstr("certificate has expired"));

  client_ = server_ = {};
  listen([this] { return serving_.accept(Tls::Admits::authorised); });
  dial(late.dial("127.0.0.1"));
  run_until([&] { return client_.closed && server_.closed; });
  EXPECT_THAT(server_.trouble, HasSubstr("certificate has expired"));
}

// ---- files -------------------------------------------------------------------------------------

std::string refusal_of(const TlsFiles& files) {
  try {
    const Tls made(files);
  } catch (const SystemRefusal& refusal) {
    return refusal.what();
  }
  return "";
}

TEST_F(TlsLinks, MistakesInFilesAreNamed) {
  const std::string nowhere = (directory_ / "nowhere.crt").string();
  EXPECT_EQ(refusal_of({nowhere, shown_.key, {}}),
            "tls.certificate " + nowhere + ": cannot be read");
  EXPECT_EQ(refusal_of({shown_.certificate, nowhere, {}}),
            "tls.key " + nowhere + ": cannot be read");
  EXPECT_EQ(refusal_of({{}, {}, nowhere}), "tls.authority " + nowhere + ": cannot be read");

  const TlsFiles other = authority_.issue("other");
  EXPECT_EQ(refusal_of({shown_.certificate, other.key, {}}),
            "tls.key " + other.key + ": is not the key of tls.certificate " + shown_.certificate);
  EXPECT_THAT(refusal_of({shown_.key, shown_.key, {}}),
              StartsWith("tls.certificate " + shown_.key + ": no certificate in PEM"));
  EXPECT_THAT(refusal_of({shown_.certificate, shown_.certificate, {}}),
              StartsWith("tls.key " + shown_.certificate + ": no private key in PEM"));
  EXPECT_THAT(refusal_of({{}, {}, shown_.key}),
              StartsWith("tls.authority " + shown_.key + ": no certificates in PEM"));

  const TlsFiles old = authority_.issue("old", "IP:127.0.0.1", -3600);
  EXPECT_EQ(refusal_of({old.certificate, old.key, {}}),
            "tls.certificate " + old.certificate + ": has expired: make a new one");
}

}  // namespace
}  // namespace imroute::cluster
