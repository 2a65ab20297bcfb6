#include "cluster/security/key_ring.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>

#include "cluster/net/loop.h"

namespace imroute::cluster {

namespace {

constexpr size_t kLeastSecretBytes = 32;
constexpr size_t kMostIdBytes = 32;
constexpr size_t kMostKeys = 64;

bool is_key_id(std::string_view id) {
  if (id.empty() || id.size() > kMostIdBytes) return false;
  return std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_';
  });
}

// Changes whenever the file does.
int64_t version_of(const std::string& file) {
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0) return 0;
  return (status.st_mtim.tv_sec * int64_t{1'000'000'000} + status.st_mtim.tv_nsec) ^
         static_cast<int64_t>(status.st_ino << 1) ^ status.st_size;
}

}  // namespace

int64_t unix_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

KeyRing::KeyRing(std::string setting, std::string file)
    : setting_(std::move(setting)),
      file_(std::move(file)),
      version_(version_of(file_)),
      keys_(read()),
      looked_at_(monotonic_now()) {}

std::vector<KeyRing::Key> KeyRing::read() const {
  std::ifstream in(file_);
  if (!in) throw SystemRefusal(setting_ + " " + file_ + ": cannot be read");
  std::vector<Key> keys;
  size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    const auto refuse_line = [&](const std::string& why) {
      throw SystemRefusal(setting_ + " " + file_ + ":" + std::to_string(number) + ": " + why);
    };
    std::istringstream words(line);
    Key key;
    std::string more;
    if (!(words >> key.id) || key.id[0] == '#') continue;
    if (!(words >> key.secret) || words >> more) refuse_line("expected an id and a secret");
    if (!is_key_id(key.id)) {
      refuse_line("the id is of at most 32 letters, digits, - and _");
    }
    if (key.secret.size() < kLeastSecretBytes) {
      refuse_line("the secret of key " + key.id +
                  " has less than 32 characters; make one: openssl rand -hex 32");
    }
    for (const Key& k : keys) {
      if (k.id == key.id) refuse_line("a second key " + key.id);
    }
    if (keys.size() == kMostKeys) refuse_line("more than 64 keys");
    keys.push_back(std::move(key));
  }
  if (keys.empty()) throw SystemRefusal(setting_ + " " + file_ + ": no key in it");
  return keys;
}

void KeyRing::follow_file() {
  const MonoTime now = monotonic_now();
  if (now - looked_at_ < kSecond) return;
  looked_at_ = now;
  const int64_t version = version_of(file_);
  if (version == version_) return;
  version_ = version;
  try {
    keys_ = read();
  } catch (const SystemRefusal& refusal) {
    on_trouble(std::string(refusal.what()) + "; the keys read before stay in force");
  }
}

const std::string& KeyRing::signing_id() {
  follow_file();
  return keys_.front().id;
}

const KeyRing::Key* KeyRing::find(std::string_view id) {
  const auto at =
      std::find_if(keys_.begin(), keys_.end(), [id](const Key& k) { return k.id == id; });
  return at == keys_.end() ? nullptr : &*at;
}

bool KeyRing::knows(std::string_view id) {
  follow_file();
  return find(id) != nullptr;
}

std::string KeyRing::signature(std::string_view id, std::string_view text) {
  const Key* key = find(id);
  if (key == nullptr) return {};
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), key->secret.data(), static_cast<int>(key->secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), bytes, &size);
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (unsigned int i = 0; i < size; ++i) {
    out += kDigits[bytes[i] >> 4];
    out += kDigits[bytes[i] & 15];
  }
  return out;
}

bool KeyRing::is_signature(std::string_view id, std::string_view text, std::string_view signed_as) {
  const std::string right = signature(id, text);
  return !right.empty() && right.size() == signed_as.size() &&
         CRYPTO_memcmp(right.data(), signed_as.data(), right.size()) == 0;
}

bool KeyRing::is_secret(std::string_view text) {
  follow_file();
  bool found = false;
  for (const Key& key : keys_) {
    const bool same = key.secret.size() == text.size() &&
                      CRYPTO_memcmp(key.secret.data(), text.data(), text.size()) == 0;
    found = found || same;
  }
  return found;
}

}  // namespace imroute::cluster
