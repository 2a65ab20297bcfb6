#include <gtest/gtest.h>

#include "harness/result/fingerprint.h"

namespace imroute {
namespace {

Violation seen(std::string witness, std::string property = "no-loss") {
  Violation v;
  v.property = std::move(property);
  v.phase = "final";
  v.witness = std::move(witness);
  return v;
}

TEST(Fingerprint, NumbersDoNotMatter) {
  const auto a = fingerprint_of(seen("message 305 of group 2 at 1/3, stored at 18318 ms"));
  const auto b = fingerprint_of(seen("message 9 of group 11 at 1/44, stored at 1,018.5 ms"));
  EXPECT_EQ(a, b);
  EXPECT_EQ(a.kind, "message # of group # at #/#, stored at # ms");
}

TEST(Fingerprint, PropertyPhaseAndWordsDo) {
  const auto a = fingerprint_of(seen("message 1 never reached user 2"));
  EXPECT_NE(a, fingerprint_of(seen("message 1 reached user 2 by sync")));
  EXPECT_NE(a, fingerprint_of(seen("message 1 never reached user 2", "order")));
  Violation early = seen("message 1 never reached user 2");
  early.phase = "chaos";
  EXPECT_NE(a, fingerprint_of(early));
}

TEST(Fingerprint, ExcusedDoNotCountAndEachCountsOnce) {
  Result result;
  result.violations = {seen("message 1"), seen("message 2"), seen("entry 3")};
  result.violations.push_back(seen("reply 4"));
  result.violations.back().excused = "the store lost it";
  EXPECT_EQ(fingerprints_of(result).size(), 2u);
}

}  // namespace
}  // namespace imroute
