// pass: what an application's backend gives to a user who may log in; here for people and scripts.
#include "cli/cluster/serve.h"
#include "cli/commands.h"
#include "cluster/security/token.h"

namespace imroute {

int pass_command(const Options& options, const Console& console) {
  return in_environment([&] {
    cluster::KeyRing keys("--key-file", options.key_file);
    const int64_t expires = cluster::unix_now() + options.valid_ns / kSecond;
    console.out << cluster::make_pass(keys, options.user, expires) << std::endl;
    return static_cast<int>(kExitHeld);
  });
}

}  // namespace imroute
