// Directory, registry and mailbox held in the memory of this process (store/), for a cluster
// without Redis, ZooKeeper and SQLite: the one router holds them, asks them itself, and serves them
// to the nodes (server.h).
//
// What must outlive the process is in one small file: who holds a session in the registry and where
// it is reached, and the numbers that only rise. After a restart leases run anew, nodes go on under
// the incarnations they have, and write their rows again because the directory's identity is
// another one. Until a lease is over the directory does not know who is missing, so lookups are
// answered unknown.
//
// A registry can be of a list: then its nodes are members always, nobody else ever is, and no lease
// ends. A life of a node still gets its number when it begins; who leaves in order is draining
// until its next life.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cluster/net/loop.h"
#include "cluster/store/store.h"
#include "store/directory.h"
#include "store/mailbox.h"
#include "store/registry.h"

namespace imroute::cluster {

class HeldRegistry {
 public:
  using Listed = std::map<NodeId, ServerPlace>;
  // Throws SystemRefusal when the file can neither be read nor written. `listed`: these nodes and
  // no leases; empty: whoever opens, and as long as it renews.
  HeldRegistry(Loop& loop, DurationNs lease, std::filesystem::path file, Listed listed = {});

  // The registry as that server sees it; registered with `place` by its `open`.
  std::unique_ptr<RegistryStore> for_server(Address server, const ServerPlace& place);
  // How often this file has served a process: 1 the first time.
  uint64_t starts() const { return starts_; }
  // That life of the node holds its session.
  bool lives(NodeId node, uint64_t incarnation) const;
  // Sessions of an earlier process may still be renewed: until then somebody may be missing.
  MonoTime settled_at() const { return settled_at_; }
  // A node was refused because it is not as the list says; the text tells how.
  std::function<void(NodeId, const std::string&)> on_unlisted;

 private:
  class View;
  RegistryAnswer handle(Address server, const ServerPlace& place, const RegistryOp& op);
  bool admits(Address server, const ServerPlace& place) const;
  void after_change();
  void set_timer();
  void load();
  void open_listed();
  void save();

  Loop& loop_;
  DurationNs lease_;
  std::filesystem::path file_;
  Listed listed_;
  std::unique_ptr<Registry> registry_;
  std::map<NodeId, ServerPlace> places_;
  std::map<Address, std::vector<View*>> watchers_;
  uint64_t starts_ = 0;
  uint64_t saved_version_ = 0;
  uint64_t saved_identity_ = 0;
  MonoTime settled_at_ = 0;
  Timer timer_;
};

// One for every user of this process; `directory` and `mailbox` outlive what is made.
std::unique_ptr<DirectoryStore> held_directory(Loop& loop, Directory& directory,
                                               MonoTime settled_at);
std::unique_ptr<MailboxStore> held_mailbox(Loop& loop, Mailbox& mailbox);

}  // namespace imroute::cluster
