#include "cluster/net/websocket.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <utility>

#include "cluster/http/message.h"
#include "cluster/wire/text.h"

namespace imroute::cluster {

namespace http = boost::beast::http;

namespace {

constexpr std::string_view kHello = "GET ";
constexpr uint32_t kMostHandshake = 8 * 1024;
constexpr size_t kMostMessage = kMaxWireBytes + 64 * 1024;
constexpr size_t kMostText = 512 * 1024;
constexpr size_t kMostFirst = 8 * 1024;  // of who has not yet said anything
constexpr size_t kMostControl = 125;     // of ping, pong and close

enum class Opcode : uint8_t { more = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };
// Why a WebSocket is closed (RFC 6455, section 7.4.1).
enum class CloseCode : uint16_t {
  normal = 1000,
  protocol = 1002,
  kind = 1003,
  data = 1007,
  size = 1009
};

std::string_view view_of(boost::beast::string_view text) { return {text.data(), text.size()}; }

void append(ByteBuffer& out, std::string_view text) {
  const std::span bytes = std::as_bytes(std::span(text));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void put_head(ByteBuffer& out, Opcode opcode, size_t size) {
  out.push_back(static_cast<std::byte>(0x80 | static_cast<uint8_t>(opcode)));
  const size_t length_bytes = size < 126 ? 0 : size < 65536 ? 2 : 8;
  out.push_back(static_cast<std::byte>(length_bytes == 0 ? size : length_bytes == 2 ? 126 : 127));
  for (size_t i = length_bytes; i-- > 0;) out.push_back(static_cast<std::byte>(size >> (8 * i)));
}

std::string accept_key(std::string_view key) {
  const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return to_base64({reinterpret_cast<const char*>(digest), sizeof digest});
}

// A frame's header, when all of it is there.
struct FrameHead {
  bool last = false;
  Opcode opcode = Opcode::more;
  uint64_t size = 0;
  std::byte mask[4]{};
  size_t bytes = 0;  // of the header; 0: more is to come
};

class FrontLayer : public Layer {
 public:
  explicit FrontLayer(const WebsocketOptions& options) : options_(options) {}

  void start(ByteBuffer&) override {}

  LayerState receive(std::span<const std::byte> arrived, ByteBuffer& messages,
                     ByteBuffer& wire) override {
    if (state_ == LayerState::opening) return open_with(arrived, messages, wire);
    if (state_ == LayerState::open) take(arrived, messages, wire);
    return state_;
  }

  void send(std::span<const std::byte> messages, ByteBuffer& wire) override {
    if (!spoke_) {
      early_.insert(early_.end(), messages.begin(), messages.end());
    } else if (codec_ == nullptr) {
      put_head(wire, Opcode::binary, messages.size());
      wire.insert(wire.end(), messages.begin(), messages.end());
    } else {
      codec_->write(messages, [&wire](std::string_view text) {
        put_head(wire, Opcode::text, text.size());
        append(wire, text);
      });
    }
  }

  void finish(ByteBuffer& wire) override {
    if (!std::exchange(said_close_, true)) put_close(wire, CloseCode::normal, {});
  }

  std::string_view trouble() const override { return trouble_; }

 private:
  // ---- the beginning
  LayerState open_with(std::span<const std::byte> arrived, ByteBuffer& messages, ByteBuffer& wire) {
    kept_.insert(kept_.end(), arrived.begin(), arrived.end());
    const size_t size = std::min(kept_.size(), kHello.size());
    const std::string_view first(reinterpret_cast<const char*>(kept_.data()), size);
    if (first != kHello.substr(0, size)) {
      messages.insert(messages.end(), kept_.begin(), kept_.end());
      return state_ = LayerState::aside;
    }
    if (size < kHello.size()) return state_;
    http::request_parser<http::empty_body> parser;
    parser.header_limit(kMostHandshake);
    boost::system::error_code error;
    const size_t used = parser.put(boost::asio::const_buffer(kept_.data(), kept_.size()), error);
    if (error == http::error::need_more && !parser.is_header_done()) return state_;
    if (error && error != http::error::need_more) {
      return refuse(wire, {400, "this is not a request of HTTP/1.1: " + error.message()});
    }
    const ByteBuffer rest(kept_.begin() + static_cast<ptrdiff_t>(used), kept_.end());
    kept_ = {};
    shake_hands(parser.get(), wire);
    if (state_ == LayerState::open && !rest.empty()) take(rest, messages, wire);
    return state_;
  }

  void shake_hands(const http::request<http::empty_body>& request, ByteBuffer& wire) {
    const auto has = [&request](http::field field, const char* word) {
      return http::token_list(request[field]).exists(word);
    };
    const std::string_view origin = view_of(request[http::field::origin]);
    if (!origin.empty() &&
        !origin_allowed(origin, view_of(request[http::field::host]), options_.origins)) {
      refuse(wire, {403, "a page of that site may not connect", "Origin: " + std::string(origin),
                    "pages of this machine, of this server's own address, and websocket.origins",
                    "add the origin to websocket.origins"});
      return;
    }
    const std::string_view key = view_of(request[http::field::sec_websocket_key]);
    const bool asked =
        has(http::field::upgrade, "websocket") && has(http::field::connection, "upgrade");
    if (!asked && view_of(request.target()) == "/" && !options_.page.empty()) {
      return reply(wire, {200, std::string(options_.page), "text/html; charset=utf-8", {}});
    }
    const auto nonce = from_base64(key);
    if (!asked || !nonce || nonce->size() != 16 ||
        request[http::field::sec_websocket_version] != "13") {
      refuse(wire, {426,
                    "clients connect here by WebSocket, or with the plain protocol",
                    {},
                    "Upgrade: websocket, Sec-WebSocket-Version: 13",
                    {}});
      return;
    }
    append(wire,
           "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Accept: " +
               accept_key(key) + "\r\n\r\n");
    state_ = LayerState::open;
  }

  void reply(ByteBuffer& wire, const HttpReply& what) {
    append(wire, "HTTP/1.1 " + std::to_string(what.status) + " " + status_text(what.status) +
                     "\r\nContent-Type: " + what.type +
                     "\r\nContent-Length: " + std::to_string(what.body.size()) +
                     "\r\nConnection: close\r\nSec-WebSocket-Version: 13\r\n"
                     "X-Content-Type-Options: nosniff\r\n\r\n" +
                     what.body);
    state_ = LayerState::ended;
  }
  LayerState refuse(ByteBuffer& wire, const Problem& problem) {
    reply(wire, problem_reply(problem));
    trouble_ = "no WebSocket: " + problem.detail;
    return state_ = LayerState::failed;
  }

  // ---- messages
  void take(std::span<const std::byte> arrived, ByteBuffer& messages, ByteBuffer& wire) {
    const bool keeps = !kept_.empty();
    if (keeps) {
      kept_.insert(kept_.end(), arrived.begin(), arrived.end());
      arrived = kept_;
    }
    size_t taken = 0;
    while (state_ == LayerState::open) {
      const size_t size = take_frame(arrived.subspan(taken), messages, wire);
      if (size == 0) break;
      taken += size;
    }
    const auto rest = arrived.begin() + static_cast<ptrdiff_t>(taken);
    if (!keeps) {
      kept_.assign(rest, arrived.end());
    } else if (taken == arrived.size()) {
      kept_ = {};
    } else if (taken != 0) {
      kept_.erase(kept_.begin(), kept_.begin() + static_cast<ptrdiff_t>(taken));
    }
  }

  FrameHead read_head(std::span<const std::byte> bytes) const {
    FrameHead head;
    if (bytes.size() < 2) return head;
    const auto first = static_cast<uint8_t>(bytes[0]), second = static_cast<uint8_t>(bytes[1]);
    const size_t length_bytes = (second & 127) == 126 ? 2 : (second & 127) == 127 ? 8 : 0;
    if (bytes.size() < 2 + length_bytes + 4) return head;
    head.last = (first & 0x80) != 0;
    head.opcode = static_cast<Opcode>(first & 15);
    head.size = length_bytes == 0 ? second & 127 : 0;
    for (size_t i = 0; i < length_bytes; ++i) {
      head.size = head.size << 8 | static_cast<uint8_t>(bytes[2 + i]);
    }
    std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(2 + length_bytes), 4, head.mask);
    head.bytes = 2 + length_bytes + 4;
    return head;
  }

  // Takes the first frame and returns its size; 0: not all there, or wrong.
  size_t take_frame(std::span<const std::byte> bytes, ByteBuffer& messages, ByteBuffer& wire) {
    if (bytes.size() >= 2 && (static_cast<uint8_t>(bytes[0]) & 0x70) != 0) {
      return fail(wire, CloseCode::protocol, "an extension that was not agreed on");
    }
    if (bytes.size() >= 2 && (static_cast<uint8_t>(bytes[1]) & 0x80) == 0) {
      return fail(wire, CloseCode::protocol, "a frame of a client must be masked");
    }
    const FrameHead head = read_head(bytes);
    if (head.bytes == 0) return 0;
    if (!may_come(head, wire)) return 0;
    if (bytes.size() - head.bytes < head.size) return 0;
    const std::span<const std::byte> body = bytes.subspan(head.bytes, head.size);
    const bool is_control = static_cast<uint8_t>(head.opcode) >= 8;
    ByteBuffer& into = is_control ? control_ : message_;
    into.reserve(into.size() + body.size());
    for (size_t i = 0; i < body.size(); ++i) into.push_back(body[i] ^ head.mask[i % 4]);
    if (!is_control) kind_ = kind_with(head.opcode);
    if (is_control) {
      on_control(head.opcode, wire);
      control_ = {};
    } else if (head.last) {
      if (!std::exchange(spoke_, true)) on_first_message(wire);
      on_message(messages, wire);
      message_ = {};
      kind_ = Opcode::more;
    }
    return head.bytes + body.size();
  }

  Opcode kind_with(Opcode opcode) const { return opcode == Opcode::more ? kind_ : opcode; }

  // Judged by its header, before anything of it is kept.
  bool may_come(const FrameHead& head, ByteBuffer& wire) {
    switch (head.opcode) {
      case Opcode::close:
      case Opcode::ping:
      case Opcode::pong:
        if (head.last && head.size <= kMostControl) return true;
        return fail(wire, CloseCode::protocol, "a control frame in pieces or too large");
      case Opcode::text:
      case Opcode::binary:
        if (kind_ != Opcode::more) {
          return fail(wire, CloseCode::protocol, "a message within a message");
        }
        break;
      case Opcode::more:
        if (kind_ == Opcode::more) return fail(wire, CloseCode::protocol, "the rest of no message");
        break;
      default:
        return fail(wire, CloseCode::protocol, "a kind of frame that there is not");
    }
    const size_t most = !spoke_                                  ? kMostFirst
                        : kind_with(head.opcode) == Opcode::text ? kMostText
                                                                 : kMostMessage;
    if (message_.size() <= most && head.size <= most - message_.size()) return true;
    return fail(wire, CloseCode::size, "a message is too large");
  }

  void on_control(Opcode opcode, ByteBuffer& wire) {
    if (opcode == Opcode::ping) {
      put_head(wire, Opcode::pong, control_.size());
      wire.insert(wire.end(), control_.begin(), control_.end());
    } else if (opcode == Opcode::close) {
      finish(wire);
      state_ = LayerState::ended;
    }
  }

  void on_first_message(ByteBuffer& wire) {
    if (kind_ == Opcode::text) codec_ = options_.make_codec();
    const ByteBuffer early = std::exchange(early_, {});
    if (!early.empty()) send(early, wire);
  }

  void on_message(ByteBuffer& messages, ByteBuffer& wire) {
    if ((kind_ == Opcode::text) != (codec_ != nullptr)) {
      fail(wire, CloseCode::kind, "text and binary messages on one connection");
      return;
    }
    if (codec_ == nullptr) {
      messages.insert(messages.end(), message_.begin(), message_.end());
      return;
    }
    const std::string_view text(reinterpret_cast<const char*>(message_.data()), message_.size());
    if (!codec_->read(text, messages)) fail(wire, CloseCode::data, codec_->trouble());
  }

  // ---- the end
  void put_close(ByteBuffer& wire, CloseCode code, std::string_view why) {
    why = why.substr(0, kMostControl - 2);
    while (!is_utf8(why)) why.remove_suffix(1);
    put_head(wire, Opcode::close, 2 + why.size());
    wire.push_back(static_cast<std::byte>(static_cast<uint16_t>(code) >> 8));
    wire.push_back(static_cast<std::byte>(static_cast<uint16_t>(code) & 255));
    append(wire, why);
  }
  bool fail(ByteBuffer& wire, CloseCode code, std::string_view why) {
    trouble_ = "WebSocket: " + std::string(why);
    if (!std::exchange(said_close_, true)) put_close(wire, code, why);
    state_ = LayerState::failed;
    return false;
  }

  const WebsocketOptions& options_;
  LayerState state_ = LayerState::opening;
  std::unique_ptr<TextCodec> codec_;  // of a connection that speaks in text
  Opcode kind_ = Opcode::more;        // of the message that is under way; more: none is
  bool spoke_ = false;
  bool said_close_ = false;
  ByteBuffer early_;    // to be sent once the other side has spoken
  ByteBuffer kept_;     // not yet a whole frame
  ByteBuffer message_;  // of frames so far, unmasked
  ByteBuffer control_;
  std::string trouble_;
};

}  // namespace

LayerHandle front_layer(const WebsocketOptions& options) {
  return std::make_unique<FrontLayer>(options);
}

}  // namespace imroute::cluster
