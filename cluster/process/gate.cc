#include "cluster/process/gate.h"

#include <algorithm>
#include <utility>

#include "cluster/process/log.h"
#include "cluster/process/user_book.h"
#include "cluster/security/callback.h"

namespace imroute::cluster {

namespace {

std::optional<KeyRing> keys_of(const char* setting, const std::string& file) {
  if (file.empty()) return std::nullopt;
  KeyRing keys(setting, file);
  keys.on_trouble = [](const std::string& why) {
    log_event(LogLevel::warning, "key_trouble", {{"why", why}});
  };
  return keys;
}

Admission refusal(std::string_view text) { return {Reason::bad_token, std::string(text), {}}; }

Admission refused_for(const char* what, TokenFault fault, TokenFaults& counts) {
  ++counts[static_cast<size_t>(fault)];
  return refusal(std::string(what) + ": " + std::string(to_string(fault)));
}

}  // namespace

// ---- nodes -------------------------------------------------------------------------------------

NodeGate::NodeGate(const TokenSettings& tokens, NodeId here)
    : here_(here), keys_(keys_of("tokens.key_file", tokens.key_file)) {}

Admission NodeGate::admit(const Greeting& greeting) {
  if (!keys_) return {};
  Token token;
  const TokenFault fault = read_token(*keys_, greeting.proof, here_, unix_now(), token);
  if (fault != TokenFault::none) return refused_for("token", fault, refused_);
  return {Reason::none, {}, {token.user, token.device, token.generation}};
}

// ---- routers -----------------------------------------------------------------------------------

RouterGate::RouterGate(Loop& loop, const TokenSettings& tokens, const AuthSettings& auth)
    : tokens_(keys_of("tokens.key_file", tokens.key_file)),
      passes_(keys_of("auth.key_file", auth.key_file)),
      requests_(keys_of("auth.http_key_file", auth.http_key_file)),
      valid_ns_(tokens.valid_ns) {
  if (!auth.callback.empty()) {
    callback_ =
        std::make_unique<Callback>(loop, *parse_callback_url(auth.callback), auth.timeout_ns);
  }
}
RouterGate::~RouterGate() = default;

// Both must agree when both are asked.
void RouterGate::admit(const std::string& address, const Greeting& greeting,
                       const Environment::Decide& decide) {
  if (!passes_ && callback_ == nullptr) return decide({});
  if (!is_user_name(greeting.name)) return decide(refusal("not a name of a user"));
  if (passes_) {
    const TokenFault fault = check_pass(*passes_, greeting.name, greeting.proof, unix_now());
    if (fault != TokenFault::none) return decide(refused_for("pass", fault, refused_));
  }
  const Identity identity{user_id_of(greeting.name), std::nullopt, std::nullopt};
  if (callback_ == nullptr) return decide({Reason::none, {}, identity});
  callback_->ask(greeting.name, greeting.proof, address, [identity, decide](Verdict verdict) {
    if (verdict == Verdict::admitted) return decide({Reason::none, {}, identity});
    if (verdict == Verdict::refused) return decide(refusal("not admitted"));
    decide({Reason::overloaded, "who decides about logins does not answer", {}});
  });
}

bool RouterGate::admits_request(std::string_view authorization) {
  if (!requests_) return true;
  constexpr std::string_view kBearer = "bearer ";  // in whatever case
  const auto same = [](char wanted, char found) {
    return wanted == (found >= 'A' && found <= 'Z' ? found - 'A' + 'a' : found);
  };
  if (authorization.size() > kBearer.size() &&
      std::equal(kBearer.begin(), kBearer.end(), authorization.begin(), same) &&
      requests_->is_secret(authorization.substr(kBearer.size()))) {
    return true;
  }
  ++requests_refused_;
  return false;
}

std::string RouterGate::token_for(const Frame& login_ok) {
  if (!tokens_) return {};
  const int64_t expires = unix_now() + (valid_ns_ + kSecond - 1) / kSecond;
  return make_token(*tokens_,
                    {login_ok.user, login_ok.device, login_ok.node, login_ok.generation, expires});
}

}  // namespace imroute::cluster
