// What a client shows for being who it says, as text of parts with dots between them.
//
// A token is given by a router with LOGIN_OK and shown to the node that it names: the node believes
// it without asking anybody.
//
//   KEY.USER.DEVICE.NODE.GENERATION.EXPIRES.SIGNATURE
//
// A pass is given by whoever knows the users (an application's backend, `imroute pass`) and shown
// to a router at login, with the user's name beside it.
//
//   KEY.EXPIRES.SIGNATURE
//
// SIGNATURE is the HMAC-SHA256, in hexadecimal, of what stands before it (without its dot) after
// "imroute-token." or "imroute-pass."; for a pass followed by a dot and the name. EXPIRES is in
// seconds since 1970. Whatever is wrong is found before anything is believed, the signature first.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cluster/security/key_ring.h"
#include "core/base/ids.h"

namespace imroute::cluster {

inline constexpr size_t kMostTokenBytes = 512;

struct Token {
  UserId user;
  uint32_t device = 0;
  NodeId node;
  uint64_t generation = 0;
  int64_t expires = 0;
};

enum class TokenFault : uint8_t {
  none,
  missing,
  malformed,
  unknown_key,
  wrong_signature,
  expired,
  wrong_node,  // of another one
};
inline constexpr size_t kTokenFaults = 7;
std::string_view to_string(TokenFault fault);

std::string make_token(KeyRing& keys, const Token& token);
// `token` is set when none.
TokenFault read_token(KeyRing& keys, std::string_view text, NodeId here, int64_t now, Token& token);

std::string make_pass(KeyRing& keys, std::string_view name, int64_t expires);
TokenFault check_pass(KeyRing& keys, std::string_view name, std::string_view pass, int64_t now);

}  // namespace imroute::cluster
