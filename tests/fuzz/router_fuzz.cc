// libFuzzer target: a byte-driven stream of events into Router: any logins, calls and directory
// answers in any order.
#include "tests/fuzz/under_fire.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static_cast<void>(imroute::router_under_fire(data, size));
  return 0;
}
