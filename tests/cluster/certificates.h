// Certificates for tests: an authority made on the spot, and what it signs, as PEM files.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

namespace imroute::cluster {

struct Shown {
  std::string certificate, key;  // files
};

class Authority {
 public:
  Authority(std::filesystem::path directory, const std::string& name)
      : directory_(std::move(directory)), name_(name), key_(EVP_EC_gen("P-256")) {
    std::filesystem::create_directories(directory_);
    own_.reset(make(name, key_.get(), kYear));
    extend(own_.get(), NID_basic_constraints, "critical,CA:TRUE");
    sign(own_.get());
    write(file(), own_.get());
  }
  std::string file() const { return (directory_ / (name_ + ".crt")).string(); }

  // For that host, or "IP:127.0.0.1"; valid for so many seconds from now, over when negative.
  Shown issue(const std::string& name, const std::string& host = "IP:127.0.0.1",
              long valid = kYear) const {
    const Key key(EVP_EC_gen("P-256"));
    const Certificate made(make(name, key.get(), valid));
    extend(made.get(), NID_subject_alt_name, host.c_str());
    sign(made.get());
    const Shown out{(directory_ / (name + ".crt")).string(),
                    (directory_ / (name + ".key")).string()};
    write(out.certificate, made.get());
    FILE* f = std::fopen(out.key.c_str(), "w");
    PEM_write_PrivateKey(f, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(f);
    return out;
  }

 private:
  static constexpr long kYear = 365L * 24 * 3600;
  struct Free {
    void operator()(EVP_PKEY* k) const { EVP_PKEY_free(k); }
    void operator()(X509* x) const { X509_free(x); }
  };
  using Key = std::unique_ptr<EVP_PKEY, Free>;
  using Certificate = std::unique_ptr<X509, Free>;

  X509* make(const std::string& name, EVP_PKEY* key, long valid) const {
    static long serial = 0;
    X509* x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(x), valid < 0 ? 2 * valid : -60);
    X509_gmtime_adj(X509_getm_notAfter(x), valid);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    const X509* issuer = own_ == nullptr ? x : own_.get();
    X509_set_issuer_name(x, X509_get_subject_name(issuer));
    return x;
  }
  void extend(X509* x, int what, const char* value) const {
    X509V3_CTX context;
    X509V3_set_ctx(&context, own_ == nullptr ? x : own_.get(), x, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, what, value);
    if (extension == nullptr) throw std::runtime_error("no such extension");
    X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
  }
  void sign(X509* x) const { X509_sign(x, key_.get(), EVP_sha256()); }
  static void write(const std::string& path, X509* x) {
    FILE* f = std::fopen(path.c_str(), "w");
    PEM_write_X509(f, x);
    std::fclose(f);
  }

  std::filesystem::path directory_;
  std::string name_;
  Key key_;
  Certificate own_;
};

}  // namespace imroute::cluster
