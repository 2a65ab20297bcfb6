// libFuzzer target: a byte-driven stream of events into Node: any frames, replies and clients in
// any order.
#include "tests/fuzz/under_fire.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static_cast<void>(imroute::node_under_fire(data, size));
  return 0;
}
