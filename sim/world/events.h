// What an event queue entry means: the kind in the top byte, an index below.
#pragma once

#include <cstdint>

namespace imroute {

enum class WorldEvent : uint8_t {
  flight,         // Network: a flight lands
  wake,           // endpoint: its deadline may have come
  op_arrive,      // StoreLinks: a request reaches its service
  op_reply,       // StoreLinks: an answer reaches its machine
  op_timeout,     // StoreLinks: no answer in time
  bus,            // BusLinks: a frame or a signal on its way to or from the bus
  watch,          // endpoint: the registry's watch fires there
  service_timer,  // a service has something due
  workload,       // users act
  start_client,   // client number: goes online for the first time
  deferred,       // endpoint: what it could not handle may be due
  fault,          // FaultDriver: a step of its agenda
  phase,          // the next phase of the run
};

constexpr uint64_t what(WorldEvent kind, uint64_t index) {
  return static_cast<uint64_t>(kind) << 56 | index;
}
constexpr WorldEvent kind_of(uint64_t event) { return static_cast<WorldEvent>(event >> 56); }
constexpr uint32_t index_of(uint64_t event) { return static_cast<uint32_t>(event); }

}  // namespace imroute
