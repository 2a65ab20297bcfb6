// Asks the application who may log in: one HTTP POST a login, on the loop, with a deadline.
// Whatever is not a clear yes in time is no.
//
//   POST <path>   {"user": "alice", "proof": "what she showed", "address": "192.0.2.7"}
//   2xx: she may.  401, 403: she may not.  Anything else, or nothing: nobody knows; she may not.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cluster/net/link.h"

namespace imroute::cluster {

struct CallbackUrl {
  HostPort at;
  std::string host;  // as it is written in the request
  std::string path;
};
// "http://host:port/path"; nothing when it is not of that form.
std::optional<CallbackUrl> parse_callback_url(std::string_view text);

enum class Verdict : uint8_t { admitted, refused, unknown };

class Callback {
 public:
  Callback(Loop& loop, CallbackUrl url, DurationNs timeout);
  ~Callback();  // nobody is answered any more
  using OnVerdict = std::function<void(Verdict)>;
  void ask(const std::string& user, const std::string& proof, const std::string& address,
           OnVerdict on_verdict);

  uint64_t asked() const;
  uint64_t unanswered() const;  // no answer in time, or none that is one

 private:
  class Call;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace imroute::cluster
