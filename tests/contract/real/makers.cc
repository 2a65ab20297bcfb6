#include "tests/contract/real/makers.h"

namespace imroute::contract {

std::vector<DirectoryMaker> directory_makers() { return {redis_directory()}; }
std::vector<MailboxMaker> mailbox_makers() { return {sqlite_mailbox()}; }

}  // namespace imroute::contract
