#include "cluster/net/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <cstring>
#include <fstream>
#include <utility>

#include "cluster/net/loop.h"
#include "core/base/assert.h"

namespace imroute::cluster {

namespace {

constexpr size_t kRecordBytes = 16 * 1024;

// The first that OpenSSL complains of is the cause; takes them all.
std::string last_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* text = code == 0 ? nullptr : ERR_reason_error_string(code);
  return text == nullptr ? "no reason was given" : text;
}

// ---- where OpenSSL reads and writes ------------------------------------------------------------

// What one call has to read, and where it may write: nothing is kept between calls.
struct Feed {
  std::span<const std::byte> in;
  ByteBuffer* out = nullptr;
};
Feed& feed_of(BIO* bio) { return *static_cast<Feed*>(BIO_get_data(bio)); }

int feed_read(BIO* bio, char* to, size_t room, size_t* got) {
  Feed& feed = feed_of(bio);
  BIO_clear_retry_flags(bio);
  *got = std::min(room, feed.in.size());
  if (*got == 0) {
    BIO_set_retry_read(bio);
    return 0;
  }
  std::memcpy(to, feed.in.data(), *got);
  feed.in = feed.in.subspan(*got);
  return 1;
}
int feed_write(BIO* bio, const char* from, size_t size, size_t* taken) {
  const auto bytes = std::as_bytes(std::span(from, size));
  ByteBuffer* out = feed_of(bio).out;
  if (out != nullptr) out->insert(out->end(), bytes.begin(), bytes.end());
  *taken = size;
  return 1;
}
long feed_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

const BIO_METHOD* feed_method() {
  static const BIO_METHOD* method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "imroute link");
    BIO_meth_set_read_ex(made, feed_read);
    BIO_meth_set_write_ex(made, feed_write);
    BIO_meth_set_ctrl(made, feed_control);
    return made;
  }();
  return method;
}

// ---- the layer ---------------------------------------------------------------------------------

class TlsLayer : public Layer {
 public:
  explicit TlsLayer(SSL_CTX* context) : ssl_(SSL_new(context)) {
    IM_ASSERT(ssl_ != nullptr);
    BIO* bio = BIO_new(feed_method());
    BIO_set_data(bio, &feed_);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
  }
  SSL* ssl() { return ssl_.get(); }

  void start(ByteBuffer& wire) override { advance({}, wire); }

  LayerState receive(std::span<const std::byte> arrived, ByteBuffer& messages,
                     ByteBuffer& wire) override {
    if (state_ == LayerState::open || state_ == LayerState::opening) {
      feed_ = {arrived, &wire};
      if (state_ == LayerState::opening) shake_hands();
      if (state_ == LayerState::open) read(messages);
      feed_ = {};
    }
    return state_;
  }

  void send(std::span<const std::byte> messages, ByteBuffer& wire) override {
    if (messages.empty() || state_ != LayerState::open) return;
    feed_ = {{}, &wire};
    size_t written = 0;
    ERR_clear_error();
    if (SSL_write_ex(ssl_.get(), messages.data(), messages.size(), &written) != 1) judge(0);
    feed_ = {};
  }

  void finish(ByteBuffer& wire) override {
    if (state_ != LayerState::open) return;
    feed_ = {{}, &wire};
    SSL_shutdown(ssl_.get());
    feed_ = {};
  }
  std::string_view trouble() const override { return trouble_; }

 private:
  void advance(std::span<const std::byte> arrived, ByteBuffer& wire) {
    feed_ = {arrived, &wire};
    shake_hands();
    feed_ = {};
  }
  void shake_hands() {
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl_.get());
    if (done == 1) {
      state_ = LayerState::open;
    } else {
      judge(done);
    }
  }
  void read(ByteBuffer& messages) {
    std::array<std::byte, kRecordBytes> record;
    size_t got = 0;
    ERR_clear_error();
    int done = 1;
    while ((done = SSL_read_ex(ssl_.get(), record.data(), record.size(), &got)) == 1) {
      messages.insert(messages.end(), record.begin(), record.begin() + static_cast<ptrdiff_t>(got));
    }
    judge(done);
  }
  void judge(int result) {
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_WANT_READ) return;
    state_ = error == SSL_ERROR_ZERO_RETURN ? LayerState::ended : LayerState::failed;
    if (state_ != LayerState::failed) return;
    const long verified = SSL_get_verify_result(ssl_.get());
    trouble_ = last_error();
    if (verified != X509_V_OK) trouble_ = X509_verify_cert_error_string(verified);
  }

  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  Feed feed_;
  std::unique_ptr<SSL, Free> ssl_;
  LayerState state_ = LayerState::opening;
  std::string trouble_;
};

[[noreturn]] void refuse(const char* what, const std::string& file, const std::string& why) {
  throw SystemRefusal(std::string(what) + " " + file + ": " + why);
}

void must_be_readable(const char* what, const std::string& file) {
  if (!std::ifstream(file)) refuse(what, file, "cannot be read");
}

}  // namespace

// ---- what a process shows and trusts -----------------------------------------------------------

void Tls::Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

Tls::Tls(const TlsFiles& files) : context_(SSL_CTX_new(TLS_method())) {
  SSL_CTX* c = context_.get();
  SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
  SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
                             SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_num_tickets(c, 0);
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (!files.certificate.empty()) show(files);
  if (files.authority.empty()) return;
  must_be_readable("tls.authority", files.authority);
  if (SSL_CTX_load_verify_file(c, files.authority.c_str()) != 1) {
    refuse("tls.authority", files.authority, "no certificates in PEM (" + last_error() + ")");
  }
  trusts_ = true;
}

void Tls::show(const TlsFiles& files) {
  SSL_CTX* c = context_.get();
  must_be_readable("tls.certificate", files.certificate);
  must_be_readable("tls.key", files.key);
  if (SSL_CTX_use_certificate_chain_file(c, files.certificate.c_str()) != 1) {
    refuse("tls.certificate", files.certificate, "no certificate in PEM (" + last_error() + ")");
  }
  const X509* shown = SSL_CTX_get0_certificate(c);
  if (X509_cmp_current_time(X509_get0_notAfter(shown)) < 0) {
    refuse("tls.certificate", files.certificate, "has expired: make a new one");
  }
  if (X509_cmp_current_time(X509_get0_notBefore(shown)) > 0) {
    refuse("tls.certificate", files.certificate, "is not valid yet: is the clock right?");
  }
  if (SSL_CTX_use_PrivateKey_file(c, files.key.c_str(), SSL_FILETYPE_PEM) == 1) return;
  const unsigned long code = ERR_peek_error();
  const bool other = ERR_GET_LIB(code) == ERR_LIB_X509;
  const std::string why = last_error();
  refuse("tls.key", files.key,
         other ? "is not the key of tls.certificate " + files.certificate
               : "no private key in PEM (" + why + ")");
}

Tls::~Tls() = default;

LayerHandle Tls::accept(Admits admits) const {
  auto layer = std::make_unique<TlsLayer>(context_.get());
  SSL_set_accept_state(layer->ssl());
  if (admits == Admits::authorised) {
    IM_ASSERT(trusts_);
    SSL_set_verify(layer->ssl(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return layer;
}

LayerHandle Tls::dial(const std::string& host) const {
  IM_ASSERT(trusts_);
  auto layer = std::make_unique<TlsLayer>(context_.get());
  SSL* ssl = layer->ssl();
  SSL_set_connect_state(ssl);
  SSL_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
  X509_VERIFY_PARAM* param = SSL_get0_param(ssl);
  if (X509_VERIFY_PARAM_set1_ip_asc(param, host.c_str()) != 1) {
    ERR_clear_error();
    X509_VERIFY_PARAM_set1_host(param, host.c_str(), host.size());
    SSL_set_tlsext_host_name(ssl, host.c_str());
  }
  return layer;
}

}  // namespace imroute::cluster
