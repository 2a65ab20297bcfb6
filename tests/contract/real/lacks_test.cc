// The rules that a real store is not asked for: said out loud, with the reason, in every run.
// Another one is a decision: this list, and tests/README.md.
#include <gmock/gmock.h>

#include <iostream>

#include "tests/contract/real/makers.h"

namespace imroute::contract {
namespace {

TEST(RealStores, WhatTheyAreNotAskedFor) {
  std::vector<std::string> lacks;
  const auto collect = [&lacks](const auto& makers) {
    for (const auto& maker : makers) {
      for (const Lack& lack : maker.lacks) {
        lacks.push_back(maker.name + ": " + lack.rule);
        std::cout << maker.name << " is not asked for \"" << lack.rule << "\": " << lack.why
                  << '\n';
        EXPECT_FALSE(lack.why.empty());
      }
    }
  };
  collect(registry_makers());
  collect(directory_makers());
  collect(mailbox_makers());
  collect(bus_makers());
  EXPECT_THAT(lacks,
              testing::ElementsAre("zookeeper: lagging reads", "static: members that come and go",
                                   "static: leases that end", "static: lagging reads"));
}

}  // namespace
}  // namespace imroute::contract
