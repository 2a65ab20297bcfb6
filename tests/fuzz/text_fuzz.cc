// libFuzzer target: what comes as text. The first byte says as what the rest is taken: a target of
// HTTP, base64, a body of the API, a message of a browser, the bytes of a WebSocket. What is read
// is whole messages or a reason, and no byte may be read past the input (run with
// AddressSanitizer).
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "cluster/http/parameters.h"
#include "cluster/net/websocket.h"
#include "cluster/process/json_frames.h"
#include "cluster/wire/text.h"

namespace {

using namespace imroute;
using namespace imroute::cluster;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_target(std::string_view text) {
  const auto target = parse_target(text);
  if (!target) return;
  require(text.starts_with(target->path) && target->parts.size() <= kMostParts);
  for (const std::string& part : target->parts) require(is_utf8(part));
  QueryReader query(*target, {"online", "limit"});
  query.flag("online");
  const uint64_t limit = query.number("limit", 1, 1000, 5);
  require(query.mistake() || (limit >= 1 && limit <= 1000));
}

void check_base64(std::string_view text) {
  const auto bytes = from_base64(text);
  if (bytes) require(to_base64(*bytes) == text);
  require(from_base64(to_base64(text)) == text);
}

// A problem is JSON whatever was sent.
void check_body(std::string_view text) {
  std::string name;
  uint32_t count = 0;
  Shape shape;
  shape.add(text_key("name", name, "any").require());
  shape.add(count_key("count", count, 1, 9, "few"));
  HttpRequest request;
  request.body = text;
  const auto mistake = read_body(request, shape);
  if (mistake) require(parse_json(mistake->body).problems.empty());
}

// Whole messages of a client are made of it, or a reason; they can be shown again.
void check_message(std::string_view text) {
  BlobPool pool;
  JsonFrames codec(pool, kAllFeatures);
  ByteBuffer hello, messages;
  codec.read("", hello);  // whatever comes first, HELLO stands before it
  require(!hello.empty());
  if (!codec.read(text, messages)) {
    require(!codec.trouble().empty() && messages.empty());
    return;
  }
  WireHeader header;
  require(read_header(messages, header) == WireError::none);
  require(messages.size() == kWireHeaderBytes + header.body_size);
  codec.write(messages,
              [](std::string_view shown) { require(parse_json(shown).problems.empty()); });
}

// In two pieces it is what it is in one.
void check_websocket(std::string_view text) {
  BlobPool pool;
  const WebsocketOptions options{
      {}, "page", [&pool] { return std::make_unique<JsonFrames>(pool, kAllFeatures); }};
  constexpr std::string_view kHandshake =
      "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n";
  const bool shaken = !text.empty() && text.front() != 'G';
  const std::string all = (shaken ? std::string(kHandshake) : std::string()) + std::string(text);
  const std::span bytes = std::as_bytes(std::span(all));
  ByteBuffer got[2], wire[2];
  LayerState state[2];
  for (size_t pieces = 0; pieces < 2; ++pieces) {
    const LayerHandle layer = front_layer(options);
    const size_t cut = pieces == 0 ? bytes.size() : bytes.size() * 3 / 5;
    state[pieces] = layer->receive(bytes.first(cut), got[pieces], wire[pieces]);
    if (cut == bytes.size() || state[pieces] > LayerState::open) {
      if (cut != bytes.size() && state[pieces] == LayerState::aside) {
        got[pieces].insert(got[pieces].end(), bytes.begin() + static_cast<ptrdiff_t>(cut),
                           bytes.end());
      }
      continue;
    }
    state[pieces] = layer->receive(bytes.subspan(cut), got[pieces], wire[pieces]);
  }
  require(state[0] == state[1] && got[0] == got[1]);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data + 1), size - 1);
  switch (data[0] % 5) {
    case 0:
      check_target(rest);
      break;
    case 1:
      check_base64(rest);
      break;
    case 2:
      check_body(rest);
      break;
    case 3:
      check_message(rest);
      break;
    default:
      check_websocket(rest);
  }
  return 0;
}
