// What a client's port speaks beside the plain stream of messages: WebSocket (RFC 6455), for
// browsers and for whatever cannot reach a port of its own. Whoever begins with "GET " shakes hands
// over HTTP; anybody else speaks plainly, and this layer steps aside at the first bytes.
//
// A binary message carries messages of the stream, cut as its sender likes. A text message is one
// message of the stream as JSON; a connection whose first message is text is answered in text, and
// the codec says HELLO for it. Until that first message shows which it is, what this side says
// waits. Both need no buffer while nothing is under way.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/net/layer.h"

namespace imroute::cluster {

// Messages of the stream as texts and back; one for a connection.
class TextCodec {
 public:
  virtual ~TextCodec() = default;
  // Appends the message that the text says. False: it says none, and trouble() tells why.
  virtual bool read(std::string_view text, ByteBuffer& messages) = 0;
  // Calls `each` with every one of these whole messages.
  virtual void write(std::span<const std::byte> messages,
                     const std::function<void(std::string_view)>& each) = 0;
  virtual const std::string& trouble() const = 0;
};

struct WebsocketOptions {
  std::vector<std::string> origins;  // of pages that may connect, beside those of this machine
  std::string_view page;             // shown to a browser that asks for "/"
  std::function<std::unique_ptr<TextCodec>()> make_codec;
};

// The options outlive the layers.
LayerHandle front_layer(const WebsocketOptions& options);

}  // namespace imroute::cluster
