#include "sim/network/by_value.h"

namespace imroute {

void keep_carried(Frame& f, uint64_t features) {
  const uint32_t carried = frame_fields(f.type, features);
  const auto lacks = [carried](uint32_t field) { return (carried & field) == 0; };
  if (lacks(kFieldHops)) f.hops = 0;
  if (lacks(kFieldVia)) f.via = Via::push;
  if (lacks(kFieldReason)) f.reason = Reason::none;
  if (lacks(kFieldClientType)) f.client_type = ClientType::mobile;
  if (lacks(kFieldDevice)) f.device = 0;
  if (lacks(kFieldNode)) f.node = kNoNode;
  if (lacks(kFieldUser)) f.user = UserId{};
  if (lacks(kFieldNumber)) f.number = 0;
  if (lacks(kFieldGeneration)) f.generation = 0;
  if (lacks(kFieldIncarnation)) f.incarnation = 0;
  if (lacks(kFieldVersion)) f.version = 0;
  if (lacks(kFieldMask)) f.mask = 0;
  if (lacks(kFieldLoad)) f.load = 0;
  if (lacks(kFieldBase)) f.base = 0;
  if (lacks(kFieldRoute)) f.route = RouteId{};
  if (lacks(kFieldNodes)) f.nodes.clear();
  if (lacks(kFieldList)) f.list = Payload{};
  if (lacks(kFieldEntry)) {
    f.entry = Entry{};
    return;
  }
  if (lacks(kFieldConversation)) f.entry.conversation = {};
  if (lacks(kFieldPosition)) f.entry.position = {};
  if (lacks(kFieldKind)) f.entry.kind = EntryKind::message;
  if (lacks(kFieldClientSeq)) f.entry.client_seq = 0;
  if (lacks(kFieldSubject)) f.entry.subject = UserId{};
  if (lacks(kFieldPayload)) f.entry.payload = Payload{};
  if (!lacks(kFieldSender)) return;
  f.entry.sender = UserId{};
  f.entry.sender_device = 0;
}

}  // namespace imroute
