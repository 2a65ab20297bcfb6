// Secret keys and what is signed with them: HMAC-SHA256 over a text. Keys come from a file, one a
// line, its id first:
//
//   2026-11 3f0c5a...   (at least 32 characters, whatever they are)
//
// The first signs, all are known; so a key is changed without a moment in which somebody refuses
// what another has just signed: the new one is appended everywhere, then made the first, then the
// old one removed. A file that changes is read again, within a second of its next use; one that has
// become unusable changes nothing. Keys are never printed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"

namespace imroute::cluster {

// Seconds since 1970: what expiries are given in.
int64_t unix_now();

class KeyRing {
 public:
  // `setting` names the file in mistakes. Throws SystemRefusal when it cannot be used.
  KeyRing(std::string setting, std::string file);

  const std::string& signing_id();
  // In lower-case hexadecimal; empty when there is no such key.
  std::string signature(std::string_view id, std::string_view text);
  bool knows(std::string_view id);
  // Takes the same time wherever they differ.
  bool is_signature(std::string_view id, std::string_view text, std::string_view signature);

  // One of the secrets itself, in the time that all of them take.
  bool is_secret(std::string_view text);

  std::function<void(const std::string&)> on_trouble = [](const std::string&) {};

 private:
  struct Key {
    std::string id, secret;
  };
  std::vector<Key> read() const;
  void follow_file();
  const Key* find(std::string_view id);

  std::string setting_, file_;
  int64_t version_ = 0;  // of the file, before it was read
  std::vector<Key> keys_;
  MonoTime looked_at_ = 0;
};

}  // namespace imroute::cluster
