// Facts that arrive at a machine. Together with effect.h this is the whole contract between the
// core and its two worlds (docs/adr/0001). At most eleven kinds, so that std::visit compiles to a
// switch.
//
// Links: client links are named by the driver (LinkId), peers by what they are (Address). A driver
// delivers nothing from a link after it reported it down or was told to close it, and in between
// delivers frames in the order they were sent.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "core/base/ids.h"
#include "core/base/time.h"
#include "core/event/stores.h"
#include "core/model/frame.h"
#include "core/model/perturb.h"
#include "core/model/reason.h"

namespace imroute {

enum class PeerKind : uint8_t { node, router, bus };

struct Address {  // of a server
  PeerKind kind = PeerKind::node;
  uint32_t index = 0;
  friend constexpr auto operator<=>(const Address&, const Address&) = default;
};
constexpr Address address_of(NodeId n) { return {PeerKind::node, n.value}; }
constexpr Address address_of(RouterId r) { return {PeerKind::router, r.value}; }
inline constexpr Address kBusAddress{PeerKind::bus, 0};

// A client connected to this server (node or router); sent, and gone.
struct ClientUp {
  LinkId link;
};
struct ClientFrame {
  LinkId link;
  const Frame& frame;
};
struct ClientDown {
  LinkId link;
  Reason reason = Reason::none;
};

// A server this machine is connected with, whoever dialled. For a Client: its router and its node.
// kBusAddress up and down: the subscription to the pub/sub bus.
struct PeerUp {
  Address peer;
};
struct PeerFrame {
  Address peer;
  const Frame& frame;
};
struct PeerDown {
  Address peer;
  Reason reason = Reason::none;
};  // also: the connect failed

// A frame published on the pub/sub bus (also one's own).
struct BusFrame {
  const Frame& frame;
};

enum class ReplyStatus : uint8_t { ok, error, unknown };
struct Reply {
  OpId id;
  ReplyStatus status = ReplyStatus::unknown;
  // Set when status is ok; one of the three, by the operation asked.
  const DirectoryReply* directory = nullptr;
  const MailboxReply* mailbox = nullptr;
  const RegistryReply* registry = nullptr;
};

// The one-shot watch of the last `list` fired. The new view is not in it: list again (and re-arm).
struct ViewChanged {};

// next_deadline() has come (or the machine has just been started).
struct Wake {};

// The application or operator asks. Which machine takes which is said beside each.
enum class CommandKind : uint8_t {
  drain,     // Node: leave the registry, move clients away, hand over, stop accepting
  start,     // Client: go online and stay so
  stop,      // Client: go offline (log out)
  relocate,  // Client: log in again through the router, elsewhere when it can
  send,      // Client: conversation, payload (kind message)
  join,      // Client: conversation
  leave,     // Client: conversation
  perturb,   // Node: from now on take the branch `site` with a probability of `ppm` millionths
  create,    // Client: conversation (a group), payload (its members, see founds_group)
};
// What a Client makes of a command; nothing when it is none of those that write to a log.
constexpr std::optional<EntryKind> entry_kind(CommandKind kind) {
  switch (kind) {
    case CommandKind::send:
      return EntryKind::message;
    case CommandKind::join:
      return EntryKind::join;
    case CommandKind::leave:
      return EntryKind::leave;
    case CommandKind::create:
      return EntryKind::create;
    default:
      return std::nullopt;
  }
}
struct Command {
  CommandKind kind = CommandKind::start;
  ConversationId conversation;
  Payload payload;
  uint64_t tag = 0;  // send, join, leave, create: returned in every Notify about this entry
  PerturbSite site = PerturbSite::count_;
  uint32_t ppm = 0;
};

using Event = std::variant<ClientUp, ClientFrame, ClientDown, PeerUp, PeerFrame, PeerDown, BusFrame,
                           Reply, ViewChanged, Wake, Command>;

// `mono_ns` never goes back on one machine.
struct Now {
  MonoTime mono_ns = 0;
};

}  // namespace imroute
