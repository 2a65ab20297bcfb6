// libFuzzer target: what a server reads of somebody it does not know yet, and what a user is shown.
// The first byte says as what the rest is taken: a token, a pass, the URL of a setting, a HELLO, a
// control message, the text of a message. What is read must be what would be written; no token that
// was not signed is believed, one that was, always; what is no HELLO is refused in words; nothing
// that is shown steers a terminal.
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "cluster/net/accord.h"
#include "cluster/process/receipts.h"
#include "cluster/process/user_book.h"
#include "cluster/security/callback.h"
#include "cluster/security/token.h"
#include "cluster/wire/control.h"
#include "cluster/wire/text.h"

namespace {

using namespace imroute;
using namespace imroute::cluster;

void require(bool condition) {
  if (!condition) std::abort();
}

KeyRing& keys() {
  static KeyRing ring = [] {
    std::string file = std::filesystem::temp_directory_path() / "imroute_fuzz_keys_XXXXXX";
    const int descriptor = ::mkstemp(file.data());
    require(descriptor >= 0);
    std::ofstream(file) << "k1 " << std::string(32, 's') << "\nk2 " << std::string(32, 't') << "\n";
    KeyRing made("keys", file);
    std::filesystem::remove(file);
    return made;
  }();
  return ring;
}

// As it came, and with the right signature in the place of its last part.
std::string sealed(std::string_view text, std::string_view prefix, std::string_view suffix) {
  const std::string front(text.substr(0, std::min(text.rfind('.'), text.size())));
  const std::string id = front.substr(0, front.find('.'));
  return front + "." + keys().signature(id, std::string(prefix) + front + std::string(suffix));
}

void check_token(std::string_view text) {
  Token token;
  const NodeId here{3};
  require(read_token(keys(), text, here, 1000, token) != TokenFault::none);
  const std::string right = sealed(text, "imroute-token.", "");
  if (read_token(keys(), right, here, 1000, token) != TokenFault::none) return;
  require(token.node == here && token.expires > 1000);
  const std::string again = make_token(keys(), token);
  require(read_token(keys(), again, here, 1000, token) == TokenFault::none);
}

void check_pass_of(std::string_view text) {
  const size_t line = text.find('\n');
  const std::string_view name = text.substr(0, line);
  const std::string_view pass = line == std::string_view::npos ? "" : text.substr(line + 1);
  require(check_pass(keys(), name, pass, 1000) != TokenFault::none);
  const std::string right = sealed(pass, "imroute-pass.", "." + std::string(name));
  const bool believed = check_pass(keys(), name, right, 1000) == TokenFault::none;
  if (believed) {
    require(check_pass(keys(), std::string(name) + "x", right, 1000) ==
            TokenFault::wrong_signature);
  }
  if (is_user_name(name)) require(user_id_of(name) == user_id_of(std::string(name)));
}

template <class Message>
void check_control(std::span<const std::byte> body) {
  const auto message = read_control<Message>(body);
  if (!message) return;
  const auto again = read_control<Message>(control_body(*message));
  require(again.has_value());
  require(control_body(*again) == control_body(*message));
}

void check_hello(std::span<const std::byte> bytes) {
  BlobPool pool;
  Accord accord{Hello{}};
  const Accord::Verdict verdict = accord.hear(bytes, pool);
  require(verdict.size <= bytes.size());
  require(accord.heard() == (verdict.size != 0));
  require((verdict.refused == Reason::none) == verdict.text.empty());
  require((accord.written() & ~kAllFeatures) == 0);
}

void check_shown(std::string_view text) {
  const std::string safe = printable(text);
  require(is_utf8(safe) && printable(safe) == safe);
  for (const char c : safe) require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  BlobPool pool;
  Entry entry;
  entry.kind = EntryKind::message;
  entry.payload = pool.copy(std::as_bytes(std::span(text)));
  const auto receipt = read_receipt(entry);
  if (!receipt) return;
  const std::string again = receipt_text(*receipt);
  entry.payload = pool.copy(std::as_bytes(std::span(again)));
  require(read_receipt(entry) == receipt);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto bytes = std::as_bytes(std::span(data + 1, size - 1));
  switch (data[0]) {
    case 't':
      check_token(text);
      break;
    case 'p':
      check_pass_of(text);
      break;
    case 'u':
      if (const auto url = parse_callback_url(text)) require(url->at.port != 0);
      break;
    case 'h':
      check_hello(bytes);
      break;
    case 's':
      check_shown(text);
      break;
    case 'g':
      check_control<Greeting>(bytes);
      break;
    case 'q':
      check_control<UsersQuery>(bytes);
      break;
    case 'r':
      check_control<Refusal>(bytes);
      check_control<PlaceNotice>(bytes);
      check_control<UsersAnswer>(bytes);
      break;
    default:
      break;
  }
  return 0;
}
