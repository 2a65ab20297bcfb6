// What users do: chat with a contact graph, groups, replies, relocations, absences, scripted
// messages. A pure generator: draws from named streams of the seed, so the same users do the same
// things under every strategy (common random numbers), and a fault does not reshuffle them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/payload.h"
#include "core/event/event.h"
#include "core/model/message.h"
#include "harness/scenario/scenario.h"

namespace imroute {

struct Action {
  int64_t at_ns = 0;
  DeviceKey device;
  Command command;           // tag set for send, join, leave
  uint64_t answers_tag = 0;  // send: the message it replies to
};

class Workload {
 public:
  Workload(const Scenario& scenario, uint64_t seed, BlobPool& pool);
  ~Workload();

  // Groups at the start, in order of group number: member users.
  const std::vector<std::vector<UserId>>& groups() const;
  // A user creates that one by script: it does not exist at the start.
  bool created_by_user(size_t group) const;

  // Time of the next action, kNever when there is none (until a reply is due).
  int64_t next_at() const;
  // REQUIRES: next_at() != kNever. Actions come in time order.
  Action take();

  // A device was shown a message: its user may answer (schedules a later action). Called for every
  // shown entry of kind message; replies are drawn from a stream keyed by (tag, user), so that
  // order of calls does not matter.
  void on_shown(int64_t t, DeviceKey to, const Entry& entry);
  // burst fault: for users drawn with `fraction_ppm`, multiplies the rate by `factor` until
  // `until_ns`.
  void burst(int64_t from_ns, int64_t until_ns, uint32_t fraction_ppm, uint32_t factor);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The message number in the first eight bytes of a payload; 0 when it is shorter.
uint64_t payload_tag(const Payload& payload);

}  // namespace imroute
