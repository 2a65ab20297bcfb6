#include "cluster/security/authority.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "cluster/net/loop.h"

namespace imroute::cluster {

namespace {

// Nobody else reads it, also when the file was there before.
template <class Write>
void write_pem(const std::string& path, Write write) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  FILE* file = descriptor < 0 ? nullptr : ::fdopen(descriptor, "w");
  bool ok = file != nullptr && ::fchmod(descriptor, 0600) == 0 && write(file) == 1;
  if (file != nullptr && std::fclose(file) != 0) ok = false;
  if (!ok) throw SystemRefusal("cannot write " + path + ": " + std::strerror(errno));
}

}  // namespace

void Authority::Free::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }
void Authority::Free::operator()(x509_st* certificate) const { X509_free(certificate); }

Authority::Authority(std::filesystem::path directory, std::string name)
    : directory_(std::move(directory)), name_(std::move(name)), key_(EVP_EC_gen("P-256")) {
  std::error_code error;
  std::filesystem::create_directories(directory_, error);  // if not, writing there says why
  own_ = make(name_, key_.get(), kYear);
  extend(own_.get(), NID_basic_constraints, "critical,CA:TRUE");
  X509_sign(own_.get(), key_.get(), EVP_sha256());
  write_pem(file(), [this](FILE* to) { return PEM_write_X509(to, own_.get()); });
}
Authority::~Authority() = default;

TlsFiles Authority::issue(const std::string& name, const std::string& hosts, long valid) const {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate made = make(name, key.get(), valid);
  extend(made.get(), NID_subject_alt_name, hosts);
  X509_sign(made.get(), key_.get(), EVP_sha256());
  const TlsFiles out{path(name, ".crt"), path(name, ".key"), file()};
  write_pem(out.certificate, [&made](FILE* to) { return PEM_write_X509(to, made.get()); });
  write_pem(out.key, [&key](FILE* to) {
    return PEM_write_PrivateKey(to, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  return out;
}

Authority::Certificate Authority::make(const std::string& name, evp_pkey_st* key,
                                       long valid) const {
  Certificate x(X509_new());
  X509_set_version(x.get(), X509_VERSION_3);
  uint64_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(x.get()), serial >> 1);
  X509_gmtime_adj(X509_getm_notBefore(x.get()), valid < 0 ? 2 * valid : -60);
  X509_gmtime_adj(X509_getm_notAfter(x.get()), valid);
  X509_set_pubkey(x.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  const X509* issuer = own_ == nullptr ? x.get() : own_.get();
  X509_set_issuer_name(x.get(), X509_get_subject_name(issuer));
  return x;
}

void Authority::extend(x509_st* certificate, int what, const std::string& value) const {
  X509V3_CTX context;
  X509V3_set_ctx(&context, own_ == nullptr ? certificate : own_.get(), certificate, nullptr,
                 nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str());
  if (extension == nullptr) throw SystemRefusal("no certificate can say " + value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

}  // namespace imroute::cluster
