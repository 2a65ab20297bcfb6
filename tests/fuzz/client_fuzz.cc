// libFuzzer target: a byte-driven stream of events into Client: commands of its user, and servers
// that answer whatever they like.
#include "tests/fuzz/under_fire.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static_cast<void>(imroute::client_under_fire(data, size));
  return 0;
}
