// Drives one machine: step, hand every effect to the world, re-arm the one wake-up. Both worlds use
// this and nothing else, so what runs in the simulator is what runs on sockets.
//
//   Machine: step(Now, const Event&, Effects&), next_deadline().
//   World:   handle(T&&) for each alternative of Effect; arm(MonoTime).
#pragma once

#include <utility>
#include <variant>

#include "core/event/effect.h"
#include "core/event/event.h"

namespace imroute {

template <class Machine, class World>
void pump(Machine& machine, World& world, Now now, const Event& event, Effects& scratch) {
  scratch.clear();
  machine.step(now, event, scratch);
  for (Effect& effect : scratch) {
    std::visit([&world](auto& e) { world.handle(std::move(e)); }, effect);
  }
  scratch.clear();
  world.arm(machine.next_deadline());
}

}  // namespace imroute
