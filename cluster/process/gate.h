// Who may enter a server as whom. At a router a pass or the application decides; who was let in
// there gets a token with LOGIN_OK, and a node lets in who shows it one.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "cluster/machine/environment.h"
#include "cluster/security/token.h"

namespace imroute::cluster {

struct TokenSettings {
  std::string key_file;  // empty: no tokens are given or asked for
  DurationNs valid_ns = 60 * kSecond;
};
struct AuthSettings {
  std::string key_file;       // of passes; empty: none are asked for
  std::string http_key_file;  // of requests over HTTP; empty: none is asked for
  std::string callback;       // http://host:port/path; empty: nobody is asked
  DurationNs timeout_ns = 2 * kSecond;
};

using TokenFaults = std::array<uint64_t, kTokenFaults>;

class NodeGate {
 public:
  // Throws SystemRefusal when keys cannot be read.
  NodeGate(const TokenSettings& tokens, NodeId here);
  Admission admit(const Greeting& greeting);
  const TokenFaults& refused() const { return refused_; }

 private:
  NodeId here_;
  std::optional<KeyRing> keys_;
  TokenFaults refused_{};
};

class Callback;

class RouterGate {
 public:
  // Throws SystemRefusal when keys cannot be read.
  RouterGate(Loop& loop, const TokenSettings& tokens, const AuthSettings& auth);
  ~RouterGate();
  void admit(const std::string& address, const Greeting& greeting,
             const Environment::Decide& decide);
  // What a request over HTTP carries: "Bearer SECRET", when secrets are asked for.
  bool admits_request(std::string_view authorization);
  uint64_t requests_refused() const { return requests_refused_; }
  // For who gets this LOGIN_OK; empty when none are given.
  std::string token_for(const Frame& login_ok);
  const TokenFaults& refused() const { return refused_; }
  const Callback* callback() const { return callback_.get(); }

 private:
  std::optional<KeyRing> tokens_, passes_, requests_;
  uint64_t requests_refused_ = 0;
  DurationNs valid_ns_;
  std::unique_ptr<Callback> callback_;
  TokenFaults refused_{};
};

}  // namespace imroute::cluster
