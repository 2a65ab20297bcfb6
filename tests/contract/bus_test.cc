#include <gmock/gmock.h>

#include "tests/contract/backend.h"

namespace imroute::contract {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class BusContract : public testing::TestWithParam<BusMaker> {
 protected:
  std::unique_ptr<BusBackend> backend_ = GetParam().make(3, 1000);
};

INSTANTIATE_TEST_SUITE_P(Backends, BusContract, testing::ValuesIn(bus_makers()),
                         maker_name<BusMaker>);

TEST_P(BusContract, EverySubscriberHearsOnce) {
  EXPECT_THAT(backend_->publish(10), IsEmpty());
  backend_->subscribe(NodeId{0});
  backend_->subscribe(NodeId{2});
  backend_->subscribe(NodeId{2});
  EXPECT_THAT(backend_->publish(10), UnorderedElementsAre(NodeId{0}, NodeId{2}));
}

TEST_P(BusContract, WhatIsPublishedWhileDisconnectedIsLost) {
  backend_->subscribe(NodeId{1});
  backend_->disconnect(NodeId{1});
  EXPECT_FALSE(backend_->connected(NodeId{1}));
  EXPECT_THAT(backend_->publish(10), IsEmpty());
  backend_->subscribe(NodeId{1});
  EXPECT_THAT(backend_->publish(10), ElementsAre(NodeId{1}));
}

TEST_P(BusContract, AFullOutputBufferDisconnectsThatSubscriberAlone) {
  backend_->subscribe(NodeId{0});
  backend_->subscribe(NodeId{1});
  for (int i = 0; i < 4; ++i) {
    backend_->read(NodeId{0});
    EXPECT_THAT(backend_->publish(250), UnorderedElementsAre(NodeId{0}, NodeId{1}));
  }
  backend_->read(NodeId{0});
  EXPECT_THAT(backend_->publish(250), ElementsAre(NodeId{0}));
  EXPECT_FALSE(backend_->connected(NodeId{1}));
  backend_->subscribe(NodeId{1});  // starts with an empty buffer
  EXPECT_THAT(backend_->publish(250), UnorderedElementsAre(NodeId{0}, NodeId{1}));
}

}  // namespace
}  // namespace imroute::contract
