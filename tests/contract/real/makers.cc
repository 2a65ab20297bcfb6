#include "tests/contract/real/makers.h"

namespace imroute::contract {

std::vector<RegistryMaker> registry_makers() { return {zookeeper_registry(), static_registry()}; }
std::vector<DirectoryMaker> directory_makers() { return {redis_directory()}; }
std::vector<MailboxMaker> mailbox_makers() { return {sqlite_mailbox(), redis_mailbox()}; }
std::vector<BusMaker> bus_makers() { return {redis_bus()}; }

}  // namespace imroute::contract
