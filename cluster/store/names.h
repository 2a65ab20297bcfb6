// What a conversation is called where people look: in tables and keys. `direct:1:2`, `group:5`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/ids.h"

namespace imroute::cluster {

std::string name_of(ConversationId id);
std::optional<ConversationId> conversation_named(std::string_view name);

}  // namespace imroute::cluster
