// The file of a registry that a process holds: JSON, a few lines a node, replaced as a whole and
// synced, so that it is the old one or the new one after any crash.
#pragma once

#include <filesystem>
#include <map>

#include "cluster/store/store.h"
#include "store/registry.h"

namespace imroute::cluster {

struct RegistryFile {
  uint64_t starts = 0;  // processes that it has served
  RegistryState state;
  std::map<NodeId, ServerPlace> places;  // of the nodes with a session
};

// An absent file is an empty one. Throws SystemRefusal when it cannot be read or is not ours.
RegistryFile read_registry_file(const std::filesystem::path& file);
// Throws SystemRefusal.
void write_registry_file(const std::filesystem::path& file, const RegistryFile& content);

}  // namespace imroute::cluster
