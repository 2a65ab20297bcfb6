// A hostile or broken peer can never corrupt a machine, exhaust it or end it, and never makes it
// leave determinism. The streams of the fuzz targets, generated and shrunk to the fewest bytes that
// break something; libFuzzer looks deeper, this says more about what it found.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>
#include <vector>

#include "tests/fuzz/under_fire.h"

namespace imroute {
namespace {

using Machine = uint64_t (*)(const uint8_t*, size_t, bool);

void survives(Machine machine, bool polite) {
  const auto length = *rc::gen::element<size_t>(16, 200, 2000, 12000);
  const auto bytes =
      *rc::gen::container<std::vector<uint8_t>>(length, rc::gen::arbitrary<uint8_t>());
  const uint64_t once = machine(bytes.data(), bytes.size(), polite);
  RC_ASSERT(once == machine(bytes.data(), bytes.size(), polite));
}

RC_GTEST_PROP(HostilePeer, NodeSurvives, ()) { survives(node_under_fire, false); }
RC_GTEST_PROP(HostilePeer, RouterSurvives, ()) { survives(router_under_fire, false); }
RC_GTEST_PROP(HostilePeer, ClientSurvives, ()) { survives(client_under_fire, false); }
RC_GTEST_PROP(AnyLegalOrder, NodeSurvives, ()) { survives(node_under_fire, true); }
RC_GTEST_PROP(AnyLegalOrder, RouterSurvives, ()) { survives(router_under_fire, true); }
RC_GTEST_PROP(AnyLegalOrder, ClientSurvives, ()) { survives(client_under_fire, true); }

}  // namespace
}  // namespace imroute
