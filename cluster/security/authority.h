// An authority made on the spot, and the certificates that it signs, as PEM files that nobody but
// their owner reads. For `imroute up --tls` and for tests: its own key is on no disk, so it signs
// nothing once it is gone.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "cluster/net/tls.h"

struct evp_pkey_st;
struct x509_st;

namespace imroute::cluster {

class Authority {
 public:
  // Makes the directory when it is missing, and DIRECTORY/NAME.crt. Throws SystemRefusal, as all
  // here do, when something cannot be written.
  Authority(std::filesystem::path directory, std::string name);
  ~Authority();
  std::string file() const { return path(name_, ".crt"); }

  // NAME.crt and NAME.key, for hosts as OpenSSL writes them ("IP:127.0.0.1,DNS:localhost"); valid
  // for so many seconds from now, over when negative.
  TlsFiles issue(const std::string& name, const std::string& hosts = "IP:127.0.0.1",
                 long valid = kYear) const;

 private:
  static constexpr long kYear = 365L * 24 * 3600;
  struct Free {
    void operator()(evp_pkey_st* key) const;
    void operator()(x509_st* certificate) const;
  };
  using Key = std::unique_ptr<evp_pkey_st, Free>;
  using Certificate = std::unique_ptr<x509_st, Free>;

  std::string path(const std::string& name, const char* ending) const {
    return (directory_ / (name + ending)).string();
  }
  Certificate make(const std::string& name, evp_pkey_st* key, long valid) const;
  void extend(x509_st* certificate, int what, const std::string& value) const;

  std::filesystem::path directory_;
  std::string name_;
  Key key_;
  Certificate own_;
};

}  // namespace imroute::cluster
