// TLS 1.2 and later, as a layer of a link. One Tls is what a process shows and trusts; it gives
// each connection its layer.
//
// Who dials always checks the other side: its certificate must come from the authority and carry
// the name or address that was dialled. Who accepts asks for a certificate where only servers of
// the cluster may enter. Nothing is resumed and nothing renegotiated, so a connection keeps no more
// than its keys.
#pragma once

#include <memory>
#include <string>

#include "cluster/net/layer.h"

struct ssl_ctx_st;

namespace imroute::cluster {

struct TlsFiles {
  std::string certificate;  // PEM, with its chain; empty: shows none, can only dial
  std::string key;          // PEM, of the certificate
  std::string authority;    // PEM, one or more; empty: trusts nobody, can only accept
};

class Tls {
 public:
  // Throws SystemRefusal naming the file: it cannot be read, is no PEM, the key is not the
  // certificate's, the certificate is not valid now.
  explicit Tls(const TlsFiles& files);
  ~Tls();
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;

  // For a connection that was accepted; of anybody, or of those with a certificate of the
  // authority.
  enum class Admits : uint8_t { anybody, authorised };
  LayerHandle accept(Admits admits) const;
  // For one that is dialled to that name or address.
  LayerHandle dial(const std::string& host) const;

  // For what runs TLS by other means; it stays ours.
  ssl_ctx_st* context() const { return context_.get(); }

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  void show(const TlsFiles& files);
  std::unique_ptr<ssl_ctx_st, Free> context_;
  bool trusts_ = false;
};

}  // namespace imroute::cluster
