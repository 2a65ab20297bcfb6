// Faults of the stores' disks, on both sides: a crash in the middle of a write, and writes that
// were acknowledged and never reached the disk. (A full disk is an answer, see StoreLinks.)
#include <algorithm>
#include <variant>

#include "sim/world/fault_driver.h"
#include "sim/world/world.h"

namespace imroute {

namespace {
constexpr DurationNs kDirectoryUnsynced = kSecond;  // what `unsynced: lose` takes of the directory
}

// ---- the world
// ------------------------------------------------------------------------------------------

void World::begin_disk_trouble(uint32_t fault, Role store, FaultKind kind) {
  disk_troubles_[fault] = {store, kind, now_, false};
}

// The end of lying about fsync is the crash that shows it, unless the store is down already.
bool World::end_disk_trouble(uint32_t fault) {
  const auto at = disk_troubles_.find(fault);
  if (at == disk_troubles_.end()) return false;
  DiskTrouble& trouble = at->second;
  if (trouble.kind == FaultKind::lost_fsync && alive(layout_.service(trouble.store))) {
    trouble.hit |= fail_over(trouble.store, now_ - trouble.since) != 0;
  }
  const bool hit = trouble.hit;
  disk_troubles_.erase(at);
  return hit;
}

// True when the store dies of this request: nothing of it is left but what a record of its own
// had made durable before.
bool World::tears(Role store, const StoreRequest& request) {
  if (disk_troubles_.empty() || !writes(request)) return false;
  for (auto& [fault, trouble] : disk_troubles_) {
    const bool waits = trouble.kind == FaultKind::torn_write && !trouble.hit;
    if (!waits || trouble.store != store) continue;
    trouble.hit = true;
    if (const auto* op = std::get_if<MailboxOp>(&request)) mailbox_->tear(*op, now_);
    faults_->on_torn(fault, layout_.service(store));
    return true;
  }
  return false;
}

// A store's process ends: what was not durable goes with it.
void World::lose_on_crash(Role store, bool lose_unsynced) {
  DurationNs tail = -1;
  if (lose_unsynced) {
    tail = store == Role::directory ? kDirectoryUnsynced : scenario_.mailbox.unsynced_window_ns;
  }
  for (auto& [fault, trouble] : disk_troubles_) {
    if (trouble.kind != FaultKind::lost_fsync || trouble.store != store) continue;
    tail = std::max(tail, now_ - trouble.since);
  }
  if (tail < 0) return;
  const bool lost = fail_over(store, tail) != 0;
  for (auto& [fault, trouble] : disk_troubles_) {
    if (trouble.kind != FaultKind::lost_fsync || trouble.store != store) continue;
    trouble.hit |= lost;
    trouble.since = now_;
  }
}

// ---- the driver
// -----------------------------------------------------------------------------------------

void FaultDriver::on_torn(uint32_t i, Endpoint store) {
  states_[i].machines.push_back(store);  // revived at the end
  world_.trace_fault(i, "torn_write", "crash");
  world_.kill(store);
}

}  // namespace imroute
