// What stands between the messages of a link and the bytes on its socket: TLS, WebSocket, or one on
// the other. A link without a layer writes its messages as they are.
//
// A layer does no input or output and has no clock. The link feeds it what arrived and writes what
// it made, once a turn, so what holds of plain links holds of all (link.h): an idle one owns no
// buffer, a destination gets one write per wake-up, and what waits to be written is bounded. A
// layer in turn makes of its input no more than a small multiple of it, and refuses before it
// allocates what would be too large.
//
// Messages are whole frames and control messages (cluster/wire/control.h), one after the other: a
// layer may cut them apart by their headers, translate them, and put them into units of its own.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "core/wire/codec.h"

namespace imroute::cluster {

struct HostPort;
class Loop;

enum class LayerState : uint8_t {
  opening,  // shaking hands: messages wait
  open,
  aside,   // it stands between nothing any more: who has it lets it go, after taking the messages
  ended,   // the other side said that it ends
  failed,  // trouble() says why; what was made for the other side is still sent
};

class Layer {
 public:
  virtual ~Layer() = default;
  // What is to be sent first, by the side that dialled.
  virtual void start(ByteBuffer& wire) = 0;
  // Takes what arrived, cut anywhere. Appends messages, or parts of them in order, to `messages`,
  // and what the other side must be answered to `wire`.
  virtual LayerState receive(std::span<const std::byte> arrived, ByteBuffer& messages,
                             ByteBuffer& wire) = 0;
  // Appends to `wire` what carries these whole messages. REQUIRES: open.
  virtual void send(std::span<const std::byte> messages, ByteBuffer& wire) = 0;
  // The last that is sent. REQUIRES: open.
  virtual void finish(ByteBuffer& wire) = 0;
  // What went wrong, for people; empty when nothing did.
  virtual std::string_view trouble() const = 0;
};
using LayerHandle = std::unique_ptr<Layer>;
// Made for each connection that is dialled; the name of the place is part of what TLS checks.
using LayerTo = std::function<LayerHandle(const HostPort&)>;

// One layer on another, as WebSocket on TLS. What passes between them is kept in the loop's
// buffers.
LayerHandle stack_layers(Loop& loop, LayerHandle of_socket, LayerHandle of_messages);

}  // namespace imroute::cluster
