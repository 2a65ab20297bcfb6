// Bytes as text: base64 (RFC 4648, padded), and whether bytes are UTF-8.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace imroute::cluster {

// Nothing when it is not the one base64 of some bytes.
std::optional<std::string> from_base64(std::string_view text);
std::string to_base64(std::string_view bytes);
bool is_utf8(std::string_view bytes);

}  // namespace imroute::cluster
