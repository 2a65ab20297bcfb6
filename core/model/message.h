// What a conversation is made of: entries at positions. The mailbox owns the sequence; everything
// else (pushes, deliveries, cursors) points into it.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <span>

#include "core/base/ids.h"
#include "core/base/inline_vector.h"
#include "core/base/payload.h"
#include "core/model/limits.h"

namespace imroute {

// Place in a conversation: gapless `seq` from 1, assigned by the mailbox, under the store epoch
// that wrote it. {0, 0} is "before the first" and, on an entry, "not sequenced" (at_most_once).
struct Position {
  uint32_t epoch = 0;
  uint64_t seq = 0;
  friend constexpr auto operator<=>(const Position&, const Position&) = default;
};

enum class EntryKind : uint8_t { message, create, join, leave };

// How a delivery reached the holding node.
enum class Via : uint8_t { push, handover, sync, login };

enum class ClientType : uint8_t { mobile, pc, web, pad };

// One entry of a conversation.
//   message: payload is the user's bytes (opaque).
//   create:  the first of a group; payload is the list of its member ids (founds_group).
//   join / leave: `subject` enters or goes; entitlement is [join, leave) by sequence.
struct Entry {
  ConversationId conversation;
  Position position;
  EntryKind kind = EntryKind::message;
  UserId sender;
  uint32_t sender_device = 0;
  uint64_t client_seq = 0;  // dense from 1 per (sender, device, conversation)
  UserId subject;
  Payload payload;
};

// A `create` that can be the first entry of a group: the ids of its members (uint64 each) ascend,
// and the sender is one of them.
inline bool founds_group(const Entry& entry) {
  const std::span<const uint64_t> members = entry.payload.as<uint64_t>();
  if (!entry.conversation.is_group() || entry.payload.size() != members.size_bytes()) return false;
  if (members.empty() || members.size() > kMaxGroupSize) return false;
  bool has_sender = false;
  for (size_t i = 0; i < members.size(); ++i) {
    if (i > 0 && members[i] <= members[i - 1]) return false;
    has_sender |= members[i] == entry.sender.value;
  }
  return has_sender;
}

// From this entry on the user belongs to its group.
inline bool brings_in(const Entry& entry, UserId user) {
  if (entry.kind == EntryKind::join) return entry.subject == user;
  if (entry.kind != EntryKind::create || !founds_group(entry)) return false;
  const std::span<const uint64_t> members = entry.payload.as<uint64_t>();
  return std::binary_search(members.begin(), members.end(), user.value);
}

using NodeSet = InlineVector<NodeId, kMaxNodesPerUser>;

// Items of the lists that frames carry (Payload::as<T>).
struct Cursor {  // last position shown to a device
  ConversationId conversation;
  Position position;
};
struct Pointer {  // "this user's session is at that node", left with the owner by placement
  UserId user;
  NodeId node;
  uint32_t unused = 0;
  uint64_t generation = 0;
};
struct UserLocation {  // answer of a batched lookup
  UserId user;
  uint64_t version = 0;
  uint32_t count = 0;
  NodeId nodes[kMaxNodesPerUser];
  uint32_t unused = 0;
};

}  // namespace imroute
