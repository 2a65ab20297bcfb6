// One machine's effects on the world: the `World` of core/node/pump.h, one overload per effect.
#pragma once

#include "core/event/effect.h"
#include "sim/world/world.h"

namespace imroute {

struct World::Sink {
  World& world;
  Endpoint self;

  void handle(Connect&& effect);
  void handle(SendClient&& effect);
  void handle(SendPeer&& effect);
  void handle(SendMesh&& effect);
  void handle(Publish&& effect);
  void handle(CloseClient&& effect);
  void handle(ClosePeer&& effect);
  void handle(StoreOp&& effect);
  void handle(Notify&& effect);
  void handle(Trace&& effect);
  void arm(MonoTime deadline) { world.arm(self, deadline); }
};

}  // namespace imroute
