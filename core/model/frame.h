// Every message between machines. A frame is one flat record; its type says which fields it carries
// (`frame_fields`), in a fixed order, so that the codec is one loop, a new type is one row, and
// every type is fuzzed alike. Fields that a type does not carry are zero.
//
// "number" is the type's counter: delivery number, ping number, publisher counter, call number.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/ids.h"
#include "core/model/message.h"
#include "core/model/reason.h"

namespace imroute {

enum class FrameType : uint8_t {
  invalid,
  // client -> router and back. Two-phase login: the router only reserves a generation.
  login,     // user device client_type generation(highest seen) node(avoid it, or kNoNode) number
             // nodes(could not be reached since it last served)
  login_ok,  // user device generation node incarnation number
  login_refused,  // user device reason number
  // client -> node and back
  bind,          // user device client_type generation flags(kFlagNoCursors) list(Cursor[])
  bound,         // user device generation
  bind_refused,  // user device reason
  send,      // entry(conversation kind client_seq subject payload) base(lowest not yet accepted)
  accepted,  // entry(conversation position client_seq)
  refused,   // entry(conversation client_seq) reason base(expected client_seq, for out_of_order)
  deliver,   // number(connection-local, from 1) base(all entries for this device up to this
             // sequence were sent) via entry(all)
  ack,       // number(cumulative) mask(bit i: number+1+i was received too)
  ping,      // number
  pong,      // number
  kick,      // reason: the connection closes after it; superseded and kicked are never retried
  go_away,   // reason(draining): log in again, elsewhere
  rewind,    // entry(conversation position): forget positions after this one, the store lost them
  reset_cursor,  // entry(conversation position) number(entries skipped past retention)
  // node <-> node, node <-> router: heartbeat both ways
  beacon,  // node incarnation number(frames published so far) load flags(kFlagDegraded ...)
  // routing. A push names the user it is for, or (group: kNoUser) those expected there.
  push,       // route node(origin) user hops number(count of the publisher on the bus, else 0) via
              // entry(all) list(UserId[], group only)
  route_ack,  // route user version nodes(all nodes with sessions of the user)
  nack,       // route user reason node(hint or kNoNode) generation
  // session changes between nodes
  displace,    // user device generation(new) node(new holder) reason: close that session, hand over
  displaced,   // user device generation: answer, after the hand-over frames
  handover,    // user device generation entry(all): one unacked entry of the old session
  owners,      // user version nodes: the user's holders changed; repeated until acknowledged
  owners_ack,  // user version
  pointers,    // node(holder) list(Pointer[]): sessions held against placement
  // node -> router calls; number = call number, chosen by the node
  resolve,   // number route user flags(kFlagAuthoritative) list(UserId[], batch)
  resolved,  // number route user version nodes reason list(UserLocation[], batch)
  forward,   // number route node(origin) user hops entry(all) list(UserId[], group only)
  // The first frame of both sides of a connection; for the carriers, never for a machine.
  hello,  // base(oldest frame version spoken) version(newest) mask(WireFeature bits)
  count_
};

inline constexpr uint8_t kFlagNoCursors = 1;      // bind: the device remembers nothing
inline constexpr uint8_t kFlagAuthoritative = 2;  // resolve: ask the directory, not the placement
inline constexpr uint8_t kFlagDegraded = 4;       // beacon: a store is out of reach
inline constexpr uint8_t kFlagCannotRenew = 8;    // beacon: the registry does not answer
inline constexpr uint8_t kFlagDraining = 16;      // beacon
inline constexpr uint8_t kFlagRepeat = 32;        // send: not the first try

struct Frame {
  FrameType type = FrameType::invalid;
  uint8_t flags = 0;
  uint8_t hops = 0;
  Via via = Via::push;
  Reason reason = Reason::none;
  ClientType client_type = ClientType::mobile;
  uint32_t device = 0;
  NodeId node = kNoNode;
  UserId user;
  uint64_t number = 0;
  uint64_t generation = 0;
  uint64_t incarnation = 0;
  uint64_t version = 0;
  uint64_t mask = 0;
  uint64_t load = 0;
  uint64_t base = 0;
  RouteId route;
  NodeSet nodes;
  Entry entry;
  Payload list;
};

// Bit per field, in encoding order.
enum FrameField : uint32_t {
  kFieldFlags = 1u << 0,
  kFieldHops = 1u << 1,
  kFieldVia = 1u << 2,
  kFieldReason = 1u << 3,
  kFieldClientType = 1u << 4,
  kFieldDevice = 1u << 5,
  kFieldNode = 1u << 6,
  kFieldUser = 1u << 7,
  kFieldNumber = 1u << 8,
  kFieldGeneration = 1u << 9,
  kFieldIncarnation = 1u << 10,
  kFieldVersion = 1u << 11,
  kFieldMask = 1u << 12,
  kFieldLoad = 1u << 13,
  kFieldBase = 1u << 14,
  kFieldRoute = 1u << 15,
  kFieldNodes = 1u << 16,
  kFieldConversation = 1u << 17,
  kFieldPosition = 1u << 18,
  kFieldKind = 1u << 19,
  kFieldSender = 1u << 20,  // sender, sender_device
  kFieldClientSeq = 1u << 21,
  kFieldSubject = 1u << 22,
  kFieldPayload = 1u << 23,
  kFieldList = 1u << 24,
};
inline constexpr uint32_t kFieldEntry = kFieldConversation | kFieldPosition | kFieldKind |
                                        kFieldSender | kFieldClientSeq | kFieldSubject |
                                        kFieldPayload;

// What came later than the first version and can be done without. The two ends of a connection use
// what both know (wire/hello.h), so that a cluster can be upgraded one process at a time: without
// the bit a field is not sent and reads as its zero, and a type is not sent at all.
enum WireFeature : uint64_t {
  kFeatureHints = 1,         // NACK: where the user went
  kFeatureSelectiveAck = 2,  // ACK: the mask beyond the cumulative number
  kFeatureUnreachable = 4,   // LOGIN: the nodes that did not serve this client
  kFeatureHandover = 8,      // HANDOVER
  kFeaturePointers = 16,     // POINTERS
};
inline constexpr uint64_t kAllFeatures = kFeatureHints | kFeatureSelectiveAck |
                                         kFeatureUnreachable | kFeatureHandover | kFeaturePointers;

// The fields a type carries between ends that agreed on `features`; 0 for a type they do not have.
uint32_t frame_fields(FrameType type, uint64_t features = kAllFeatures);
std::string_view to_string(FrameType type);

// The number of T in a list field; false when the list is not whole elements.
template <class T>
bool list_is_whole(const Payload& list) {
  return list.size() % sizeof(T) == 0;
}

}  // namespace imroute
