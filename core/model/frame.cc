#include "core/model/frame.h"

namespace imroute {

namespace {

// Everything that the type can carry.
uint32_t all_fields(FrameType type) {
  switch (type) {
    case FrameType::login:
      return kFieldUser | kFieldDevice | kFieldClientType | kFieldGeneration | kFieldNode |
             kFieldNumber | kFieldNodes;
    case FrameType::login_ok:
      return kFieldUser | kFieldDevice | kFieldGeneration | kFieldNode | kFieldIncarnation |
             kFieldNumber;
    case FrameType::login_refused:
      return kFieldUser | kFieldDevice | kFieldReason | kFieldNumber;
    case FrameType::bind:
      return kFieldUser | kFieldDevice | kFieldClientType | kFieldGeneration | kFieldFlags |
             kFieldList;
    case FrameType::bound:
      return kFieldUser | kFieldDevice | kFieldGeneration;
    case FrameType::bind_refused:
      return kFieldUser | kFieldDevice | kFieldReason;
    case FrameType::send:
      return kFieldConversation | kFieldKind | kFieldClientSeq | kFieldSubject | kFieldPayload |
             kFieldBase;
    case FrameType::accepted:
      return kFieldConversation | kFieldPosition | kFieldClientSeq;
    case FrameType::refused:
      return kFieldConversation | kFieldClientSeq | kFieldReason | kFieldBase;
    case FrameType::deliver:
      return kFieldNumber | kFieldBase | kFieldVia | kFieldEntry;
    case FrameType::ack:
      return kFieldNumber | kFieldMask;
    case FrameType::ping:
    case FrameType::pong:
      return kFieldNumber;
    case FrameType::kick:
    case FrameType::go_away:
      return kFieldReason;
    case FrameType::rewind:
      return kFieldConversation | kFieldPosition;
    case FrameType::reset_cursor:
      return kFieldConversation | kFieldPosition | kFieldNumber;
    case FrameType::beacon:
      return kFieldNode | kFieldIncarnation | kFieldNumber | kFieldLoad | kFieldFlags;
    case FrameType::push:
      return kFieldRoute | kFieldNode | kFieldUser | kFieldHops | kFieldNumber | kFieldVia |
             kFieldEntry | kFieldList;
    case FrameType::route_ack:
      return kFieldRoute | kFieldUser | kFieldVersion | kFieldNodes;
    case FrameType::nack:
      return kFieldRoute | kFieldUser | kFieldReason | kFieldNode | kFieldGeneration;
    case FrameType::displace:
      return kFieldUser | kFieldDevice | kFieldGeneration | kFieldNode | kFieldReason;
    case FrameType::displaced:
      return kFieldUser | kFieldDevice | kFieldGeneration;
    case FrameType::handover:
      return kFieldUser | kFieldDevice | kFieldGeneration | kFieldEntry;
    case FrameType::owners:
      return kFieldUser | kFieldVersion | kFieldNodes;
    case FrameType::owners_ack:
      return kFieldUser | kFieldVersion;
    case FrameType::pointers:
      return kFieldNode | kFieldList;
    case FrameType::resolve:
      return kFieldNumber | kFieldRoute | kFieldUser | kFieldFlags | kFieldList;
    case FrameType::resolved:
      return kFieldNumber | kFieldRoute | kFieldUser | kFieldVersion | kFieldNodes | kFieldReason |
             kFieldList;
    case FrameType::forward:
      return kFieldNumber | kFieldRoute | kFieldNode | kFieldUser | kFieldHops | kFieldFlags |
             kFieldEntry | kFieldList;
    case FrameType::hello:
      return kFieldBase | kFieldVersion | kFieldMask;
    case FrameType::invalid:
    case FrameType::count_:
      break;
  }
  return 0;
}

}  // namespace

uint32_t frame_fields(FrameType type, uint64_t features) {
  const uint32_t all = all_fields(type);
  if (features == kAllFeatures) [[likely]]
    return all;
  const auto without = [&](uint64_t feature, uint32_t fields) {
    return (features & feature) != 0 ? all : all & ~fields;
  };
  switch (type) {
    case FrameType::nack:
      return without(kFeatureHints, kFieldNode | kFieldGeneration);
    case FrameType::ack:
      return without(kFeatureSelectiveAck, kFieldMask);
    case FrameType::login:
      return without(kFeatureUnreachable, kFieldNodes);
    case FrameType::handover:
      return without(kFeatureHandover, all);
    case FrameType::pointers:
      return without(kFeaturePointers, all);
    default:
      return all;
  }
}

std::string_view to_string(FrameType type) {
  switch (type) {
    case FrameType::login:
      return "login";
    case FrameType::login_ok:
      return "login_ok";
    case FrameType::login_refused:
      return "login_refused";
    case FrameType::bind:
      return "bind";
    case FrameType::bound:
      return "bound";
    case FrameType::bind_refused:
      return "bind_refused";
    case FrameType::send:
      return "send";
    case FrameType::accepted:
      return "accepted";
    case FrameType::refused:
      return "refused";
    case FrameType::deliver:
      return "deliver";
    case FrameType::ack:
      return "ack";
    case FrameType::ping:
      return "ping";
    case FrameType::pong:
      return "pong";
    case FrameType::kick:
      return "kick";
    case FrameType::go_away:
      return "go_away";
    case FrameType::rewind:
      return "rewind";
    case FrameType::reset_cursor:
      return "reset_cursor";
    case FrameType::beacon:
      return "beacon";
    case FrameType::push:
      return "push";
    case FrameType::route_ack:
      return "route_ack";
    case FrameType::nack:
      return "nack";
    case FrameType::displace:
      return "displace";
    case FrameType::displaced:
      return "displaced";
    case FrameType::handover:
      return "handover";
    case FrameType::owners:
      return "owners";
    case FrameType::owners_ack:
      return "owners_ack";
    case FrameType::pointers:
      return "pointers";
    case FrameType::resolve:
      return "resolve";
    case FrameType::resolved:
      return "resolved";
    case FrameType::forward:
      return "forward";
    case FrameType::hello:
      return "hello";
    case FrameType::invalid:
    case FrameType::count_:
      break;
  }
  return "invalid";
}

}  // namespace imroute
