// Frames with every field that their type carries, for round trips: generated, or set to values
// that differ from all defaults.
#pragma once

#include <rapidcheck.h>

#include <cstdint>
#include <vector>

#include "core/base/payload.h"
#include "core/model/frame.h"

namespace imroute::testing {

inline std::vector<FrameType> all_frame_types() {
  std::vector<FrameType> types;
  for (uint8_t t = 1; t < static_cast<uint8_t>(FrameType::count_); ++t) {
    types.push_back(static_cast<FrameType>(t));
  }
  return types;
}

// Numbers of every encoded length, not only long ones.
inline rc::Gen<uint64_t> any_number() {
  return rc::gen::mapcat(rc::gen::inRange(0, 65), [](int bits) {
    return rc::gen::map(rc::gen::arbitrary<uint64_t>(),
                        [bits](uint64_t v) { return bits == 0 ? 0 : v >> (64 - bits); });
  });
}

inline uint64_t draw() { return *any_number(); }
inline uint32_t draw32() { return static_cast<uint32_t>(*any_number()); }
template <class Enum>
Enum draw_enum(Enum last) {
  return static_cast<Enum>(*rc::gen::inRange(0, static_cast<int>(last) + 1));
}

inline Payload draw_bytes(BlobPool& pool) {
  const auto bytes = *rc::gen::arbitrary<std::vector<uint8_t>>();
  return pool.copy(std::as_bytes(std::span(bytes)));
}

inline void draw_entry(Frame& f, uint32_t fields, BlobPool& pool) {
  Entry& e = f.entry;
  if (fields & kFieldConversation) {
    e.conversation = *rc::gen::arbitrary<bool>() ? ConversationId::group(draw())
                                                 : ConversationId{draw(), draw()};
  }
  if (fields & kFieldPosition) e.position = {draw32(), draw()};
  if (fields & kFieldKind) e.kind = draw_enum(EntryKind::leave);
  if (fields & kFieldSender) {
    e.sender = UserId{draw()};
    e.sender_device = draw32();
  }
  if (fields & kFieldClientSeq) e.client_seq = draw();
  if (fields & kFieldSubject) e.subject = UserId{draw()};
  if (fields & kFieldPayload) e.payload = draw_bytes(pool);
}

// Inside rc::check only.
inline Frame draw_frame(FrameType type, BlobPool& pool) {
  const uint32_t fields = frame_fields(type);
  Frame f;
  f.type = type;
  f.flags = *rc::gen::arbitrary<uint8_t>();
  if (fields & kFieldHops) f.hops = *rc::gen::arbitrary<uint8_t>();
  if (fields & kFieldVia) f.via = draw_enum(Via::login);
  if (fields & kFieldReason) f.reason = draw_enum(Reason::cancelled);
  if (fields & kFieldClientType) f.client_type = draw_enum(ClientType::pad);
  if (fields & kFieldDevice) f.device = draw32();
  if (fields & kFieldNode) f.node = *rc::gen::arbitrary<bool>() ? kNoNode : NodeId{draw32()};
  if (fields & kFieldUser) f.user = UserId{draw()};
  if (fields & kFieldNumber) f.number = draw();
  if (fields & kFieldGeneration) f.generation = draw();
  if (fields & kFieldIncarnation) f.incarnation = draw();
  if (fields & kFieldVersion) f.version = draw();
  if (fields & kFieldMask) f.mask = draw();
  if (fields & kFieldLoad) f.load = draw();
  if (fields & kFieldBase) f.base = draw();
  if (fields & kFieldRoute) f.route = RouteId{draw()};
  if (fields & kFieldNodes) {
    const int count = *rc::gen::inRange(0, 9);
    for (int i = 0; i < count; ++i) f.nodes.push_back(NodeId{draw32()});
  }
  draw_entry(f, fields, pool);
  if (fields & kFieldList) f.list = draw_bytes(pool);
  return f;
}

// Every carried field set, none at its default.
inline Frame full_frame(FrameType type, BlobPool& pool, size_t payload = 40, size_t list = 64) {
  const uint32_t fields = frame_fields(type);
  Frame f;
  f.type = type;
  f.flags = kFlagRepeat;
  if (fields & kFieldHops) f.hops = 2;
  if (fields & kFieldVia) f.via = Via::sync;
  if (fields & kFieldReason) f.reason = Reason::draining;
  if (fields & kFieldClientType) f.client_type = ClientType::pc;
  if (fields & kFieldDevice) f.device = 3;
  if (fields & kFieldNode) f.node = NodeId{7};
  if (fields & kFieldUser) f.user = UserId{123456};
  if (fields & kFieldNumber) f.number = 300;
  if (fields & kFieldGeneration) f.generation = 9;
  if (fields & kFieldIncarnation) f.incarnation = 70000;
  if (fields & kFieldVersion) f.version = 11;
  if (fields & kFieldMask) f.mask = 0x8000000000000001ull;
  if (fields & kFieldLoad) f.load = 12;
  if (fields & kFieldBase) f.base = 13;
  if (fields & kFieldRoute) f.route = RouteId{14};
  if (fields & kFieldNodes) {
    for (uint32_t n = 0; n < kMaxNodesPerUser; ++n) f.nodes.push_back(NodeId{n * 1000});
  }
  if (fields & kFieldConversation) f.entry.conversation = ConversationId::group(15);
  if (fields & kFieldPosition) f.entry.position = {2, 1000};
  if (fields & kFieldKind) f.entry.kind = EntryKind::leave;
  if (fields & kFieldSender) {
    f.entry.sender = UserId{16};
    f.entry.sender_device = 1;
  }
  if (fields & kFieldClientSeq) f.entry.client_seq = 17;
  if (fields & kFieldSubject) f.entry.subject = UserId{18};
  const auto fill = [&pool](size_t size) {
    Payload blob = pool.make(size);
    uint8_t next = 1;
    for (std::byte& b : blob.writable()) b = std::byte{next++};
    return blob;
  };
  if (fields & kFieldPayload) f.entry.payload = fill(payload);
  if (fields & kFieldList) f.list = fill(list);
  return f;
}

inline bool same(const Entry& a, const Entry& b) {
  return a.conversation == b.conversation && a.position == b.position && a.kind == b.kind &&
         a.sender == b.sender && a.sender_device == b.sender_device &&
         a.client_seq == b.client_seq && a.subject == b.subject && a.payload == b.payload;
}

inline bool same(const Frame& a, const Frame& b) {
  return a.type == b.type && a.flags == b.flags && a.hops == b.hops && a.via == b.via &&
         a.reason == b.reason && a.client_type == b.client_type && a.device == b.device &&
         a.node == b.node && a.user == b.user && a.number == b.number &&
         a.generation == b.generation && a.incarnation == b.incarnation && a.version == b.version &&
         a.mask == b.mask && a.load == b.load && a.base == b.base && a.route == b.route &&
         a.nodes == b.nodes && same(a.entry, b.entry) && a.list == b.list;
}

}  // namespace imroute::testing
