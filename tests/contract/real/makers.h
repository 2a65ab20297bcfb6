// The real stores, each with the faults of the contract made for real: processes that are killed,
// files that come back as they were, limits of the system.
#pragma once

#include "tests/contract/backend.h"

namespace imroute::contract {

MailboxMaker sqlite_mailbox();
MailboxMaker redis_mailbox();
DirectoryMaker redis_directory();
BusMaker redis_bus();
RegistryMaker zookeeper_registry();
RegistryMaker static_registry();

}  // namespace imroute::contract
